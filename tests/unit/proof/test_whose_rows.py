"""Whose bars a file holds: symbols, labels and publishers that are not guessed."""

import hashlib
import json

import numpy as np
import pytest

from stage1.errors import BadRows, SymbolUnknown
from stage1.model.bars import UNDEFINED_TIME
from stage1.operations.ingest_options import IngestOptions
from stage1.operations.prove_file import prove
from tests.plugins.dbn_files import Header, records, symbols, write
from tests.unit.proof.readings import A_YEAR, NOW, QUARANTINE, as_written, loaded


def test_two_symbols_for_one_instrument_and_day_are_not_guessed(path):
    header = Header(mappings={"A": [(*A_YEAR[0], 7)], "B": [(*A_YEAR[0], 7)], "C": [(*A_YEAR[0], 9)]})
    write(path, records(10, instruments=(7, 9)), header)
    with pytest.raises(SymbolUnknown, match="5 bad rows of 10") as refused:
        prove(path, IngestOptions(), NOW)
    assert "ambiguous_symbol: 5 rows" in refused.value.detail
    for way in ("--symbology symbology.json", "--symbol NAME", "--on-bad-rows quarantine"):
        assert way in refused.value.hint
    assert {bar[0] for bar in loaded(prove(path, QUARANTINE, NOW))} == {"C"}


def test_several_publishers_are_named_and_one_can_be_chosen(path):
    bars = np.concatenate([records(10, publisher=number, seed=number) for number in (39, 2)])
    bars = bars[np.argsort(bars["ts_event"], kind="stable")]
    write(path, bars)
    with pytest.raises(BadRows, match="20 bad rows of 20") as refused:
        prove(path, IngestOptions(), NOW)
    assert "The publishers are 2, 39." in refused.value.hint
    assert f"stage1 ingest {path} --publisher 2" in refused.value.hint
    assert "quarantine" not in refused.value.hint
    with pytest.raises(BadRows, match="None of the 20 rows"):
        prove(path, QUARANTINE, NOW)

    proven = prove(path, IngestOptions(publisher=39), NOW)
    assert (proven.records, proven.row_count, proven.rejected_count, proven.other_publishers) == (20, 10, 0, 10)
    assert proven.warnings == ("10 rows of other publishers are passed over, because of --publisher 39.",)
    assert loaded(proven) == as_written(bars[bars["publisher_id"] == 39], {7: "ESH3"})
    with pytest.raises(BadRows, match="no bars of publisher 3") as refused:
        prove(path, IngestOptions(publisher=3), NOW)
    assert "2, 39" in refused.value.detail


def test_a_label_names_one_instrument_whatever_the_file_calls_it(path):
    bars = records(10)
    bars["ts_event"][8] = UNDEFINED_TIME
    write(path, bars)
    proven = prove(path, IngestOptions(symbol="MNQ1", on_bad_rows="quarantine"), NOW)
    assert ([span.symbol for span in proven.spans], proven.row_count) == (["MNQ1"], 9)
    write(path, records(10, instruments=(7, 9, 11)), symbols(ESH3=7, NQH3=9))
    with pytest.raises(SymbolUnknown, match=r"3 instruments.* --symbol MNQ1 .*: ESH3, NQH3, instrument 11") as refused:
        prove(path, IngestOptions(symbol="MNQ1"), NOW)
    assert "Leave --symbol away" in refused.value.hint


def test_the_symbology_of_the_job_names_the_symbols(path, tmp_path):
    write(path, records(10), Header(mappings={}))
    with pytest.raises(SymbolUnknown, match="10 bad rows of 10"):
        prove(path, IngestOptions(), NOW)
    named = {"result": {"AAPL": [{"d0": "2023-01-01", "d1": "2024-01-01", "s": "7"}]}, "stype_out": "instrument_id"}
    elsewhere = tmp_path / "elsewhere.json"
    elsewhere.write_text(json.dumps(named))
    given = IngestOptions(symbology=elsewhere)
    assert [span.symbol for span in prove(path, given, NOW).spans] == ["AAPL"]
    (tmp_path / "symbology.json").write_text(elsewhere.read_text())
    assert [span.symbol for span in prove(path, IngestOptions(), NOW).spans] == ["AAPL"]

    recorded = IngestOptions().recorded(path)
    assert recorded == given.recorded(path)
    assert recorded["symbology_sha256"] == hashlib.sha256(elsewhere.read_bytes()).hexdigest()
    assert IngestOptions(symbol="X").recorded(path)["symbology_sha256"] is None
    (tmp_path / "symbology.json").unlink()
    assert IngestOptions().recorded(path)["symbology_sha256"] is None

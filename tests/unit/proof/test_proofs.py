"""What a proof finds in a file: what it holds, what is said about it, and what is said first of several faults."""

import hashlib
import json
import subprocess
import sys
from datetime import timedelta

import numpy as np
import pytest
import zstandard

from stage1.errors import BadRows, CountMismatch, FileDamaged, SymbolUnknown, WrongSchema
from stage1.model.bar_gaps import Gap, Gaps
from stage1.model.bars import SymbolSpan
from stage1.operations.ingest_options import IngestOptions
from stage1.operations.prove_file import prove
from tests.plugins.dbn_files import MINUTE, Header, needs_real_files, real_files, records, symbols, write
from tests.unit.proof.readings import NOW, QUARANTINE, START, as_written, loaded


def test_a_good_file(path):
    bars = records(40, instruments=(7, 9))
    bars["ts_event"][20:] += np.uint64(5 * MINUTE)
    write(path, bars, symbols(ZZ=7, AA=9))
    told = []
    proven = prove(path, IngestOptions(), NOW, told.append)
    assert (proven.path, proven.bytes, proven.records, proven.row_count) == (path, path.stat().st_size, 40, 40)
    assert proven.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert (proven.vendor, proven.origin, proven.dataset, proven.whole) == ("databento", "vendor", "GLBX.MDP3", True)
    last = START + timedelta(minutes=24)
    assert proven.spans == (SymbolSpan("AA", 20, START, last), SymbolSpan("ZZ", 20, START, last))
    assert (proven.first, proven.last) == (START, last)
    assert (proven.rejected_count, dict(proven.rejected), proven.other_publishers, proven.warnings) == (0, {}, 0, ())
    assert proven.gaps == Gaps(2, 10, Gap("AA", 5, START + timedelta(minutes=10), START + timedelta(minutes=15)))
    assert told == [7, 14, 21, 28, 35, 40]
    assert sorted(loaded(proven)) == sorted(as_written(bars, {7: "ZZ", 9: "AA"}))
    for batch in proven.batches():
        keys = list(zip(batch.bars.symbol.tolist(), batch.bars.ts.tolist(), strict=True))
        assert keys == sorted(keys)
    details = json.loads(json.dumps(proven.details()))
    assert details["gaps"]["longest"] == {
        "symbol": "AA", "minutes": 5, "start": "2023-01-03T14:40:00+00:00", "until": "2023-01-03T14:45:00+00:00"
    }  # fmt: skip
    assert (details["records"], details["other_publishers"], details["rejected"]) == (40, 0, {})
    assert str(proven.gaps).startswith("2, 10 min in all; the longest: AA, 5 min from 2023-01-03 14:40Z until")


@needs_real_files
def test_the_real_files_are_proven():
    files = [each for each in real_files("**/*ohlcv-1m*.dbn*") if each.suffix != ".dbz"]
    assert files
    for each in files:
        proven = prove(each, IngestOptions(), NOW)
        assert proven.row_count == proven.records == len(loaded(proven)) > 0
        assert "there may have been more" in proven.warnings[0]


def test_legal_extremes_are_loaded_exactly(path):
    bars = records(3)
    for name in ("open", "high", "low", "close"):
        bars[name] = [-(2**63) + 1, 0, 2**63 - 2]
    bars["volume"] = [0, 2**63, 2**64 - 1]
    assert loaded(prove(write(path, bars), IngestOptions(), NOW)) == as_written(bars, {7: "ESH3"})


@pytest.mark.parametrize("limit", [1, 7, 10, 20, 50])
def test_a_limit_checks_and_loads_the_first_records_of_a_file_that_is_whole(path, limit):
    bars = records(20)
    bars["high"][15] = 0
    write(path, bars)
    if limit > 15:
        with pytest.raises(BadRows, match="1 bad row of 20"):
            prove(path, IngestOptions(limit=limit), NOW)
    proven = prove(path, IngestOptions(limit=limit, on_bad_rows="quarantine"), NOW)
    assert proven.records == 20
    assert not proven.whole
    assert len(loaded(proven)) == proven.row_count == min(limit, 20) - (limit > 15)
    assert proven.rejected_count == sum(len(batch.rejected) for batch in proven.batches()) == (limit > 15)
    assert proven.warnings == (f"Only the first {min(limit, 20)} of 20 records are loaded, because of --limit.",)
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    with pytest.raises(FileDamaged):
        prove(path, IngestOptions(limit=1), NOW)


@pytest.mark.parametrize(
    ("header", "options", "expected"),
    [
        (Header(), IngestOptions(), []),
        (Header(limit=11), IngestOptions(), []),
        (Header(limit=10), IngestOptions(), ["limited to 10 records"]),
        (Header(limit=10), IngestOptions(expect_records=10), []),
        (Header(not_found=["NOPE"]), IngestOptions(), ["did not find: NOPE."]),
        (Header(partial=[f"S{at}" for at in range(9)]), IngestOptions(), ["some of the days: S0, S1, S2, S3, S4 and 4 more."]),
        (Header(limit=10, not_found=["A"]), IngestOptions(limit=10), ["limited to 10", "did not find: A.", "first 10 of 10"]),
    ],
)
def test_warnings(path, header, options, expected):
    warnings = prove(write(path, records(10), header), options, NOW).warnings
    assert len(warnings) == len(expected)
    assert all(part in warning for part, warning in zip(expected, warnings, strict=True))


def test_an_announced_number_of_records_answers_for_the_limit(path):
    write(path, records(10), Header(limit=10))
    manifest = {"files": [{"filename": path.name, "size": path.stat().st_size, "record_count": 10}]}
    (path.parent / "manifest.json").write_text(json.dumps(manifest))
    assert prove(path, IngestOptions(), NOW).warnings == ()


def test_what_is_wrong_first_is_said_first(path, tmp_path):
    """Structure, announced counts, expected count, rows: each fault is put right in turn, and the next one is named."""
    bars = records(20)
    bars["high"][3] = 0
    bars["instrument_id"] = 8
    (tmp_path / "symbology.json").write_text("[")
    manifest = tmp_path / "manifest.json"
    manifest.write_text(json.dumps({"files": [{"filename": path.name, "hash": f"sha256:{'0' * 64}"}]}))
    options = IngestOptions(expect_records=21)

    def refused(error, sentence):
        with pytest.raises(error, match=sentence):
            prove(path, options, NOW)

    write(path, bars, Header(schema="ohlcv-1s"))
    refused(WrongSchema, "ohlcv-1s")
    write(path, bars)
    whole = path.read_bytes()
    path.write_bytes(whole[:-2])
    refused(FileDamaged, "cut short")
    path.write_bytes(whole)
    refused(CountMismatch, "announces")
    manifest.unlink()
    refused(CountMismatch, "holds 20 records")
    options = IngestOptions(expect_records=20, symbology=tmp_path / "symbology.json")
    refused(SymbolUnknown, "symbology.json")
    options = IngestOptions(expect_records=20)  # what the file says itself is taken before what lies beside it
    refused(BadRows, "20 bad rows of 20")
    bars["instrument_id"] = 7
    write(path, bars)
    refused(BadRows, "1 bad row of 20")
    bars["high"][3] = bars["high"].max()
    write(path, bars)
    assert prove(path, options, NOW).row_count == 20


def test_a_file_without_a_record(path):
    with pytest.raises(BadRows, match="holds no bars"):
        prove(write(path, records(0)), QUARANTINE, NOW)


def test_a_file_that_is_not_compressed_is_proven_too(tmp_path):
    path = write(tmp_path / "bars.dbn", records(20))
    assert prove(path, IngestOptions(dataset="XNAS.ITCH"), NOW).dataset == "XNAS.ITCH"
    packed = tmp_path / "packed"
    packed.write_bytes(zstandard.ZstdCompressor().compress(path.read_bytes()))
    assert prove(packed, IngestOptions(), NOW).row_count == 20


def test_a_proof_needs_neither_a_database_nor_the_heavy_client():
    """In a process of its own: this one has loaded everything."""
    loaded_modules = "import sys, stage1.operations.prove_file; print(*{name.split('.')[0] for name in sys.modules})"
    done = subprocess.run([sys.executable, "-c", loaded_modules], capture_output=True, text=True, check=True, timeout=60)
    found = set(done.stdout.split())
    assert {"stage1", "numpy", "databento_dbn"} <= found
    assert not {"psycopg", "yoyo", "databento", "pandas", "pyarrow", "click"} & found

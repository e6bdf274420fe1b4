"""Rows that break a rule refuse the file or are kept apart; the refusal names them and the next command."""

import shlex
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from stage1.errors import BadRows, FileDamaged, SymbolUnknown
from stage1.model.bar_checks import Checker
from stage1.model.bars import UNDEFINED_PRICE, UNDEFINED_TIME
from stage1.operations import prove_file, prove_refusals
from stage1.operations.ingest_options import IngestOptions
from stage1.operations.prove_file import prove
from tests.plugins.dbn_files import MINUTE, Header, records, write
from tests.unit.proof.readings import NOW, QUARANTINE, START, as_written, loaded

FAULTS = {
    "undefined_time": ("ts_event", UNDEFINED_TIME),
    "undefined_price": ("close", UNDEFINED_PRICE),
    "price_out_of_range": ("low", -(2**63)),
    "high_below": ("high", 0),
    "low_above": ("low", None),
    "not_on_minute": ("ts_event", 1_672_756_200_000_000_001),
    "out_of_range": ("ts_event", 1_704_067_200_000_000_000),
    "unmapped": ("instrument_id", 8),
    "out_of_order": ("ts_event", 1_672_756_200_000_000_000),
    "several_publishers": ("publisher_id", 2),
    "duplicate": ("volume", 1),
}


def spoiled(reason: str):
    """20 bars, of which row 8 has the fault; where it takes two, row 6, in the chunk before, has it as well."""
    bars = records(20)
    bars["high"] += 1
    if reason in ("several_publishers", "duplicate"):
        bars[7:] = bars[6:-1]
        bars[8:] = bars[7:-1]
        bars["ts_event"][9:] += np.uint64(2 * MINUTE)
        bars["volume"][6:9] = 77
    field, value = FAULTS[reason]
    bars[field][8] = bars["high"][8] if value is None else value
    return bars


@pytest.mark.parametrize("reason", FAULTS)
def test_a_bad_row_refuses_the_file_or_is_kept_apart(path, reason):
    bars = spoiled(reason)
    write(path, bars)
    bad = {"several_publishers": [6, 7, 8], "duplicate": [6, 7, 8]}.get(reason, [8])
    with pytest.raises(SymbolUnknown if reason == "unmapped" else BadRows) as refused:
        prove(path, IngestOptions(), NOW)
    problem = refused.value
    assert problem.message == f"{path} has {len(bad)} bad row{'s' if len(bad) > 1 else ''} of 20."
    assert f"{reason}: {len(bad)} row" in problem.detail
    assert f"  row {bad[0]}, " in problem.detail
    assert f"stage1 ingest {path} --on-bad-rows quarantine" in problem.hint

    proven = prove(path, QUARANTINE, NOW)
    assert (proven.row_count, proven.rejected_count, proven.rejected) == (20 - len(bad), len(bad), {reason: len(bad)})
    assert loaded(proven) == as_written(np.delete(bars, bad), {7: "ESH3"})
    refused = [row for batch in proven.batches() for row in batch.rejected]
    assert [(row.position, row.reason, row.record) for row in refused] == [(at, reason, bars[at].tobytes()) for at in bad]
    for row in refused:
        assert row.symbol == (None if reason in ("unmapped", "undefined_time", "out_of_range") else "ESH3")
        ts = int(bars["ts_event"][row.position])
        expected = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=ts // 1000)
        assert row.ts == (None if ts == UNDEFINED_TIME else expected)
    assert proven.details()["rejected"] == {reason: len(bad)}


def test_the_first_rows_of_each_reason_are_named(path):
    bars = records(20)
    bars["high"][[2, 5, 9, 11]] = 0
    bars["close"][4] = UNDEFINED_PRICE
    write(path, bars)
    with pytest.raises(BadRows) as refused:
        prove(path, IngestOptions(), NOW)
    lines = refused.value.detail.splitlines()
    assert lines[0] == "undefined_price: 1 row, a price of the bar is undefined"
    assert lines[1].startswith("  row 4, 2023-01-03 14:34:00Z, ESH3: found open ")
    assert lines[1].endswith("close undefined; expected four prices")
    assert lines[2] == "high_below: 4 rows, the high is below another price of the bar"
    assert [line.split(",")[0] for line in lines[3:]] == ["  row 2", "  row 5", "  row 9"]


def test_a_day_after_the_clock_is_too_late_where_the_header_has_no_end(path):
    write(path, records(10), Header(end=None))
    assert prove(path, IngestOptions(), START - timedelta(hours=23)).row_count == 10
    with pytest.raises(BadRows, match="9 bad rows of 10"):
        prove(path, IngestOptions(), START - timedelta(days=1))


def test_more_bad_rows_than_can_be_kept_apart(path, monkeypatch):
    monkeypatch.setattr(prove_file, "Checker", partial(Checker, most_rejected=5))
    monkeypatch.setattr(prove_refusals, "MOST_REJECTED", 5)
    bars = records(20)
    bars["high"][:6] = 0
    write(path, bars)
    for options in (IngestOptions(), QUARANTINE):
        with pytest.raises(BadRows, match="more than 5 bad rows of 20"):
            prove(path, options, NOW)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(FileDamaged):
        prove(path, QUARANTINE, NOW)


def test_the_command_that_is_named_can_be_pasted_and_keeps_what_was_asked(tmp_path):
    path = tmp_path / "it's a file.dbn"
    bars = records(10)
    bars["high"][1] = 0
    options = IngestOptions("A B", "XNAS.ITCH", 9, 10, Path("other.json"), 1, "fail", True)
    with pytest.raises(BadRows) as refused:
        prove(write(path, bars), options, NOW)
    assert shlex.split(refused.value.hint.rpartition(": ")[2]) == [
        "stage1", "ingest", str(path), "--symbol", "A B", "--dataset", "XNAS.ITCH", "--limit", "9", "--expect-records", "10",
        "--symbology", "other.json", "--publisher", "1", "--on-bad-rows", "quarantine", "--replace-origin",
    ]  # fmt: skip
    assert IngestOptions().command(path) == shlex.join(["stage1", "ingest", str(path)])

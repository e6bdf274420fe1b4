"""Bars read back are the stored ones, digit for digit, whichever way they are asked for."""

import csv
import io
import json
from contextlib import closing
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pytest
from pyarrow import parquet

import stage1
from stage1 import settings as settings_module
from stage1.database import bar_reading
from stage1.database.bar_reading import BarSpan
from stage1.database.connections import Purpose, connected
from stage1.errors import ConnectionLost, ExitCode, TimedOut
from stage1.operations import bar_files
from stage1.operations.read_bars import frame, stream
from tests.plugins.stored_bars import COLUMNS, MINUTE, NUMBERS, START, exact, fill, many

SYMBOLS = [
    "x'; drop table public.market_bars_ohlcv_1m; --",
    'a"b',
    "back\\slash'",
    "ü€",
    "a b",
    "%s",
    "{}",
    "CME_MINI:MNQ1!",
    "$$",
]
SETTINGS = settings_module.load(environment={}, start=Path("/"))
# A statement of a reader may take 1 ms here: a stream takes longer.
HURRIED = settings_module.load(environment={"STAGE1_STATEMENT_TIMEOUT": "0.001"}, start=Path("/"))
_READERS = (
    "select count(*) from pg_stat_activity "
    "where application_name = 'stage1 read' and state = 'active' and datname = current_database()"
)


def numbers_of(bars):
    """The rows of a frame as Python's exact numbers; None for what is not there."""
    return [
        tuple(None if value is pd.NA else value if isinstance(value, Decimal) else int(value) for value in row)
        for row in bars[COLUMNS].itertuples(index=False, name=None)
    ]


def block_rows(database, span, rows):
    with closing(stream(database.target, SETTINGS, span, rows)) as blocks:
        return [
            row for block in blocks for row in zip(*(getattr(block, name).tolist() for name in ("ts", *COLUMNS)), strict=True)
        ]


def test_decimals_are_the_stored_numbers(database):
    times = fill(database, "A", NUMBERS)
    found = stage1.read_bars("A", database=database.url)
    assert numbers_of(found) == exact(NUMBERS)
    assert found.index.equals(pd.DatetimeIndex(times, name="ts").as_unit("ns"))
    assert found.index.dtype == pd.DatetimeTZDtype("ns", "UTC")
    assert [str(kind) for kind in found.dtypes] == ["decimal128(19, 9)[pyarrow]"] * 4 + ["uint64"]


def test_floats_are_the_nearest_to_the_stored_numbers(database):
    fill(database, "A", NUMBERS)
    found = stage1.read_bars("A", prices="float", database=database.url)
    assert [str(kind) for kind in found.dtypes] == ["float64"] * 4 + ["uint64"]
    assert [row[:4] for row in found.itertuples(index=False, name=None)] == [tuple(map(float, row[:4])) for row in exact(NUMBERS)]


def test_a_volume_that_is_unknown_is_not_zero(database):
    rows = [*NUMBERS, ("1", "1", "1", "1", None), ("1", "1", "1", "1", 0)]
    fill(database, "A", rows)
    found = stage1.read_bars("A", database=database.url)
    assert str(found["volume"].dtype) == "UInt64"
    assert numbers_of(found) == exact(rows)


@pytest.mark.parametrize("prices", ["decimal", "float"])
def test_no_bars_have_the_same_columns(database, prices):
    fill(database, "A", NUMBERS)
    there = stage1.read_bars("A", prices=prices, database=database.url)
    for symbol, start, end in (("B", None, None), ("A", None, START), ("A", START, START), ("A", "2030-01-01", None)):
        none = stage1.read_bars(symbol, start, end, prices=prices, database=database.url)
        assert len(none) == 0
        assert (none.dtypes.tolist(), none.index.dtype, none.index.name) == (there.dtypes.tolist(), there.index.dtype, "ts")


def test_a_span_holds_its_start_and_not_its_end(database):
    # The leap day, the turn of a year (two partitions), and both nights in which New York changes its clocks.
    for start in (START, datetime(2023, 12, 31, 23, 58, tzinfo=UTC), datetime(2024, 3, 10, 6, 58, tzinfo=UTC)):
        symbol = start.isoformat()
        times = fill(database, symbol, many(6), start)
        for first, last in ((0, 6), (0, 1), (1, 3), (2, 2), (5, 6), (6, 6)):
            bounds = [times[0] + place * MINUTE for place in (first, last)]
            for given in (bounds, [bound.isoformat() for bound in bounds], [bound.replace(tzinfo=None) for bound in bounds]):
                found = stage1.read_bars(symbol, *given, prices="float", database=database.url)
                assert found["volume"].tolist() == [place * 7919 for place in range(first, last)]
    night = fill(database, "night", many(180), datetime(2024, 11, 3, 5, tzinfo=UTC))
    local = stage1.read_bars("night", "2024-11-03T01:00-04:00", "2024-11-03T01:00-05:00", database=database.url)
    assert local.index.tolist() == night[:60]


def test_a_symbol_is_its_text_and_nothing_else(database, run_cli, tmp_path):
    stored = {symbol: (*NUMBERS[4][:4], place) for place, symbol in enumerate([*SYMBOLS, *(f"{symbol} " for symbol in SYMBOLS)])}
    for symbol, numbers in stored.items():
        fill(database, symbol, [numbers])
    for symbol, numbers in stored.items():
        assert numbers_of(stage1.read_bars(symbol, database=database.url)) == exact([numbers])
        with closing(bar_files.lines(database.target, SETTINGS, BarSpan(symbol), header=False)) as blocks:
            assert b"".join(blocks).endswith(f",4500,{numbers[4]}\n".encode())
        assert bar_files.count(database.target, SETTINGS, BarSpan(symbol)) == 1
        path = tmp_path / "bars.parquet"
        assert bar_files.write_file(database.target, SETTINGS, BarSpan(symbol), path, [].append) == 1
        assert parquet.read_schema(path).metadata[b"symbol"] == symbol.encode()
    for symbol in SYMBOLS[:2]:
        assert run_cli("bars", "--symbol", symbol, "--format", "json", database=database).json[0]["volume"] == stored[symbol][4]
        assert run_cli("stats", symbol, database=database).json["row_count"] == 1


def test_blocks_of_any_size_hold_the_same_bars(database):
    times = fill(database, "A", many(300))
    expected = [
        (round(ts.timestamp()) * 10**9, *(int(Decimal(price) * 10**9) for price in row[:4]), row[4])
        for ts, row in zip(times, many(300), strict=True)
    ]
    for rows in (1, 2, 7, 299, 300, 301):
        assert block_rows(database, BarSpan("A"), rows) == expected
    assert block_rows(database, BarSpan("A", limit=8), 8) == expected[:8]
    assert block_rows(database, BarSpan("A", times[5], times[9]), 3) == expected[5:9]


def test_text_holds_the_stored_numbers_without_needless_zeros(database, run_cli, tmp_path):
    # What no price of ours is, too: text comes from the server as it is.
    rows = [*NUMBERS, ("1.00000000000100", "9" * 40, "-1e-30", "1", "0.50"), ("1", "1", "1", "1", None)]
    times = fill(database, "A", rows)
    shown = {kind: run_cli("bars", "--symbol", "A", "--format", kind, database=database) for kind in ("csv", "json", "table")}
    assert run_cli("bars", "--symbol", "A", "--output", "bars.csv", database=database).exit_code == 0
    assert (tmp_path / "bars.csv").read_text() == shown["csv"].stdout
    from_csv = list(csv.DictReader(io.StringIO(shown["csv"].stdout)))
    for found in (from_csv, shown["json"].json):
        assert [datetime.fromisoformat(bar["ts"]) for bar in found] == times
        assert [[Decimal(bar[name]) for name in COLUMNS[:4]] for bar in found] == [[Decimal(x) for x in row[:4]] for row in rows]
        assert found[4]["open"] == "4500.25"
        assert found[6]["open"] == "1.000000000001"
    volumes = [row[4] for row in rows]
    assert [Decimal(bar["volume"]) if bar["volume"] else None for bar in from_csv] == [
        None if volume is None else Decimal(volume) for volume in volumes
    ]
    exact_json = json.loads(shown["json"].stdout, parse_float=Decimal)
    assert [bar["volume"] for bar in exact_json] == [*volumes[:6], Decimal("0.5"), None]
    assert "4500.25 " in shown["table"].stdout
    assert "18446744073709551615" in shown["table"].stdout


def test_a_table_shows_the_first_bars_and_counts_the_others(database, run_cli):
    fill(database, "A", many(60))
    for options, lines, said in (([], 50, "10 more"), (["--limit", "60"], 60, ""), (["--limit", "7"], 7, "53 more")):
        found = run_cli("bars", "--symbol", "A", "--format", "table", *options, database=database)
        assert len(found.stdout.splitlines()) == lines + 2
        assert (said or "more") in found.stderr or not said
        assert said or "more" not in found.stderr
    for kind in ("csv", "json"):
        found = run_cli("bars", "--symbol", "A", "--format", kind, "--limit", "3", database=database)
        assert "3 bars of A" in found.stderr
        assert found.stdout.count("2024-02-") == 3


def test_no_bars_are_an_answer_that_says_what_there_is(database, run_cli, tmp_path):
    found = run_cli("bars", "--symbol", "esh4", database=database)
    assert "There are no bars in this database yet" in found.stderr
    fill(database, "ESH4", many(2))
    (tmp_path / "bars.csv").write_text("before")
    for options, said in (
        (["--symbol", "esh4"], "Symbols like it: ESH4."),
        (["--symbol", "zzz", "--format", "table"], "`stage1 stats` lists what there is."),
        (
            ["--symbol", "ESH4", "--until", "2020-01-01"],
            "its bars are from 2024-02-28 23:58:00+00:00 to 2024-02-28 23:59:00+00:00",
        ),
        (["--symbol", "esh4", "--output", "bars.csv"], "Symbols like it: ESH4."),
        (["--symbol", "esh4", "--output", "bars.parquet"], "Symbols like it: ESH4."),
    ):
        found = run_cli("bars", *options, database=database)
        assert found.exit_code == ExitCode.ANSWER_IS_NO
        assert said in found.stderr
    assert [(path.name, path.read_text()) for path in tmp_path.glob("bars*")] == [("bars.csv", "before")]
    assert run_cli("bars", "--symbol", "esh4", database=database).json == []


@pytest.mark.parametrize("kind", ["csv", "json"])
def test_a_closed_pipe_is_quiet(database, start_cli, kind):
    fill(database, "A", many(30_000))
    process = start_cli("bars", "--symbol", "A", "--format", kind, database=database)
    process.stdout.readline()
    process.stdout.close()
    assert process.wait(timeout=30) == 0
    assert "error" not in process.stderr.read()


def test_a_stream_takes_as_long_as_its_reader(database):
    fill(database, "A", many(20_000))
    assert len(frame(database.target, HURRIED, BarSpan("A"), as_floats=True)) == 20_000
    with closing(bar_files.lines(database.target, HURRIED, BarSpan("A"), header=False)) as blocks:
        assert b"".join(blocks).count(b"\n") == 20_000


@pytest.mark.parametrize(("how", "problem"), [("pg_cancel_backend", TimedOut), ("pg_terminate_backend", ConnectionLost)])
def test_a_server_that_ends_in_the_middle_is_said(database, how, problem):
    fill(database, "A", many(30_000))
    with pytest.raises(problem), connected(database.target, SETTINGS, Purpose.READ) as connection:
        blocks = bar_reading.read_columns(connection, BarSpan("A"), 10)
        next(blocks)
        assert database.value(f"select {how}({connection.info.backend_pid})")
        for _ in blocks:
            pass


def test_a_reader_that_stops_leaves_nothing_running(database):
    fill(database, "A", many(20_000))
    for blocks in (
        stream(database.target, SETTINGS, BarSpan("A"), 10),
        bar_files.lines(database.target, SETTINGS, BarSpan("A"), header=True),
    ):
        with closing(blocks):
            next(blocks)
            assert database.value(_READERS) == 1
        assert database.value(_READERS) == 0

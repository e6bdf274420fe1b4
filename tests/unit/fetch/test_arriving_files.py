"""Bytes that arrive in pieces of any size, whole or not; and headers of several parts made one."""

import hashlib
import io
import threading
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pytest
import zstandard

from stage1.adapters.databento.arriving_file import Expected, Proven, receive
from stage1.adapters.databento.header import Header, Mapping
from stage1.adapters.databento.joined_file import Part, header_of
from stage1.adapters.databento.layouts import TRADES
from stage1.adapters.databento.vendor_problems import Passing
from stage1.adapters.databento.whole_file import Pieces
from stage1.errors import FileDamaged
from stage1.model.periods import nanoseconds
from tests.plugins import dbn_files
from tests.plugins.tick_files import as_trades, spread_over

NAME = Path("what arrives")
HEADER = dbn_files.Header(dataset="XNAS.ITCH", schema="trades", mappings={"AAPL": [(date(2023, 1, 1), date(2024, 1, 1), 7)]})
START, END = (nanoseconds(datetime(2023, month, 1, tzinfo=UTC)) for month in (1, 2))
EXPECTED = Expected(TRADES, START, END)
RECORDS = as_trades(spread_over("2023-01-01", "2023-02-01", 500))
PLAIN = HEADER.encode() + RECORDS.tobytes()
FRAMES = b"".join(
    zstandard.ZstdCompressor(write_checksum=True).compress(part)
    for part in (HEADER.encode(), RECORDS[:300].tobytes(), RECORDS[300:].tobytes())
)


def pieces_of(content, size):
    return (content[at : at + size] for at in range(0, len(content), size))


@pytest.mark.parametrize("size", [1, 2, 7, 4_096, 1 << 20])
@pytest.mark.parametrize("content", [PLAIN, FRAMES], ids=["plain", "frames"])
def test_a_whole_one_in_pieces(content, size):
    if size == 1:
        content = content[: len(HEADER.encode()) + 48 * 20] if content is PLAIN else content
    file, told = io.BytesIO(), []
    proven = receive(pieces_of(content, size), NAME, file, EXPECTED, told.append)
    assert file.getvalue() == content
    assert (proven.sha256, proven.bytes) == (hashlib.sha256(content).hexdigest(), len(content))
    assert proven.records == told[-1] == ((len(content) - len(HEADER.encode())) // 48 if content[:3] == b"DBN" else 500)
    assert proven.header.dataset == "XNAS.ITCH"


@pytest.mark.parametrize("length", [0, 1, 3, 4, 5, 9, 11, 12, 13, 200, len(FRAMES) - 5, len(FRAMES) - 1])
@pytest.mark.parametrize("size", [1, 1 << 20])
@pytest.mark.parametrize("content", [PLAIN, FRAMES], ids=["plain", "frames"])
def test_one_that_ends_early_is_told_and_nobody_waits(content, size, length):
    with pytest.raises(FileDamaged):
        receive(pieces_of(content[: min(length, len(content) - 1)], size), NAME, io.BytesIO(), EXPECTED, lambda _: None)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("prove")]


@pytest.mark.parametrize("problem", [Passing("cut"), KeyboardInterrupt(), OSError("disk")])
@pytest.mark.parametrize("length", [0, 3, 9, 3_000])
def test_what_goes_wrong_on_the_way_is_raised_and_nobody_waits(problem, length):
    def pieces():
        yield from pieces_of(FRAMES[:length], 1_000)
        raise problem

    with pytest.raises(type(problem)):
        receive(pieces(), NAME, io.BytesIO(), EXPECTED, lambda _: None)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("prove")]


def test_who_finds_damage_stops_the_sender():
    given = []

    def pieces():
        yield b"<html>" + bytes(100)
        while True:
            given.append(1)
            yield bytes(1_000)

    with pytest.raises(FileDamaged, match="HTML"):
        receive(pieces(), NAME, io.BytesIO(), EXPECTED, lambda _: None)
    assert len(given) < 10_000


@pytest.mark.parametrize("at", [START - 1, END])
def test_records_outside_of_the_range(at):
    records = RECORDS.copy()
    records["ts_recv"][-1 if at == END else 0] = at
    with pytest.raises(FileDamaged, match="outside of the range"):
        receive(iter([HEADER.encode() + records.tobytes()]), NAME, io.BytesIO(), EXPECTED, lambda _: None)


@pytest.mark.parametrize("sizes", [[1] * 30, [30], [3, 1, 26], [11, 1, 18], [12, 18], []])
def test_peeking_changes_nothing(sizes):
    content = bytes(range(sum(sizes)))
    ends = np.cumsum(sizes)
    given = [content[end - size : end] for size, end in zip(sizes, ends, strict=True)]
    asked_after_the_end = []

    def fetch():
        if given:
            return given.pop(0)
        asked_after_the_end.append(1)
        return b""

    source = Pieces(NAME, fetch)
    assert source.peek(12) == content[:12]
    assert source.peek(4) == content[:4]
    assert source.position == 0
    assert source.read(5) == content[:5]
    assert source.position == min(5, len(content))
    assert b"".join(source.pieces()) == content[5:]
    assert source.read(1) == source.peek(1) == b""
    assert source.position == len(content)
    assert len(asked_after_the_end) == 1


# -- the header of the whole ---------------------------------------------------------------------------------------------------


def part(start, *, version=3, **changes):
    header = Header(
        version=version,
        dataset="XNAS.ITCH",
        schema="trades",
        start_ns=start,
        end_ns=None,
        limit=5,
        stype_in="raw_symbol",
        stype_out="instrument_id",
        ts_out=False,
        symbols=("AAPL",),
        partial=("AAPL",),
        not_found=("X",),
        mappings=(),
    )
    return Part(NAME, Proven(replace(header, **changes), "", 0, 0), start)


def day(number, month=1):
    return date(2023, month, number)


@pytest.mark.parametrize(
    ("mappings", "merged", "partial"),
    [
        ([(day(1), day(9), 7), (day(9), day(1, 2), 7)], [(day(1), day(1, 2), 7)], False),
        ([(day(9), day(1, 2), 7), (day(1), day(9), 7)], [(day(1), day(1, 2), 7)], False),
        ([(day(1), day(20), 7), (day(9), day(1, 2), 7)], [(day(1), day(1, 2), 7)], False),
        ([(day(1), day(1, 2), 7), (day(3), day(4), 7)], [(day(1), day(1, 2), 7)], False),
        ([(day(1), day(9), 7), (day(9), day(1, 2), 8)], [(day(1), day(9), 7), (day(9), day(1, 2), 8)], False),
        ([(day(1), day(9), 7), (day(10), day(1, 2), 7)], [(day(1), day(9), 7), (day(10), day(1, 2), 7)], True),
        ([(day(2), day(1, 2), 7)], [(day(2), day(1, 2), 7)], True),
        ([(day(1), day(31), 7)], [(day(1), day(31), 7)], True),
        ([(date(2022, 1, 1), date(2024, 1, 1), 7)], [(date(2022, 1, 1), date(2024, 1, 1), 7)], False),
        ([], [], True),
    ],
)
def test_mappings_that_meet_become_one_and_gaps_are_partial(mappings, merged, partial):
    given = [Mapping("AAPL", first, until, number) for first, until, number in mappings]
    header = header_of([part(START), part(START + 1, version=2)], given, "AAPL", START, END)
    assert [(each.first, each.until, each.instrument_id) for each in header.mappings] == merged
    assert header.partial == (("AAPL",) if partial else ())
    assert (header.limit, header.not_found, header.symbols, header.version) == (None, (), ("AAPL",), 3)
    assert (header.start_ns, header.end_ns) == (START, END)


def test_an_end_in_the_middle_of_a_day_needs_that_day():
    end = END - 86_400_000_000_000 // 2
    known = [Mapping("AAPL", day(1), day(31), 7)]
    assert header_of([part(START)], known, "AAPL", START, end).partial == ("AAPL",)
    assert header_of([part(START)], known, "AAPL", START, end - 86_400_000_000_000).partial == ()

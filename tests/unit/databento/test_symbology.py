"""Is each record given its symbol by instrument and UTC day, from the header or a symbology.json, or marked as having none?"""

import math
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import databento_dbn
import numpy as np
import pytest

from stage1.adapters.databento.dbn_file import open_dbn
from stage1.adapters.databento.header import Header as ReadHeader
from stage1.adapters.databento.header import mapping
from stage1.adapters.databento.symbology import Resolver
from stage1.errors import ArgumentInvalid, FileDamaged, SymbolUnknown
from stage1.model.bars import AMBIGUOUS, UNMAPPED
from tests.plugins.dbn_files import Header, nanoseconds, records, write

Intervals = Mapping[str, Sequence[tuple[date, date, int]]]

JAN, FEB, MAR, APR = (date(2023, month, 1) for month in (1, 2, 3, 4))


def header(mappings: Intervals, stype_in: str | None = "raw_symbol", stype_out: str = "instrument_id") -> ReadHeader:
    """A header as it is read; where ids are given and symbols found, `mappings` has the symbols all the same."""
    found = tuple(
        mapping(symbol, str(number), first, until, "instrument_id")
        for symbol, intervals in mappings.items()
        for first, until, number in intervals
    )
    return ReadHeader(
        3, "GLBX.MDP3", "ohlcv-1m", 0, None, None, stype_in, stype_out, False, tuple(mappings), (), (), found, "a.dbn"
    )


def resolve(resolver: Resolver, *asked: tuple[int, datetime | date]) -> list[str | int]:
    """The symbol of each instrument at each moment, or the mark."""
    ids = np.array([number for number, _ in asked], np.uint32)
    moments = [
        moment if isinstance(moment, datetime) else datetime(moment.year, moment.month, moment.day, tzinfo=UTC)
        for _, moment in asked
    ]
    codes = resolver.codes(ids, np.array([nanoseconds(moment) for moment in moments], np.uint64))
    assert codes.dtype == np.int32
    return [resolver.names[code] if code >= 0 else int(code) for code in codes]


def test_an_id_that_is_used_again_is_told_by_its_day() -> None:
    resolver = Resolver(header({"BBB": [(FEB, MAR, 7)], "AAA": [(JAN, FEB, 7), (MAR, APR, 9)]}))
    assert resolver.names == ("AAA", "BBB")
    last = datetime(2023, 1, 31, 23, 59, 59, 999999, UTC)
    found = resolve(
        resolver, (7, JAN), (7, last), (7, FEB), (7, MAR), (9, FEB), (9, MAR), (9, APR), (8, JAN), (6, JAN), (10, MAR)
    )
    assert found == ["AAA", "AAA", "BBB", UNMAPPED, UNMAPPED, "AAA", UNMAPPED, UNMAPPED, UNMAPPED, UNMAPPED]


def test_two_symbols_for_an_id_on_a_day_are_ambiguous_and_the_same_one_twice_is_not() -> None:
    ten = date(2023, 1, 10)
    resolver = Resolver(header({"A": [(JAN, FEB, 7), (JAN, ten, 7)], "B": [(ten, MAR, 7)]}))
    assert resolve(resolver, (7, JAN), (7, ten), (7, date(2023, 1, 31)), (7, FEB), (7, MAR)) == [
        "A",
        AMBIGUOUS,
        AMBIGUOUS,
        "B",
        UNMAPPED,
    ]


def test_the_ends_of_the_ranges_hold() -> None:
    highest = 2**32 - 1
    always = (date(1, 1, 1), date(9999, 12, 31))
    resolver = Resolver(header({"LOW": [(*always, 0)], "HIGH": [(*always, highest)], "NEVER": [(FEB, FEB, 5), (MAR, FEB, 5)]}))
    ids = np.array([0, 0, 1, highest - 1, highest, highest, 5], np.uint32)
    ts = np.array([0, 2**64 - 1, 0, 2**64 - 1, 0, 2**64 - 1, nanoseconds(datetime(2023, 2, 1, tzinfo=UTC))], np.uint64)
    assert list(resolver.codes(ids, ts)) == [1, 1, -1, -1, 0, 0, -1]


def test_a_file_without_mappings_maps_nothing() -> None:
    resolver = Resolver(header({}))
    assert (resolver.names, resolve(resolver, (7, JAN))) == ((), [UNMAPPED])
    assert len(resolver.codes(np.empty(0, np.uint32), np.empty(0, np.uint64))) == 0


def test_random_mappings_are_resolved_as_by_looking_at_each() -> None:
    random = np.random.default_rng(4)
    mappings: dict[str, list[tuple[date, date, int]]] = {}
    for _ in range(120):
        first = JAN + timedelta(days=int(random.integers(0, 60)))
        until = first + timedelta(days=int(random.integers(0, 20)))
        mappings.setdefault(f"S{random.integers(0, 40)}", []).append((first, until, int(random.integers(0, 30))))
    resolver = Resolver(header(mappings))
    asked = [(int(random.integers(0, 32)), JAN + timedelta(days=int(random.integers(-2, 90)))) for _ in range(3000)]
    seen = set()
    for (number, day), found in zip(asked, resolve(resolver, *asked), strict=True):
        holding = {
            name for name, each in mappings.items() if any(number == id_ and first <= day < until for first, until, id_ in each)
        }
        expected = UNMAPPED if not holding else AMBIGUOUS if len(holding) > 1 else holding.pop()
        assert found == expected
        seen.add(str(expected)[:1])
    assert seen == {"S", "-"}


@pytest.mark.parametrize("stype_in", ["raw_symbol", "continuous", "parent"])
def test_the_header_of_a_file_is_enough(stype_in: str, tmp_path: Path) -> None:
    given = Header(mappings={"ES.c.0": [(JAN, FEB, 7), (FEB, MAR, 8)], "NQ": [(JAN, MAR, 9)]}, stype_in=stype_in)
    with open_dbn(write(tmp_path / "a.dbn", records(1), given)) as opened:
        resolver = Resolver(opened.header)
    assert resolve(resolver, (7, JAN), (8, JAN), (8, FEB), (9, FEB)) == ["ES.c.0", UNMAPPED, "ES.c.0", "NQ"]


def header_of_ids(stype_in: str, stype_out: str, found: str) -> bytes:
    """A header that maps the given symbol 7 to a found one."""

    class Interval:
        start_date, end_date, symbol = JAN, FEB, found

    class OneMapping:
        raw_symbol, intervals = "7", (Interval,)

    return bytes(
        databento_dbn.Metadata(
            dataset="GLBX.MDP3",
            start=0,
            stype_in=databento_dbn.SType.from_str(stype_in),
            stype_out=databento_dbn.SType.from_str(stype_out),
            schema=databento_dbn.Schema.from_str("ohlcv-1m"),
            mappings=[OneMapping],  # type: ignore[list-item]
        ).encode()
    )


@pytest.mark.parametrize(
    ("stype_in", "stype_out", "found", "expected"),
    [
        ("instrument_id", "raw_symbol", "ESH3", "ESH3"),
        ("instrument_id", "instrument_id", "7", "7"),
        ("raw_symbol", "instrument_id", "7", "7"),
    ],
)
def test_ids_may_be_given_or_found(stype_in: str, stype_out: str, found: str, expected: str, tmp_path: Path) -> None:
    path = tmp_path / "a.dbn"
    path.write_bytes(header_of_ids(stype_in, stype_out, found))
    with open_dbn(path) as opened:
        assert resolve(Resolver(opened.header), (7, JAN), (7, FEB)) == [expected, UNMAPPED]


def test_symbols_without_ids_are_refused_and_may_be_labelled(tmp_path: Path) -> None:
    path = tmp_path / "a.dbn"
    path.write_bytes(header_of_ids("continuous", "raw_symbol", "ESH3"))
    with open_dbn(path) as opened:
        with pytest.raises(SymbolUnknown, match="from continuous to raw_symbol") as refusal:
            Resolver(opened.header)
        assert str(path) in refusal.value.message
        assert resolve(Resolver(opened.header, label="X"), (7, JAN)) == ["X"]


def test_a_header_whose_ids_are_no_numbers_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "a.dbn"
    path.write_bytes(header_of_ids("raw_symbol", "instrument_id", "ESH3"))
    with pytest.raises(FileDamaged, match="no instrument id"), open_dbn(path):
        pass


def test_days_without_a_symbol_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "a.dbn"
    path.write_bytes(header_of_ids("raw_symbol", "instrument_id", ""))
    with open_dbn(path) as opened:
        assert opened.header.mappings == ()


# --- labels


def test_a_label_names_every_record_and_knows_what_it_hides() -> None:
    resolver = Resolver(header({"A": [(JAN, FEB, 7), (FEB, MAR, 8)], "B": [(JAN, MAR, 9)]}), label="MNQ")
    assert resolver.names == ("MNQ",)
    assert resolver.labelled == ()
    assert resolve(resolver, (7, JAN), (8, FEB)) == ["MNQ", "MNQ"]
    assert resolver.labelled == ("A",), "a continuous contract is one symbol with several ids"
    assert resolve(resolver, (9, JAN), (5, JAN)) == ["MNQ", "MNQ"]
    assert resolver.labelled == ("A", "B", "instrument 5")


BAD_NAMES = ["", "A\nB", "\0", "A\x7f", "\x85", "x" * 256, "\u00e9" * 128, "\ud800"]


@pytest.mark.parametrize("name", BAD_NAMES, ids=ascii)
def test_names_that_no_symbol_has_are_refused(name: str) -> None:
    with pytest.raises(ArgumentInvalid, match="cannot be a symbol"):
        Resolver(header({"A": [(JAN, FEB, 7)]}), label=name)
    named = header({"A": [(JAN, FEB, 7)], name: [(FEB, MAR, 7)]})
    with pytest.raises(SymbolUnknown, match=r"a\.dbn names the symbol"):
        Resolver(named)
    assert Resolver(named, label="B").names == ("B",)


@pytest.mark.parametrize("name", ["ES.c.0", "CME_MINI:MNQ1!", "ESM4-ESU4", " A ", "brk.b", "x" * 255, "\u00e9" * 127, "'; --"])
def test_names_are_kept_exactly(name: str) -> None:
    assert Resolver(header({name: [(JAN, FEB, 7)]})).names == (name,)


# --- speed


@pytest.mark.parametrize("instruments", [1, 500])
def test_a_record_costs_little(instruments: int) -> None:
    """Bounds a loop over records or a sort of them, not the machine: the best of some runs, and ten times what is measured."""
    ids = np.random.default_rng(2).choice(100_000, instruments, replace=False).astype(np.uint32)
    days = [JAN + timedelta(days=20 * number) for number in range(13)]
    resolver = Resolver(header({f"S{number}": [(a, b, int(number)) for a, b in pairwise(days)] for number in ids}))
    count = 65_536
    asked = np.resize(ids, count)
    start = np.uint64(nanoseconds(datetime(2023, 2, 1, tzinfo=UTC)))
    ts = start + np.arange(count, dtype=np.uint64) // np.uint64(instruments) * np.uint64(60_000_000_000)
    best = math.inf
    for _ in range(5):
        begun = time.perf_counter()
        codes = resolver.codes(asked, ts)
        best = min(best, time.perf_counter() - begun)
    assert (codes >= 0).all()
    assert best / count < 400e-9

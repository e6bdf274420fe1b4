"""Are the records of a whole file given exactly, whatever its version, frames and chunks? Compared with the vendor's client."""

import hashlib
import warnings
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import databento
import numpy as np
import pytest
import zstandard

from stage1.adapters.databento.dbn_file import bars_of, open_dbn
from stage1.adapters.databento.header import Mapping, require_schema
from stage1.adapters.databento.layouts import BARS
from stage1.adapters.databento.whole_file import sha256_of
from stage1.errors import FileDamaged, WrongSchema
from tests.plugins.dbn_files import OHLCV, Header, nanoseconds, needs_real_files, real_files, records, symbols, write


def read(path: Path, count: int = 65_536) -> np.ndarray[Any, Any]:
    with open_dbn(path) as opened:
        chunks = list(opened.chunks(count))
        assert opened.records == sum(len(chunk) for chunk in chunks)
        assert (opened.sha256, opened.bytes) == (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_size)
    return np.concatenate(chunks) if chunks else np.empty(0, BARS.dtype)


def decoded(path: Path) -> np.ndarray[Any, Any]:
    """The same by the vendor's client."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the client leaves its file open
        return databento.DBNStore.from_bytes(path.read_bytes()).to_ndarray()


def test_the_layout_is_the_vendors() -> None:
    assert BARS.dtype == OHLCV


@pytest.mark.parametrize("version", [1, 2, 3])
@pytest.mark.parametrize(
    ("name", "frames", "checksum"),
    [("a.dbn", 1, True), ("a.dbn.zst", 1, True), ("a.dbn.zst", 2, False), ("a.dbn.zst", 7, True), ("a.zst", 2, True)],
)
def test_a_file_is_read_as_the_client_reads_it(version: int, name: str, frames: int, checksum: bool, tmp_path: Path) -> None:
    path = write(tmp_path / name, records(1000), Header(version=version), frames=frames, checksum=checksum)
    assert np.array_equal(read(path), decoded(path))


@pytest.mark.parametrize("count", [1, 7, 100, 999, 1000, 65_536])
def test_the_size_of_the_chunks_changes_nothing(count: int, tmp_path: Path) -> None:
    made = records(1000)
    assert np.array_equal(read(write(tmp_path / "a.dbn.zst", made, frames=4), count), made)


def test_the_first_bytes_tell_whether_a_file_is_compressed(tmp_path: Path) -> None:
    compressed, plain = write(tmp_path / "a.dbn.zst", records(10)), write(tmp_path / "b.dbn", records(10))
    compressed, plain = compressed.rename(tmp_path / "c.dbn"), plain.rename(tmp_path / "d.dbn.zst")
    assert np.array_equal(read(compressed), read(plain))


def test_skippable_and_empty_frames_hold_nothing(tmp_path: Path) -> None:
    path = write(tmp_path / "a.dbn.zst", records(10))
    skippable, empty = b"\x5e\x2a\x4d\x18\x03\0\0\0abc", zstandard.compress(b"")
    path.write_bytes(skippable + empty + path.read_bytes() + empty + skippable)
    assert np.array_equal(read(path), records(10))


@pytest.mark.parametrize("name", ["a.dbn", "a.dbn.zst"])
def test_a_file_without_records_is_whole(name: str, tmp_path: Path) -> None:
    assert len(read(write(tmp_path / name, records(0)))) == 0


def test_a_file_of_several_pieces_and_blocks_is_read_exactly(tmp_path: Path) -> None:
    made = records(100_000)  # 5.6 MB: more than one read of the disk, block of zstd, and chunk
    for name in ("a.dbn", "a.dbn.zst"):
        assert np.array_equal(read(write(tmp_path / name, made), 30_000), made)


def test_extreme_values_are_exact(tmp_path: Path) -> None:
    made = records(4)
    made["open"] = [0, -1, 2**63 - 2, -(2**63)]
    made["volume"] = [0, 2**63, 2**64 - 1, 1]
    made["ts_event"][3] = 2**64 - 1
    assert np.array_equal(read(write(tmp_path / "a.dbn.zst", made)), made)


def test_bars_are_views_of_the_records() -> None:
    made = records(5, publisher=3)
    codes = np.arange(5, dtype=np.int32)
    bars = bars_of(made, 70, codes)
    assert list(bars.position) == [70, 71, 72, 73, 74]
    assert bars.position.dtype == np.int64
    assert bars.symbol is codes
    for name, field in (("ts", "ts_event"), ("publisher", "publisher_id"), ("instrument", "instrument_id")):
        assert np.shares_memory(getattr(bars, name), made)
        assert np.array_equal(getattr(bars, name), made[field])
    for name in ("open", "high", "low", "close", "volume"):
        assert np.shares_memory(getattr(bars, name), made)
        assert np.array_equal(getattr(bars, name), made[name])


def test_the_header_says_what_was_asked(tmp_path: Path) -> None:
    start, end = datetime(2023, 1, 2, tzinfo=UTC), datetime(2023, 2, 1, tzinfo=UTC)
    january = (date(2023, 1, 2), date(2023, 1, 20), 7), (date(2023, 1, 20), date(2023, 2, 1), 8)
    asked = Header("XNAS.ITCH", start=start, end=end, mappings={"ES.c.0": january}, limit=9, not_found=("NO",), partial=("P",),
                   stype_in="continuous")  # fmt: skip
    with open_dbn(write(tmp_path / "a.dbn", records(1), asked)) as opened:
        found = opened.header
    assert (found.version, found.dataset, found.schema, found.limit, found.ts_out) == (3, "XNAS.ITCH", "ohlcv-1m", 9, False)
    assert (found.start_ns, found.end_ns) == (nanoseconds(start), nanoseconds(end))
    assert (found.stype_in, found.stype_out) == ("continuous", "instrument_id")
    assert (found.symbols, found.partial, found.not_found) == (("ES.c.0",), ("P",), ("NO",))
    assert found.mappings == tuple(Mapping("ES.c.0", *each) for each in january)


def test_a_header_without_an_end_or_a_limit_has_none(tmp_path: Path) -> None:
    with open_dbn(write(tmp_path / "a.dbn", records(1), Header(end=None))) as opened:
        assert (opened.header.end_ns, opened.header.limit) == (None, None)


@pytest.mark.parametrize(
    ("schema", "sentence"),
    [
        ("trades", "trades, quotes or orders"),
        ("tbbo", "trades, quotes or orders"),
        ("mbp-1", "trades, quotes or orders"),
        ("ohlcv-1s", "finer"),
        ("ohlcv-1h", "cannot be split"),
        ("ohlcv-1d", "cannot be split"),
        ("definition", "no bars but records of the schema definition"),
        ("statistics", "no bars"),
        ("imbalance", "no bars"),
        ("status", "no bars"),
    ],
)
def test_other_schemas_are_refused_with_what_to_do(schema: str, sentence: str, tmp_path: Path) -> None:
    path = write(tmp_path / "a.dbn.zst", records(2), Header(schema=schema))
    with open_dbn(path) as opened:
        for attempt in (lambda: require_schema(opened.header, BARS), lambda: next(opened.chunks())):
            with pytest.raises(WrongSchema, match=sentence) as refusal:
                attempt()
    assert str(path) in refusal.value.message
    assert schema in refusal.value.message
    assert "Request ohlcv-1m of ESH3 for the same days" in refusal.value.hint


def test_a_live_capture_and_a_send_time_are_refused(tmp_path: Path) -> None:
    encoded = bytearray(symbols(A=1, B=2, C=3, D=4, E=5).encode())
    path = tmp_path / "a.dbn"
    sent = encoded.copy()
    sent[8 + 44] = 1  # ts_out stands behind dataset, schema, start, end, limit, stype_in and stype_out
    path.write_bytes(sent)
    with open_dbn(path) as opened, pytest.raises(WrongSchema, match="send time") as refusal:
        require_schema(opened.header, BARS)
    assert "A, B, C and 2 more" in refusal.value.hint
    encoded[8 + 16 : 8 + 18] = b"\xff\xff"
    path.write_bytes(encoded)
    with open_dbn(path) as opened, pytest.raises(WrongSchema, match="live capture"):
        require_schema(opened.header, BARS)


def test_the_hash_of_a_file_alone(tmp_path: Path) -> None:
    path = write(tmp_path / "a.dbn", records(50_000))
    assert sha256_of(path) == (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_size)


def test_records_are_read_once_and_the_hash_is_known_at_the_end(tmp_path: Path) -> None:
    with open_dbn(write(tmp_path / "a.dbn", records(10))) as opened:
        chunks = opened.chunks(5)
        next(chunks)
        with pytest.raises(ValueError, match="one record"):
            next(opened.chunks(0))
        with pytest.raises(RuntimeError, match="all chunks"):
            _ = opened.sha256
        with pytest.raises(RuntimeError, match="once"):
            next(opened.chunks())


@needs_real_files
@pytest.mark.parametrize("path", real_files("**/*.db*"), ids=lambda path: f"{path.parent.name}/{path.name}")
def test_real_files_are_read_exactly_or_refused_for_their_schema(path: Path) -> None:
    if path.suffix == ".dbz" or ".frag" in path.suffixes:
        with pytest.raises(FileDamaged, match=r"DBZ|begins with"):
            read(path)
    elif ".ohlcv-1m." in path.name:
        assert len(read(path)) > 0
        for count in (1, 7, 65_536):
            assert np.array_equal(read(path, count), decoded(path))
    else:
        with pytest.raises(WrongSchema, match=path.name.split(".")[1]):
            read(path)

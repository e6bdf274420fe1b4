"""Is everything refused that is not whole, and nothing given as bars that the file does not hold?"""

import gc
import os
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from random import Random

import numpy as np
import pytest
import zstandard

from stage1.adapters.databento import dbn_file, header
from stage1.adapters.databento.dbn_file import open_dbn
from stage1.adapters.databento.whole_file import sha256_of
from stage1.errors import FileChanged, FileDamaged, FileUnusable, Stage1Error
from tests.plugins.dbn_files import Header, records, write
from tests.unit.databento.damaged import DAMAGED, Damaged


def read(path: Path, count: int = 16) -> bytes:
    """All records of a file, as their bytes."""
    with open_dbn(path) as opened:
        return b"".join(chunk.tobytes() for chunk in opened.chunks(count))


@pytest.mark.parametrize("damaged", DAMAGED, ids=lambda damaged: damaged.name)
def test_what_is_not_whole_is_refused_with_its_sentence(damaged: Damaged, tmp_path: Path) -> None:
    path = damaged.make(tmp_path)
    with pytest.raises(damaged.error) as refusal:
        read(path)
    assert damaged.word in str(refusal.value)
    assert str(path) in refusal.value.message
    assert refusal.value.hint
    assert type(refusal.value) is FileUnusable or refusal.value.detail.startswith("Expected ")


def test_every_cut_of_a_compressed_file_is_refused_but_those_that_cannot_be_seen(tmp_path: Path) -> None:
    whole = write(tmp_path / "whole.dbn.zst", records(30), frames=4).read_bytes()
    body = records(30).tobytes()
    silent = []
    for size in range(len(whole)):
        cut = tmp_path / "cut.dbn.zst"
        cut.write_bytes(whole[:size])
        try:
            content = read(cut)
        except FileDamaged:
            continue
        silent.append(len(content))
        assert body.startswith(content)
    assert silent == [0, 560, 1120], "a cut between two frames that is one between two records: only a count tells"


@pytest.mark.parametrize("name", ["altered.dbn.zst", "altered.dbn"])
def test_an_altered_byte_never_passes_for_other_bars_in_a_file_with_checksums(name: str, tmp_path: Path) -> None:
    path = write(tmp_path / name, records(10))
    whole, expected = path.read_bytes(), records(10).tobytes()
    refused = 0
    for at in range(len(whole)):
        changed = bytearray(whole)
        changed[at] ^= 0x81
        path.write_bytes(changed)
        try:
            content = read(path)
        except Stage1Error:
            refused += 1
            continue
        assert content == expected or not name.endswith(".zst")
    assert refused > (len(whole) * 0.9 if name.endswith(".zst") else 10 * 2)


def test_whatever_a_header_holds_it_is_read_or_refused(tmp_path: Path) -> None:
    chance = Random(3)  # noqa: S311 - no secret
    encoded = [Header(version=version, partial=("A",), not_found=("B",)).encode() for version in (1, 2, 3)]
    path = tmp_path / "random.dbn"
    outcomes = set()
    for _ in range(500):
        changed = bytearray(chance.choice(encoded))
        for _ in range(chance.choice((1, 3, 40))):
            changed[chance.randrange(8, len(changed))] = chance.choice((0, 1, 255, chance.randrange(256)))
        path.write_bytes(changed)
        try:
            with open_dbn(path):
                outcomes.add("read")
        except FileDamaged:
            outcomes.add("refused")
    assert outcomes == {"read", "refused"}


def test_a_panic_of_the_library_is_a_refusal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(header, "LEAST_BYTES", 0)
    path = tmp_path / "panic.dbn"
    path.write_bytes(Header(version=2).encode()[:4] + (100).to_bytes(4, "little") + Header(version=2).encode()[8:108])
    with pytest.raises(FileDamaged, match="cannot be read") as refusal:
        read(path)
    assert not isinstance(refusal.value.__cause__, Exception), "the library no longer panics here: LEAST_BYTES has no reason"


def test_an_interruption_in_the_header_is_not_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(header, "_mappings", interrupted)
    with pytest.raises(KeyboardInterrupt):
        read(write(tmp_path / "bars.dbn", records(1)))


def run_of_one_byte(blocks: int) -> bytes:
    """A frame of zstd in which each 4 bytes are 128 KiB of zeros."""
    block = (0 | 1 << 1 | 131_072 << 3).to_bytes(3, "little") + b"\0"
    return b"\x28\xb5\x2f\xfd\x00\x58" + block * blocks + b"\x01\0\0"


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (lambda: zstandard.compress(Header().encode()) + run_of_one_byte(40_000), "its record 0 "),
        (lambda: run_of_one_byte(40_000), "zero bytes"),
        (lambda: zstandard.compress(Header().encode() + np.repeat(records(1), 500_000).tobytes()) + b"x", "goes on after"),
    ],
    ids=["5 GB of zeros as records", "5 GB of zeros as a header", "bars that compress to nothing"],
)
def test_memory_is_bounded_whatever_the_file_unpacks_to(content: Callable[[], bytes], word: str, tmp_path: Path) -> None:
    path = tmp_path / "bomb.dbn.zst"
    path.write_bytes(content())
    tracemalloc.start()
    try:
        with pytest.raises(FileDamaged, match=word), open_dbn(path) as opened:
            for _ in opened.chunks():
                pass
        assert tracemalloc.get_traced_memory()[1] < 16 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("name", ["growing.dbn.zst", "growing.dbn"])
@pytest.mark.parametrize("added", [b"", b"garbage"], ids=["truncated", "appended to"])
def test_a_file_that_changes_while_it_is_read_is_said_to(name: str, added: bytes, tmp_path: Path) -> None:
    path = write(tmp_path / name, records(5_000, seed=2))
    with open_dbn(path) as opened:
        chunks = opened.chunks(10)
        next(chunks)
        if added:
            with path.open("ab") as stream:
                stream.write(added)
        else:
            os.truncate(path, 100)
        with pytest.raises(FileChanged, match="changed while it was read"):
            list(chunks)


def test_a_header_that_is_still_being_written_is_not_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "growing.dbn"
    path.write_bytes(Header().encode()[:50])
    read_header = dbn_file.read_header

    def written_meanwhile(*arguments: object) -> Header:
        path.write_bytes(Header().encode())
        return read_header(*arguments)  # type: ignore[arg-type, return-value]

    monkeypatch.setattr(dbn_file, "read_header", written_meanwhile)
    with pytest.raises(FileChanged):
        read(path)


def test_a_file_that_is_removed_while_it_is_read_is_read_to_its_end(tmp_path: Path) -> None:
    path = write(tmp_path / "bars.dbn.zst", records(100))
    with open_dbn(path) as opened:
        path.unlink()
        assert sum(len(chunk) for chunk in opened.chunks(7)) == 100


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="a file whose reads fail: Linux has one")
@pytest.mark.parametrize("attempt", [read, sha256_of])
def test_a_disk_that_fails_is_named(attempt: Callable[[Path], object]) -> None:
    with pytest.raises(FileUnusable, match=r"cannot be read: Input/output error"):
        attempt(Path("/proc/self/mem"))


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="open files are listed by Linux")
def test_no_file_stays_open(tmp_path: Path) -> None:
    path = write(tmp_path / "bars.dbn.zst", records(100))
    truncated = tmp_path / "cut.dbn.zst"
    truncated.write_bytes(path.read_bytes()[:-1])
    with open_dbn(path) as opened:
        next(opened.chunks(10))
    with pytest.raises(FileDamaged):
        read(truncated)
    with pytest.raises(FileUnusable):
        read(tmp_path)
    gc.collect()
    # Of this test alone: what another one left open may close at this moment.
    files = [os.path.realpath(descriptor) for descriptor in Path("/proc/self/fd").iterdir()]
    assert [path for path in files if path.startswith(str(tmp_path.resolve()))] == []

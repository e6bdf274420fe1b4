"""The content of zstd frames, one after the other, and the proof that each of them is complete.

Owns the walk from block to block. The library's readers take input that ends anywhere for whole, and one call of its
decompressor may turn a kilobyte into gigabytes; here each call gets one block, which holds 128 KiB of content at most, and a
frame is whole when its last block and its checksum were read and found right. May import damage and errors.
"""

from collections.abc import Iterator

import zstandard

from stage1.adapters.databento.damage import damaged
from stage1.adapters.databento.sources import Source
from stage1.errors import FileDamaged

MAGIC = b"\x28\xb5\x2f\xfd"
_SHORTEST_HEADER = 5  # from here on the library tells how long the frame's header is

# The library's own default, and what its highest level writes: what a frame may have us keep in memory.
MOST_WINDOW = 1 << 27

_RUN_OF_ONE_BYTE = 1


def is_skippable(magic: bytes) -> bool:
    """Whether a frame that begins so holds nothing for a reader."""
    return len(magic) == len(MAGIC) and magic[1:] == b"\x2a\x4d\x18" and magic[0] & 0xF0 == 0x50


def contents(source: Source) -> Iterator[bytes]:
    """What the frames of a file hold, in pieces of at most 128 KiB."""
    decompressor = zstandard.ZstdDecompressor(max_window_size=MOST_WINDOW)
    number = 0
    while True:
        start = source.position
        magic = source.read(len(MAGIC))
        if not magic:
            return
        number += 1
        if is_skippable(magic):
            _skip(source, number)
        elif magic == MAGIC:
            yield from _frame(source, decompressor, number, start)
        elif MAGIC.startswith(magic):
            raise _cut(source, number, "header", len(MAGIC) - len(magic))
        else:
            zeros = " (zero bytes)" if not any(magic) else ""
            raise damaged(
                source.path,
                f"goes on after zstd frame {number - 1} with {magic.hex(' ')}{zeros} at byte {start:,}",
                f"the end of the file there, or another frame, which begins with {MAGIC.hex(' ')}",
            )


def first_frame(source: Source, most: int) -> bytes | None:
    """What the first frame holds, where there is one that holds at most so much; the source then stands behind it."""
    if source.read(len(MAGIC)) != MAGIC:
        return None
    content = bytearray()
    for piece in _frame(source, zstandard.ZstdDecompressor(max_window_size=MOST_WINDOW), 1, 0):
        content += piece
        if len(content) > most:
            return None
    return bytes(content)


def _frame(source: Source, decompressor: zstandard.ZstdDecompressor, number: int, start: int) -> Iterator[bytes]:
    head = MAGIC + _read(source, _SHORTEST_HEADER - len(MAGIC), number, "header")
    try:
        head += _read(source, zstandard.frame_header_size(head) - len(head), number, "header")
        parameters = zstandard.get_frame_parameters(head)
    except zstandard.ZstdError as problem:
        raise _corrupt(source, number, start, problem) from problem
    if parameters.window_size > MOST_WINDOW:
        raise damaged(
            source.path,
            f"needs a window of {parameters.window_size:,} bytes for the zstd frame {number} at byte {start:,}",
            f"at most {MOST_WINDOW:,}",
            hint="Compress it anew without --long: zstd -d --long=31, then zstd.",
        )
    if parameters.dict_id:
        raise damaged(
            source.path,
            f"needs the zstd dictionary {parameters.dict_id} for the frame {number} at byte {start:,}",
            "frames that are complete by themselves, as the vendor writes them",
        )
    decompress = decompressor.decompressobj()
    block, at, is_last = head, start, False
    while True:
        try:
            content = decompress.decompress(block)
        except zstandard.ZstdError as problem:
            raise _corrupt(source, number, at, problem) from problem
        if content:
            yield content
        if is_last:
            break
        at = source.position
        block, is_last = _block(source, number, parameters.has_checksum)
    if not decompress.eof:
        raise damaged(
            source.path, f"has a zstd frame {number} that goes on after its last block, at byte {source.position:,}", "its end"
        )


def _block(source: Source, number: int, has_checksum: bool) -> tuple[bytes, bool]:
    """The next block, and whether it is the frame's last, which has the checksum behind it."""
    block = _read(source, 3, number, "block")
    bits = int.from_bytes(block, "little")
    is_last, kind, size = bool(bits & 1), bits >> 1 & 3, bits >> 3
    block += _read(source, 1 if kind == _RUN_OF_ONE_BYTE else size, number, "block")
    if is_last and has_checksum:
        block += _read(source, 4, number, "checksum")
    return block, is_last


def _skip(source: Source, number: int) -> None:
    left = int.from_bytes(_read(source, 4, number, "header"), "little")
    while left:
        left -= len(_read(source, min(left, 1 << 20), number, "content"))


def _read(source: Source, count: int, number: int, part: str) -> bytes:
    found = source.read(count)
    if len(found) < count:
        raise _cut(source, number, part, count - len(found))
    return found


def _cut(source: Source, number: int, part: str, missing: int) -> FileDamaged:
    return damaged(
        source.path,
        f"is cut short: it ends at byte {source.position:,}, in the {part} of zstd frame {number}",
        f"at least {missing:,} {'byte' if missing == 1 else 'bytes'} more",
    )


def _corrupt(source: Source, number: int, at: int, problem: zstandard.ZstdError) -> FileDamaged:
    if "checksum" in str(problem):
        return damaged(
            source.path,
            f"is altered: the content of zstd frame {number}, which ends at byte {source.position:,}, has another checksum",
            "the checksum that stands at the end of the frame",
        )
    return damaged(
        source.path, f"is altered: zstd frame {number} cannot be decompressed at byte {at:,} ({problem})", "a block of zstd"
    )

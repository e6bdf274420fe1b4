"""How much JSON is in memory as objects at once.

Owns the room for texts that are parsed whole: as Python's objects such a text is thirty times as large, so that a few of the
largest at once would take all the memory there is. Who finds no room waits in line, as a file that holds no thread; who waits
too long is told to come again.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from anyio.lowlevel import RunVar

from stage1.errors import ServerExhausted


class _Room:
    def __init__(self) -> None:
        self.taken = 0
        self.line = asyncio.Lock()  # so that small ones do not keep a large one waiting for ever
        self.is_left = asyncio.Event()


_room: RunVar[_Room] = RunVar("stage1_room_for_json")


@asynccontextmanager
async def room_for(size: int, all_there_is: int, patience: float) -> AsyncIterator[None]:
    """Room for a text of that many bytes, for the length of the block; none is needed for 0."""
    if not size:
        yield
        return
    try:
        room = _room.get()
    except LookupError:
        room = _Room()
        _room.set(room)
    try:
        async with asyncio.timeout(patience), room.line:
            while room.taken + size > max(size, all_there_is):
                room.is_left.clear()
                await room.is_left.wait()
            room.taken += size
    except TimeoutError:
        raise ServerExhausted(
            f"Other large JSON bodies were worked on for {patience:g} seconds.",
            hint="Try again in a moment, or send NDJSON, which is read line by line.",
        ) from None
    try:
        yield
    finally:
        room.taken -= size
        room.is_left.set()

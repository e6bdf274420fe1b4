"""How much JSON is in memory at once."""

import asyncio
import gzip
import io

import pytest

from stage1.errors import ServerExhausted
from stage1.server.bodies import SpooledBody, _weight
from stage1.server.large_bodies import room_for


def test_there_is_room_for_so_much_and_no_more() -> None:
    async def all_of_them() -> list[int]:
        taken, seen = 0, []

        async def one(size: int) -> None:
            nonlocal taken
            async with room_for(size, 10, 60):
                taken += size
                seen.append(taken)
                for _ in range(5):
                    await asyncio.sleep(0)
                taken -= size

        await asyncio.gather(*map(one, [6, 4, 10, 1, 0, 5, 7, 3]))
        return seen

    seen = asyncio.run(all_of_them())
    assert len(seen) == 8
    assert max(seen) == 10


def test_who_waits_too_long_is_told_and_whoever_went_leaves_room() -> None:
    async def waits() -> None:
        async with room_for(10, 10, 60):
            with pytest.raises(ServerExhausted, match=r"NDJSON|worked on"):
                async with room_for(1, 10, 0.01):
                    pytest.fail("there is no room")
        async with room_for(10, 10, 0.01):
            pass

    asyncio.run(waits())


@pytest.mark.parametrize(
    ("media_type", "is_gzip", "text", "weight"),
    [
        ("application/json", False, b"x" * 100_000, 100_000),
        ("application/json", True, b"x" * 100_000, 100_000),
        ("application/json", False, b"{}", 0),
        ("application/json", True, b"{}", 0),
        ("application/x-ndjson", False, b"x" * 100_000, 0),
    ],
)
def test_what_is_parsed_whole_is_weighed_as_it_is_parsed(media_type: str, is_gzip: bool, text: bytes, weight: int) -> None:
    sent = gzip.compress(text) if is_gzip else text
    body = SpooledBody(media_type, is_gzip, len(sent), 1_000_000, io.BytesIO(sent))
    assert asyncio.run(_weight(body)) == weight

"""The bodies of requests: received whole before anybody works on them, bounded in size and time, and read strictly.

The event loop writes a body to a temporary file (in memory while it is small), so that a slow client holds neither a thread
nor a connection to the database. A thread reads it from there: decompressed in pieces, parsed by `model.canonical_json`, and
then checked against its shape. Refuses other media types than JSON and NDJSON: what a web page may send without asking
first is none of these.
"""

import asyncio
import errno
import tempfile
import zlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import IO, Annotated, Any, Generic, TypeVar

from anyio import CapacityLimiter, to_thread
from anyio.lowlevel import RunVar
from fastapi import Depends, Request
from pydantic import BaseModel, ValidationError

from stage1.errors import BodyTooLarge, BodyTooSlow, ContentRefused, MediaTypeUnsupported, NoSpace
from stage1.model.canonical_json import MAX_DEPTH, NotCanonical, parsed
from stage1.model.json_lines import MAX_LINE_BYTES
from stage1.server.answers import JSON, NDJSON
from stage1.server.large_bodies import room_for
from stage1.server.problems import BodyRefused, places_of, refusal_of
from stage1.settings import Settings

Model = TypeVar("Model", bound=BaseModel)

MAX_JSON_BYTES = 32 * 1024 * 1024
_MEGABYTE = 1_000_000
_GROWS_AT_MOST = 4  # times, when it is decompressed
_IN_MEMORY = 1024 * 1024
_LIGHT = 64 * 1024  # a JSON text that is not weighed
_GROWTH_OF_GZIP = 1032  # no text is packed smaller
_PIECE = 256 * 1024
_WRITERS = 4
# What stands around an example, which counts its depth from itself on.
_AROUND = 4
_USE_NDJSON = f"Send it as {NDJSON}, one object a line: that has no such limit."

_writers: RunVar[CapacityLimiter] = RunVar("stage1_body_writers")


@dataclass(frozen=True)
class SpooledBody:
    """A body that has arrived."""

    media_type: str
    is_gzip: bool
    size: int
    longest: int  # bytes, decompressed
    file: IO[bytes]

    @property
    def is_ndjson(self) -> bool:
        """Whether each line is an object of its own."""
        return self.media_type == NDJSON

    def chunks(self) -> Iterator[bytes]:
        """The text, decompressed, piece by piece."""
        self.file.seek(0)
        pieces = iter(lambda: self.file.read(_PIECE), b"")
        return _bounded(_unzipped(pieces) if self.is_gzip else pieces, self.longest)

    def text(self) -> bytes:
        """The whole text of a JSON body."""
        return b"".join(self.texts())

    def texts(self) -> Iterator[bytes]:
        """The text of a JSON body, piece by piece."""
        return _bounded(self.chunks(), MAX_JSON_BYTES, _USE_NDJSON)

    def document(self, model: type[Model]) -> Model:
        """A JSON body as its shape."""
        if self.is_ndjson:
            raise MediaTypeUnsupported(f"{NDJSON} was sent, but this address takes {JSON} alone.")
        return shaped(model, self.text())

    def head(self, model: type[Model]) -> tuple[Model, Iterator[bytes]]:
        """The first line of an NDJSON body as its shape, and the text behind it, piece by piece."""
        chunks, first = self.chunks(), bytearray()
        for chunk in chunks:
            first += chunk
            if b"\n" in chunk or len(first) > MAX_LINE_BYTES:
                break
        line, _, rest = bytes(first).partition(b"\n")
        if len(line) > MAX_LINE_BYTES:
            raise ContentRefused(f"The first line is longer than {MAX_LINE_BYTES:,} bytes.", line=1)
        return shaped(model, line, line_number=1), chain([rest] if rest else [], chunks)


def shaped(model: type[Model], text: bytes, *, line_number: int | None = None) -> Model:
    """A JSON text as its shape; refuses by place what is not JSON or not of the shape."""
    try:
        value = parsed(text, max_depth=MAX_DEPTH + _AROUND)
    except NotCanonical as refused:
        problem = refusal_of(refused)
        if isinstance(problem, ContentRefused):
            problem.line = line_number
        raise problem from None
    return checked(model, value, line_number=line_number)


def checked(model: type[Model], value: Any, *, line_number: int | None = None) -> Model:
    """A value that is parsed already as its shape."""
    try:
        return model.model_validate(value)
    except ValidationError as refused:
        found = refused.errors(include_url=False, include_context=False, include_input=False)
        raise BodyRefused(places_of(found), line=line_number) from None


async def spooled_body(request: Request) -> AsyncIterator[SpooledBody]:
    """A dependency: the body, received whole."""
    settings: Settings = request.app.state.serving.settings
    media_type, is_gzip = _kind(request)
    largest = int(settings.number("STAGE1_MAX_BODY_MB") * _MEGABYTE)
    on_the_wire = largest if media_type == NDJSON else min(largest, MAX_JSON_BYTES)
    hint = "" if media_type == NDJSON else _USE_NDJSON
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > on_the_wire:
        raise _too_large(on_the_wire, hint)
    with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY, prefix="stage1-body-") as file:
        patience = settings.seconds("STAGE1_REQUEST_TIMEOUT")
        try:
            async with asyncio.timeout(patience):
                size = await _received(request, file, on_the_wire, hint)
        except TimeoutError:
            raise BodyTooSlow(f"The body did not arrive within {patience:g} seconds.") from None
        body = SpooledBody(media_type, is_gzip, size, largest * _GROWS_AT_MOST, file)
        async with room_for(await _weight(body), MAX_JSON_BYTES, patience):
            yield body


# Its end is that of the route's function: an answer that is taken slowly keeps neither the file nor the room.
Spooled = Annotated[SpooledBody, Depends(spooled_body, scope="function")]


class JsonBody(Generic[Model]):
    """A dependency: the JSON body as its shape. `server.openapi` documents the body of a route by it."""

    def __init__(self, model: type[Model]) -> None:
        self.model, self.line = model, None

    def __call__(self, body: Spooled) -> Model:
        return body.document(self.model)


class StreamedBody(Generic[Model]):
    """A dependency: the body as it arrived, JSON of a shape, or NDJSON: a head (where there is one) and lines of a shape."""

    def __init__(self, model: type[Model], line: type[BaseModel], head: type[BaseModel] | None = None) -> None:
        self.model, self.line, self.head = model, line, head

    async def __call__(self, body: Spooled) -> SpooledBody:
        return body


def json_body(model: type[Model]) -> Any:
    """`wish: Annotated[Wish, json_body(Wish)]`: the checked body of a route."""
    return Depends(JsonBody(model))


def streamed_body(model: type[BaseModel], *, line: type[BaseModel], head: type[BaseModel] | None = None) -> Any:
    """`body: Annotated[SpooledBody, streamed_body(Wish, line=Example, head=WishHead)]`: the body as it arrived."""
    return Depends(StreamedBody(model, line, head))


async def _received(request: Request, file: Any, largest: int, hint: str) -> int:
    size, waiting = 0, bytearray()
    async for chunk in request.stream():
        size += len(chunk)
        if size > largest:
            raise _too_large(largest, hint)
        waiting += chunk
        if len(waiting) >= _PIECE:
            await _write(file, bytes(waiting), size)
            waiting.clear()
    await _write(file, bytes(waiting), size)
    return size


async def _weight(body: SpooledBody) -> int:
    """How large the text is that will be in memory whole: that of JSON, unless it is small."""
    if body.is_ndjson:
        return 0
    size = body.size
    if body.is_gzip and size > _LIGHT // _GROWTH_OF_GZIP:
        size = await to_thread.run_sync(lambda: sum(map(len, body.texts())), limiter=_limiter())
    return size if size > _LIGHT else 0


async def _write(file: Any, piece: bytes, size: int) -> None:
    try:
        await _written(file, piece, size)
    except OSError as problem:
        if problem.errno in (errno.ENOSPC, errno.EDQUOT):
            raise NoSpace(detail=f"A body of {size:,} bytes found no room in {tempfile.gettempdir()}.") from None
        raise


async def _written(file: Any, piece: bytes, size: int) -> None:
    if size <= _IN_MEMORY:
        file.write(piece)
        return
    await to_thread.run_sync(file.write, piece, limiter=_limiter())


def _limiter() -> CapacityLimiter:
    # Threads of their own: bodies go on arriving while all others work.
    try:
        return _writers.get()
    except LookupError:
        limiter = CapacityLimiter(_WRITERS)
        _writers.set(limiter)
        return limiter


def _kind(request: Request) -> tuple[str, bool]:
    media_type, *parameters = (part.strip().lower() for part in request.headers.get("content-type", "").split(";"))
    if media_type not in (JSON, NDJSON):
        raise MediaTypeUnsupported(f"The body was announced as {media_type or 'nothing'!r}; {JSON} or {NDJSON} was expected.")
    for parameter in parameters:
        if parameter.startswith("charset=") and parameter.removeprefix("charset=").strip('"') not in ("utf-8", "utf8"):
            raise MediaTypeUnsupported("The body was announced in another charset than UTF-8.")
    encodings = [each.strip().lower() for each in request.headers.get("content-encoding", "").split(",")]
    encodings = [each for each in encodings if each and each != "identity"]
    if encodings not in ([], ["gzip"], ["x-gzip"]):
        raise MediaTypeUnsupported(f"The body was announced as {', '.join(encodings)!r}; gzip is the encoding that is known.")
    return media_type, bool(encodings)


def _unzipped(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Decompressed in pieces of a bounded size, however much a piece grows."""
    reader = zlib.decompressobj(wbits=31)
    is_begun = False
    try:
        for piece in pieces:
            while piece:
                if reader.eof:
                    reader, is_begun = zlib.decompressobj(wbits=31), False  # another member follows
                is_begun = True
                yield reader.decompress(piece, _IN_MEMORY)
                piece = reader.unconsumed_tail or reader.unused_data
    except zlib.error:
        raise ContentRefused(
            "The body is not what gzip wrote.", hint="Send it again; it was altered, or is not compressed."
        ) from None
    if not (is_begun and reader.eof):
        raise ContentRefused("The compressed body ends in the middle.", hint="Send it again, whole.")


def _bounded(pieces: Iterator[bytes], longest: int, hint: str = "") -> Iterator[bytes]:
    size = 0
    for piece in pieces:
        size += len(piece)
        if size > longest:
            raise _too_large(longest, hint)
        yield piece


def _too_large(largest: int, hint: str) -> BodyTooLarge:
    return BodyTooLarge(f"The body is larger than {largest:,} bytes.", hint=hint or "Send it in parts.")

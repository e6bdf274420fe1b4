"""The header of a DBN file: what was asked of the vendor, and which symbol is which instrument on which days.

Owns the bounds within which a header is believed before memory is taken for it. May import errors and the vendor's format
library. Refuses what that library refuses, with a sentence instead of its exceptions.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import databento_dbn

from stage1.adapters.databento.damage import damaged
from stage1.adapters.databento.layouts import BARS, Layout
from stage1.errors import FileDamaged, WrongSchema
from stage1.model.some_of import some_of

MAGIC = b"DBN"
PREFIX = 8  # magic, version, and the length of what follows

# The records of all of these lie as `layouts` says.
NEWEST_VERSION = 3

# What is there with no symbols at all; the library panics on some shorter ones, and a panic writes to stderr.
LEAST_BYTES = 120

# Some 300,000 symbols with an interval each; the largest requests of the vendor's users hold 2,000.
MOST_BYTES = 1 << 26

_INSTRUMENT_ID = "instrument_id"


@dataclass(frozen=True, slots=True)
class Mapping:
    """An instrument id has this symbol on the UTC days from `first` up to, not including, `until`."""

    symbol: str
    first: date
    until: date
    instrument_id: int


@dataclass(frozen=True, slots=True)
class Header:
    """The metadata of a DBN file."""

    version: int
    dataset: str
    schema: str | None
    start_ns: int
    end_ns: int | None
    limit: int | None
    stype_in: str | None
    stype_out: str
    ts_out: bool
    symbols: tuple[str, ...]
    partial: tuple[str, ...]
    not_found: tuple[str, ...]
    mappings: tuple[Mapping, ...]
    file: str = "The file"  # how sentences name it


def read_header(path: Path, take: Callable[[int], bytes]) -> Header:
    """The header at the start of a DBN stream; `take` gives that many bytes, or fewer at the end."""
    prefix = take(PREFIX)
    if not prefix:
        raise damaged(path, "holds no data: its zstd frames are empty", "a DBN header")
    if not (prefix.startswith(MAGIC) or MAGIC.startswith(prefix)):
        raise not_dbn(path, prefix)
    if len(prefix) < PREFIX:
        raise damaged(path, f"is cut short: it ends at byte {len(prefix)} of the DBN header", "at least 8 bytes of it")
    version, length = prefix[len(MAGIC)], int.from_bytes(prefix[4:], "little")
    if not 1 <= version <= NEWEST_VERSION:
        raise damaged(
            path,
            f"is of DBN version {version}",
            f"a version from 1 to {NEWEST_VERSION}",
            hint="A newer stage1 may read it; if the version is not one the vendor has, the file is damaged: fetch it again.",
        )
    if not LEAST_BYTES <= length <= MOST_BYTES:
        raise damaged(path, f"says that its DBN header has {length:,} bytes", f"from {LEAST_BYTES} to {MOST_BYTES:,}")
    body = take(length)
    if len(body) < length:
        raise damaged(
            path,
            f"is cut short: it ends at byte {PREFIX + len(body):,}, in the DBN header",
            f"a header of {PREFIX + length:,} bytes and records behind it",
        )
    return _decoded(path, prefix + body)


def not_dbn(path: Path, start: bytes) -> FileDamaged:
    """The refusal of something that is no DBN, which says what it looks like."""
    begins = " ".join(f"{byte:02x}" for byte in start[:8])
    for sign, meaning, hint in _LOOKS_LIKE:
        if start.startswith(sign):
            return damaged(path, f"is {meaning}, not DBN: it begins with {begins}", "DBN, or DBN in zstd frames", hint)
    return damaged(
        path,
        f"is not a DBN file: it begins with {begins}",
        "'DBN' (44 42 4e), or a zstd frame (28 b5 2f fd) with it inside",
        hint="A fragment (records without a header) cannot be loaded alone; anything else is no DBN: fetch the file again.",
    )


_AS_DBN = "Request encoding=dbn from the vendor."
_LOOKS_LIKE = (
    (b"\x1f\x8b", "a gzip file", "Unpack it with gunzip; the vendor compresses DBN with zstd."),
    (b"PK\x03\x04", "a ZIP archive", "Unpack it: a job that is fetched whole comes as a ZIP with the DBN files in it."),
    (b"PAR1", "a Parquet file", _AS_DBN),
    (b"{", "JSON", _AS_DBN),
    (b"[", "JSON", _AS_DBN),
    (b"ts_", "CSV", _AS_DBN),
    (b"rtype,", "CSV", _AS_DBN),
    (b"<", "HTML or XML, perhaps the error page of a download", "Fetch it again."),
    (b"\0\0\0\0", "full of zero bytes", "The download reserved its space and did not fill it: fetch it again."),
)


def _decoded(path: Path, encoded: bytes) -> Header:
    try:
        metadata = databento_dbn.Metadata.decode(encoded)
        header = Header(
            version=encoded[len(MAGIC)],
            dataset=metadata.dataset,
            schema=None if metadata.schema is None else str(metadata.schema),
            start_ns=metadata.start,
            end_ns=metadata.end,
            limit=metadata.limit,
            stype_in=None if metadata.stype_in is None else str(metadata.stype_in),
            stype_out=str(metadata.stype_out),
            ts_out=metadata.ts_out,
            symbols=tuple(metadata.symbols),
            partial=tuple(metadata.partial),
            not_found=tuple(metadata.not_found),
            mappings=_mappings(metadata),
            file=str(path),
        )
    except BaseException as problem:
        # A panic of the library is not an Exception and cannot be imported.
        if not isinstance(problem, Exception) and type(problem).__name__ != "PanicException":
            raise
        raise damaged(path, f"has a DBN header that cannot be read ({problem})", "a header as the vendor writes it") from problem
    if not header.dataset or not header.dataset.isprintable():
        raise damaged(path, f"names the vendor dataset {header.dataset!r} in its header", "a code such as XNAS.ITCH")
    return header


def _mappings(metadata: databento_dbn.Metadata) -> tuple[Mapping, ...]:
    stype_in, stype_out = str(metadata.stype_in), str(metadata.stype_out)
    if not tells_instruments(stype_in, stype_out):
        return ()
    return tuple(
        mapping(given, each["symbol"], each["start_date"], each["end_date"], stype_out)
        for given, intervals in metadata.mappings.items()
        for each in intervals
        if each["symbol"]  # the vendor leaves it empty on days without one
    )


def tells_instruments(stype_in: str | None, stype_out: str | None) -> bool:
    """Whether mappings between such symbols have the instrument id, which is what a record has, on a side."""
    return _INSTRUMENT_ID in (stype_in, stype_out)


def mapping(given: str, found: str, first: date, until: date, stype_out: str) -> Mapping:
    """One interval of a mapping from a given symbol to a found one, either of which is the instrument id."""
    if not isinstance(found, str):
        raise TypeError(f"{given!r} is mapped to {found!r}, which is no text")
    symbol, number = (given, found) if stype_out == _INSTRUMENT_ID else (found, given)
    if not (number.isascii() and number.isdigit() and int(number) < 1 << 32):
        raise ValueError(f"{symbol!r} is mapped to {number!r}, which is no instrument id")
    return Mapping(symbol, first, until, int(number))


def require_schema(header: Header, layout: Layout) -> None:
    """Refuses a file of another schema, with what to do instead."""
    if header.schema == layout.schema and not header.ts_out:
        return
    if layout is not BARS:
        holds = "a live capture" if header.schema is None else f"the schema {header.schema}"
        sent = "; each record has its send time behind it (ts_out)" if header.ts_out else ""
        raise WrongSchema(
            f"{header.file} holds {holds}{sent}.",
            detail=f"Expected the schema {layout.schema}: {layout.holds}.",
            hint=f"Request {layout.schema} of {_symbols(header)} for the same days from the vendor, or move the file away.",
        )
    holds, instead = _other(header)
    raise WrongSchema(f"{header.file} holds {holds}.", detail="Expected the schema ohlcv-1m: bars of one minute.", hint=instead)


def _other(header: Header) -> tuple[str, str]:
    schema = header.schema
    again = f"Request ohlcv-1m of {_symbols(header)} for the same days from the vendor"
    if schema is None:
        return "a live capture, which has records of several schemas", f"{again}: it has the same bars as one schema."
    if schema == "ohlcv-1m":
        return "bars of one minute with a send time at the end of each (ts_out)", f"{again}, without ts_out."
    if schema == "ohlcv-1s":
        return "bars of one second (schema ohlcv-1s), which are finer", f"{again}."
    if schema in ("ohlcv-1h", "ohlcv-1d", "ohlcv-eod"):
        return f"bars coarser than a minute (schema {schema}), which cannot be split into minutes", f"{again}."
    if schema in ("definition", "statistics", "status", "imbalance"):
        return f"no bars but records of the schema {schema}", f"{again}."
    return f"trades, quotes or orders (schema {schema}), no bars", f"{again}."


def _symbols(header: Header) -> str:
    if not header.symbols:
        return "the same symbols"
    return some_of(header.symbols, 3)

"""One segment in its folder: asked of the vendor, cut out of the raw file of another period, or there from an earlier run.

Owns what becomes of the partial file: whole though nobody renamed it, it is taken as it is; else it is asked for again. A segment
is proven while it arrives, and gets its name when it is whole. May import adapters and model. Refuses an answer that is of
something else, or of another number of records than the vendor counts.
"""

import json
import os
from collections.abc import Callable
from pathlib import Path

from stage1 import faults
from stage1.adapters.databento.arriving_file import Expected, Proven, prove, receive
from stage1.adapters.databento.header import Header
from stage1.adapters.databento.joined_file import Part, cut
from stage1.adapters.databento.layouts import BY_SCHEMA
from stage1.adapters.databento.vendor import Vendor
from stage1.adapters.databento.vendor_http import Stream
from stage1.adapters.databento.vendor_problems import Passing
from stage1.durable import flush_folder
from stage1.errors import CountMismatch, FileDamaged, Stage1Error, VendorRefused, WrongSchema
from stage1.model.periods import nanoseconds
from stage1.operations.fetch_records import Segment, Wanted
from stage1.operations.whole_writing import PART, explained, written_whole

Progress = Callable[[int], None]


def held(folder: Path, wanted: Wanted, segment: Segment, *, keep: bool, same_plan: bool) -> Part | None:
    """A segment that has arrived whole before, proven again. `keep` says whether a partial file that is whole may be named.

    What was named under the same plan has the right number of records, though the vendor corrected its count meanwhile.
    """
    final = _path(folder, segment)
    for path in (final, _part(final)):
        if not path.exists():
            continue
        try:
            proven = prove(path, _expected(wanted, segment))
        except (FileDamaged, WrongSchema, VendorRefused):
            proven = None
        if proven is not None and (proven.records == segment.records or (same_plan and path == final)):
            if path != final and keep:
                _name(path, final)
            return Part(final, proven, nanoseconds(segment.start))
    return None


def take(source: Path, folder: Path, wanted: Wanted, segment: Segment) -> Part:
    """A segment out of the raw file of another period."""
    final = _path(folder, segment)
    start, end = nanoseconds(segment.start), nanoseconds(segment.end)
    with written_whole(final) as file:
        proven = cut(source, BY_SCHEMA[wanted.schema], file, start, end)
        if proven.records != segment.records:
            raise CountMismatch(
                f"{source} has {proven.records:,} records of {wanted.request.of(segment.start, segment.end)},"
                f" and the vendor counts {segment.records:,}.",
                hint="The vendor corrected these days since. To have them anew: fetch that period again with --force.",
            )
    return Part(final, proven, start)


def fetch(vendor: Vendor, folder: Path, wanted: Wanted, segment: Segment, say: Callable[[str], None], progress: Progress) -> Part:
    """Asks for a segment until it has arrived whole."""
    final = _path(folder, segment)
    part = _part(final)
    request = wanted.request.of(segment.start, segment.end)
    is_whole = False

    def tried() -> Proven:
        nonlocal is_whole
        with explained(final), part.open("wb") as file, vendor.stream(wanted.request, segment.start, segment.end) as stream:
            for warning in _warnings(stream):
                say(f"{wanted.name}: the vendor warns: {warning}")
            try:
                proven = receive(stream.pieces(), Path(request), file, _expected(wanted, segment), progress)
            except FileDamaged as problem:
                raise Passing(f"what arrived is not whole ({problem.message.removeprefix(request).strip(' .')})") from problem
            except WrongSchema as problem:
                raise VendorRefused(f"The vendor answered {request} with something else.", detail=problem.message) from problem
            if proven.records != segment.records:
                _require_counted(vendor, wanted, segment, proven, stream)
            file.flush()
            is_whole = True
            os.fsync(file.fileno())
        faults.reach("fetch: segment arrived")
        _name(part, final)
        faults.reach("fetch: segment named")
        return proven

    try:
        return Part(final, vendor.patience.until_done(request, tried), nanoseconds(segment.start))
    except (Stage1Error, KeyboardInterrupt) as problem:
        if not (is_whole and isinstance(problem, KeyboardInterrupt)):  # it is paid for, and the next run takes it
            part.unlink(missing_ok=True)
        raise


def _require_counted(vendor: Vendor, wanted: Wanted, segment: Segment, proven: Proven, stream: Stream) -> None:
    """Refuses an answer of another number of records than there are now; what was corrected meanwhile is right."""
    now = vendor.count(wanted.request, segment.start, segment.end)
    if proven.records == now:
        return
    found = f"{proven.records:,} records arrived, and the vendor counts {now:,}"
    if proven.records < now and not stream.tells_its_end:
        raise Passing(f"what arrived is not whole ({found})")
    raise CountMismatch(
        f"{wanted.request.of(segment.start, segment.end)}: {found}.",
        hint="Nothing of it was kept. Ask the vendor; run the command again when the two agree.",
    )


def _expected(wanted: Wanted, segment: Segment) -> Expected:
    def check(header: Header) -> None:
        found = (header.dataset, header.schema, header.symbols, header.limit)
        if found != (wanted.dataset, wanted.schema, (wanted.symbol,), None):
            raise VendorRefused(
                f"The vendor answered {wanted.request.of(segment.start, segment.end)} with something else:"
                f" {header.schema} of {', '.join(header.symbols) or 'no symbol'} ({header.dataset}).",
                hint="Nothing of it was kept. Look at DATABENTO_GATEWAY.",
            )

    return Expected(BY_SCHEMA[wanted.schema], nanoseconds(segment.start), nanoseconds(segment.end), check)


def _warnings(stream: Stream) -> list[str]:
    try:
        found = json.loads(stream.warnings or "[]")
    except ValueError:
        found = [stream.warnings]
    return [" ".join(str(each).split()) for each in found] if isinstance(found, list) else []


def _path(folder: Path, segment: Segment) -> Path:
    return folder / f"{segment.name}.dbn.zst"


def _part(final: Path) -> Path:
    return final.with_name(final.name + PART)


def _name(part: Path, final: Path) -> None:
    with explained(final):
        with part.open("rb") as file:
            os.fsync(file.fileno())
        part.rename(final)
        flush_folder(final.parent)

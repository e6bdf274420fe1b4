"""Joins what has arrived of a raw file, and what was there before, into the file in its place, with its record.

Owns the order that a crash cannot harm: the whole is on the disk, then the record says what it is, then it gets its name, then
the segments go. Until then the plan is there, and the next run does the rest. May import adapters and model.
"""

from collections.abc import Sequence
from dataclasses import replace

from stage1 import faults
from stage1.adapters.databento.arriving_file import Expected, Proven, prove
from stage1.adapters.databento.dbn_file import open_dbn
from stage1.adapters.databento.header import mapping
from stage1.adapters.databento.joined_file import Part, header_of, join
from stage1.adapters.databento.layouts import BY_SCHEMA
from stage1.model.periods import nanoseconds
from stage1.operations import known_files, raw_files
from stage1.operations.fetch_records import Plan, Record, write_record
from stage1.operations.raw_files import Found, Place
from stage1.operations.whole_writing import written_whole


def joined(place: Place, found: Found, plan: Plan, parts: Sequence[Part]) -> Record:
    """Puts the file into its place; `found` is what was there when the plan was made."""
    wanted = plan.wanted
    known = [mapping(wanted.symbol, each.instrument, each.first, each.until, "instrument_id") for each in plan.intervals]
    if plan.keeps_base:
        base = _base(place, found, plan)
        parts = [base, *parts]
        known += base.proven.header.mappings
    header = header_of(parts, known, wanted.symbol, nanoseconds(plan.start), nanoseconds(plan.end))
    with written_whole(place.file) as file:
        proven = join(parts, file, BY_SCHEMA[wanted.schema], header)
        record = _record(plan, found, proven)
        faults.reach("fetch: joined")
        write_record(place.record, record)
        faults.reach("fetch: recorded")
    faults.reach("fetch: in its place")
    known_files.remember(place.file, proven.sha256, place.file.stat())
    raw_files.clear(place)
    return record


def _base(place: Place, found: Found, plan: Plan) -> Part:
    """The file that is there already, as a part of the whole."""
    layout, record = BY_SCHEMA[plan.wanted.schema], found.record
    if record is not None and record.sha256 == found.sha256:
        with open_dbn(place.file, layout) as file:
            proven = Proven(file.header, record.sha256, record.bytes, record.records)
    else:
        # A run that was killed wrote the record of the file that is made here: this one's is gone.
        proven = prove(place.file, Expected(layout, None, None))
    return Part(place.file, proven, proven.header.start_ns)


def _record(plan: Plan, found: Found, proven: Proven) -> Record:
    record = Record(
        wanted=plan.wanted,
        start=plan.start,
        end=plan.end,
        status=raw_files.status_of(plan.wanted, plan.start, plan.end),
        sha256=proven.sha256,
        bytes=proven.bytes,
        records=proven.records,
        origin="fetched",
        partial=proven.header.partial,
        conditions=plan.conditions,
        segments=plan.segments,
    )
    base = found.record
    if not plan.keeps_base or base is None:
        return record
    # Days that were doubtful when they were fetched are so still, whatever the vendor has of them by now.
    conditions = {**dict(plan.conditions), **{day: said for day, said in base.conditions if day < base.end.date()}}
    return replace(
        record,
        origin=base.origin,
        conditions=tuple(sorted(conditions.items())),
        segments=tuple(sorted({*base.segments, *plan.segments})),
    )

"""What has to be asked of the vendor so that a raw file is whole, and what that costs.

Owns the cut of a period into segments and the questions that are free. May import adapters and model. Refuses what the vendor
does not have; fetches nothing.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from stage1.adapters.databento.vendor import Interval, Vendor
from stage1.errors import VendorHasNone
from stage1.model.periods import Period
from stage1.operations.fetch_records import Plan, Segment, Wanted
from stage1.operations.raw_files import Found

_MOST_RECORDS = 10_000_000  # of a segment of several days; what is cut off in it is asked for again, and paid again

Span = tuple[datetime, datetime]


def plan(vendor: Vendor, wanted: Wanted, found: Found, *, force: bool) -> Plan | None:
    """The plan that makes a raw file whole or brings it up to the vendor's end; nothing where it is that already."""
    record = None if force else found.record
    first, last = vendor.range_of(wanted.dataset, wanted.schema)
    start, end = max(wanted.period.start, _midnight_after(first)), min(wanted.period.end, last.replace(second=0, microsecond=0))
    if start >= end:
        when = "any more" if start >= wanted.period.end else "yet"
        raise VendorHasNone(
            f"The vendor has no {wanted.schema} of {wanted.dataset} in {wanted.period.name} {when}:"
            f" its data are from {first:%Y-%m-%d} until {last:%Y-%m-%d %H:%M}.",
            hint="Ask for another year.",
        )
    gaps = list(_gaps((start, end), None if record is None else (record.start, record.end)))
    if not gaps and not (record is not None and end == wanted.period.end and record.end == end):
        return None
    days = Period(wanted.period.first, min(wanted.period.until, _midnight_after(end).date()))
    intervals = vendor.intervals(wanted.request, days.first, days.until)
    if not intervals and record is None:
        raise VendorHasNone(
            f"The vendor's {wanted.dataset} does not know {wanted.symbol} ({wanted.stype_in}) in {wanted.period.name}.",
            hint="Look at its spelling, at --dataset, and at --stype-in (continuous for a symbol such as ES.c.0).",
        )
    segments = [segment for gap in gaps for segment in _segments(vendor, wanted, gap, intervals)]
    if not segments and record is None:
        raise VendorHasNone(
            f"There are no {wanted.schema} of {wanted.symbol} in {wanted.period.name}: the vendor counts none.",
            hint="Look at --dataset: another venue may have them.",
        )
    return Plan(
        wanted=wanted,
        # Before the vendor's first day there is nothing: the file is of the period from its beginning.
        start=wanted.period.start,
        end=end if record is None else max(record.end, end),
        base_sha256=found.sha256,
        keeps_base=record is not None,
        segments=tuple(segments),
        intervals=intervals,
        conditions=vendor.conditions(wanted.dataset, days.first, days.until),
    )


def _segments(vendor: Vendor, wanted: Wanted, gap: Span, intervals: tuple[Interval, ...]) -> Iterator[Segment]:
    for span in _cut(gap, list(_days_of(gap).months())):
        if not any(_midnight(each.first) < span[1] and span[0] < _midnight(each.until) for each in intervals):
            continue
        whole = _segment(vendor, wanted, span)
        if whole.records <= _MOST_RECORDS:
            parts = [whole]
        else:
            parts = [_segment(vendor, wanted, day) for day in _cut(span, list(_each_day(_days_of(span))))]
        yield from (part for part in parts if part.records)


def _segment(vendor: Vendor, wanted: Wanted, span: Span) -> Segment:
    try:
        records, dollars = vendor.quote(wanted.request, *span)
    except VendorHasNone:
        # That is what the vendor says of days without a session, such as a weekend.
        records, dollars = 0, Decimal(0)
    return Segment(*span, records, dollars)


def _gaps(wanted: Span, held: Span | None) -> Iterator[Span]:
    if held is None:
        yield wanted
        return
    if wanted[0] < held[0]:
        yield wanted[0], min(held[0], wanted[1])
    if held[1] < wanted[1]:
        yield max(held[1], wanted[0]), wanted[1]


def _cut(span: Span, parts: list[Period]) -> list[Span]:
    return [(max(span[0], part.start), min(span[1], part.end)) for part in parts]


def _each_day(days: Period) -> Iterator[Period]:
    for number in range((days.until - days.first).days):
        first = days.first + timedelta(days=number)
        yield Period(first, first + timedelta(days=1))


def _days_of(span: Span) -> Period:
    return Period(span[0].date(), _midnight_after(span[1]).date())


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _midnight_after(moment: datetime) -> datetime:
    """The midnight at that moment, or the next one."""
    day = _midnight(moment.astimezone(UTC).date())
    return day if day == moment else day + timedelta(days=1)

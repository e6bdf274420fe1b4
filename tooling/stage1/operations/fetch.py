"""Fetches raw files from the vendor: what is there is not asked for again, what is missing is asked for once.

Owns the order: look, plan, one total for everything, then segment by segment, and the join. May import adapters and model.
Refuses what would cost more than allowed, before the first request that is paid for.
"""

import math
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from stage1 import clock, faults
from stage1.errors import CostRefused, ExitCode, Stage1Error, UsageRefused
from stage1.model.dataset_manifests import READY
from stage1.model.periods import Period
from stage1.operations import raw_files
from stage1.operations.data_folder import PRODUCTS, DataFolder
from stage1.operations.fetch_records import Plan, Segment, Wanted, write_plan
from stage1.operations.fetch_terms import KINDS, Outcome, Wishes
from stage1.operations.raw_files import Found, Place
from stage1.operations.whole_writing import explained
from stage1.settings import Settings

if TYPE_CHECKING:
    from stage1.adapters.databento.joined_file import Part
    from stage1.adapters.databento.vendor import Vendor

Say = Callable[[str], None]
Progress = Callable[[Path, int, int], None]  # file, records that have arrived, records that are to arrive


@dataclass
class _Work:
    """What there is of a raw file, and what is to be done; nothing without a plan."""

    wanted: Wanted
    place: Place
    found: Found
    plan: Plan | None = None
    parts: "dict[Segment, Part]" = field(default_factory=dict)  # segments of the plan that have arrived before
    elsewhere: dict[Segment, Path] = field(default_factory=dict)  # segments that the raw file of another period has
    is_resumed: bool = False  # the plan is that of a run which did not finish it

    @property
    def missing(self) -> list[Segment]:
        """What is to be asked for."""
        there = self.parts.keys() | self.elsewhere.keys()
        return [] if self.plan is None else [segment for segment in self.plan.segments if segment not in there]


class Fetcher:
    """The fetches of one command: one vendor, which is made when it is first needed, and one budget.

    The parts that read and write DBN are imported when something is to be fetched: a run that finds all in place is done sooner.
    """

    def __init__(self, settings: Settings, wishes: Wishes, say: Say, progress: Progress) -> None:
        self._settings = settings
        self._wishes = wishes
        self._say = say
        self._progress = progress
        self._data = DataFolder.of(settings)
        self._asked: Vendor | None = None
        self._allowed = self._most_dollars()
        if wishes.stype_in is not None and wishes.stype_in not in KINDS:
            raise UsageRefused(f"--stype-in was {wishes.stype_in!r}.", hint=f"Give {', '.join(KINDS)}: one instrument at a time.")

    def fetch(self, symbols: Sequence[str], periods: Sequence[Period], products: Sequence[str]) -> Iterator[Outcome]:
        """Every product of every symbol and period, after one total for all of them. The caller holds their locks.

        What is wrong with one file is its outcome, and the others go on; what is wrong with all of them is raised.
        """
        works = []
        for symbol in symbols:
            for period in periods:
                for wanted in self._wanted(symbol, period, products):
                    try:
                        works.append(self._looked_at(wanted, force=self._wishes.force))
                    except Stage1Error as problem:
                        yield self._failed(wanted, problem)
        self._require_affordable(works)
        for work in works:
            try:
                yield self._done(work)
            except Stage1Error as problem:
                yield self._failed(work.wanted, problem)

    def _failed(self, wanted: Wanted, problem: Stage1Error) -> Outcome:
        if problem.exit_code in (ExitCode.USAGE, ExitCode.CANNOT_NOW):
            raise problem
        path = self._data.raw_file(wanted.symbol, wanted.period, wanted.product)
        return Outcome(wanted, path, "failed", problem=problem)

    def _wanted(self, symbol: str, period: Period, products: Sequence[str]) -> Iterator[Wanted]:
        """What is wanted of a symbol and period; the files that are there say of which dataset, where nobody else does."""
        own = None
        if not self._wishes.force:
            paths = (raw_files.source_of(self._data, symbol, period, product) for product in PRODUCTS)
            own = next(filter(None, (raw_files.own_request(Place(path)) for path in paths)), None)
        dataset = self._wishes.dataset or (own[0] if own else self._settings.text("STAGE1_VENDOR_DATASET"))
        stype_in = self._wishes.stype_in or (own[1] if own else KINDS[0])
        for product in products:
            yield Wanted(symbol, period, product, PRODUCTS[product], dataset, stype_in)

    def _looked_at(self, wanted: Wanted, *, force: bool) -> _Work:
        """What there is of a raw file, and a plan for what is missing: the one that was not finished, else a new one."""
        place = Place(self._data.raw_file(wanted.symbol, wanted.period, wanted.product))
        if not force:
            source = raw_files.source_of(self._data, wanted.symbol, wanted.period, wanted.product)
            if source != place.file:
                year = replace(wanted, period=Period.year(wanted.period.first.year))
                return _Work(wanted, Place(source), raw_files.look(Place(source), year, keep=False, force=False))
        found = raw_files.look(place, wanted, keep=not self._wishes.dry_run, force=force)
        record = found.record
        is_ready = not force and record is not None and record.status == READY and record.sha256 == found.sha256
        # What a forced fetch that was interrupted has brought is as new as it can be.
        if found.plan is not None and not (force and found.plan.keeps_base):
            parts = self._held(place, found.plan, same=True)
            elsewhere = self._elsewhere(wanted, found.plan, parts) if found.plan.keeps_base or found.sha256 is None else {}
            resumed = _Work(wanted, place, found, found.plan, parts, elsewhere, is_resumed=True)
            # Nobody pays for the rest of it who did not ask for it again.
            if not (is_ready and resumed.missing):
                return resumed
        if is_ready:
            return _Work(wanted, place, found)
        if not force:
            raw_files.require_finished(place, found)
        if self._wishes.check is not None:
            self._wishes.check(wanted)
        from stage1.operations.fetch_plan import plan

        made = plan(self._vendor, wanted, found, force=force)
        if made is None or force:
            return _Work(wanted, place, found, made)
        parts = self._held(place, made, same=False)
        return _Work(wanted, place, found, made, parts, self._elsewhere(wanted, made, parts))

    def _held(self, place: Place, plan: Plan, *, same: bool) -> "dict[Segment, Part]":
        """The segments of a plan that have arrived before, under this plan or another one."""
        if not place.segments.is_dir():
            return {}
        from stage1.operations import fetch_segments

        keep = not self._wishes.dry_run
        arrived = (
            (segment, fetch_segments.held(place.segments, plan.wanted, segment, keep=keep, same_plan=same))
            for segment in plan.segments
        )
        return {segment: part for segment, part in arrived if part is not None}

    def _elsewhere(self, wanted: Wanted, plan: Plan, parts: "dict[Segment, Part]") -> dict[Segment, Path]:
        """The segments that need not be asked for, since the raw file of another period has them."""
        missing = [segment for segment in plan.segments if segment not in parts]
        found = ((segment, raw_files.holder_of(self._data, wanted, segment.start, segment.end)) for segment in missing)
        return {segment: path for segment, path in found if path is not None}

    def _require_affordable(self, works: Sequence[_Work]) -> None:
        """Says what all of it holds and costs; refuses, or asks a person, where that is more than allowed."""
        missing = [segment for work in works for segment in work.missing]
        if not missing:
            return
        dollars = sum((segment.dollars for segment in missing), Decimal(0))
        records = sum(segment.records for segment in missing)
        files = sum(1 for work in works if work.missing)
        total = f"{records:,} records for {files:,} {'file' if files == 1 else 'files'}, about ${dollars:,.2f}"
        self._say(f"to fetch: {total}, in {len(missing):,} requests")
        if self._wishes.dry_run or dollars <= self._allowed:
            self._allowed -= dollars
            return
        over = f"{total}; --max-cost allows ${self._allowed:,.2f}"
        if self._wishes.confirm is None or not self._wishes.confirm(f"{over}. Fetch it?"):
            raise CostRefused(
                f"To fetch: {over}.", hint=f"Nothing of it was asked for. To allow it: --max-cost {math.ceil(dollars)}"
            )
        self._allowed = Decimal(0)

    def _done(self, work: _Work) -> Outcome:
        begun = clock.monotonic()
        outcome = Outcome(work.wanted, work.place.file, "adopted" if work.found.adopted else "whole", work.found.record)
        if work.plan is None:
            self._tidy(work)
            return outcome
        missing = work.missing
        outcome.records = sum(segment.records for segment in missing)
        outcome.dollars = sum((segment.dollars for segment in missing), Decimal(0))
        outcome.segments = len(missing)
        if self._wishes.dry_run:
            outcome.status = "planned"
            return outcome
        from stage1.operations.fetch_join import joined

        if not work.is_resumed:
            self._begin(work, work.plan)
        if work.elsewhere:
            self._say(f"{work.wanted.name}: {len(work.elsewhere)} segments are taken from raw files of other periods")
        outcome.record = joined(work.place, work.found, work.plan, self._arrived(work, work.plan))
        outcome.status = "extended" if work.plan.keeps_base else "fetched"
        if work.is_resumed and outcome.record.status != READY:
            # The vendor's end may be another one by now.
            rest = self._looked_at(work.wanted, force=False)
            if rest.plan is not None:
                self._require_affordable([rest])
                further = self._done(rest)
                outcome.record = further.record
                outcome.records, outcome.dollars = outcome.records + further.records, outcome.dollars + further.dollars
                outcome.segments += further.segments
        outcome.seconds = clock.monotonic() - begun
        return outcome

    def _tidy(self, work: _Work) -> None:
        """Takes away what a fetch has left behind that is done."""
        # The year's files, of which a part was asked for, are another run's to tidy: this one has not their lock.
        is_own = work.place.file == self._data.raw_file(work.wanted.symbol, work.wanted.period, work.wanted.product)
        if is_own and not self._wishes.dry_run and work.found.plan is None and work.found.unfinished is None:
            raw_files.clear(work.place)

    def _begin(self, work: _Work, plan: Plan) -> None:
        """Writes a new plan down, before anything of it is paid for."""
        with explained(work.place.plan):
            if not plan.keeps_base and work.place.segments.is_dir() and not work.parts:
                shutil.rmtree(work.place.segments)
            work.place.segments.mkdir(parents=True, exist_ok=True)
        write_plan(work.place.plan, plan)
        faults.reach("fetch: planned")

    def _arrived(self, work: _Work, plan: Plan) -> "list[Part]":
        from stage1.operations import fetch_segments

        total, done, parts = sum(segment.records for segment in plan.segments), 0, []
        for segment in plan.segments:
            part = work.parts.get(segment)
            if segment in work.elsewhere:
                part = fetch_segments.take(work.elsewhere[segment], work.place.segments, work.wanted, segment)
            elif part is None:
                before = done
                part = fetch_segments.fetch(
                    self._vendor,
                    work.place.segments,
                    work.wanted,
                    segment,
                    self._say,
                    lambda records: self._progress(work.place.file, before + records, total),  # noqa: B023 - used within this turn
                )
            done += part.proven.records
            parts.append(part)
        self._progress(work.place.file, done, total)
        return parts

    @property
    def _vendor(self) -> "Vendor":
        if self._asked is None:
            from stage1.adapters.databento.vendor import Vendor
            from stage1.adapters.databento.vendor_problems import Patience

            settings = self._settings
            patience = Patience(settings.count("STAGE1_VENDOR_RETRIES"), settings.number("STAGE1_VENDOR_BACKOFF"), self._say)
            self._asked = Vendor(
                settings.text("DATABENTO_GATEWAY"),
                settings.text("DATABENTO_API_KEY"),
                settings.seconds("STAGE1_VENDOR_TIMEOUT"),
                patience,
            )
        return self._asked

    def _most_dollars(self) -> Decimal:
        if self._wishes.max_dollars is not None:
            return self._wishes.max_dollars
        self._settings.number("STAGE1_MAX_COST")  # refuses what is no amount; as a float it would not be exact
        return Decimal(self._settings.text("STAGE1_MAX_COST"))

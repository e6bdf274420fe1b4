"""What a fetch is asked to do, and what became of each file.

Owns what a person is told of a file. May import model. Refuses nothing.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from stage1.errors import Stage1Error
from stage1.model.some_of import some_of
from stage1.operations.fetch_records import Record, Wanted

KINDS = ("raw_symbol", "continuous", "instrument_id")  # of symbols that are one instrument at a time


@dataclass(frozen=True)
class Wishes:
    """What a fetch is asked to do."""

    dataset: str | None = None  # that of the files there are, else STAGE1_VENDOR_DATASET
    stype_in: str | None = None  # likewise, else raw_symbol
    force: bool = False
    dry_run: bool = False
    max_dollars: Decimal | None = None  # STAGE1_MAX_COST
    confirm: Callable[[str], bool] | None = None  # asks a person; None where nobody can be asked
    check: Callable[[Wanted], None] | None = None  # raises what would be in the way later, before anything is paid for


@dataclass
class Outcome:
    """What became of a raw file."""

    wanted: Wanted
    path: Path
    status: str  # whole: nothing was asked; adopted; planned (a dry run); fetched; extended; failed: `problem` says of what
    record: Record | None = None
    records: int = 0  # that were asked for
    dollars: Decimal = Decimal(0)
    segments: int = 0
    seconds: float = 0.0
    problem: Stage1Error | None = None  # the others go on

    def warnings(self) -> Iterator[str]:
        """What a person should know of the file, a sentence each."""
        if self.status == "adopted":
            yield "It was put there by somebody else: it is whole, and its records were not compared with the vendor's count."
        if self.record is not None and self.record.partial:
            yield f"The vendor knows {self.wanted.symbol} only on some of the days."
        if self.record is not None and self.record.conditions:
            days = [f"{day} ({condition})" for day, condition in self.record.conditions]
            yield f"The vendor has doubts about {some_of(days)}."

"""A part of what is loaded at once. Imports model alone; refuses nothing."""

from dataclasses import dataclass

from stage1.model.bar_rejects import RejectedRow
from stage1.model.bars import Bars


@dataclass(frozen=True, slots=True)
class Batch:
    """What a part of a file gives: bars that are right, by symbol and time, and the records that are not."""

    bars: Bars
    rejected: tuple[RejectedRow, ...] = ()

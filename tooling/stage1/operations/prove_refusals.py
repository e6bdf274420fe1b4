"""What prove_file says when it refuses a file: which file, what was found and expected, and the next command.

Owns these sentences and which error each is. May import model and errors.
"""

from collections.abc import Collection, Sequence
from pathlib import Path

from stage1.errors import BadRows, CountMismatch, FileChanged, Stage1Error, SymbolUnknown
from stage1.model.bar_checks import Checked
from stage1.model.bar_rejects import MOST_REJECTED, Reason
from stage1.model.some_of import some_of
from stage1.operations.ingest_options import IngestOptions

_OF_SYMBOLS = {Reason.UNMAPPED, Reason.AMBIGUOUS_SYMBOL}


def several_instruments(path: Path, options: IngestOptions, found: Sequence[str]) -> SymbolUnknown:
    """--symbol for a file of several instruments."""
    return SymbolUnknown(
        f"{path} holds {len(found):,} instruments, and --symbol {options.symbol} would make them one: {some_of(found)}.",
        detail="Expected one instrument where --symbol is given.",
        hint=f"Leave --symbol away, the file names its symbols itself: {options.command(path, symbol=None)}",
    )


def other_count(path: Path, options: IngestOptions, found: int) -> CountMismatch:
    """--expect-records says another number."""
    return CountMismatch(
        f"{path} holds {found:,} records.",
        detail=f"Expected {options.expect_records:,}, as --expect-records says.",
        hint="Fetch the file again: it may have been cut between two records, which cannot be seen from the file alone.",
    )


def changed(path: Path, options: IngestOptions, proven: str, found: str) -> FileChanged:
    """The second reading met another file than the first; `found` is its sha256 or what is wrong with it."""
    return FileChanged(
        f"{path} changed after it was proven; nothing of it is kept.",
        detail=f"Expected the file with the sha256 {proven}; found: {found}",
        hint=f"Wait until whoever writes it is done, then run the command again: {options.command(path)}",
    )


def require_rows(path: Path, options: IngestOptions, records: int, meant: int, publishers: Collection[int]) -> None:
    """Refuses a file without a record, and one without a record of the publisher that is asked for."""
    if not records:
        raise BadRows(
            f"{path} holds no bars: its header is whole, and no record follows it.",
            detail="Expected at least one record.",
            hint="Look at the days and symbols of the request; on a day without a trade there is nothing to load.",
        )
    if not meant:
        raise BadRows(
            f"{path} holds no bars of publisher {options.publisher}.",
            detail=f"Expected one of those that have bars in it: {some_of(sorted(publishers))}.",
            hint=f"Choose one of them, or leave --publisher away: {options.command(path, publisher=min(publishers))}",
        )


def require_right_rows(path: Path, options: IngestOptions, checked: Checked, meant: int, publishers: Collection[int]) -> None:
    """Refuses a file with bad rows; where they may be kept apart, one in which no other rows are, or too many."""
    bad = meant - checked.accepted
    hints = _hints(path, options, checked, publishers)
    if checked.too_many:
        message = f"{path} has more than {MOST_REJECTED:,} bad rows of {meant:,}, too many to be kept apart."
        raise BadRows(message, detail=_detail(checked), hint="\n".join(hints or [_FETCH]))
    if not checked.counts:
        return
    if options.on_bad_rows == "quarantine":
        if not checked.accepted:
            message = f"None of the {meant:,} rows of {path} can be loaded."
            raise BadRows(message, detail=_detail(checked), hint="\n".join(hints or [_FETCH]))
        return
    kind: type[Stage1Error] = SymbolUnknown if set(checked.counts) <= _OF_SYMBOLS else BadRows
    if checked.accepted:
        hints.append(f"To keep them in data_ingest_rejects and load the rest: {options.command(path, on_bad_rows='quarantine')}")
    message = f"{path} has {bad:,} bad {'row' if bad == 1 else 'rows'} of {meant:,}."
    raise kind(message, detail=_detail(checked), hint="\n".join(hints or [_FETCH]))


_FETCH = "Fetch the file again. If it comes the same, ask the vendor."


def _hints(path: Path, options: IngestOptions, checked: Checked, publishers: Collection[int]) -> list[str]:
    hints = []
    if Reason.SEVERAL_PUBLISHERS in checked.counts:
        choice = options.command(path, publisher=min(publishers))
        hints.append(f"The publishers are {some_of(sorted(publishers))}. To load the bars of one: {choice}")
    if _OF_SYMBOLS & set(checked.counts):
        hints.append(f"With the symbology.json of the job: {options.command(path, symbology=Path('symbology.json'))}")
        hints.append(f"If the file holds one instrument: {options.command(path, symbol='NAME')}")
    return hints


def _detail(checked: Checked) -> str:
    """Each reason with its count and its first rows. Rows are counted from 0, as in data_ingest_rejects."""
    lines = []
    for reason, count in checked.counts.items():
        lines.append(f"{reason.value}: {count:,} {'row' if count == 1 else 'rows'}, {reason.sentence}")
        lines += [
            f"  row {each.position:,}, {each.time}, {each.symbol or 'no symbol'}: found {each.found}; expected {each.expected}"
            for each in checked.examples[reason]
        ]
    return "\n".join(lines)

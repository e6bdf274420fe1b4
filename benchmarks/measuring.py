"""How a benchmark measures and reports: interleaved rounds, medians, and a table that can be kept in a document.

On a shared machine a figure alone says little. So everything that is to be compared is measured in turn, round after
round, the median of the rounds counts, and targets are ratios where they can be.
"""

import argparse
import os
import platform
import random
import statistics
from collections.abc import Callable, Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import psycopg

_Key = TypeVar("_Key", bound=Hashable)

DOCUMENT = Path(__file__).parent.parent / "docs" / "performance.md"


def settle(connection: psycopg.Connection[Any]) -> None:
    """Gathers statistics and marks every page as visible to all, as the tables of a quiet night are.

    A page is passed over by vacuum while its rows' WAL is not on disk (throwaway servers commit asynchronously) or while
    another process has it in hand; so it is looked at until none is left.
    """
    for _ in range(10):
        connection.execute("checkpoint")
        connection.execute("vacuum analyze")
        left = connection.execute(
            "select 1 from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace and relallvisible < relpages"
        )
        if left.fetchone() is None:
            return
    raise RuntimeError("vacuum left pages that are not visible to all; is another session at work?")


def medians(measures: Mapping[_Key, Callable[[], float]], rounds: int, warm_up: int) -> dict[_Key, float]:
    """Takes every measure once a round and returns the median of each over the rounds after the warm-up.

    Each round has another order: what follows a query that emptied the caches pays for it, and that must not be always the same.
    """
    taken: dict[_Key, list[float]] = {key: [] for key in measures}
    order = list(measures)
    shuffler = random.Random(1)  # noqa: S311 - the same order in every run is what is wanted
    for round_number in range(warm_up + rounds):
        shuffler.shuffle(order)
        for key in order:
            found = measures[key]()
            if round_number >= warm_up:
                taken[key].append(found)
    return {key: statistics.median(values) for key, values in taken.items()}


def verdict(held: bool) -> str:
    """How a table says that a target was held."""
    return "held" if held else "**missed**"


def figure(value: float) -> str:
    """Three digits are more than a shared machine can tell."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table whose columns stand below each other on a terminal, too."""
    widths = [max(len(row[column]) for row in [heads, *rows]) for column in range(len(heads))]
    lines = [heads, ["-" * width for width in widths], *rows]
    return "\n".join(
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in lines
    )


def machine() -> str:
    """The machine in a few words that hold for a while."""
    return f"{os.cpu_count()} cores, shared; {platform.system()}"


def parser(name: str, description: str | None, rounds: int) -> argparse.ArgumentParser:
    """The arguments that every benchmark takes."""
    found = argparse.ArgumentParser(prog=f"python -m benchmarks.{name}", description=description)
    found.add_argument("--quick", action="store_true", help="once, and little: does the benchmark work?")
    found.add_argument("--rounds", type=int, default=rounds)
    found.add_argument("--write", action="store_true", help="put the tables into docs/performance.md")
    return found


def ended(name: str, text: str, options: argparse.Namespace, *, all_held: bool) -> int:
    """Prints what was measured, keeps it where that is asked for, and returns 0 when every target was held."""
    print(text, end="\n\n")
    if options.write:
        keep(name, text)
    return 0 if all_held or options.quick else 1


def keep(name: str, text: str, document: Path = DOCUMENT) -> None:
    """Writes a text into the document, between the markers of that name."""
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    before, found_begin, rest = document.read_text(encoding="utf-8").partition(begin)
    _, found_end, after = rest.partition(end)
    if not (found_begin and found_end):
        raise SystemExit(f"{document} has no lines '{begin}' and '{end}'.")
    document.write_text(f"{before}{begin}\n{text}\n{end}{after}", encoding="utf-8")

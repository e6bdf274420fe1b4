"""A list in a sentence: its first few, and how many more there are. Imports nothing."""

from collections.abc import Sequence


def some_of(names: Sequence[object], shown: int = 5) -> str:
    """`a, b and 3 more`."""
    more = f" and {len(names) - shown:,} more" if len(names) > shown else ""
    return ", ".join(map(str, names[:shown])) + more

"""Decides which database a command works on, and says so."""

from collections.abc import Callable

from stage1.database.targets import Embedded, Target, resolve
from stage1.settings import Settings


def choose_database(
    settings: Settings, named: str | None, embedded: str, say: Callable[[str], None], *, embedded_is_meant: bool = False
) -> Target:
    """The target of a command; `embedded` is what it may do without a named one: never, existing or create."""
    target = resolve(settings, named, Embedded(embedded), embedded_is_meant=embedded_is_meant)
    for note in target.notes:
        say(note)
    say(f"database: {target.describe()}")
    return target

"""Decides which database a command works on, and says so."""

from collections.abc import Callable

from stage1.database.targets import Embedded, Target, resolve, resolve_for_replay, resolve_for_serving
from stage1.settings import Settings


def choose_database(
    settings: Settings, named: str | None, embedded: str, say: Callable[[str], None], *, embedded_is_meant: bool = False
) -> Target:
    """The target of a command; `embedded` is what it may do without a named one: never, existing or create."""
    return _said(resolve(settings, named, Embedded(embedded), embedded_is_meant=embedded_is_meant), say)


def choose_replay_database(
    settings: Settings, named: str | None, say: Callable[[str], None], *, embedded_is_meant: bool = False
) -> Target:
    """The target of a replay, which logs in as its own weak role."""
    return _said(resolve_for_replay(settings, named, embedded_is_meant=embedded_is_meant), say)


def choose_served_database(
    settings: Settings, named: str | None, say: Callable[[str], None], *, embedded_is_meant: bool = False
) -> Target:
    """The target of the REST server, which needs a weaker role than an operator."""
    return _said(resolve_for_serving(settings, named, embedded_is_meant=embedded_is_meant), say)


def _said(target: Target, say: Callable[[str], None]) -> Target:
    for note in target.notes:
        say(note)
    say(f"database: {target.describe()}")
    return target

"""The options that every command knows, defined once, and the state that they fill.

A command may be given them before or behind its name.
"""

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import click

from stage1 import settings as settings_module
from stage1.cli import rendering
from stage1.errors import Stage1Error
from stage1.redaction import passwords_in, redact
from stage1.settings import Settings

if TYPE_CHECKING:
    from stage1.database.targets import Target


class Application:
    """What a command is handed: the settings, and the ways to talk and to answer."""

    def __init__(self) -> None:
        self.database: str | None = None
        self.embedded = False
        self.wanted_format: str | None = None
        self.verbosity = rendering.Verbosity.NORMAL
        self.exit_code = 0
        self._settings: Settings | None = None

    @property
    def settings(self) -> Settings:
        """The settings, read when first needed: --help must not stumble over a broken .env."""
        if self._settings is None:
            self._settings = settings_module.load()
            for note in self._settings.notes:
                self.say(note)
        return self._settings

    @property
    def format(self) -> rendering.Format:
        """The format of the answer."""
        return rendering.chosen_format(self.wanted_format)

    def target(self, embedded: str = "existing") -> "Target":
        """The database of this command; what it may do with the embedded one is 'never', 'existing' or 'create'."""
        from stage1.operations.choose_database import choose_database

        return choose_database(self.settings, self.database, embedded, self.say, embedded_is_meant=self.embedded)

    def say(self, text: str) -> None:
        """Talk, unless -q."""
        if self.verbosity is not rendering.Verbosity.QUIET:
            rendering.say(text)

    def detail(self, text: str) -> None:
        """Talk that only -v shows."""
        if self.verbosity is rendering.Verbosity.VERBOSE:
            rendering.say(text)

    def complain(self, problem: Stage1Error, name: str = "") -> None:
        """Says an error, whatever -q says; `name` is that of the one among several that it is of."""
        named = f"{name}: " if name and name not in problem.message else ""
        code = f" [{problem.sqlstate}]" if problem.sqlstate else ""
        lines = [f"error: {named}{problem.message}{code}", *problem.detail.splitlines(), *problem.hint.splitlines()]
        rendering.say(redact("\n  ".join(lines), self.secrets()))

    def secrets(self) -> tuple[str, ...]:
        """Every password and key that this process was given, wherever it may turn up."""
        try:
            known = self.settings.secrets()
        except Stage1Error:
            known = ()
        given = (*known, self.database or "")
        return (*given, *(password for text in given for password in passwords_in(text)), os.environ.get("PGPASSWORD", ""))

    def show(self, rows: list[dict[str, Any]], columns: Sequence[str] = ()) -> None:
        """An answer that is a list; a table shows the given columns, so that a line fits a screen."""
        if columns and self.format is rendering.Format.TABLE and self.verbosity is not rendering.Verbosity.VERBOSE:
            rows = [{name: row[name] for name in columns} for row in rows]
        rendering.show_rows(rows, self.format)

    def show_record(self, record: dict[str, Any]) -> None:
        """An answer that is one thing."""
        rendering.show_record(record, self.format)

    def show_report(self, document: dict[str, Any], sections: list[rendering.Section]) -> None:
        """An answer with parts."""
        rendering.show_report(document, sections, self.format)


def _remember(name: str) -> Callable[[click.Context, click.Parameter, Any], Any]:
    def callback(context: click.Context, parameter: click.Parameter, value: Any) -> Any:  # noqa: ARG001 - click's signature
        if value is not None and value is not False:
            application = context.ensure_object(Application)
            if name in ("verbose", "quiet"):
                application.verbosity = rendering.Verbosity(name)
            else:
                setattr(application, name, value)
        return value

    return callback


def shared() -> list[click.Parameter]:
    """A fresh set of the shared options."""
    return [
        click.Option(
            ["--database"],
            metavar="URL",
            expose_value=False,
            callback=_remember("database"),
            help="The database: a URL or libpq's key=value form (env: DATABASE_URL; else PG*; else the embedded PostgreSQL).",
        ),
        click.Option(
            ["--embedded"],
            is_flag=True,
            expose_value=False,
            callback=_remember("embedded"),
            help="The embedded PostgreSQL of this folder is meant, whatever the environment names.",
        ),
        click.Option(
            ["--format"],
            type=click.Choice([kind.value for kind in rendering.Format]),
            expose_value=False,
            callback=_remember("wanted_format"),
            help="How the answer is written: a table on a terminal, JSON in a pipe.",
        ),
        click.Option(
            ["-v", "--verbose"], is_flag=True, expose_value=False, callback=_remember("verbose"), help="Say more on stderr."
        ),
        click.Option(
            ["-q", "--quiet"],
            is_flag=True,
            expose_value=False,
            callback=_remember("quiet"),
            help="Say nothing on stderr but errors.",
        ),
    ]


class Command(click.Command):
    """A command that knows the shared options."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.params.extend(shared())


class Group(click.Group):
    """A group whose commands know the shared options."""

    command_class = Command
    group_class = type

    def __init__(self, *arguments: Any, **named: Any) -> None:
        named.setdefault("context_settings", {"help_option_names": ["-h", "--help"], "max_content_width": 110})
        super().__init__(*arguments, **named)


pass_application = click.make_pass_decorator(Application, ensure=True)

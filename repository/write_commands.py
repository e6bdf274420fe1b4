"""docs/reference/cli.md: the help of every command, as the command prints it."""

from collections.abc import Iterator

import click

from repository.markdown import code, page
from stage1.cli.main import cli

WIDTH = 100

_INTRODUCTION = """\
Every command knows the shared options (`--database`, `--embedded`, `--format`, `-v`, `-q`), before or behind its name; only
behind `psql` they belong to psql. The answer goes to stdout, everything else to stderr. What the exit codes mean stands in
[errors.md](errors.md#exit-codes), what the environment may say in [settings.md](settings.md)."""


def commands(command: click.Command = cli, parent: click.Context | None = None) -> Iterator[tuple[str, click.Context]]:
    """Every command with its whole name, groups before what they hold."""
    name = command.name if parent else "stage1"
    context = click.Context(command, parent=parent, info_name=name, terminal_width=WIDTH, **_settings(command))
    yield context.command_path, context
    if isinstance(command, click.Group):
        for child in command.list_commands(context):
            found = command.get_command(context, child)
            if found is not None:
                yield from commands(found, context)


def write() -> str:
    """The page."""
    parts = [f"## {name}\n\n{code(context.get_help(), 'text')}" for name, context in commands()]
    return page("Commands", "repository/write_commands.py, from the commands' own `--help`", _INTRODUCTION, *parts)


def _settings(command: click.Command) -> dict[str, object]:
    return {key: value for key, value in command.context_settings.items() if key in ("help_option_names", "max_content_width")}

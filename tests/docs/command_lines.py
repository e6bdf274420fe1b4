"""Reads a command line as the command itself would, without running it."""

from collections.abc import Iterator

import click

from stage1.cli.main import cli


def parse(arguments: list[str]) -> None:
    """Raises click's own error where the arguments are not understood."""
    command: click.Command = cli
    context: click.Context | None = None
    name = "stage1"
    while True:
        context = command.make_context(name, list(arguments), parent=context)
        if not isinstance(command, click.Group):
            return
        rest = [*context._protected_args, *context.args]
        found_name, found, arguments = command.resolve_command(context, rest)
        assert found is not None, f"{' '.join(rest)}: no such command"
        name, command = found_name or "", found


def leaves_and_groups(
    command: click.Command = cli, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command with the words that call it; the root is ()."""
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None
            yield from leaves_and_groups(found, (*path, name))

"""`stage1 completion`."""

import click
from click.shell_completion import BashComplete, FishComplete, ShellComplete, ZshComplete

from stage1.cli.options import Command
from stage1.cli.rendering import write

_SHELLS: dict[str, type[ShellComplete]] = {"bash": BashComplete, "zsh": ZshComplete, "fish": FishComplete}


@click.command(cls=Command)
@click.argument("shell", type=click.Choice(list(_SHELLS)))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the completion script of a shell.

    \b
    Examples:
        stage1 completion bash >> ~/.bashrc
        stage1 completion fish > ~/.config/fish/completions/stage1.fish
    """
    root = context.find_root()
    write(_SHELLS[shell](root.command, {}, "stage1", "_STAGE1_COMPLETE").source())

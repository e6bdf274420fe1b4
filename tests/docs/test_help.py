"""Does every command explain itself, with examples that it would understand itself?"""

import re
import shlex
import subprocess
import sys

import click
import pytest

from stage1.cli.main import COMMANDS, cli
from tests.docs.command_lines import leaves_and_groups, parse
from tests.docs.pages import ROOT

EVERY_COMMAND = [(" ".join(("stage1", *path)), command) for path, command in leaves_and_groups()]
LEAVES = [(name, command) for name, command in EVERY_COMMAND if not isinstance(command, click.Group)]


def _examples(command: click.Command) -> list[str]:
    """The lines under `Examples:` in a command's help, without what they say beside the command."""
    _, _, text = (command.help or "").partition("Examples:\n")
    lines = text.partition("\n\n")[0].splitlines()
    return [re.split(r"\s{2,}", line.strip())[0] for line in lines if line.strip()]


def test_the_table_of_commands_is_complete() -> None:
    modules = {path.stem for path in (ROOT / "tooling" / "stage1" / "cli").glob("*.py")}
    assert set(COMMANDS) == modules - {
        "__init__",
        "main",
        "options",
        "rendering",
        "progress",
        "ages",
        "backup_proof",
        "ingest_report",
        "pipeline_options",
    }


@pytest.mark.parametrize("name", COMMANDS)
def test_the_table_says_what_the_command_says(name: str) -> None:
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    assert (command.help or "").partition("\n")[0] == COMMANDS[name]


@pytest.mark.parametrize(("name", "command"), EVERY_COMMAND, ids=[name for name, _ in EVERY_COMMAND])
def test_every_command_begins_its_help_with_a_sentence(name: str, command: click.Command) -> None:
    first = (command.help or "").partition("\n")[0]
    assert re.fullmatch(r"[A-Z].*\.", first), f"{name}: the help begins with {first!r}, a sentence was expected"


@pytest.mark.parametrize(("name", "command"), LEAVES, ids=[name for name, _ in LEAVES])
def test_every_command_has_examples(name: str, command: click.Command) -> None:
    assert _examples(command), f"{name}: its help has no `Examples:` block"


@pytest.mark.parametrize(("name", "command"), EVERY_COMMAND, ids=[name for name, _ in EVERY_COMMAND])
def test_the_examples_are_understood(name: str, command: click.Command) -> None:
    for example in _examples(command):
        words = shlex.split(example.partition(" > ")[0].partition(" >> ")[0].partition(" | ")[0])
        while "=" in words[0]:
            words = words[1:]
        assert words[0] == "stage1", f"{name}: an example begins with {words[0]!r}"
        parse(words[1:])
        path = name.split()[1:]
        assert not path or [word for word in words if word in path] == path, (
            f"{name}: the example {example!r} is of another command"
        )


@pytest.mark.parametrize(("name", "command"), EVERY_COMMAND, ids=[name for name, _ in EVERY_COMMAND])
def test_every_option_says_what_it_is_for(name: str, command: click.Command) -> None:
    silent = [option.opts[0] for option in command.params if isinstance(option, click.Option) and not option.help]
    assert not silent, f"{name}: {', '.join(silent)} have no help"


def test_help_is_the_same_through_the_process() -> None:
    printed = subprocess.run(
        [sys.executable, "-m", "stage1", "migrate", "--help"], capture_output=True, text=True, check=True
    ).stdout
    assert "Bring the database to the schema of this version." in printed
    assert "stage1 migrate --plan" in printed


def test_a_command_that_is_not_understood_fails_here_too() -> None:
    with pytest.raises(click.UsageError):
        parse(["migrate", "--no-such-option"])
    with pytest.raises(click.UsageError):
        parse(["no-such-command"])

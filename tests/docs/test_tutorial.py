"""Does the tutorial do what it shows, and the README's first command?"""

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from stage1 import settings as settings_module
from stage1.database.embedded import EmbeddedServer
from tests.docs.pages import ROOT, Step, blocks, pattern_of, steps

# The ports and programs that the pages show are those of a reader; a test must not meet another one's server.
_SHOWN_PORT = "5433"


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """An empty folder; an embedded server that a page started in it is gone at the end."""
    place = tmp_path / "trading"
    place.mkdir()
    yield place
    EmbeddedServer(place, settings_module.load(environment={}, start=place), throwaway=True).destroy()


@pytest.fixture
def terminal(tmp_path: Path) -> dict[str, str]:
    """The environment of somebody at a terminal: `stage1` is found, and answers with tables."""
    programs = tmp_path / "bin"
    programs.mkdir()
    shim = programs / "stage1"
    shim.write_text(f'#!/bin/sh\nexec {sys.executable} -m stage1 --format table "$@"\n')
    shim.chmod(0o755)
    return {
        **os.environ,
        "PATH": f"{programs}:{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PAGER": "cat",
        "COLUMNS": "200",
    }


def _run(step: Step, folder: Path, environment: dict[str, str]) -> str:
    finished = subprocess.run(
        ["bash", "-c", step.command],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=100,
    )
    return "".join(f"{line.rstrip()}\n" for line in finished.stdout.splitlines())


def _check(step: Step, output: str) -> None:
    if pattern_of(step.expected).fullmatch(output):
        return
    lines = step.expected.splitlines(keepends=True)
    fitting = next(count for count in range(len(lines), -1, -1) if pattern_of("".join(lines[:count])).match(output))
    wanted = lines[fitting] if fitting < len(lines) else "(the end)\n"
    pytest.fail(
        f"{step.where}: $ {step.command}\nthe page shows, and the command did not print:\n{wanted}\nit printed:\n{output}",
        pytrace=False,
    )


@pytest.mark.timeout(240)
def test_the_tutorial_prints_what_it_shows(folder: Path, terminal: dict[str, str]) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = str(listener.getsockname()[1])
    shown = steps(ROOT / "docs" / "tutorial.md")
    assert len(shown) > 10
    for written in shown:
        step = Step(written.where, written.command.replace(_SHOWN_PORT, port), written.expected.replace(_SHOWN_PORT, port))
        if step.command.startswith("export "):
            name, _, value = step.command.removeprefix("export ").partition("=")
            terminal[name] = value.strip('"').replace("$PWD", str(folder))
            continue
        _check(step, _run(step, folder, terminal))


@pytest.mark.timeout(240)
def test_make_demo_prints_what_the_readme_shows(folder: Path, terminal: dict[str, str]) -> None:
    if shutil.which("make") is None:
        pytest.skip("make is not installed")
    for path in ROOT.iterdir():
        if path.name not in (".stage1", ".venv", ".git", "data"):
            (folder / path.name).symlink_to(path)
    (folder / ".venv").symlink_to(sys.prefix)
    # What is installed already is not installed again by a test.
    environment = {**terminal, "MAKEFLAGS": "--no-print-directory --old-file=.venv/.tool-installed"}
    command, output = blocks(ROOT / "README.md")[:2]
    assert (command.text, output.language) == ("make demo\n", "text")
    step = Step(f"README.md:{command.line}", command.text, output.text)
    _check(step, _run(step, folder, environment))


def test_the_readme_shows_no_command_that_is_not_run() -> None:
    # The second one is the run of the tests itself.
    assert [block.text for block in blocks(ROOT / "README.md") if block.language != "text"] == ["make demo\n", "make test\n"]


@pytest.mark.parametrize(
    ("shown", "printed", "fits"),
    [
        ("done: … applied\n", "done: 5 applied\n", True),
        ("done: … applied\n", "done: 5 applied\nand more\n", False),
        ("a\n…\nz\n", "a\nb\nc\nz\n", True),
        ("a\n…\nz\n", "a\nb\nc\n", False),
        ("a.c\n", "abc\n", False),
    ],
)
def test_an_ellipsis_stands_for_what_changes_and_nothing_else(shown: str, printed: str, fits: bool) -> None:
    assert bool(pattern_of(shown).fullmatch(printed)) is fits

"""Are files named for what they hold, short, and free of the machine they were written on?"""

import re
from pathlib import Path

import pytest

from tests.repository.sources import ROOT, all_files, files, name_of

_FORBIDDEN_NAMES = ("util", "utils", "common", "helper", "helpers", "manager", "managers", "misc")
_LONGEST = 300

# Longer than the rest, each with its reason.
_MAY_BE_LONG = {
    "tooling/stage1/errors.py": "the one error table: split, it would be two",
}

# Written in pieces, so that this file does not hold them.
_REGISTRIES = (
    "py" + "pi.org",
    "python" + "hosted",
    "npm" + "js",
    "yarn" + "pkg",
    "conda" + ".io",
    "anaconda" + ".org",
    "crates" + ".io",
)
_MACHINE_PATHS = re.compile(r"(?<![\w.])/" + r"(?:work|root|home/\w+|Users/\w+|mnt|tmp/\w+)" + r"(?=/)")


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return ""


def test_no_file_is_named_after_nothing() -> None:
    bad = [name_of(path) for path in all_files() if set(re.split(r"[_\W]", path.stem.lower())) & set(_FORBIDDEN_NAMES)]
    assert not bad, f"a name says what is in a file: {bad}"


@pytest.mark.parametrize("path", files(".py", ".sql", ".ts", ".tsx"), ids=name_of)
def test_no_file_is_long(path: Path) -> None:
    if path.parent.name in ("snapshots", "generated"):
        return  # generated: the sum of all
    lines = len(_text(path).splitlines())
    assert lines <= _LONGEST or name_of(path) in _MAY_BE_LONG, f"{name_of(path)} has {lines} lines; split it by what it is about"


def test_every_long_file_is_still_long() -> None:
    short = [name for name in _MAY_BE_LONG if len(_text(ROOT / name).splitlines()) <= _LONGEST]
    assert not short, f"no longer exceptions: {short}"


def test_no_file_names_a_registry() -> None:
    bad = [f"{name_of(path)}: {host}" for path in all_files() for host in _REGISTRIES if host in _text(path)]
    assert not bad, f"any mirror has to serve: {bad}"


def test_no_file_names_a_folder_of_a_machine() -> None:
    bad = [f"{name_of(path)}: {match[0]}" for path in all_files() for match in _MACHINE_PATHS.finditer(_text(path))]
    assert not bad, bad


def test_files_end_with_a_line_and_hold_no_carriage_returns() -> None:
    bad = [name_of(path) for path in all_files() if (text := _text(path)) and (not text.endswith("\n") or "\r" in text)]
    assert not bad, bad


def test_exact_versions_are_pinned_and_nothing_else() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    bad = [line for line in lines if line and not line.startswith("#") and not re.fullmatch(r"[\w.-]+==[\w.+]+", line)]
    assert not bad, f"constraints.txt holds name==version and nothing else: {bad}"


def test_every_python_module_says_what_it_is_for() -> None:
    bad = [name_of(path) for path in files(".py") if path.stat().st_size and not _text(path).lstrip().startswith(('"""', "#!"))]
    assert not bad, f"a module begins with its purpose: {bad}"


def test_every_target_of_make_has_a_text() -> None:
    makefile = _text(ROOT / "Makefile")
    phony = set(re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)[1].split())  # type: ignore[index]
    described = set(re.findall(r"^([a-z/-]+):.*## \S", makefile, re.MULTILINE))
    assert phony == described

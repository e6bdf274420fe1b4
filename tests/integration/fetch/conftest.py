"""The command in this process, against a stand-in of a test's own; and what a twin has that nothing disturbed."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import pytest

from tests.plugins.command_line import CallResult
from tests.plugins.fetched_files import fetch_here, small_vendor, tree
from tests.standin.vendor import Vendor


class Fetch(Protocol):
    """The fixture's type."""

    def __call__(self, *arguments: str, exit_code: int = 0, data: Path | None = None, **env: str) -> CallResult: ...


class Twin(Protocol):
    """The fixture's type."""

    def __call__(self, *arguments: str) -> dict[str, bytes]: ...


@pytest.fixture
def vendor() -> Iterator[Vendor]:
    """A stand-in with few trades a day."""
    with small_vendor() as serving:
        yield serving


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """The data folder; the command makes it."""
    return tmp_path / "data"


@pytest.fixture
def fetch(
    vendor: Vendor, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Fetch:
    """Runs `stage1 fetch` against the stand-in, and asserts its exit code. `env` are settings for this one run."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    asked_of, standard = vendor, data

    def run(*arguments: str, exit_code: int = 0, data: Path | None = None, **env: str) -> CallResult:
        found = fetch_here(asked_of, data or standard, *arguments, **env)
        said = capsys.readouterr()
        assert found == exit_code, said.err
        return CallResult(found, said.out, said.err)

    return run


@pytest.fixture(scope="session")
def _twins() -> dict[tuple[str, ...], dict[str, bytes]]:
    return {}


@pytest.fixture
def twin(_twins: dict[tuple[str, ...], dict[str, bytes]], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Twin:
    """The files of a fetch that nothing disturbed, of the same market; made once for the same arguments."""

    def files(*arguments: str) -> dict[str, bytes]:
        if arguments not in _twins:
            folder = tmp_path / "twin"
            with small_vendor() as undisturbed:
                assert fetch_here(undisturbed, folder, *arguments) == 0
            capsys.readouterr()
            _twins[arguments] = tree(folder)
        return _twins[arguments]

    return files

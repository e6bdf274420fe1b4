"""Runs the command `stage1` as a process of its own, in a folder of its own, and reads everything it said."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pytest

from tests.plugins.databases import Database

_TIMEOUT = 60


@dataclass(frozen=True)
class CallResult:
    """How a command ended."""

    exit_code: int
    stdout: str
    stderr: str

    @property
    def json(self) -> Any:
        """The answer, which is JSON in a pipe."""
        return json.loads(self.stdout)

    @property
    def said(self) -> str:
        """Both streams, to look for what must not be in either."""
        return self.stdout + self.stderr


class RunCli(Protocol):
    """The fixture's type."""

    def __call__(
        self,
        *arguments: str,
        database: Database | None = None,
        cwd: Path | None = None,
        env: dict[str, str] | None = None,
        package: Path | None = None,
    ) -> CallResult: ...


class StartCli(Protocol):
    """The type of `start_cli`."""

    def __call__(
        self, *arguments: str, database: Database | None = None, env: dict[str, str] | None = None, package: Path | None = None
    ) -> "subprocess.Popen[str]": ...


def _process(
    tmp_path: Path, arguments: tuple[str, ...], database: Database | None, env: dict[str, str] | None, package: Path | None
) -> dict[str, Any]:
    named = ["--database", database.url] if database else []
    path = {"PYTHONPATH": os.pathsep.join([str(package), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)} if package else {}
    return {
        "args": [sys.executable, "-m", "stage1", *named, *arguments],
        "env": {**os.environ, "STAGE1_BACKUP_DIR": str(tmp_path / "backups"), "TMPDIR": str(tmp_path), **path, **(env or {})},
        "stdin": subprocess.DEVNULL,
        "text": True,
    }


@pytest.fixture
def run_cli(tmp_path: Path) -> RunCli:
    """`run_cli("status", database=database)`; without a database none is named. Backups go below tmp_path.

    `package` is a folder with another copy of the package, which is run in place of the installed one.
    """

    def run(
        *arguments: str,
        database: Database | None = None,
        cwd: Path | None = None,
        env: dict[str, str] | None = None,
        package: Path | None = None,
    ) -> CallResult:
        found = subprocess.run(
            **_process(tmp_path, arguments, database, env, package),
            cwd=cwd or tmp_path,
            capture_output=True,
            timeout=_TIMEOUT,
            check=False,
        )
        return CallResult(found.returncode, found.stdout, found.stderr)

    return run


def _can_be_interrupted() -> None:
    # Whoever runs the tests in the background has SIGINT ignored, and children inherit that.
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.fixture
def start_cli(tmp_path: Path) -> Iterator[StartCli]:
    """Starts a command and returns its process; the test waits for it, and none outlives the test."""
    started: list[subprocess.Popen[str]] = []

    def start(
        *arguments: str, database: Database | None = None, env: dict[str, str] | None = None, package: Path | None = None
    ) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            **_process(tmp_path, arguments, database, env, package),
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            preexec_fn=_can_be_interrupted,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()

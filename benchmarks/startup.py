"""`make benchmark`: how long a person waits for the command `stage1`, and for the first start of the embedded PostgreSQL.

Each command is a process of its own, from its start to its end, in a project folder of its own whose database is up to date.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks import measuring, servers
from stage1 import settings
from stage1.database.embedded import EmbeddedServer

HELP = "stage1 --help"
STATUS = "stage1 status, of an up-to-date database"
NOTHING = "stage1 migrate, nothing to do"
RESTART = "stage1 server start, of a server that was stopped"
FIRST = "stage1 server start, the first in a folder"
MOST_SECONDS = {HELP: 0.3, STATUS: 0.6, FIRST: 3.0}


def stage1(project: Path, *arguments: str) -> float:
    """Runs the command in a project's folder and returns the seconds that it took."""
    mine = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "STAGE1_", "DATABASE_URL"))}
    start = time.perf_counter()
    ended = subprocess.run(
        [sys.executable, "-m", "stage1", *arguments], cwd=project, env=mine, capture_output=True, text=True, check=False
    )
    seconds = time.perf_counter() - start
    if ended.returncode not in (0, 1):  # `status` answers no, since this database has no backup
        raise SystemExit(f"stage1 {' '.join(arguments)}: {ended.stderr}")
    return seconds


def first_start() -> float:
    """Starts the embedded PostgreSQL of a new folder, and deletes it."""
    with servers.folder() as project:
        try:
            return stage1(project, "server", "start")
        finally:
            delete(project)


def restart(project: Path) -> float:
    """Starts the project's server after stopping it."""
    stage1(project, "server", "stop")
    return stage1(project, "server", "start")


def delete(project: Path) -> None:
    """Stops the server of a folder and deletes its cluster."""
    EmbeddedServer(project, settings.load(environment={}, start=project), throwaway=True).destroy()


def measure(rounds: int) -> tuple[str, bool]:
    """Returns the text for the document and whether every target was held."""
    with servers.folder() as project:
        try:
            stage1(project, "migrate")
            measures: dict[str, Callable[[], float]] = {
                HELP: lambda: stage1(project, "--help"),
                STATUS: lambda: stage1(project, "status"),
                NOTHING: lambda: stage1(project, "migrate"),
                RESTART: lambda: restart(project),
                FIRST: first_start,
            }
            found = measuring.medians(measures, rounds, warm_up=1)
        finally:
            delete(project)
    rows, all_held = [], True
    for name, seconds in found.items():
        most = MOST_SECONDS.get(name)
        held = most is None or seconds < most
        all_held = all_held and held
        rows.append([name, f"{seconds:.2f}", f"{most} s" if most else "", measuring.verdict(held) if most else ""])
    text = f"Seconds, medians of {rounds} interleaved rounds; {measuring.machine()}.\n\n"
    return text + measuring.table(["what", "seconds", "target", ""], rows), all_held


def main(arguments: list[str]) -> int:
    """Returns 0 when every target was held."""
    options = measuring.parser("startup", __doc__, 7).parse_args(arguments)
    text, all_held = measure(1 if options.quick else options.rounds)
    return measuring.ended("startup", text, options, all_held=all_held)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

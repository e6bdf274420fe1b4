"""Loads many files: each by itself, so that one that fails does not stop the others.

Owns which files are meant by a path, a folder or a pattern, how many are loaded at once, and what all of them together
came to. Refuses a path that names nothing.
"""

import glob
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from stage1.errors import (
    ConnectionLost,
    DatabaseUnreachable,
    ExitCode,
    FileUnusable,
    NotMigrated,
    ServerReadOnly,
    Stage1Error,
    UsageRefused,
)
from stage1.operations.ingest import Outcome, Progress

_SUFFIXES = (".dbn", ".dbn.zst")
# What is wrong with the database is wrong for the next file, too.
_ENDS_ALL = (ConnectionLost, DatabaseUnreachable, NotMigrated, ServerReadOnly)

_WHAT_TO_NAME = "Name a file, a folder, or a pattern in quotes ('2023/*.dbn.zst')."

Work = Callable[[Path, Progress], Outcome]


def find_files(given: Sequence[str]) -> list[Path]:
    """The files that are meant, each once, in the order in which they are given; those of a folder by name."""
    found: dict[Path, Path] = {}
    for name in given:
        for path in _meant(name):
            found.setdefault(path.resolve(), path)
    return list(found.values())


def _meant(name: str) -> list[Path]:
    path = Path(name)
    if path.is_dir():
        files = sorted(each for each in path.rglob("*") if each.name.endswith(_SUFFIXES) and each.is_file())
        if not files:
            raise UsageRefused(f"{name} holds no DBN file.", hint="A folder is searched for names that end in .dbn or .dbn.zst.")
        return files
    if path.exists():
        return [path]
    if not glob.has_magic(name):
        raise FileUnusable(f"{name} does not exist.", hint=_WHAT_TO_NAME)
    files = sorted(Path(each) for each in glob.glob(name, recursive=True))  # noqa: PTH207 - Path.glob takes no absolute pattern
    if not any(each.is_file() for each in files):
        raise UsageRefused(f"No file is like {name}.", hint=_WHAT_TO_NAME)
    return [each for each in files if each.is_file()]


def ingest_files(paths: Sequence[Path], work: Work, jobs: int, progress: Progress) -> Iterator[Outcome]:
    """Works on each file, up to `jobs` at once, and gives what became of it, in the order of the paths."""
    interrupted, pointless = threading.Event(), threading.Event()

    def watched(step: str, done: int, total: int) -> None:
        # Threads cannot be interrupted: they ask, between two pieces of work.
        if interrupted.is_set():
            raise KeyboardInterrupt
        progress(step, done, total)

    def one(path: Path) -> Outcome:
        if pointless.is_set():
            return Outcome(path, "not tried")
        try:
            return work(path, watched)
        except _ENDS_ALL as problem:
            pointless.set()
            return Outcome(path, "failed", problem=problem)
        except Stage1Error as problem:
            if problem.exit_code is ExitCode.BUG:
                raise
            return Outcome(path, "failed", problem=problem)

    if jobs == 1 or len(paths) == 1:
        yield from map(one, paths)
        return
    with ThreadPoolExecutor(jobs, thread_name_prefix="ingest") as pool:
        futures: list[Future[Outcome]] = [pool.submit(one, path) for path in paths]
        try:
            for future in futures:
                yield future.result()
        except BaseException:
            interrupted.set()
            for future in futures:
                future.cancel()
            raise


def exit_code_of(outcomes: Sequence[Outcome]) -> int:
    """0 where all is loaded; the refusal's own code where nothing is; 1 where some of many failed."""
    problems = [outcome.problem for outcome in outcomes if outcome.problem is not None]
    if not problems:
        return ExitCode.DONE
    codes = {problem.exit_code for problem in problems}
    failed = [outcome for outcome in outcomes if outcome.status in ("failed", "not tried")]
    if len(codes) == 1 and (len(failed) == len(outcomes) or ExitCode.CANNOT_NOW in codes):
        return codes.pop()
    return ExitCode.ANSWER_IS_NO

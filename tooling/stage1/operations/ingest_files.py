"""Loads many files: each by itself, so that one that fails does not stop the others.

Owns which files are meant by a path, a folder or a pattern, how many are loaded at once, how an interruption reaches them,
and what all of them together came to. Refuses a path that names nothing, and a folder that cannot be read.
"""

import os
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from glob import glob, has_magic
from pathlib import Path

from stage1 import clock
from stage1.adapters.databento import batch_folder
from stage1.database.bar_loading import Loader
from stage1.errors import (
    DatabaseUnreachable,
    ExitCode,
    FileUnusable,
    NotMigrated,
    ServerReadOnly,
    Stage1Error,
    Unexpected,
    UsageRefused,
)
from stage1.model.some_of import some_of
from stage1.operations.ingest import Outcome
from stage1.operations.load_bars import Progress

# What is wrong with the database is wrong for the next file, too. A connection that was lost may be one alone.
_ENDS_ALL = (DatabaseUnreachable, NotMigrated, ServerReadOnly)

_WHAT_TO_NAME = "Name a file, a folder, or a pattern in quotes ('2023/*.dbn.zst')."
_SHOWN = 10  # names in a warning
_LONGEST = 255  # letters of a name that is repeated whole

_PATIENCE = 10.0  # seconds that files at work have to end when all is interrupted
_ASK_AGAIN = 0.2  # seconds after which what still runs is cancelled once more

Work = Callable[[Path, Progress, Callable[[Loader], None]], Outcome]


def find_files(given: Sequence[str], say: Callable[[str], None]) -> list[Path]:
    """The files that are meant, each once, in the order in which they are given; those of a folder by name.

    `say` is told which files a folder should have and has not.
    """
    found: dict[str, Path] = {}
    for name in given:
        try:
            for path in _meant(name, say):
                found.setdefault(os.path.realpath(path), path)
        except OSError as problem:
            shown = str(problem.filename or name)
            shown = shown if len(shown) <= _LONGEST else f"{shown[:_LONGEST]}..."
            raise FileUnusable(f"{shown} cannot be read: {problem.strerror}.", hint=_WHAT_TO_NAME) from problem
    return list(found.values())


def _meant(name: str, say: Callable[[str], None]) -> list[Path]:
    if not name:
        raise UsageRefused("An empty name was given.", hint=_WHAT_TO_NAME)
    path = Path(name)
    if path.is_dir():
        files = sorted(_files_below(path, say))
        if not files:
            raise UsageRefused(f"{name} holds no DBN file.", hint="A folder is searched for names that end in .dbn or .dbn.zst.")
        return files
    if path.exists():
        return [path]
    if not has_magic(name):
        raise FileUnusable(f"{name} does not exist.", hint=_WHAT_TO_NAME)
    files = sorted(Path(each) for each in glob(name, recursive=True))  # noqa: PTH207 - Path.glob takes no absolute pattern
    if not any(each.is_file() for each in files):
        raise UsageRefused(f"No file is like {name}.", hint=_WHAT_TO_NAME)
    return [each for each in files if each.is_file()]


def _files_below(folder: Path, say: Callable[[str], None]) -> Iterator[Path]:
    """DBN files of a folder and of those in it, each of which is entered once, however many links lead to it."""

    def unreadable(problem: OSError) -> None:
        raise problem

    entered: set[tuple[int, int]] = set()

    def is_new(folder: Path) -> bool:
        found = folder.stat()
        before = len(entered)
        entered.add((found.st_dev, found.st_ino))
        return len(entered) > before

    is_new(folder)
    for below, folders, names in os.walk(folder, onerror=unreadable, followlinks=True):
        here = Path(below)
        folders[:] = [each for each in sorted(folders) if is_new(here / each)]
        if "manifest.json" in names:
            _say_missing(here / "manifest.json", names, say)
        for path in (here / each for each in names if each.endswith(batch_folder.DBN_ENDINGS)):
            # A link whose file is gone is a file that cannot be loaded, not one that nobody meant.
            if path.is_file() or not path.exists():
                yield path


def _say_missing(manifest: Path, names: Sequence[str], say: Callable[[str], None]) -> None:
    missing: list[str] = []
    with suppress(Stage1Error):  # of a broken manifest the files speak that lie beside it
        missing = batch_folder.missing(manifest, names)
    if missing:
        say(f"warning: {manifest} announces what is not beside it: {some_of(missing, _SHOWN)}")


@dataclass(frozen=True)
class Ended:
    """What became of each file, in the order of the paths, and what is to be raised when that was said: what ended the work
    before its time, else the first bug."""

    outcomes: tuple[Outcome, ...]
    raised: BaseException | None


def ingest_files(
    paths: Sequence[Path], work: Work, jobs: int, progress: Callable[[Path], Progress], through: Callable[[Outcome], None]
) -> Ended:
    """Works on each file, up to `jobs` at once; `through` is told of each when it is done."""
    files = _Files(paths, work, progress)
    try:
        if jobs == 1 or len(paths) == 1:
            files.work_here(through)
        else:
            files.work_beside(min(jobs, len(paths)), through)
    except BaseException as problem:  # noqa: BLE001 - raised by the caller, who says first what was done
        files.end(problem)
    return Ended(tuple(files.outcomes), files.ended or files.bug)


class _Files:
    """The files at work, and those that wait."""

    def __init__(self, paths: Sequence[Path], work: Work, progress: Callable[[Path], Progress]) -> None:
        self.outcomes = [Outcome(path, "not tried") for path in paths]
        self.ended: BaseException | None = None
        self.bug: Exception | None = None
        self._work, self._progress = work, progress
        self._lock = threading.Lock()
        self._waiting = iter(range(len(paths)))
        self._over, self._pointless = threading.Event(), threading.Event()
        self._loaders: dict[int, Loader] = {}
        self._workers: list[threading.Thread] = []
        self._through: queue.SimpleQueue[int | None] = queue.SimpleQueue()

    def work_here(self, through: Callable[[Outcome], None]) -> None:
        """One file after the other, in this thread, which an interruption reaches by itself."""
        while (number := self._next()) is not None:
            through(self._one(number))

    def work_beside(self, jobs: int, through: Callable[[Outcome], None]) -> None:
        """Several at once, in threads; this one waits, and can be interrupted."""
        # Of a pool's threads the interpreter would wait for the last, whatever it waits for.
        self._workers = [threading.Thread(target=self._take, name=f"ingest {n}", daemon=True) for n in range(jobs)]
        for worker in self._workers:
            worker.start()
        at_work = jobs
        while at_work:
            number = self._through.get()
            if number is None:
                at_work -= 1
            else:
                through(self.outcomes[number])
            if self.ended is not None:
                self.end(self.ended)
                return

    def end(self, reason: BaseException) -> None:
        """Ends what is at work: it is cancelled where it waits for PostgreSQL, and asks where it does not."""
        self.ended = self.ended or reason
        self._over.set()
        deadline = clock.monotonic() + _PATIENCE
        while any(worker.is_alive() for worker in self._workers) and clock.monotonic() < deadline:
            # Again and again: what is cancelled between two statements begins the next one.
            for loader in list(self._loaders.values()):
                with suppress(Exception):  # who cannot be cancelled is waited for like the others
                    loader.cancel()
            for worker in self._workers:
                worker.join(_ASK_AGAIN)

    def _take(self) -> None:
        try:
            while (number := self._next()) is not None:
                self._one(number)
                self._through.put(number)
        finally:
            self._through.put(None)

    def _next(self) -> int | None:
        if self._over.is_set() or self._pointless.is_set():
            return None
        with self._lock:
            return next(self._waiting, None)

    def _one(self, number: int) -> Outcome:
        path = self.outcomes[number].path
        self.outcomes[number] = Outcome(path, "interrupted")  # unless it comes to its end
        tell = self._progress(path)

        def watched(step: str, done: int, total: int) -> None:
            # Threads cannot be interrupted: they ask, between two pieces of work.
            self._require_going_on()
            tell(step, done, total)

        def opened(loader: Loader) -> None:
            self._loaders[number] = loader
            self._require_going_on()

        try:
            self.outcomes[number] = self._work(path, watched, opened)
        except (KeyboardInterrupt, BrokenPipeError) as problem:
            self.ended = self.ended or problem
            self._over.set()
        except Exception as problem:  # noqa: BLE001 - the others go on
            self._fail(path, number, problem)
        finally:
            self._loaders.pop(number, None)
        return self.outcomes[number]

    def _require_going_on(self) -> None:
        if self._over.is_set():
            raise KeyboardInterrupt

    def _fail(self, path: Path, number: int, problem: Exception) -> None:
        if not isinstance(problem, Stage1Error) or problem.exit_code is ExitCode.BUG:
            self.bug = self.bug or problem
        elif self._over.is_set() and problem.exit_code is ExitCode.CANNOT_NOW:
            return  # its statement was cancelled
        elif isinstance(problem, _ENDS_ALL):
            self._pointless.set()
        if not isinstance(problem, Stage1Error):
            # Its text may hold a secret; the boundary, which raises it again, knows which.
            problem = Unexpected(f"{path} met a bug of stage1: {type(problem).__name__}.")
        self.outcomes[number] = Outcome(path, "failed", problem=problem)


def exit_code_of(outcomes: Sequence[Outcome]) -> int:
    """0 where all is loaded; the refusals' own code where nothing is, or where one of them ended all; 1 where some of many
    failed."""
    codes = {outcome.problem.exit_code for outcome in outcomes if outcome.problem is not None}
    statuses = {outcome.status for outcome in outcomes}
    if statuses.isdisjoint(("failed", "interrupted", "not tried")):
        return ExitCode.DONE
    if len(codes) == 1 and ("not tried" in statuses or statuses == {"failed"}):
        return codes.pop()
    return ExitCode.ANSWER_IS_NO

"""Where the pipeline keeps its files, and who is at work on them.

Owns the paths below STAGE1_DATA, how they are written down (from `data/` on, so that they are the same on every machine), the
products that have files there, and the lock of a symbol and period. May import model. Refuses a period that another run is at
work on, more of them at once than there may be open files, and a written path that leads out of the folder.
"""

import fcntl
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from stage1.errors import FileUnusable, LockHeld, UsageRefused
from stage1.model.periods import Period, safe_name
from stage1.operations.whole_writing import explained
from stage1.settings import Settings

PRODUCTS = {"TRADES": "trades", "TBBO": "tbbo"}  # product -> the vendor's schema

_CALLED = "data"  # the data folder in manifests and catalogs, whatever it is called on a machine
_OTHER_FILES = 128  # that a command has open beside its locks
_TRIES = 3  # for a lock, which who had it may take away between two steps of taking it


@dataclass(frozen=True)
class DataFolder:
    """The folder of raw files and of what was derived from them."""

    root: Path

    @classmethod
    def of(cls, settings: Settings) -> "DataFolder":
        """The one that the settings name."""
        return cls(settings.path("STAGE1_DATA").absolute())

    def raw(self, symbol: str, period: Period) -> Path:
        """The folder of a symbol's raw files."""
        return self.root / "raw" / "databento" / safe_name(symbol) / period.name

    def raw_file(self, symbol: str, period: Period, product: str) -> Path:
        """A raw file."""
        return self.raw(symbol, period) / f"{product}.dbn.zst"

    def bars(self, symbol: str, period: Period) -> Path:
        """The folder of a symbol's derived bars."""
        return self.root / "bars" / "databento" / safe_name(symbol) / period.name

    def manifest(self, symbol: str, period: Period) -> Path:
        """The manifest of a symbol's derived bars."""
        return self.bars(symbol, period) / "manifest.json"

    def written(self, path: Path) -> str:
        """A path as manifests and catalogs have it."""
        return PurePosixPath(_CALLED, *path.relative_to(self.root).parts).as_posix()

    def found(self, written: str) -> Path:
        """The path that a manifest or catalog means."""
        path = PurePosixPath(written)
        parts = path.parts[1:]  # the first is the data folder, whatever it is called here
        if not parts or path.is_absolute() or ".." in path.parts or "\0" in written:
            raise FileUnusable(
                f"{written!r} is no path of a file in a data folder.", hint="Look who wrote the manifest that has it."
            )
        return self.root.joinpath(*parts)

    @contextmanager
    def locked(self, symbol: str, period: Period) -> Iterator[None]:
        """Keeps other runs off a symbol's period; the lock ends with the process, however that ends.

        Where nothing came of the run, nothing is left behind.
        """
        folder = self.raw(symbol, period)
        lock = folder / ".lock"
        kept = self.root if self.root.exists() else self.root.parent
        descriptor = next(filter(None, (_locked(lock) for _ in range(_TRIES))), None)
        if descriptor is None:
            raise LockHeld(f"Another run is at work on {symbol} {period.name}.", hint="Wait for it to end.")
        try:
            yield
        finally:
            with suppress(FileNotFoundError):  # somebody took the folder away, which is theirs
                if list(folder.iterdir()) == [lock]:
                    lock.unlink()
                    _remove_empty(folder, kept)
            os.close(descriptor)


def require_room(locks: int) -> None:
    """Lets this process hold so many locks at once, each of which is an open file; refuses more than the system allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = locks + _OTHER_FILES
    if soft == resource.RLIM_INFINITY or needed <= soft:
        return
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
    except (ValueError, OSError) as problem:
        raise UsageRefused(
            f"{locks:,} symbols and periods were given at once; each needs an open file, and this process may have"
            f" {hard if hard != resource.RLIM_INFINITY else soft:,}.",
            hint="Give fewer symbols or years at a time, or allow more files with ulimit -n.",
        ) from problem


def _locked(lock: Path) -> int | None:
    """A lock file that is held, made if there is none; nothing where another run has it, or took it away at this moment."""
    with explained(lock):
        try:
            lock.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
        except FileNotFoundError:
            return None
        except FileExistsError:
            # So says mkdir as well of a folder that is gone when it looks what there is.
            if lock.parent.is_file() or _loose_link(lock):
                raise
            return None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Whoever had it may have taken the file away before it was locked here.
            if os.path.samestat(lock.stat(), os.fstat(descriptor)):
                return descriptor
        except (BlockingIOError, FileNotFoundError):
            pass
        os.close(descriptor)
        return None


def _loose_link(path: Path) -> bool:
    """Whether a folder above is a link to what is not there, such as a disk."""
    return any(folder.is_symlink() and not folder.exists() for folder in path.parents)


def _remove_empty(folder: Path, until: Path) -> None:
    with suppress(OSError):
        while folder != until:
            folder.rmdir()
            folder = folder.parent

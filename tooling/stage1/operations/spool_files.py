"""The files of a spool: claims what waits, hands it on in order, puts away what was replayed, deletes what is old.

Owns each move of a file. Whatever is claimed lies in work/ until it is finished, and in done/ afterwards, under a name that says
what it is known by; a client that still holds a descriptor writes on into the same file, and every run looks at it again. So
nothing is lost, whoever is killed when. Reads no statement and knows no database. Refuses what spool_places does not trust, and
a spool at which another run is at work.
"""

import hashlib
import os
import re
import secrets
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from stage1 import clock, faults
from stage1.durable import flush_folder
from stage1.errors import FileUnusable, SpoolEdited, SpoolRefused
from stage1.operations.spool_locks import PATIENCE, is_open_elsewhere, lock_of_run, wait_for
from stage1.operations.spool_places import (
    CLAIMED_APPEND,
    Spool,
    check_named,
    explained,
    holds_something,
    open_file,
    spools,
)
from stage1.settings import Settings

_SHA_SHOWN = 16
_SHA_IN_NAME = re.compile(rf"-([0-9a-f]{{{_SHA_SHOWN}}})(?=(-\d+)?\.sql$)")
_LONGEST = 50  # letters of a name that is kept beside the sha256; four bytes each still fit
_DAY = 86_400.0
_EDITED = (
    "A spool file is never edited after it was claimed. Put its claimed text back, or take it out of the spool and submit "
    "what is new in a file of its own."
)


@dataclass(frozen=True)
class SpoolFile:
    """A file to replay: what it is known by in the ledger, and whether clients may go on writing it."""

    path: Path
    identity: str  # append:<id>, sha256:<hex>
    name: str
    is_append: bool
    moves: bool  # whether it goes to done/ in the end
    problem: str = ""  # why it must not be replayed, a sentence; it stays where it is

    @property
    def is_kept(self) -> bool:
        """Whether it lies in the spool's done/, and is looked at because it may have grown."""
        return self.moves and self.path.parent.name == "done"


def claim(places: Sequence[Path], settings: Settings, say: Callable[[str], None]) -> list[SpoolFile]:
    """Moves what waits into work/; returns all that lies there, and the append files of done/, which may have grown."""
    found, files = _trusted(places, settings)
    for spool in found:
        if claimed := _claim_append(spool):
            say(f"{spool.append} was claimed as {claimed.name}")
        for path in spool.whole():
            _claim_whole(spool, path)
    mine = [_known(path) for spool in found for path in (*spool.claimed(), *_appended(spool))]
    return sorted([*mine, *(_known(path, in_spool=False) for path in files)], key=_order)


def peek(places: Sequence[Path], settings: Settings) -> list[SpoolFile]:
    """What `claim` would return; moves nothing."""
    found, files = _trusted(places, settings)
    seen = []
    for spool in found:
        if spool.append.exists() and holds_something(spool.append):
            seen.append(SpoolFile(spool.append, "append:unclaimed", spool.append.name, is_append=True, moves=True))
        seen += [_known(path) for path in (*spool.whole(), *spool.claimed(), *_appended(spool))]
    return sorted([*seen, *(_known(path, in_spool=False) for path in files)], key=_order)


@contextmanager
def opened(file: SpoolFile) -> Generator[BinaryIO, None, None]:
    """A file for reading: the very one that was looked at, and a whole one only while its bytes are what it is known by."""
    if file.problem:
        raise SpoolEdited(file.problem, hint=_EDITED)
    try:
        descriptor = open_file(file.path)
    except FileNotFoundError:
        raise FileUnusable(f"{file.path} of the spool is gone.", hint="Somebody moved it meanwhile: look again.") from None
    with os.fdopen(descriptor, "rb") as found:
        if not file.is_append:
            with explained(file.path):
                identity = f"sha256:{hashlib.file_digest(found, 'sha256').hexdigest()}"
                found.seek(0)
            if identity != file.identity:
                raise SpoolEdited(f"{file.path} is {identity} now, and was {file.identity} a moment ago.", hint=_EDITED)
        yield found


def finish(file: SpoolFile) -> Path:
    """Puts a file that was replayed into done/; one that lies there, or that is not the spool's, stays where it is."""
    work = file.path.parent
    if not file.moves or work.name != "work":
        return file.path
    target = _moved(file.path, work.parent / "done", file.path.stem)
    faults.reach("replay: file moved to done")
    _flush(target.parent, work)
    return target


def pending_files(settings: Settings) -> list[Path]:
    """The files of the spool that hold something and are not finished."""
    [spool], _ = spools([settings.path("STAGE1_SPOOL")], settings)
    return [path for path in (spool.append, *spool.whole(), *spool.claimed()) if _waits(path)]


def purge(
    places: Sequence[Path], keep_days: float, known_positions: Mapping[str, int], settings: Settings | None = None
) -> list[Path]:
    """Deletes the files of done/ that were put there long ago and that the ledger has read to their end; returns them."""
    deleted = []
    found, _ = spools(places, settings)
    for spool in found:
        spool.check()
        for path in spool.kept():
            with explained(path), suppress(FileNotFoundError):
                state = path.stat()
                is_old = clock.now().timestamp() - max(state.st_mtime, state.st_ctime) > keep_days * _DAY
                if is_old and _delete(path, known_positions):
                    deleted.append(path)
        if any(path.parent == spool.done for path in deleted):
            _flush(spool.done)
    return deleted


@contextmanager
def locked(places: Sequence[Path], settings: Settings | None = None) -> Generator[None, None, None]:
    """Keeps other runs off the same spools."""
    found, _ = spools(places, settings)
    homes = {os.path.realpath(spool.home): spool for spool in found}
    with ExitStack() as held:
        for _, spool in sorted(homes.items()):
            spool.must_exist()
            spool.check()
            held.enter_context(lock_of_run(spool.home))
        yield


def _trusted(places: Sequence[Path], settings: Settings) -> tuple[list[Spool], list[Path]]:
    """The spools and files that are meant; all are looked at before anything is moved."""
    found, files = spools(places, settings)
    for spool in found:
        spool.must_exist()
        spool.check()
    for path in files:
        check_named(path)
    return found, files


def _claim_append(spool: Spool) -> Path | None:
    deadline = clock.monotonic() + PATIENCE
    while clock.monotonic() <= deadline:
        try:
            descriptor = open_file(spool.append)
        except FileNotFoundError:
            return None
        try:
            if not holds_something(spool.append):
                return None
            wait_for(descriptor, spool.append, deadline)
            # The file may have been exchanged while its lock was waited for: then the lock is that of another file.
            if _is(spool.append, descriptor):
                return _take_append(spool, descriptor)
        except FileNotFoundError:
            return None
        finally:
            os.close(descriptor)
    return None


def _take_append(spool: Spool, descriptor: int) -> Path:
    # The time of the claim in UTC, its microseconds as five digits, and three at random: names sort by time.
    now = clock.now()
    name = f"append-{now:%Y%m%dT%H%M%SZ}-{now.microsecond:05x}{secrets.token_hex(2)[:3]}"
    target = _moved(spool.append, spool.work, name)
    faults.reach("replay: append file claimed")
    with suppress(PermissionError):  # it may be root's
        os.fchmod(descriptor, 0o600)
    _flush(spool.work, spool.append.parent)
    return target


def _claim_whole(spool: Spool, path: Path) -> None:
    if CLAIMED_APPEND.fullmatch(path.name):
        stem = path.stem  # an operator put it back; it is what it was
    else:
        stem = f"{_without_sha(path.name).removesuffix('.sql')[:_LONGEST]}-{_sha256(path)[:_SHA_SHOWN]}"
    target = _moved(path, spool.work, stem)
    faults.reach("replay: file moved to work")
    with suppress(PermissionError):
        target.chmod(0o600)
    _flush(spool.work, path.parent)


def _moved(path: Path, folder: Path, stem: str) -> Path:
    """Moves a file; one of the same name that stands there is not overwritten."""
    with explained(path):
        folder.mkdir(mode=0o700, exist_ok=True)
        target, count = folder / f"{stem}.sql", 1
        while os.path.lexists(target):
            if CLAIMED_APPEND.fullmatch(target.name):
                # Under another name it would be another spool to the ledger, and be replayed again.
                raise SpoolRefused(f"{target} exists already, and {path} has its name.", hint="One is a copy: take it away.")
            count += 1
            target = folder / f"{stem}-{count}.sql"
        path.rename(target)
    return target


def _delete(path: Path, known_positions: Mapping[str, int]) -> bool:
    file = _known(path)
    known = known_positions.get(file.identity)
    if known is None:
        return False
    descriptor = open_file(path)
    try:
        if file.is_append and is_open_elsewhere(descriptor):
            return False
        if os.fstat(descriptor).st_size > known:
            return False
        path.unlink()
        return True
    finally:
        os.close(descriptor)


def _known(path: Path, *, in_spool: bool = True) -> SpoolFile:
    shown = os.fsencode(path.name).decode("utf-8", "backslashreplace")
    if claimed := CLAIMED_APPEND.fullmatch(path.name):
        return SpoolFile(path, f"append:{claimed[1]}", shown, is_append=True, moves=in_spool)
    sha256, problem = _sha256(path), ""
    named = _SHA_IN_NAME.search(path.name) if path.parent.name in ("work", "done") else None
    if named and not sha256.startswith(named[1]):
        # To the ledger it would be another file, and what was replayed of it be replayed again.
        problem = f"The bytes of {path} are not those that were claimed: their sha256 begins with {sha256[:_SHA_SHOWN]}."
    return SpoolFile(path, f"sha256:{sha256}", shown, is_append=False, moves=in_spool, problem=problem)


def _sha256(path: Path) -> str:
    with explained(path), os.fdopen(open_file(path), "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _appended(spool: Spool) -> list[Path]:
    return [path for path in spool.kept() if CLAIMED_APPEND.fullmatch(path.name)]


def _order(file: SpoolFile) -> tuple[bool, str, str]:
    # append:unclaimed sorts behind the claimed ones, which are older.
    return not file.is_append, file.identity if file.is_append else _without_sha(file.name), str(file.path)


def _without_sha(name: str) -> str:
    return _SHA_IN_NAME.sub("", name)


def _waits(path: Path) -> bool:
    with explained(path), suppress(FileNotFoundError):  # a replay may move it at this moment
        return path.is_file() and holds_something(path)
    return False


def _is(path: Path, descriptor: int) -> bool:
    return os.path.samestat(path.lstat(), os.fstat(descriptor))


def _flush(*folders: Path) -> None:
    for folder in folders:
        with explained(folder):
            flush_folder(folder)

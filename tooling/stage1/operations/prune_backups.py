"""Which backups are kept, and the removal of the others. Needs no server.

Owns the rule of safety: nothing of a database is removed unless its newest backup is verified good and still what was written,
and what is not verified takes nobody's place. Refuses to touch what is not a finished backup of ours.
"""

import contextlib
import fcntl
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from stage1 import faults
from stage1.database import backup_folder
from stage1.database.backup_folder import REMOVED, Backup
from stage1.durable import flush_folder
from stage1.errors import BackupDamaged, FileUnusable, PruneRefused
from stage1.settings import Settings


@dataclass(frozen=True)
class Keep:
    """How many to keep: the last ones, and the last one of so many days, weeks (from Monday) and months, by UTC."""

    last: int = 0
    daily: int = 0
    weekly: int = 0
    monthly: int = 0


@dataclass(frozen=True)
class Pruned:
    """What became of one backup, and why."""

    backup: Backup
    removed: bool
    why: str


@dataclass(frozen=True)
class Outcome:
    """What became of all, and why some databases were left alone."""

    decided: tuple[Pruned, ...]
    refusals: tuple[PruneRefused, ...]

    def raise_refusals(self) -> None:
        """Raises what was refused, if anything was."""
        if len(self.refusals) == 1:
            raise self.refusals[0]
        if self.refusals:
            raise PruneRefused(
                f"Of {len(self.refusals)} databases nothing was removed.",
                detail=" ".join(refusal.message for refusal in self.refusals),
                hint=" ".join(dict.fromkeys(refusal.hint for refusal in self.refusals)),
            )


def prune(
    settings: Settings, keep: Keep, say: Callable[[str], None], *, database: str | None = None, dry_run: bool = False
) -> Outcome:
    """Removes what the rules do not keep; of each database nothing unless that is safe."""
    folder = settings.path("STAGE1_BACKUP_DIR")
    if not dry_run:
        _finish_removals(folder)
    found = [backup for backup in backup_folder.found(settings) if database in (None, backup.database)]
    decided: dict[str, Pruned] = {}
    refusals = []
    for backups in _by_database(found):
        try:
            refuse_without_a_good_newest(backups)
            chosen = decide(backups, keep)
            if any(one.removed for one in chosen):
                _refuse_unless_whole(backups[0])
        except PruneRefused as refusal:
            refusals.append(refusal)
            chosen = [Pruned(backup, False, "its newest backup is not known to be good") for backup in backups]
        decided.update((one.backup.name, one) for one in chosen)
    if not dry_run:
        decided = {name: _removed(one, say) if one.removed else one for name, one in decided.items()}
    return Outcome(tuple(decided.values()), tuple(refusals))


def _by_database(found: Sequence[Backup]) -> list[list[Backup]]:
    """The backups of each database of each cluster; one that does not say which may be of any, and of none it can be removed."""
    groups: list[list[Backup]] = []
    for database in sorted({backup.database for backup in found}):
        mine = [backup for backup in found if backup.database == database]
        clusters = dict.fromkeys(backup.manifest.system_identifier for backup in mine if backup.manifest)
        groups += [
            [backup for backup in mine if backup.manifest is None or backup.manifest.system_identifier == cluster]
            for cluster in clusters or [None]
        ]
    return groups


def _refuse_unless_whole(newest: Backup) -> None:
    try:
        backup_folder.check_files(newest)
    except (BackupDamaged, FileUnusable) as problem:
        raise _refusal(newest, problem.message, "Run `stage1 backup create`, and verify what it makes.") from problem


def refuse_without_a_good_newest(backups: Sequence[Backup]) -> None:
    """Raises unless the newest of a database's backups is verified good."""
    newest = backups[0]
    if newest.is_verified:
        return
    verification = newest.verification
    problem = newest.problem or (verification.problem if verification else "it was never verified")
    mend = (
        "Run `stage1 backup create`, and verify what it makes."
        if newest.problem or verification
        else f"Run `stage1 backup verify {newest.name}`, then prune again."
    )
    raise _refusal(newest, problem, mend)


def _refusal(newest: Backup, problem: str, mend: str) -> PruneRefused:
    return PruneRefused(
        f"Nothing of {newest.database} is removed: its newest backup, {newest.name}, is not known to be good: "
        f"{problem.rstrip('.')}.",
        hint=mend,
    )


def decide(backups: Sequence[Backup], keep: Keep) -> list[Pruned]:
    """What is to become of the backups of one database, the newest first; pure.

    The rules count the good ones. One that was never verified is kept beside them, if the rules would keep it were it good;
    one whose verification failed is not. Neither is removed before a good one is newer. At least one good one stays.
    """
    readable = [backup for backup in backups if backup.manifest is not None and not backup.problem]
    good = [backup for backup in readable if backup.is_verified]
    unproven = [backup for backup in readable if backup.is_verified or backup.verification is None]
    reasons = _kept(unproven, keep) | _kept(good, keep)
    decided = []
    for place, backup in enumerate(backups):
        why = reasons.get(backup.name, "")
        if backup not in readable:
            why = f"not touched: {backup.problem}"
        elif not good or place < backups.index(good[0]):
            why = "no good one is newer"
        elif backup is good[0]:
            why = why or "the newest good one"
        decided.append(Pruned(backup, not why, why or _why_removed(backup)))
    return decided


def _kept(backups: Sequence[Backup], keep: Keep) -> dict[str, str]:
    """The backups that the rules keep, by name, each with the first rule that does."""
    periods: list[tuple[str, int, Callable[[datetime], object]]] = [
        ("day", keep.daily, lambda moment: moment.date()),
        ("week", keep.weekly, lambda moment: moment.isocalendar()[:2]),
        ("month", keep.monthly, lambda moment: (moment.year, moment.month)),
    ]
    kept = {backup.name: "one of the last" for backup in backups[: keep.last]}
    for name, count, period_of in periods:
        newest_of: dict[object, Backup] = {}
        for backup in backups:
            newest_of.setdefault(period_of(backup.taken_at), backup)
        for backup in list(newest_of.values())[:count]:
            kept.setdefault(backup.name, f"the last of its {name}")
    return kept


def _why_removed(backup: Backup) -> str:
    if backup.is_verified:
        return "no rule keeps it"
    return "it was found damaged" if backup.verification else "it was never verified, and no rule keeps it"


def _removed(one: Pruned, say: Callable[[str], None]) -> Pruned:
    path = one.backup.path
    try:
        with _held(path) as is_free:
            if not is_free:
                return Pruned(one.backup, False, "in use by another run")
            gone = path.with_name(REMOVED + path.name)
            path.rename(gone)
            flush_folder(path.parent)
            faults.reach("prune: a backup has lost its name")
            shutil.rmtree(gone)
    except OSError as problem:
        raise FileUnusable(
            f"{path} cannot be removed: {problem.strerror}.", hint="Run the command as the user who takes the backups."
        ) from problem
    say(f"removed {path}: {one.why}")
    return one


def _finish_removals(folder: Path) -> None:
    """Deletes what an earlier run had begun to remove when it was killed."""
    for path in folder.glob(f"{REMOVED}*"):
        if backup_folder.is_name(path.name.removeprefix(REMOVED)) and path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)


@contextlib.contextmanager
def _held(path: Path) -> Iterator[bool]:
    """Whether nobody else works with the folder; nobody does for the block."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(descriptor)

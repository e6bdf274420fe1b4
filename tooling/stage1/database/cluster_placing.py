"""Makes `.stage1/` and finds the place of its cluster.

Owns the choice between the project and, where root's server cannot reach that, /var/lib/stage1. May import
cluster_files, postmaster, server_account and errors. Refuses paths that PostgreSQL's programs cannot work in, and never changes
the mode of a folder that it did not make.
"""

import itertools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stage1.database import postmaster
from stage1.database.cluster_files import FOLDER_NAME, ClusterFiles, short_hash
from stage1.database.server_account import Account, require_name, shared_folder
from stage1.errors import ClusterRefused, FileUnusable, ServerNotStarted


def make_home(files: ClusterFiles) -> None:
    """Makes `.stage1/` where it is missing. Any number of processes may do this at once."""
    # PostgreSQL's programs put paths between double quotes into a shell's command line.
    unfit = sorted(set(str(files.home)) & set('"$`\\\n\r'))
    if unfit:
        raise ClusterRefused(
            f"PostgreSQL's programs cannot work in {files.home}: its name contains {' '.join(map(repr, unfit))}.",
            hint="Rename the folder, or set DATABASE_URL to a server.",
        )
    if not files.exists():
        require_name(files.account)
    with _explained(files):
        files.home.mkdir(mode=0o700, exist_ok=True)
        if files.home.stat().st_uid == os.geteuid():
            files.home.chmod(0o711 if files.account.switched else 0o700)


def make_cluster_folder(files: ClusterFiles) -> None:
    """Makes the folder of the cluster where it is missing, in a place that its account reaches. The lock is held."""
    account = files.account
    with _explained(files):
        if not (files.home / ".gitignore").exists():
            files.write_private(files.home / ".gitignore", "*\n")
        if files.link.is_symlink() and not files.link.exists():
            raise ClusterRefused(
                f"{files.link} leads to {files.cluster}, which is gone, and the cluster with it.",
                hint=f"Bring it back, or remove {files.link} to begin with an empty cluster.",
            )
        if not files.link.exists():
            files.link.mkdir(mode=0o700)
        is_new = not files.exists() and not files.link.is_symlink() and not any(files.link.iterdir())
        if is_new:
            account.give(files.link)
        if not account.can_enter(files.cluster):
            if not is_new:
                raise ServerNotStarted(
                    f"The user {account.name}, as which the server runs, cannot enter {files.cluster}.",
                    hint="A folder above it was closed to other users since the cluster was made: open it (chmod o+x) again.",
                )
            files.link.rmdir()
            _make_cluster_elsewhere(files, account)
        _refuse_foreign_project(files)


@contextmanager
def _explained(files: ClusterFiles) -> Iterator[None]:
    try:
        yield
    except (FileExistsError, NotADirectoryError):
        raise ClusterRefused(f"{files.home} was expected to be a folder, and is none.") from None
    except OSError as problem:
        raise FileUnusable(f"{problem.filename or files.home} cannot be used: {problem.strerror}.") from problem


def _make_cluster_elsewhere(files: ClusterFiles, account: Account) -> None:
    with shared_folder() as shared:
        # A project folder that was deleted left its cluster here. A new one begins empty and takes nothing away.
        names = (short_hash(files.project) + (f"-{number}" if number else "") for number in itertools.count(1))
        folder = shared / short_hash(files.project)
        while (folder / "data").exists():
            _stop_forgotten(folder / "data")
            folder = shared / next(names)
        folder.mkdir(mode=0o700, exist_ok=True)
        files.note_of(folder).write_text(str(files.project) + "\n")
        account.give(folder)
        files.link.symlink_to(folder)


def forgotten(files: ClusterFiles) -> list[Path]:
    """Clusters that an earlier `.stage1/` of this folder led to, before it was deleted."""
    if not files.link.is_symlink():
        return []
    places = sorted(files.cluster.parent.glob(short_hash(files.project) + "*/data"))
    return [place.parent for place in places if place.parent != files.cluster]


def _stop_forgotten(data: Path) -> None:
    # Nothing leads to it any more; it would run for ever.
    found = postmaster.running(data)
    if found is not None:
        postmaster.stop(data, found)


def _refuse_foreign_project(files: ClusterFiles) -> None:
    """A copied `.stage1/` must not lead two projects to one cluster; a moved one takes its cluster along."""
    if not files.link.is_symlink():
        return
    note = files.note_of(files.cluster)
    other = Path(note.read_text().strip()) if note.exists() else files.project
    if other == files.project:
        return
    if (other / FOLDER_NAME / "cluster").resolve() == files.cluster:
        raise ClusterRefused(
            f"{files.home} is a copy of that of {other}, and both lead to one cluster, {files.cluster}.",
            hint=f"Remove {files.link} to begin with an empty cluster here.",
        )
    note.write_text(str(files.project) + "\n")

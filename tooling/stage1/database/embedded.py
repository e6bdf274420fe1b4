"""The embedded PostgreSQL: a real server of the project's own, made on first use.

Owns what start, stop and status mean, and which programs serve which cluster; its parts do the work. May import the
other modules of this folder, settings, errors. Refuses to run two servers on one cluster, to listen on anything but
loopback, and to start a cluster with programs of another major version.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from stage1.database import cluster_upgrade, postmaster
from stage1.database.binaries import SERVER_PROGRAMS, Binaries, describe, find, find_all, how_to_install
from stage1.database.cluster_creation import (
    DATABASE,
    LOOPBACK,
    SOCKET_PORT,
    SUPERUSER,
    launch,
    make_data_directory,
    make_database,
    require_free_port,
)
from stage1.database.cluster_files import ClusterFiles, find_project
from stage1.database.cluster_placing import forgotten, make_cluster_folder, make_home
from stage1.database.server_account import reachable
from stage1.errors import ClusterRefused, DatabaseNotConfigured, ServerNotStarted, Stage1Error
from stage1.settings import Settings

__all__ = ["EmbeddedServer", "ServerStatus", "find_project"]


@dataclass(frozen=True)
class ServerStatus:
    """One embedded server as it is now, and what a command just did to it."""

    project: Path
    exists: bool
    running: bool
    pid: int | None
    version: str  # 15.18; the major version alone where it is not known what served it last; empty without a cluster
    data_directory: Path
    socket_directory: Path
    port: int | None  # on 127.0.0.1; None: the socket alone
    binaries: Path | None
    origin: str
    log_file: Path
    password_file: Path
    passfile: Path
    notes: tuple[str, ...] = ()

    @property
    def url(self) -> str | None:
        """For clients that speak to a port; the password is in the passfile."""
        return f"postgresql://{SUPERUSER}@{LOOPBACK}:{self.port}/{DATABASE}" if self.port else None

    @property
    def jdbc_url(self) -> str | None:
        """The same for JDBC."""
        return f"jdbc:postgresql://{LOOPBACK}:{self.port}/{DATABASE}?user={SUPERUSER}" if self.port else None


class EmbeddedServer:
    """The server of one project folder."""

    def __init__(self, project: Path, settings: Settings, *, throwaway: bool = False) -> None:
        """`throwaway` gives up durability for speed: for tests, whose data nobody misses."""
        self._files = ClusterFiles(project)
        self._settings = settings
        self._durable = not throwaway

    def start(self, port: int | None = None, binaries: Binaries | None = None) -> ServerStatus:
        """Starts the server, making the cluster on first use.

        A running server stays as it is, unless a port is asked for that it does not listen on; 0 takes the port away.
        """
        if port is not None and not 0 <= port <= 65535:
            require_free_port(port)
        if port is None and binaries is None and self._may_be_used_as_it_is():
            return self.status()
        make_home(self._files)
        with self._files.lock() as lock:
            make_cluster_folder(self._files)
            cluster_upgrade.finish_exchange(self._files)
            notes = self._start(port, binaries, lock)
            return replace(self.status(), notes=tuple(notes))

    def stop(self) -> bool:
        """Stops the server; False when none was running."""
        if not self._files.exists():
            return False
        with self._files.lock():
            cluster_upgrade.finish_exchange(self._files)
            found = postmaster.running(self._files.data)
            if found is not None:
                postmaster.stop(self._files.data, found)
                self._files.leave_socket_directory(found.socket_directory)
            return found is not None

    def destroy(self) -> None:
        """Stops a throwaway server and deletes everything of it."""
        if self._durable:
            raise ClusterRefused("Only a throwaway server is deleted by a program.")
        self.stop()
        self._files.remove()

    def status(self) -> ServerStatus:
        """How the server is, without changing anything."""
        files = self._files
        exists = files.exists()
        found = postmaster.running(files.data) if exists else None
        known = files.remembered() if exists else {}
        if exists and known.get("version", "").partition(".")[0] != str(files.major()):
            known = {"version": str(files.major())}
        return ServerStatus(
            project=files.project,
            exists=exists,
            running=found is not None,
            pid=found.pid if found else None,
            version=known.get("version", ""),
            data_directory=files.data,
            socket_directory=found.socket_directory if found else files.socket_directory,
            port=found.port if found and found.listens else None,
            binaries=Path(known["binaries"]) if "binaries" in known else None,
            origin=known.get("origin", ""),
            log_file=files.log_file,
            password_file=files.password_file,
            passfile=files.passfile,
        )

    def conninfo(self, dbname: str = DATABASE) -> dict[str, str]:
        """libpq's parameters for a connection over the private socket."""
        found = postmaster.running(self._files.data) if self._files.exists() else None
        return {
            "host": str(found.socket_directory if found else self._files.socket_directory),
            "port": str(found.port if found else SOCKET_PORT),
            "user": SUPERUSER,
            "dbname": dbname,
        }

    def upgrade(self, target: Binaries | None = None, tell: Callable[[str], None] = lambda _: None) -> ServerStatus:
        """Brings the cluster to the newest major version found (PG_BINDIR's, where that is newer than the cluster)."""
        files = self._files
        if not files.home.is_dir():
            raise DatabaseNotConfigured(
                f"There is no embedded PostgreSQL in {files.project}.", hint="`stage1 server start` makes one."
            )
        make_home(files)
        with files.lock() as lock:
            make_cluster_folder(files)
            cluster_upgrade.finish_exchange(files)
            if not files.exists():
                raise DatabaseNotConfigured(
                    f"There is no embedded PostgreSQL in {files.project}.", hint="`stage1 server start` makes one."
                )
            target = target or cluster_upgrade.newest(self._settings, files.major())
            if target.major <= files.major():
                return replace(self.status(), notes=(f"The cluster is of PostgreSQL {files.major()}; nothing newer was found.",))
            before = postmaster.running(files.data)
            old = find(self._settings, files.major(), cluster_upgrade.OLD_PROGRAMS)
            try:
                kept = cluster_upgrade.Upgrade(files, old, target, lock, tell, durable=self._durable).run()
            except Stage1Error:
                if before is not None:
                    self._start(before.port if before.listens else None, old, lock)  # as it was before this command
                raise
            self._remember(reachable(target, files.account))
            notes = [
                f"The cluster is of PostgreSQL {target.major} now. The old one is kept in {kept}; remove it when you are content."
            ]
            if before is not None:
                notes += self._start(before.port if before.listens else None, target, lock)
            return replace(self.status(), notes=tuple(notes))

    def _may_be_used_as_it_is(self) -> bool:
        if not self._files.exists() or not (self._files.cluster / "has-database").exists():
            return False
        if (self._files.cluster / "upgrade").exists():
            return False  # what runs then was started by pg_upgrade
        found = postmaster.running(self._files.data)
        return found is not None and found.state == "ready" and found.socket.exists()

    def _start(self, port: int | None, binaries: Binaries | None, lock: int) -> list[str]:
        files = self._files
        notes: list[str] = []
        found = postmaster.running(files.data) if files.exists() else None
        if found is not None:
            found = postmaster.wait_until_ready(files.data)
            if port is None and found.listens:
                port = found.port
            wanted = (port or SOCKET_PORT, bool(port))
            if wanted == (found.port, found.listens) and found.socket.exists():
                if (files.cluster / "has-database").exists():
                    return ["It was running already."]
                chosen = self._programs(binaries)
                make_database(files, files.account, reachable(chosen, files.account), found)
                self._remember(chosen)
                return ["It was running already; its database was missing and has been made."]
        if port and (found is None or found.port != port or not found.listens):
            require_free_port(port)
            if files.exists():
                self._require_password()
        chosen = reachable(self._programs(binaries), files.account)
        if found is not None:
            postmaster.stop(files.data, found)
            files.leave_socket_directory(found.socket_directory)
            lost = (port or SOCKET_PORT, bool(port)) == (found.port, found.listens)
            why = "its socket was gone" if lost else f"to listen on port {port}" if port else "to listen on no port"
            notes.append(f"It was running already and has been restarted ({why}); its clients were disconnected.")
        if not files.exists():
            self._refuse_lost_data()
            make_data_directory(files, files.account, chosen, files.data, lock, durable=self._durable)
            notes.append(f"Made a PostgreSQL {chosen.version} cluster in {files.data}.")
            notes += [
                f"{cluster} is a cluster that a deleted .stage1/ of this folder left; remove it if nobody needs it."
                for cluster in forgotten(files)
            ]
        try:
            served = self._launch(chosen, port)
        except ServerNotStarted:
            if found is not None:
                self._launch(chosen, found.port if found.listens else None)  # as it was before this command
            raise
        make_database(files, files.account, chosen, served)
        self._remember(chosen)
        return notes

    def _launch(self, binaries: Binaries, port: int | None) -> postmaster.Postmaster:
        return launch(self._files, self._files.account, binaries, self._files.data, port, durable=self._durable)

    def _remember(self, binaries: Binaries) -> None:
        self._files.remember(binaries=str(binaries.directory), origin=binaries.origin, version=binaries.version)

    def _programs(self, given: Binaries | None) -> Binaries:
        files = self._files
        if not files.exists():
            return given or find(self._settings, programs=(*SERVER_PROGRAMS, "createdb"))
        major = files.major()
        if given is not None and given.major == major:
            return given
        installations = [given] if given else find_all(self._settings)
        fitting = [each for each in installations if each.major == major and all(map(each.has, SERVER_PROGRAMS))]
        if not fitting:
            raise self._other_major(major, installations)
        return fitting[0]

    def _other_major(self, major: int, installations: list[Binaries]) -> ServerNotStarted:
        newer = max((each.major for each in installations), default=0) > major
        return ServerNotStarted(
            f"The cluster in {self._files.data} was made by PostgreSQL {major}, and no programs of that version were found.",
            detail=describe(installations),
            hint=how_to_install(major)
            + (
                " Then `stage1 server upgrade` brings the cluster to the newer version."
                if newer
                else " Older programs cannot read it."
            ),
        )

    def _require_password(self) -> None:
        if not self._files.password_file.exists():
            raise ClusterRefused(
                f"{self._files.password_file} is gone, so nobody could log in through a port.",
                hint=r"Start without --port, set a new one with \password in `stage1 psql`, and write it into that file.",
            )
        self._files.make_password()  # the passfile may be missing alone

    def _refuse_lost_data(self) -> None:
        kept = self._files.kept()
        if kept:
            raise ClusterRefused(
                f"{self._files.data} is missing, while {kept[-1]} is kept from before an upgrade.",
                hint=f"Rename {kept[-1].name} to data to use it, or take it away to begin with an empty cluster.",
            )

"""The files of an embedded PostgreSQL: the project's `.stage1/` and the cluster folder.

    .stage1/            private (0700; 0711 where root's server must pass through it)
      .gitignore        *
      password, pgpass  0600; never printed
      lock              held by the one command that starts, stops or upgrades
      server.json       which programs were started last
      cluster           a folder of the server's account, 0700; or a link to /var/lib/stage1/<hash> where that
                        account cannot reach the project
        data, data-<major>, socket, server.log

The 0700 cluster folder is the wall: whoever reaches the socket in it is superuser without a password. May import
server_account, errors, clock. Refuses folders of other owners.
"""

import fcntl
import hashlib
import json
import os
import re
import secrets
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from stage1 import clock
from stage1.database.server_account import Account, account_for
from stage1.errors import ClusterRefused, LockHeld

FOLDER_NAME = ".stage1"

# sockaddr_un holds 104 bytes on macOS and the BSDs, 108 on Linux, with the closing zero.
_LONGEST_SOCKET = 103
_SOCKET_FILE = "/.s.PGSQL.65535"
_LOCK_SECONDS = 90
_LOG_BYTES = 10_000_000


def find_project(start: Path) -> Path | None:
    """The nearest folder from here upwards that has a `.stage1/`; above this one only where it is our own.

    Otherwise whoever can write to /tmp could put a server of his above the folders of others.
    """
    start = start.resolve()
    for folder in (start, *start.parents):
        home = folder / FOLDER_NAME
        try:
            if home.is_dir() and (folder == start or _is_ours(home)):
                return folder
        except OSError:
            continue
    return None


class ClusterFiles:
    """Where everything of one project's server is, and how it is made."""

    def __init__(self, project: Path) -> None:
        self.project = project.resolve()
        self.home = self.project / FOLDER_NAME
        self.password_file = self.home / "password"
        self.passfile = self.home / "pgpass"
        self._record = self.home / "server.json"
        self.link = self.home / "cluster"

    @property
    def cluster(self) -> Path:
        """The real folder of the cluster, without links, as the server knows it."""
        return self.link.resolve()

    @property
    def data(self) -> Path:
        """PostgreSQL's data directory."""
        return self.cluster / "data"

    @property
    def log_file(self) -> Path:
        """Where the server writes what it has to say."""
        return self.cluster / "server.log"

    @property
    def socket_directory(self) -> Path:
        """The private folder of the socket: in the cluster, or a short one in /tmp where that path is too long."""
        inside = self.cluster / "socket"
        # libpq takes a comma in a host for a list of hosts.
        if len(os.fsencode(inside)) + len(_SOCKET_FILE) <= _LONGEST_SOCKET and "," not in str(inside):
            return inside
        return Path("/tmp") / f"stage1-{self.account.uid}-{short_hash(self.cluster)}"  # noqa: S108 # checked below

    @property
    def account(self) -> Account:
        """The account that the server runs under."""
        return account_for(self.cluster, self.home)

    def exists(self) -> bool:
        """Whether there is a cluster; refuses that of another user, who could read all that is put into it."""
        if self.home.exists() and not _is_ours(self.home):
            raise self.somebody_elses()
        try:
            (self.data / "PG_VERSION").stat()
        except (FileNotFoundError, NotADirectoryError):
            return False
        except PermissionError:
            raise self.somebody_elses() from None
        return True

    def major(self) -> int:
        """The major version that the cluster's files are of."""
        return int((self.data / "PG_VERSION").read_text().strip())

    @contextmanager
    def lock(self) -> Iterator[int]:
        """Holds the project's lock, waiting for another command that has it. Gives the descriptor, which children
        that write may keep: then the lock lasts until they have ended too."""
        try:
            descriptor = os.open(self.home / "lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        except PermissionError:
            raise self.somebody_elses() from None
        try:
            self._keep_owner(self.home / "lock")
            deadline = clock.monotonic() + _LOCK_SECONDS
            while True:
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if clock.monotonic() > deadline:
                        holder = os.pread(descriptor, 20, 0).decode(errors="replace").strip() or "?"
                        raise LockHeld(
                            f"Another stage1 (process {holder}) has been starting, stopping or upgrading the server of "
                            f"{self.project} for {_LOCK_SECONDS} seconds.",
                            hint="Wait for it to end, then run the command again.",
                        ) from None
                    clock.pause(0.02)
            os.truncate(descriptor, 0)
            os.pwrite(descriptor, str(os.getpid()).encode(), 0)
            yield descriptor
        finally:
            os.close(descriptor)

    def make_socket_directory(self, account: Account) -> Path:
        """Makes the socket's folder where it is missing; refuses one that somebody else prepared."""
        folder = self.socket_directory
        if not folder.exists() and not folder.is_symlink():
            folder.mkdir(mode=0o700)
            account.give(folder)
        state = folder.lstat()
        if not stat.S_ISDIR(state.st_mode) or state.st_uid != account.uid or stat.S_IMODE(state.st_mode) & 0o077:
            raise ClusterRefused(
                f"{folder}, the folder for the server's socket, is not a private folder of the user {account.name}.",
                hint="Take it away; whoever reaches the socket is superuser, so it is not used as it is.",
            )
        return folder

    def clear_socket_directory(self) -> None:
        """Removes what a killed server left there: its lock names a process id that may live again as another's."""
        for left in self.socket_directory.glob(".s.PGSQL.*"):
            left.unlink()

    def leave_socket_directory(self, folder: Path) -> None:
        """Takes a folder in /tmp away that a server used until now."""
        if folder.name.startswith(f"stage1-{self.account.uid}-"):
            with suppress(OSError):
                folder.rmdir()

    def make_password(self) -> str:
        """The password for connections over TCP, made on first use."""
        if not self.password_file.exists():
            self.write_private(self.password_file, secrets.token_urlsafe(32) + "\n")
        word = self.password_file.read_text().strip()
        if not self.passfile.exists():
            hosts = ("127.0.0.1", "localhost")
            self.write_private(self.passfile, "".join(f"{host}:*:*:stage1:{word}\n" for host in hosts))
        return word

    def write_private(self, path: Path, text: str) -> None:
        """Writes a file of `.stage1/` whole or not at all, readable for its owner alone."""
        part = path.with_name(path.name + ".part")
        part.unlink(missing_ok=True)
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(descriptor)
        self._keep_owner(part)
        part.replace(path)

    def remember(self, **what: str) -> None:
        """Records the programs of the running server."""
        self.write_private(self._record, json.dumps(what) + "\n")

    def remembered(self) -> dict[str, str]:
        """What was recorded at the last start; nothing where that cannot be read."""
        try:
            found = json.loads(self._record.read_text())
        except (OSError, ValueError):
            return {}
        return {str(key): str(value) for key, value in found.items()} if isinstance(found, dict) else {}

    def kept(self) -> list[Path]:
        """Data directories of older versions that upgrades left."""
        return sorted(path for path in self.cluster.glob("data-*") if re.fullmatch(r"data-\d+(-\d+)?", path.name))

    def remove(self) -> None:
        """Deletes the cluster and `.stage1/`."""
        if self.link.is_symlink():
            self.note_of(self.cluster).unlink(missing_ok=True)
        for folder in (self.socket_directory, self.cluster, self.home):
            if folder.is_dir():
                shutil.rmtree(folder)

    @staticmethod
    def note_of(cluster: Path) -> Path:
        """The file beside a cluster away from its project that names the project."""
        return cluster.with_name(f"{cluster.name}.project")

    def somebody_elses(self) -> ClusterRefused:
        """The refusal of a folder of another user."""
        return ClusterRefused(
            f"{self.home} belongs to another user (id {self.home.stat().st_uid}), and its server with it.",
            hint="Run stage1 as that user, work in a folder of your own, or set DATABASE_URL.",
        )

    def turn_log(self) -> int:
        """Puts a long log aside; gives the length at which the next start begins to write."""
        try:
            length = self.log_file.stat().st_size
        except FileNotFoundError:
            return 0
        if length > _LOG_BYTES:
            self.log_file.replace(self.log_file.with_name("server.log.1"))
            return 0
        return length

    def _keep_owner(self, path: Path) -> None:
        # Root works in an ordinary user's project without taking files from him.
        owner = self.home.stat()
        if os.geteuid() == 0 and owner.st_uid != 0:
            os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)


def _is_ours(home: Path) -> bool:
    return os.geteuid() in (0, home.stat().st_uid)


def short_hash(path: Path) -> str:
    """A name for a path, where names must be short."""
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:16]

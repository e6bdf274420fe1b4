"""The running server as its own files show it: postmaster.pid, and whether that process is really this cluster's server.

Owns the reading of postmaster.pid, its repair where it is stale, and the end of a server by its own process id.
May import server_account, errors and clock. Refuses to believe a process id alone: after a crash it may belong to anybody.
"""

import itertools
import os
import re
import shlex
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

from stage1 import clock
from stage1.database.server_account import Account
from stage1.errors import ClusterRefused, ServerNotStarted

_POLL_SECONDS = 0.01
_FAST_STOP_SECONDS = 60
_IMMEDIATE_STOP_SECONDS = 15
_READY_SECONDS = 300
_NO_PROCESS = 2**31 - 1  # above every system's largest process id


@dataclass(frozen=True)
class Postmaster:
    """What postmaster.pid says."""

    pid: int
    port: int
    socket_directory: Path
    listens: bool  # on TCP
    state: str

    @property
    def socket(self) -> Path:
        """The socket file that clients open."""
        return self.socket_directory / f".s.PGSQL.{self.port}"


def running(data: Path) -> Postmaster | None:
    """The server of a data directory, when it is alive."""
    found = _read(data)
    return found if found is not None and _serves(found.pid, data) else None


def wait_until_ready(data: Path) -> Postmaster:
    """Waits for a server that is starting, also through the recovery after a crash."""
    deadline = clock.monotonic() + _READY_SECONDS
    while clock.monotonic() < deadline:
        found = running(data)
        if found is None:
            raise ServerNotStarted(f"The server of {data} ended while it was starting.")
        if found.state == "ready":
            return found
        clock.pause(_POLL_SECONDS)
    raise ServerNotStarted(
        f"The server of {data} was not ready after {_READY_SECONDS} seconds; it goes on recovering.",
        hint="Run the command again later.",
    )


def disown_stale_file(data: Path, account: Account) -> None:
    """Makes PostgreSQL start although postmaster.pid names a process that lives but is no server of this folder.

    Only the process id is replaced: by the rest of the file PostgreSQL itself still finds processes that a killed
    server left behind, and refuses to start beside them.
    """
    file = data / "postmaster.pid"
    found = _read(data)
    if found is not None and found.pid == 0:
        file.unlink()  # empty or cut off by a crash: nothing in it that could guard anything
    if found is None or not _alive(found.pid):
        return
    lines = file.read_text(errors="replace").split("\n")
    part = data / "postmaster.pid.part"
    account.write(part, "\n".join([str(_NO_PROCESS), *lines[1:]]))
    part.replace(file)


def stop(data: Path, found: Postmaster) -> bool:
    """Ends a server: politely, else at once. True when it shut down cleanly."""
    for sign, seconds in ((signal.SIGINT, _FAST_STOP_SECONDS), (signal.SIGQUIT, _IMMEDIATE_STOP_SECONDS)):
        try:
            os.kill(found.pid, sign)
        except ProcessLookupError:
            return True
        except PermissionError:
            raise ClusterRefused(f"The server (process {found.pid}) belongs to another user and was not stopped.") from None
        deadline = clock.monotonic() + seconds
        while clock.monotonic() < deadline:
            if running(data) is None and not is_program(found.pid, data):
                return sign is signal.SIGINT
            clock.pause(_POLL_SECONDS)
    raise ClusterRefused(
        f"The server (process {found.pid}) did not end within {_FAST_STOP_SECONDS + _IMMEDIATE_STOP_SECONDS} seconds."
    )


def is_program(pid: int, folder: Path) -> bool:
    """Whether a living process has this folder in its command line."""
    return any(_same(word, folder) for word in _command_of(pid))


def _read(data: Path) -> Postmaster | None:
    try:
        lines = (data / "postmaster.pid").read_text(errors="surrogateescape").split("\n")
    except FileNotFoundError:
        return None
    lines += [""] * (8 - len(lines))
    pid = abs(int(lines[0])) if re.fullmatch(r"-?\d+", lines[0].strip()) else 0  # negative in single-user mode
    port = int(lines[3]) if lines[3].strip().isdigit() else 0
    return Postmaster(pid, port, Path(lines[4]), bool(lines[5].strip()), lines[7].strip())


def _serves(pid: int, data: Path) -> bool:
    command = _command_of(pid)
    if not command or not Path(command[0]).name.startswith(("postgres", "postmaster")):
        return False
    folders = [after for before, after in itertools.pairwise(command) if before == "-D"]
    return any(_same(folder, data) or (not Path(folder).exists() and _works_in(pid, data)) for folder in folders)


def _works_in(pid: int, data: Path) -> bool:
    # A server whose folder was moved under it keeps the old name in its command line. Where the system does not tell
    # in which folder it works, it counts as ours: a second server on the same files would be worse.
    try:
        return Path(f"/proc/{pid}/cwd").samefile(data)
    except OSError:
        return True


def _same(word: str, folder: Path) -> bool:
    try:
        return word == str(folder) or (word.startswith("/") and Path(word).samefile(folder))
    except (OSError, ValueError):
        return False


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return pid > 0


def _command_of(pid: int) -> list[str]:
    # The command line is readable even where a container forbids root to look at a process's folder; a zombie has none.
    if pid <= 0 or not _alive(pid):
        return []
    listed = Path(f"/proc/{pid}/cmdline")
    try:
        if Path("/proc/self").exists():
            return os.fsdecode(listed.read_bytes()).split("\0")
        answer = subprocess.run(["ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, timeout=20, check=False)
        return shlex.split(answer.stdout)
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return []

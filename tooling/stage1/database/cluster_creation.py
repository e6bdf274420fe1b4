"""Makes a cluster, whole or not at all, and starts a server on it.

Owns the arguments of initdb, pg_ctl and createdb and the sentences for what they answer. May import binaries,
server_account, cluster_files, postmaster, errors, clock and faults. Refuses to leave half a cluster: initdb works
in `data.part`, which is renamed when it is complete and on disk.
"""

import re
import shlex
import shutil
import socket
from pathlib import Path

from stage1 import clock, faults
from stage1.database import postmaster
from stage1.database.binaries import Binaries
from stage1.database.cluster_files import ClusterFiles
from stage1.database.server_account import Account, require_name
from stage1.durable import flush_folder
from stage1.errors import ClusterRefused, NoSpace, ServerNotStarted, UsageRefused

SUPERUSER = "stage1"
DATABASE = "stage1"
LOOPBACK = "127.0.0.1"
SOCKET_PORT = 5432  # names the socket file where the server does not listen on TCP

_INITDB_SECONDS = 300
_START_SECONDS = 300
_CREATEDB_SECONDS = 60
_LEFT_BEHIND_SECONDS = 15
_FULL_BYTES = 1_000_000
_FATAL = re.compile(r"(?:FATAL|PANIC|could not bind[^:]*): +(.*)")
_THROWAWAY = ("-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off")


def make_data_directory(
    files: ClusterFiles, account: Account, binaries: Binaries, target: Path, lock: int, *, durable: bool = True
) -> None:
    """Runs initdb; `target` appears complete or not at all."""
    require_name(account)
    part = target.with_name(target.name + ".part")
    password = target.with_name("password.part")
    _remove(part)
    word = files.make_password()
    try:
        # initdb reads the password under the server's account, which cannot open a file of root's.
        account.write(password, word + "\n")
        answer = account.run(
            [
                str(binaries.path("initdb")),
                f"--pgdata={part}",
                f"--username={SUPERUSER}",
                f"--pwfile={password}",
                "--auth-local=trust",
                "--auth-host=scram-sha-256",
                "--encoding=UTF8",
                "--locale=C.UTF-8",
                "--data-checksums",
                "--no-instructions",
                *([] if durable else ["--no-sync"]),
            ],
            folder=target.parent,
            seconds=_INITDB_SECONDS,
            keep=(lock,),  # an initdb that outlives its killed parent keeps others away from data.part
        )
    finally:
        password.unlink(missing_ok=True)
    if answer.returncode != 0:
        problem = _not_made(binaries, answer.stdout, target.parent)
        _remove(part)
        raise problem
    faults.reach("cluster: after initdb")
    part.rename(target)
    flush_folder(target.parent)
    faults.reach("cluster: after rename")


def launch(
    files: ClusterFiles, account: Account, binaries: Binaries, data: Path, port: int | None, *, durable: bool = True
) -> postmaster.Postmaster:
    """Starts a server that outlives this process, on the private socket and, with a port, on loopback."""
    options = [
        "-c",
        f"unix_socket_directories={_list_item(files.make_socket_directory(account))}",
        "-c",
        "unix_socket_permissions=0700",
        "-c",
        f"listen_addresses={LOOPBACK if port else ''}",
        "-c",
        f"port={port or SOCKET_PORT}",
        *([] if durable else _THROWAWAY),
    ]
    # pg_ctl puts the server into a session of its own and gives it the log instead of our pipes.
    command = [
        *(str(binaries.path("pg_ctl")), "start", "--wait", f"--timeout={_START_SECONDS}"),
        *(f"--pgdata={data}", f"--log={files.log_file}", f"--options={shlex.join(options)}"),
    ]
    deadline = clock.monotonic() + _LEFT_BEHIND_SECONDS
    while True:
        postmaster.disown_stale_file(data, account)
        files.clear_socket_directory()
        offset = files.turn_log()
        answer = account.run(command, folder=files.cluster, seconds=_START_SECONDS + 30)
        if answer.returncode == 0:
            return postmaster.wait_until_ready(data)
        said = _log_from(files.log_file, offset)
        # Processes of a killed server need a moment to notice that it is gone.
        if "pre-existing shared memory block" not in said or clock.monotonic() > deadline:
            raise _not_started(files, binaries, port, said or answer.stdout)
        clock.pause(0.1)


def make_database(files: ClusterFiles, account: Account, binaries: Binaries, found: postmaster.Postmaster) -> None:
    """Makes the database `stage1` where a first start did not come that far."""
    mark = files.cluster / "has-database"
    if mark.exists():
        return
    answer = account.run(
        [
            *(str(binaries.path("createdb")), f"--host={found.socket_directory}", f"--port={found.port}"),
            *(f"--username={SUPERUSER}", "--no-password", "--maintenance-db=postgres", DATABASE),
        ],
        folder=files.cluster,
        seconds=_CREATEDB_SECONDS,
    )
    if answer.returncode != 0 and "already exists" not in answer.stdout:
        raise ServerNotStarted(
            f"The server runs, but its database {DATABASE} could not be made.", detail=_last_line(answer.stdout)
        )
    faults.reach("cluster: after createdb")
    account.write(mark, "")


def require_free_port(port: int) -> None:
    """Refuses a port that something else listens on, before anything is stopped or started."""
    if not 0 <= port <= 65535:
        raise UsageRefused(f"The port was {port}; a number from 1 to 65535 was expected (0: no port).")
    if port == 0:
        return
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except PermissionError:
            raise _no_low_port(port) from None
        except OSError:
            raise _busy(port) from None


def _not_started(files: ClusterFiles, binaries: Binaries, port: int | None, said: str) -> Exception:
    if port and "Address already in use" in said:
        return _busy(port)
    if port and "could not bind" in said and "Permission denied" in said:
        return _no_low_port(port)
    if "No space left on device" in said:
        return NoSpace(
            f"The disk of {files.cluster} is full, so PostgreSQL did not start.", hint="Make room, then run the command again."
        )
    if "pre-existing shared memory block" in said:
        return ClusterRefused(
            f"Processes of a server that was killed still use {files.data}.",
            hint=f"See them with `ps -u {files.account.name}`; they end when their statements do. Then run the command again.",
        )
    reasons = _FATAL.findall(said)
    return ServerNotStarted(
        f"PostgreSQL {binaries.version} did not start.",
        detail=f"It says: {reasons[0] if reasons else _last_line(said)}",
        hint=f"Its log: {files.log_file}",
    )


def _not_made(binaries: Binaries, said: str, folder: Path) -> Exception:
    if _is_full(folder, said):
        return NoSpace(
            f"The disk of {folder} is full, so no PostgreSQL cluster was made.", hint="Make room, then run the command again."
        )
    reasons = re.findall(r"(?:error|FATAL): +(.*)", said)
    return ServerNotStarted(
        f"initdb of PostgreSQL {binaries.version} made no cluster.",
        detail=f"It says: {reasons[0] if reasons else _last_line(said)}",
    )


def _is_full(folder: Path, said: str) -> bool:
    # A server on a full disk cannot even log its reason.
    return "No space left on device" in said or "wrote only" in said or shutil.disk_usage(folder).free < _FULL_BYTES


def _busy(port: int) -> ServerNotStarted:
    return ServerNotStarted(
        f"Port {port} of {LOOPBACK} is taken by another program.",
        hint="Choose another one with --port, or none: the socket needs no port.",
    )


def _no_low_port(port: int) -> ServerNotStarted:
    return ServerNotStarted(f"Port {port} may not be opened by this user.", hint="Choose one above 1023 with --port.")


def _list_item(folder: Path) -> str:
    escaped = str(folder).replace('"', '""')
    return f'"{escaped}"'


def _log_from(log: Path, offset: int) -> str:
    try:
        with log.open("rb") as file:
            file.seek(offset)
            return file.read(200_000).decode(errors="replace")
    except OSError:
        return ""


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "nothing"


def _remove(folder: Path) -> None:
    if folder.is_symlink():
        folder.unlink()
    elif folder.exists():
        shutil.rmtree(folder)

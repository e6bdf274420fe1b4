"""Feeds a compressed dump to pg_restore of the server's own major version, and tells what a failure of it means.

Owns the pipe: the dump is decompressed here in pieces, and a frame that is cut short or altered fails even where pg_restore
has seen enough. Imports binaries, programs, targets. Refuses a dump of a newer major version than the server.
"""

import contextlib
import os
import re
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import zstandard

from stage1.database import binaries, programs
from stage1.database.targets import Target
from stage1.errors import (
    BackupDamaged,
    ConnectionLost,
    DatabaseUnreachable,
    FileUnusable,
    NoSpace,
    NotPermitted,
    RestoreRefused,
    ServerExhausted,
    Stage1Error,
)
from stage1.redaction import redact
from stage1.settings import Settings

_PIECE = 1 << 17  # compressed; some times as much when decompressed
_END_SECONDS = 30

# What pg_restore says of a dump that it cannot read. What a server answers to it is no proof against the dump.
_DAMAGE = re.compile(
    r"^pg_restore: error: (?!could not execute query|COPY failed|query failed|error returned|connection)"
    r".*(?:valid (?:tar )?archive|magic string|file is too short|end of file|text format dump|sanity check|corrupt|TOC|offset"
    r"|block|checksum|dumpId|(?:un|de)compress|expected format|invalid (?:line )?item|invalid (?:ENCODING|STDSTR|SEARCHPATH))",
    re.MULTILINE,
)
# What follows quotes statements (with the secrets of user mappings) and rows.
_QUOTED = re.compile(r"^(?:.*Command was: |(?:CONTEXT|DETAIL|QUERY|LINE \d+): )", re.MULTILINE)
_VALUE = re.compile(r'(invalid input syntax for type [^:\n]+|invalid byte sequence for encoding "[^"]*"): .*')
# What the server, its disk or the connection is to blame for; the first that is found counts.
_OF_THE_SERVER: tuple[tuple[str, type[Stage1Error], str], ...] = (
    ("No space left on device|disk full|Disk quota exceeded", NoSpace, "Free some space on the server's disk, and run it again."),
    (
        "permission denied|must be owner|must be (?:a )?(?:superuser|member of)|must be able to SET ROLE|must have ",
        NotPermitted,
        "Connect as a superuser; or restore with --without-owners, and let `stage1 migrate` set roles and grants.",
    ),
    ("out of shared memory|out of memory|max_locks_per_transaction", ServerExhausted, "Raise max_locks_per_transaction there."),
    ("connection to server .* failed", DatabaseUnreachable, ""),
    (
        "server closed the connection|terminating connection|database system is|could not (?:receive|send) data",
        ConnectionLost,
        "Run it again; what was restored is dropped.",
    ),
)
_HEADER = re.compile(
    r"-- Name: (?P<name>.*); Type: (?P<type>[^;]+); Schema: .*?; Owner: (?P<owner>[^;\n]*)(?:; Tablespace: (?P<space>.+))?"
)
_IDENTIFIER = r'(?:"(?:[^"]|"")+"|[A-Za-z_\x80-\uffff][\w$]*)'
_IN_ACL = re.compile(rf"(?: (?:TO|FROM|ROLE)| AUTHORIZATION) ({_IDENTIFIER})(?= |;)")
_MAPPING = re.compile(rf"^CREATE USER MAPPING FOR ({_IDENTIFIER}) SERVER ")
_POLICY = re.compile(rf"^CREATE POLICY .*? TO ({_IDENTIFIER}(?:, {_IDENTIFIER})*)")


@dataclass(frozen=True)
class Needs:
    """What of the server itself the objects of a dump need."""

    roles: frozenset[str] = field(default_factory=frozenset)
    bound: frozenset[str] = field(
        default_factory=frozenset
    )  # of the roles: those of policies and user mappings, which always stay
    tablespaces: frozenset[str] = field(default_factory=frozenset)
    subscriptions: tuple[str, ...] = ()


def program_for(settings: Settings, server_major: int, dump_major: int) -> Path:
    """pg_restore for a server; it reads the dumps of its own major version and of older ones."""
    if server_major < dump_major:
        raise RestoreRefused(
            f"The backup is of PostgreSQL {dump_major}, the server of {server_major}; a dump goes to no older one.",
            hint=f"Name a server of version {dump_major} or newer with --database.",
        )
    return binaries.find(settings, server_major, ("pg_restore",)).path("pg_restore")


def needs_of(pg_restore: Path, dump: Path) -> Needs:
    """The roles and tablespaces that the objects of a dump name, without asking a server."""
    with tempfile.TemporaryFile() as script:
        _run([str(pg_restore), "--schema-only", "--file=-"], dict(os.environ), dump, script, (), whole=False)
        script.seek(0)
        return _needs_in(line.decode("utf-8", "replace") for line in script)


def fill(pg_restore: Path, dump: Path, target: Target, settings: Settings, *, with_owners: bool, with_tablespaces: bool) -> None:
    """Restores a dump into an empty database, without subscriptions: they would take what another database waits for."""
    named = programs.connection_string(target) or target.parameters["dbname"]
    command = [str(pg_restore), "--exit-on-error", "--no-password", "--no-subscriptions", f"--dbname={named}"]
    command += [] if with_owners else ["--no-owner", "--no-privileges"]
    command += [] if with_tablespaces else ["--no-tablespaces"]
    environment = programs.environment(target)
    # Nobody reads the database before it is proven, and what makes its name known is flushed with everything before it.
    options = "-c synchronous_commit=off -c default_transaction_read_only=off"
    environment["PGOPTIONS"] = f"{environment.get('PGOPTIONS', '')} {options}".strip()
    secret = target.secrets(settings)
    try:
        _run([*command, "--single-transaction"], environment, dump, subprocess.DEVNULL, secret)
    except ServerExhausted:
        # One transaction locks every table that it makes. It was undone; here nobody sees half of it, so many do as well.
        _run(command, environment, dump, subprocess.DEVNULL, secret)


def _run(
    command: list[str],
    environment: dict[str, str],
    dump: Path,
    output: IO[bytes] | int,
    secrets: tuple[str, ...],
    *,
    whole: bool = True,
) -> None:
    # A file takes what it says: a pipe that nobody reads while the dump is fed would fill and stop both.
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=output, stderr=said, env={**environment, "LC_ALL": "C"})
        try:
            problem = _feed(process, dump, whole=whole)
            if problem is None:
                process.wait()
        finally:
            if process.poll() is None:
                process.kill()
                process.wait(_END_SECONDS)
        if problem:
            raise BackupDamaged(f"{dump.parent.name} is damaged: {problem}.", hint="Use another backup: stage1 backup list.")
        if process.returncode != 0:
            said.seek(0)
            raise _failure(process.returncode, said.read().decode("utf-8", "replace"), dump, secrets)


def _feed(process: "subprocess.Popen[bytes]", dump: Path, *, whole: bool) -> str | None:
    """Writes the decompressed dump to pg_restore; returns what is wrong with it."""
    if process.stdin is None:
        raise AssertionError("it was started with a pipe")
    listens = True
    try:
        for piece in _pieces(dump):
            if listens:
                try:
                    process.stdin.write(piece)
                except BrokenPipeError:
                    # It has seen enough, or failed: its exit code says which.
                    listens = False
            if not listens and (not whole or process.wait() != 0):
                return None
        if listens:
            try:
                process.stdin.close()
            except BrokenPipeError:
                return None
    except zstandard.ZstdError as problem:
        return f"{dump.name} cannot be decompressed ({problem})"
    except EOFError:
        return f"{dump.name} ends before its end"
    except OSError as problem:
        raise FileUnusable(f"{dump} cannot be read: {problem.strerror}.") from None
    finally:
        with contextlib.suppress(OSError):
            process.stdin.close()
    return None


def _pieces(dump: Path) -> Iterator[bytes]:
    frame = zstandard.ZstdDecompressor().decompressobj()
    with dump.open("rb") as file:
        while compressed := file.read(_PIECE):
            if frame.eof:
                raise zstandard.ZstdError("there is more than one frame")
            piece = frame.decompress(compressed)
            if piece:
                yield piece
    if not frame.eof:
        raise EOFError
    if frame.unused_data:
        raise zstandard.ZstdError("there is more than one frame")


def _failure(code: int, said: str, dump: Path, secrets: tuple[str, ...]) -> Stage1Error:
    quoted = _QUOTED.search(said)
    said = _VALUE.sub(r"\1", said[: quoted.start()] if quoted else said)
    detail = f"It says: {redact(' '.join(said.split()), secrets)[:1000] or 'nothing'}"
    ended = f"pg_restore was ended by signal {-code}" if code < 0 else f"pg_restore ended with exit code {code}"
    if code > 0 and _DAMAGE.search(said):
        message = f"{dump.parent.name} is damaged: {ended}."
        return BackupDamaged(message, detail=detail, hint="Use another backup: stage1 backup list.")
    for pattern, kind, hint in _OF_THE_SERVER:
        if re.search(pattern, said):
            return kind(f"{ended}; what it restored is dropped.", detail=detail, hint=hint)
    return RestoreRefused(
        f"{dump.parent.name} could not be proven here: {ended}; what it restored is dropped.",
        detail=detail,
        hint="Give the server what it lacks, or name another one with --database. Whether the backup is good is not known yet.",
    )


def _needs_in(lines: Iterator[str]) -> Needs:
    roles: set[str] = set()
    bound: set[str] = set()
    tablespaces: set[str] = set()
    subscriptions: list[str] = []
    kind = ""
    for line in lines:
        header = _HEADER.match(line) if line.startswith("-- ") else None
        if header:
            kind = header["type"]
            tablespaces |= {(header["space"] or "").strip()} - {""}
            if kind == "SUBSCRIPTION":
                subscriptions.append(header["name"])
            else:
                roles |= {header["owner"].strip()} - {"-", ""}
        elif kind in ("ACL", "DEFAULT ACL"):
            roles |= {unquoted(name) for name in _IN_ACL.findall(line)} - {"PUBLIC", "DEFAULT"}
        elif kind == "POLICY" and (policy := _POLICY.match(line)):
            bound |= {unquoted(name) for name in re.findall(_IDENTIFIER, policy[1])} - {"PUBLIC"}
        elif kind == "USER MAPPING" and (mapping := _MAPPING.match(line)):
            bound |= {unquoted(mapping[1])} - {"public"}
    return Needs(frozenset(roles | bound), frozenset(bound), frozenset(tablespaces), tuple(subscriptions))


def unquoted(identifier: str) -> str:
    """A name as it is, of an identifier as SQL writes it."""
    return identifier[1:-1].replace('""', '"') if identifier.startswith('"') else identifier

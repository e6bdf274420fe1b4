"""Backups of a whole database: a dump, its roles, and a manifest of the very state that was dumped.

Owns the order of the steps: everything is read in one snapshot, written below a partial name, sealed, flushed and renamed;
then the database is told, if it can be. Reads the tables' fingerprints while pg_dump writes.
"""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from stage1 import __version__, clock, faults
from stage1.database import backup_folder, backup_records, binaries, calls, clusters, dumps, fingerprints, migrations
from stage1.database.backup_folder import Backup
from stage1.database.backup_manifest import (
    FORMAT,
    DatabaseGrant,
    DatabaseProperties,
    DatabaseSetting,
    Extension,
    FileSeal,
    Manifest,
    Migration,
)
from stage1.database.connections import Connection, Purpose, connected
from stage1.database.targets import Target
from stage1.durable import flush_folder
from stage1.errors import Stage1Error
from stage1.settings import Settings

_TRIES = 10


def create(target: Target, settings: Settings, say: Callable[[str], None]) -> Backup:
    """Takes a backup of the database now; leaves nothing behind when it fails."""
    for tries_left in reversed(range(_TRIES)):
        try:
            name = _try_to_create(target, settings, say)
            break
        except fingerprints.BehindAnother:
            if not tries_left:
                raise
            say("another session changes a table, or waits to change one, and the backup stood behind it: it begins anew")
    backup = backup_folder.named(settings, name)
    _record(target, settings, backup, say)
    return backup


def _try_to_create(target: Target, settings: Settings, say: Callable[[str], None]) -> str:
    with connected(target, settings, Purpose.SNAPSHOT) as connection:
        programs = binaries.find(settings, connection.info.server_version // 10000, ("pg_dump",))
        dumper = dumps.Dumper(programs, target, settings, connection.info.dbname)
        folder = dumps.writable_folder(settings)
        with fingerprints.snapshot(connection, locked=True) as snapshot, dumps.disk_problems(folder):
            return _written(connection, dumper, folder, snapshot, say)


def listed(settings: Settings, database: str | None = None, system_identifier: str | None = None) -> list[Backup]:
    """The finished backups, newest first: all, or those of a database, of one cluster where it is known."""
    found = backup_folder.found(settings)
    return [backup for backup in found if database is None or backup.is_of(system_identifier, database)]


def newest_good(backups: list[Backup]) -> Backup | None:
    """The newest one whose verification found it good."""
    return next((backup for backup in backups if backup.is_verified), None)


def _written(connection: Connection, dumper: dumps.Dumper, folder: Path, snapshot: str, say: Callable[[str], None]) -> str:
    taken_at = clock.now().replace(microsecond=0)
    head = migrations.applied_head(connection)

    def name_at(place: int) -> str:
        return backup_folder.name_of(dumper.database, taken_at, head, place)

    with dumps.claimed(folder, name_at) as (path, part):
        say(f"backing up {dumper.database} to {path}")
        with dumper.roles(part) as roles_written, _read_meanwhile(connection) as contents:
            dump = dumper.dump(part, snapshot, lambda: not (contents.done() and contents.exception()))
            manifest_of = contents.result()
            roles, roles_problem = roles_written()
        if roles_problem:
            say(f"the backup is without roles.sql: pg_dumpall failed and says: {roles_problem}")
        faults.reach("backup: its files are written")
        files = tuple(file for file in (dump, roles) if file is not None)
        backup_folder.write_manifest(part, manifest_of(path.name, taken_at, dumper, files, roles_problem))
        flush_folder(part)
        faults.reach("backup: it is sealed")
        part.rename(path)
        flush_folder(folder)
    faults.reach("backup: it has its name")
    return path.name


ManifestOf = Callable[[str, datetime, dumps.Dumper, tuple[FileSeal, ...], str], Manifest]


@contextmanager
def _read_meanwhile(connection: Connection) -> "Iterator[Future[ManifestOf]]":
    """Reads the database in the snapshot while pg_dump does; ended early when the block fails."""
    with ThreadPoolExecutor(1) as pool:
        contents = pool.submit(_contents, connection)
        try:
            yield contents
        finally:
            # A statement may be between two others when it is to be ended.
            while not wait([contents], timeout=0.2).done:
                connection.cancel_safe()


def _contents(connection: Connection) -> ManifestOf:
    """Everything of the manifest that the database knows."""
    facts = calls.query(connection, "backup_facts")[0]
    properties = calls.query(connection, "database_properties", name=connection.info.dbname)[0]
    identifier = clusters.system_identifier(connection)
    ledger = calls.view(connection, migrations.LEDGER) if calls.exists(connection, migrations.LEDGER) else []
    applied = sorted((str(row["migration_id"]), str(row["sha256"])) for row in ledger)
    tables = fingerprints.tables(connection)
    own_settings, grants = (json.loads(str(properties.pop(name) or "null")) for name in ("settings", "grants"))
    extensions, objects = (json.loads(str(facts[name])) for name in ("extensions", "objects"))
    server_version = str(connection.info.parameter_status("server_version"))
    server_major = connection.info.server_version // 10000

    def manifest_of(
        name: str, taken_at: datetime, dumper: dumps.Dumper, files: tuple[FileSeal, ...], roles_problem: str
    ) -> Manifest:
        return Manifest(
            format=FORMAT,
            name=name,
            database=dumper.database,
            system_identifier=identifier,
            taken_at=taken_at,
            finished_at=clock.now().replace(microsecond=0),
            stage1_version=__version__,
            server_version=server_version,
            server_major=server_major,
            pg_dump_version=dumper.binaries.version,
            migration_head=max((migration[:4] for migration, _ in applied), default="none"),
            migrations=tuple(Migration(*row) for row in applied),
            properties=DatabaseProperties(
                **properties,
                settings=tuple(DatabaseSetting(**row) for row in own_settings),
                grants=None if grants is None else tuple(DatabaseGrant(**row) for row in grants),
            ),
            extensions=tuple(Extension(**row) for row in extensions),
            tables=tables,
            objects=objects,
            roles_problem=roles_problem,
            files=files,
        )

    return manifest_of


def _record(target: Target, settings: Settings, backup: Backup, say: Callable[[str], None]) -> None:
    """Tells the database; a backup is one even where it cannot be told."""
    try:
        with connected(target, settings, Purpose.WRITE) as connection:
            backup_records.note(connection, backup)
    except Stage1Error as problem:
        say(f"the backup is whole, but the database could not be told of it: {problem.message}")

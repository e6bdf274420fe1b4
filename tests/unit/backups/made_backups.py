"""Backups that hold no database: folders with a manifest that is right, for questions about names, seals and ages."""

import hashlib
from datetime import UTC, datetime
from pathlib import Path

from stage1.database import backup_folder
from stage1.database.backup_folder import DUMP, Verification
from stage1.database.backup_manifest import (
    FORMAT,
    DatabaseGrant,
    DatabaseProperties,
    DatabaseSetting,
    Extension,
    FileSeal,
    Manifest,
    Migration,
    TableContent,
)

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)


def manifest(
    name: str, database: str, taken_at: datetime, dump: bytes = b"dump", system_identifier: str | None = None
) -> Manifest:
    """A manifest with something in every field."""
    return Manifest(
        format=FORMAT,
        name=name,
        database=database,
        system_identifier=system_identifier,
        taken_at=taken_at,
        finished_at=taken_at,
        stage1_version="0.1.0",
        server_version="18.6 (\u00fc)",
        server_major=18,
        pg_dump_version="18.6",
        migration_head="0001",
        migrations=(Migration("0001_a", "0" * 64),),
        properties=DatabaseProperties(
            owner="o",
            encoding="UTF8",
            collate="C",
            ctype="C",
            locale_provider="i",
            locale="und",
            icu_rules="",
            connection_limit=-1,
            comment="c",
            tablespace="pg_default",
            settings=(DatabaseSetting("", "work_mem", "5MB"),),
            grants=(DatabaseGrant("", "CONNECT", False),),
        ),
        extensions=(Extension("plpgsql", "1.0"),),
        tables=(TableContent("public.t", 3, "123"),),
        objects={"tables": 1, "indexes": 0},
        roles_problem="",
        files=(FileSeal(DUMP, len(dump), hashlib.sha256(dump).hexdigest()),),
    )


def make(
    folder: Path,
    taken_at: datetime = NOON,
    database: str = "d",
    verified: bool | None = None,
    system_identifier: str | None = None,
) -> Path:
    """A finished backup that was never verified, or was found good or damaged."""
    path = folder / backup_folder.name_of(database, taken_at, "0001")
    path.mkdir(parents=True)
    (path / DUMP).write_bytes(b"dump")
    backup_folder.write_manifest(path, manifest(path.name, database, taken_at, system_identifier=system_identifier))
    if verified is not None:
        problem = "" if verified else "a row is missing"
        backup_folder.write_verification(path, Verification(taken_at, verified, problem, 1.5, "18.6", ("a finding",)))
    return path

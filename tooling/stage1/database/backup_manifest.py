"""The manifest of a backup: what was backed up, of which server, and the seal of every file.

Owns the form of manifest.json. Imports errors and nothing else of ours. Refuses a text that is not, to the byte, what it
would write itself: a flipped bit anywhere in it is found.
"""

import hashlib
import json
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from typing import Any

from stage1.errors import BackupDamaged

FORMAT = 1


@dataclass(frozen=True)
class TableContent:
    """One table as it was dumped: its name as SQL writes it, and what tells its rows from others."""

    name: str
    rows: int
    fingerprint: str


@dataclass(frozen=True)
class FileSeal:
    """One file of a backup as it was written."""

    name: str
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Migration:
    """A migration that was applied when the backup was taken."""

    name: str
    sha256: str


@dataclass(frozen=True)
class DatabaseSetting:
    """A `alter database ... set`, or with a role `alter role ... in database ... set`."""

    role: str
    name: str
    value: str


@dataclass(frozen=True)
class DatabaseGrant:
    """A privilege on the database itself; the grantee is empty for PUBLIC."""

    grantee: str
    privilege: str
    grantable: bool


@dataclass(frozen=True)
class DatabaseProperties:
    """What a dump of a database does not hold and `create database` needs."""

    owner: str
    encoding: str
    collate: str
    ctype: str
    locale_provider: str  # c, i or b, as pg_database has it
    locale: str  # of the providers i and b
    icu_rules: str
    connection_limit: int  # -1: none
    comment: str
    tablespace: str
    settings: tuple[DatabaseSetting, ...]
    grants: tuple[DatabaseGrant, ...] | None  # None: nobody changed what PostgreSQL grants by itself


@dataclass(frozen=True)
class Extension:
    """An extension of the database."""

    name: str
    version: str


@dataclass(frozen=True)
class Manifest:
    """All that is known of a backup; the order of the fields is that of the file."""

    format: int
    name: str
    database: str
    system_identifier: str | None  # of the cluster; None where the connection may not read it
    taken_at: datetime
    finished_at: datetime
    stage1_version: str
    server_version: str
    server_major: int
    pg_dump_version: str
    migration_head: str
    migrations: tuple[Migration, ...]
    properties: DatabaseProperties
    extensions: tuple[Extension, ...]
    tables: tuple[TableContent, ...]
    objects: dict[str, int]
    roles_problem: str
    files: tuple[FileSeal, ...]

    @property
    def bytes(self) -> int:
        """What the files of the backup occupy, without the manifest."""
        return sum(file.bytes for file in self.files)

    @property
    def rows(self) -> int:
        """The rows of all tables."""
        return sum(table.rows for table in self.tables)


def parsed(raw: bytes) -> Manifest:
    """The manifest of a file that is, to the byte, what would be written of it."""
    try:
        given = json.loads(raw.decode("ascii"))
        if given["format"] != FORMAT:
            raise BackupDamaged(f"its manifest is of format {given['format']!r}; this stage1 reads {FORMAT}")
        del given["sha256"]
        manifest = _manifest_from(given)
        if text_of(manifest).encode("ascii") == raw:
            return manifest
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        pass
    raise BackupDamaged("its manifest is not as it was written")


def text_of(manifest: Manifest) -> str:
    """The file of a manifest; its last key seals the others."""
    document = plain(manifest)
    checksum = hashlib.sha256(json.dumps(document, indent=1).encode("ascii")).hexdigest()
    return json.dumps({**document, "sha256": checksum}, indent=1) + "\n"


def plain(record: Any) -> dict[str, Any]:
    """A record as JSON has it: moments in UTC."""
    given = asdict(record)
    for field in fields(record):
        if isinstance(given[field.name], datetime):
            given[field.name] = given[field.name].astimezone(UTC).isoformat().replace("+00:00", "Z")
    return given


def moment(text: str) -> datetime:
    """A moment of a file."""
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError("a moment without an offset")
    return found


def _manifest_from(given: dict[str, Any]) -> Manifest:
    properties = dict(given["properties"])
    properties["settings"] = tuple(DatabaseSetting(**row) for row in properties["settings"])
    if properties["grants"] is not None:
        properties["grants"] = tuple(DatabaseGrant(**row) for row in properties["grants"])
    kinds: dict[str, Any] = {"migrations": Migration, "extensions": Extension, "tables": TableContent, "files": FileSeal}
    several = {key: tuple(kind(**row) for row in given[key]) for key, kind in kinds.items()}
    moments = {key: moment(given[key]) for key in ("taken_at", "finished_at")}
    return Manifest(**{**given, **moments, **several, "properties": DatabaseProperties(**properties)})

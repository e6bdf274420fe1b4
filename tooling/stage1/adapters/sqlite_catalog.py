"""The catalog of a machine without a database: one SQLite file, whose rows `stage1 datasets push` brings to PostgreSQL later.

Owns the form of that file; its statements are those of sql/sqlite/. May import model, ports and resources. Refuses a file that is
no catalog, or that a newer stage1 wrote. The journal is SQLite's usual one, not the write-ahead log, which leaves two files
beside the catalog, and a catalog in a folder that cannot be written could not be read.
"""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from stage1 import resources
from stage1.errors import DatabaseNewer, FileUnusable, LockHeld, NoSpace, Stage1Error
from stage1.model.dataset_manifests import LISTS, DatasetManifest
from stage1.ports import CatalogPort

# As sql/sqlite/create_datasets.sql writes them.
_APPLICATION_ID = 1398035265
_FORM = 1
_PATIENCE = 30.0  # seconds that a writer waits for another
_MOMENTS = ("generated_at", "first_ts", "last_ts")


class SqliteCatalog(CatalogPort):
    """The offline catalog at a path; made by the first dataset that it is given."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def upsert_dataset(self, dataset: DatasetManifest) -> str:
        """Keeps a dataset, in place of what was known of it; which ingest loaded it is for the database to know."""
        row = dataset.as_row()
        for name in _MOMENTS:
            moment = getattr(dataset, name)
            row[name] = moment and moment.astimezone(UTC).isoformat()
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as problem:
            raise FileUnusable(
                f"The folder {self._path.parent} cannot be made: {problem.strerror or problem}.", hint="Look at its permissions."
            ) from problem
        with self._opened("rwc") as connection:
            if not self._is_made(connection):
                connection.executescript(_statement("create_datasets"))
            connection.execute(_statement("upsert_dataset"), row)
        return dataset.dataset_id

    def get_dataset(self, dataset_id: str) -> DatasetManifest | None:
        """A dataset by its id, or nothing."""
        return next(iter(self._read(dataset_id)), None)

    def rows(self) -> list[DatasetManifest]:
        """Every dataset, by id."""
        return self._read(None)

    def _read(self, dataset_id: str | None) -> list[DatasetManifest]:
        if not self._path.exists():
            return []
        with self._opened("ro") as connection:
            if not self._is_made(connection):
                return []
            found = connection.execute(_statement("datasets"), {"dataset_id": dataset_id}).fetchall()
        try:
            return [_manifest(dict(row)) for row in found]
        except (ValueError, TypeError, KeyError) as problem:
            raise FileUnusable(
                f"{self._path} holds a dataset that cannot be read: {problem}.",
                hint="Somebody else wrote it: take that row out, or move the file away and run `stage1 data` again.",
            ) from problem

    def _is_made(self, connection: sqlite3.Connection) -> bool:
        """Whether it is a catalog; not so where it is empty."""
        application_id, form, objects = connection.execute(_statement("catalog_state")).fetchone()
        if not objects and not application_id:
            return False
        if application_id != _APPLICATION_ID:
            raise FileUnusable(
                f"{self._path} is an SQLite database of another program, not the offline catalog.",
                hint="Name another file with STAGE1_CATALOG.",
            )
        if form > _FORM:
            raise DatabaseNewer(
                f"{self._path} is an offline catalog of form {form}; this stage1 knows forms up to {_FORM}.",
                hint="Install the newer stage1 that wrote it.",
            )
        return True

    @contextmanager
    def _opened(self, mode: str) -> Iterator[sqlite3.Connection]:
        """A connection in which each statement is a transaction, unless the statement says otherwise."""
        try:
            address = f"{self._path.absolute().as_uri()}?mode={mode}"
            with closing(sqlite3.connect(address, uri=True, timeout=_PATIENCE, isolation_level=None)) as connection:
                connection.row_factory = sqlite3.Row
                yield connection
        except sqlite3.Error as problem:
            raise self._explained(problem) from problem

    def _explained(self, problem: sqlite3.Error) -> Stage1Error:
        code = getattr(problem, "sqlite_errorcode", 0) & 0xFF  # the rest says more than is needed here
        match code:
            case sqlite3.SQLITE_FULL:
                return NoSpace(
                    f"The disk of {self._path} is full; the dataset was not kept.", hint="Free some space, and try again."
                )
            case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
                return LockHeld(f"Another program is writing {self._path}.", hint="Wait for it to end, and try again.")
            case sqlite3.SQLITE_NOTADB:
                return FileUnusable(f"{self._path} is not an SQLite database.", hint="Name another file with STAGE1_CATALOG.")
            case sqlite3.SQLITE_CORRUPT:
                return FileUnusable(
                    f"{self._path} is a damaged SQLite database: {problem}.",
                    hint="Move it away and run `stage1 data` again: what was derived is registered from its manifests.",
                )
        return FileUnusable(f"{self._path} cannot be used: {problem}.", hint="Look at its path and permissions.")


def _statement(name: str) -> str:
    return (resources.sql_folder() / "sqlite" / f"{name}.sql").read_text(encoding="utf-8")


def _manifest(row: dict[str, Any]) -> DatasetManifest:
    for name in LISTS:
        row[name] = tuple(json.loads(row.pop(f"{name}_json")))
    for name in ("from_date", "to_date"):
        row[name] = date.fromisoformat(row[name])
    for name in _MOMENTS:
        row[name] = row[name] and datetime.fromisoformat(row[name])
        if row[name] and row[name].tzinfo is None:
            raise ValueError(f"its {name} is without an offset")
    return DatasetManifest(**row)

"""Spools for tests: files as clients write them, and what the database and the ledger hold afterwards."""

import uuid
from pathlib import Path
from typing import Any

from tests.plugins.databases import Database

PENDING = "pending_postgres_inserts.sql"


def dataset(slug: str, number: int | None = None) -> str:
    """An INSERT of a dataset; its id follows from the slug."""
    return (
        "INSERT INTO stage1_datasets (dataset_id, dataset_slug, ohlcv_measurement, indicator_measurement, ohlcv_row_count) "
        f"VALUES ('{identity(slug)}', '{slug}', 'o_{slug}', 'i_{slug}', {number or 0});\n"
    )


def run_of(slug: str, measurement: str) -> str:
    """An INSERT of a walk-forward run of a dataset, which may be missing."""
    return (
        "INSERT INTO walkforward_runs (run_id, dataset_id, prediction_measurement) "
        f"VALUES ('{identity(slug + measurement)}', '{identity(slug)}', '{measurement}');\n"
    )


def identity(name: str) -> uuid.UUID:
    """An id that follows from a name."""
    return uuid.uuid5(uuid.NAMESPACE_URL, name)


def make_spool(folder: Path, pending: str = "", **files: str) -> Path:
    """A spool folder with an append file and whole files in new/."""
    spool = folder / "spool"
    (spool / "new").mkdir(parents=True, exist_ok=True)
    spool.chmod(0o700)
    (spool / "new").chmod(0o700)
    if pending:
        with (spool / PENDING).open("a", encoding="utf-8", newline="") as file:
            file.write(pending)
        (spool / PENDING).chmod(0o600)
    for name, text in files.items():
        path = spool / "new" / f"{name}.sql"
        path.write_text(text, encoding="utf-8", newline="")
        path.chmod(0o600)
    return spool


def slugs(database: Database) -> list[str]:
    """The datasets that are there."""
    return [row["dataset_slug"] for row in database.rows("select dataset_slug from public.stage1_datasets order by dataset_slug")]


def measurements(database: Database) -> list[str]:
    """The runs that are there."""
    found = database.rows("select prediction_measurement from public.walkforward_runs order by 1")
    return [row["prediction_measurement"] for row in found]


def letters(database: Database) -> list[tuple[str, Any]]:
    """What was not applied: status and reason, in order."""
    found = database.rows("select status, reason from public.fn_list_replay_letters(1000) order by spool, at_byte")
    return [(row["status"], row["reason"]) for row in found]


def counts(answer: dict[str, Any]) -> tuple[int, ...]:
    """Applied, known, waiting and dead of a report."""
    return tuple(answer[name] for name in ("applied", "known", "waiting", "dead"))


def names_in(folder: Path) -> list[str]:
    """The names of the files of a folder, which may be missing."""
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []

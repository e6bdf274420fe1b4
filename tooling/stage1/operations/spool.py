"""Looks whether offline clients left inserts that wait to be replayed. Reads the spool, never changes it."""

from pathlib import Path

from stage1.settings import Settings

APPEND_FILE = "pending_postgres_inserts.sql"


def pending_files(settings: Settings) -> list[Path]:
    """The spool files that hold something: the client's append file and whole files of the spool folder."""
    spool = settings.path("STAGE1_SPOOL")
    candidates = [spool] if spool.is_file() else sorted([*spool.glob("*.sql"), *spool.glob("new/*.sql")])
    return [path for path in candidates if path.is_file() and path.read_bytes().strip()]

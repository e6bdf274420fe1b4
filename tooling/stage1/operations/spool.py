"""Looks whether offline clients left inserts that wait to be replayed. Reads the spool, never changes it."""

from pathlib import Path

from stage1.errors import FileUnusable
from stage1.settings import Settings


def pending_files(settings: Settings) -> list[Path]:
    """The spool files that hold something: the client's append file and whole files of the spool folder."""
    spool = settings.path("STAGE1_SPOOL")
    candidates = [spool] if spool.is_file() else sorted([*spool.glob("*.sql"), *spool.glob("new/*.sql")])
    return [path for path in candidates if path.is_file() and _holds_something(path)]


def _holds_something(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return any(chunk.strip() for chunk in iter(lambda: file.read(1 << 16), b""))
    except OSError as problem:
        raise FileUnusable(
            f"The spool file {path} cannot be read: {problem.strerror}.",
            hint="Make it readable for this user; it may hold inserts.",
        ) from problem

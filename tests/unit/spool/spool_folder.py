"""What the tests do with a spool folder: write into it, claim it, look what lies in it."""

from pathlib import Path

from stage1.operations.spool_files import SpoolFile, claim
from stage1.settings import Settings

APPENDED = "-- stage1 spool 1: one statement per line\na;\n"


def write(path: Path, text: str = "a;\n") -> Path:
    path.write_text(text)
    path.chmod(0o600)
    return path


def settings_of(place: Path) -> Settings:
    return Settings({"STAGE1_SPOOL": str(place)})


def silent(_: str) -> None:
    return None


def claimed(place: Path, *more: Path) -> list[SpoolFile]:
    return claim([place, *more], settings_of(place), silent)


def files_below(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file() and path.name != ".lock")

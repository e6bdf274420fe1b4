"""The files of the repository, as git knows them: tracked, or new and not ignored."""

import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

_NOT_OURS = (".git", ".venv", ".stage1", "__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache", ".import_linter_cache")


@cache
def all_files() -> list[Path]:
    """Every file of the repository; without git every file that is no cache."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, check=False
    )
    if listed.returncode == 0:
        found = [ROOT / name for name in listed.stdout.decode().split("\0") if name]
    else:
        found = [path for path in ROOT.rglob("*") if not set(path.relative_to(ROOT).parts) & set(_NOT_OURS)]
    return sorted(path for path in found if path.is_file())


def files(*suffixes: str, below: str = ".") -> list[Path]:
    """The files of these suffixes below a folder."""
    return [path for path in all_files() if path.suffix in suffixes and path.is_relative_to((ROOT / below).resolve())]


def name_of(path: Path) -> str:
    """A file's path as messages name it."""
    return path.relative_to(ROOT).as_posix()

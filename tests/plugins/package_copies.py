"""Copies of the package, laid out as the wheel lays it out, whose SQL a test may change."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

import stage1
from stage1 import resources
from stage1.database import migration_files

_SOURCE = Path(stage1.__file__).parent


@dataclass(frozen=True)
class PackageCopy:
    """A folder for PYTHONPATH with the package in it."""

    path: Path

    @property
    def migrations(self) -> Path:
        """Its migrations/."""
        return self.path / "stage1" / "migrations"

    @property
    def sql(self) -> Path:
        """Its sql/."""
        return self.path / "stage1" / "sql"

    @property
    def newest(self) -> str:
        """The name of its newest migration."""
        return max(path.stem for path in self.migrations.glob("*.sql"))

    def add_migration(self, slug: str, text: str, *, seal: bool = True) -> str:
        """Writes the next migration and returns its name."""
        name = f"{int(self.newest[:4]) + 1:04d}_{slug}"
        (self.migrations / f"{name}.sql").write_text(text)
        if seal:
            migration_files.seal(self.migrations)
        return name

    def write(self, path: str, text: str) -> None:
        """Writes a file of sql/."""
        (self.sql / path).parent.mkdir(parents=True, exist_ok=True)
        (self.sql / path).write_text(text)

    def replace(self, path: str, old: str, new: str) -> None:
        """Changes a file of sql/; the old text must be in it."""
        file = self.sql / path
        text = file.read_text()
        assert old in text, f"{old!r} is not in {path}"
        file.write_text(text.replace(old, new))


@pytest.fixture
def package(tmp_path: Path) -> PackageCopy:
    """A copy of the package as it is now."""
    copy = PackageCopy(tmp_path / "site-packages")
    shutil.copytree(_SOURCE, copy.path / "stage1", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(resources.migrations_folder(), copy.migrations)
    shutil.copytree(resources.sql_folder(), copy.sql)
    return copy

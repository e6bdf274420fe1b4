"""The files of sql/ that are deployed: one object a file, in the order in which they need each other.

Owns the rules of the folder (name = file name, `-- depends:` header, one `create or replace`). Reads files only.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from stage1.database.migration_files import digest, read_text
from stage1.errors import ObjectFileInvalid

BOOKKEEPING_FOLDER = "bookkeeping"
DEPLOYED_FOLDERS = ("functions", "views", "validation")
_CREATE = re.compile(
    r"^create\s+(?:or\s+replace\s+)?(?P<kind>function|procedure|view|table|schema)\s+(?:if\s+not\s+exists\s+)?(?P<name>[a-z_][a-z0-9_.]*)",
    re.MULTILINE,
)
_ADOPTS = re.compile(r"^--\s*adopts:\s*stage 1\.3\s*$", re.MULTILINE)
_DEPENDS = re.compile(r"^--\s*depends:\s*(?P<names>.+)$", re.MULTILINE)


@dataclass(frozen=True)
class ObjectFile:
    """One deployed object and the file that says what it is."""

    name: str
    kind: str
    path: Path
    text: str
    sha256: str
    depends: tuple[str, ...]
    adopts: bool  # whether an object of this name that stage1 did not make is a deployment of before, and replaced

    @property
    def bare_name(self) -> str:
        """The name without its schema: what `-- depends:` and the file name say."""
        return self.name.rpartition(".")[2]


def read_bookkeeping(sql_folder: Path) -> list[ObjectFile]:
    """What the migrator itself stands on, in order."""
    return _in_order(_read(path) for path in sorted((sql_folder / BOOKKEEPING_FOLDER).glob("*.sql")))


def read_deployed(sql_folder: Path) -> list[ObjectFile]:
    """Functions, views and checks, in order."""
    paths = sorted(path for folder in DEPLOYED_FOLDERS for path in (sql_folder / folder).rglob("*.sql"))
    return _in_order(_read(path) for path in paths)


def _read(path: Path) -> ObjectFile:
    text = read_text(path)
    created = list(_CREATE.finditer(text))
    if len(created) != 1 or created[0]["name"].rpartition(".")[2] != path.stem:
        names = ", ".join(match["name"] for match in created) or "nothing"
        raise ObjectFileInvalid(
            f"{path} creates {names}; exactly {path.stem} was expected.", hint="One object a file, and the file is named like it."
        )
    depends = tuple(name for match in _DEPENDS.finditer(text) for name in match["names"].split())
    return ObjectFile(created[0]["name"], created[0]["kind"], path, text, digest(text), depends, bool(_ADOPTS.search(text)))


def _in_order(files: Iterable[ObjectFile]) -> list[ObjectFile]:
    by_name: dict[str, ObjectFile] = {}
    for file in files:
        if file.bare_name in by_name:
            raise ObjectFileInvalid(f"{file.path} and {by_name[file.bare_name].path} create the same object.")
        by_name[file.bare_name] = file
    for file in by_name.values():
        unknown = [name for name in file.depends if name not in by_name]
        if unknown:
            raise ObjectFileInvalid(f"{file.path} depends on {', '.join(unknown)}, which no file creates.")
    sorter: TopologicalSorter[str] = TopologicalSorter()
    for name in sorted(by_name):
        sorter.add(name, *sorted(by_name[name].depends))
    try:
        return [by_name[name] for name in sorter.static_order()]
    except CycleError as problem:
        raise ObjectFileInvalid(
            f"These files of sql/ depend on each other in a circle: {' -> '.join(problem.args[1])}."
        ) from None

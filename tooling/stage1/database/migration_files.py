"""The numbered files of migrations/ and the seal over them.

Owns the rules of the folder: names, numbers, the header directives and migrations/checksums.txt. Reads files only;
knows nothing of a database.
"""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from stage1.errors import HistoryUnsealed, ObjectFileInvalid

SEAL_NAME = "checksums.txt"
_NAME = re.compile(r"(?P<number>\d{4})_(?P<slug>[a-z][a-z0-9_]*)")
_SEALED = re.compile(r"(?P<checksum>[0-9a-f]{64})  (?P<name>\S+)\.sql")
# `end;` is not among them: it closes the body of a `begin atomic` function, too.
_ENDS_ITS_TRANSACTION = re.compile(r"^\s*(?:begin|commit|rollback|start\s+transaction)\s*;", re.MULTILINE | re.IGNORECASE)
_QUOTED = re.compile(r"(?P<quote>\$\w*\$).*?(?P=quote)", re.DOTALL)
_DROPS = re.compile(r"^--\s*drops:\s*(?P<names>.+)$", re.MULTILINE)
_NOT_TRANSACTIONAL = re.compile(r"^--\s*transactional:\s*false\s*$", re.MULTILINE)


@dataclass(frozen=True)
class MigrationFile:
    """One file of the history."""

    id: str
    path: Path
    sha256: str
    drops: tuple[str, ...]
    transactional: bool

    @property
    def number(self) -> int:
        """The place in the history."""
        return number_of(self.id)


def number_of(migration_id: str) -> int:
    """The number at the head of a migration's name."""
    return int(migration_id[:4])


def digest(text: str) -> str:
    """The checksum of a file's content; the same for both kinds of line ends."""
    return hashlib.sha256(text.replace("\r\n", "\n").encode()).hexdigest()


def read_text(path: Path) -> str:
    """The text of a file of SQL."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise ObjectFileInvalid(f"{path} is not UTF-8.", hint="Restore it, or save it as UTF-8.") from None


def read_folder(folder: Path) -> list[MigrationFile]:
    """All migrations in the order of their numbers."""
    return [_read(path) for path in sorted(folder.glob("*.sql"))]


def check_seal(folder: Path) -> None:
    """Raises where the files are not the ones that were sealed."""
    files = read_folder(folder)
    sealed = read_seal(folder)
    problems = [f"{file.id}.sql is not sealed" for file in files if file.id not in sealed]
    problems += [
        f"{file.id}.sql was changed after it was sealed" for file in files if sealed.get(file.id, file.sha256) != file.sha256
    ]
    problems += [f"{name}.sql is sealed, but its file is gone" for name in sealed if name not in {file.id for file in files}]
    if problems:
        raise HistoryUnsealed(
            detail="; ".join(problems) + ".",
            hint="Install the package again; in a checkout: git checkout -- migrations (a new file: make seal). "
            f"The folder is {folder}.",
        )


def read_seal(folder: Path) -> dict[str, str]:
    """The sealed checksums by migration."""
    path = folder / SEAL_NAME
    if not path.is_file():
        return {}
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip() and not line.startswith("#")]
    sealed = [_SEALED.fullmatch(line) for line in lines]
    if not all(sealed):
        raise HistoryUnsealed(
            f"{path} is damaged: a line of it is not a checksum and a name.",
            hint="Install the package again; in a checkout: git checkout -- migrations/checksums.txt.",
        )
    return {match["name"]: match["checksum"] for match in sealed if match}


def seal(folder: Path, *, again: frozenset[str] = frozenset()) -> list[str]:
    """Adds the files that are new to the seal and returns their names.

    A sealed file that differs is refused, unless it is named in `again`: only one that was never released may be sealed anew.
    """
    files = read_folder(folder)
    for expected, file in enumerate(files, start=1):
        if file.number != expected:
            raise ObjectFileInvalid(
                f"migrations/{file.path.name} has number {file.number:04d}, but {expected:04d} was expected.",
                hint="Numbers follow each other without a gap; rename the newest file.",
            )
    refuse_own_transactions(files)
    sealed = read_seal(folder)
    changed = [file.id for file in files if sealed.get(file.id, file.sha256) != file.sha256 and file.id not in again]
    gone = [name for name in sealed if name not in {file.id for file in files} and name not in again]
    if changed or gone:
        raise HistoryUnsealed(
            f"Sealed migrations were changed or deleted: {', '.join(changed + gone)}.",
            hint="History is not edited: restore them, and write a new migration. (Never released? make seal AGAIN=<name>.)",
        )
    lines = [f"{file.sha256}  {file.id}.sql" for file in files]
    head = "# The seal over migrations/: sha256 and name of each file. Written by `make seal`, checked by every `stage1 migrate`."
    (folder / SEAL_NAME).write_text("\n".join([head, *lines]) + "\n", encoding="utf-8")
    return [file.id for file in files if sealed.get(file.id) != file.sha256]


def refuse_own_transactions(files: Iterable[MigrationFile]) -> None:
    """Raises where a file would commit half of itself, and that without its record."""
    for file in files:
        if file.transactional and _ENDS_ITS_TRANSACTION.search(_QUOTED.sub("", read_text(file.path))):
            raise ObjectFileInvalid(
                f"migrations/{file.path.name} begins or ends a transaction; a migration is one transaction already.",
                hint="Take the statement out, or write `-- transactional: false` into the header and make the file idempotent.",
            )


def _read(path: Path) -> MigrationFile:
    if not _NAME.fullmatch(path.stem):
        raise ObjectFileInvalid(
            f"migrations/{path.name} is not named like 0007_add_something.sql.",
            hint="Four digits, a verb, an object; lower case.",
        )
    text = read_text(path)
    drops = tuple(name for match in _DROPS.finditer(text) for name in match["names"].split())
    return MigrationFile(path.stem, path, digest(text), drops, not _NOT_TRANSACTIONAL.search(text))

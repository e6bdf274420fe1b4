"""docs/reference/migrations.md: what each migration does, locks and takes, from the headers of migrations/."""

import re

from repository.markdown import page, plain
from stage1 import resources
from stage1.database.migration_files import read_folder

_INTRODUCTION = """\
Each file is one transaction together with the row that records it (see [architecture](../explanation/architecture.md)). The
texts are the files' own headers. A file that is applied is never edited: `migrations/checksums.txt` seals it."""


def header_of(text: str) -> list[str]:
    """The lines of the comment at a file's head, without the dashes; an empty line parts paragraphs."""
    lines = []
    for line in text.splitlines():
        if not line.startswith("--"):
            break
        lines.append(line.removeprefix("--").strip())
    return lines


def write() -> str:
    """The page."""
    parts = []
    for file in read_folder(resources.migrations_folder()):
        lines = header_of(file.path.read_text(encoding="utf-8"))
        # A directive or a named fact begins a paragraph of its own.
        text = "\n".join(f"\n{line}" if re.match(r"(Locks|Duration|Raises|drops|depends):", line) else line for line in lines)
        parts.append(f"## {file.id}\n\n{plain(re.sub(chr(10) + '{3,}', chr(10) * 2, text))}")
    return page("Migrations", "repository/write_migrations.py, from the headers of migrations/", _INTRODUCTION, *parts)

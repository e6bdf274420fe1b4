"""What the catalog of a migrated database says of our objects, read once for all generated pages."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stage1 import resources
from stage1.database.connections import Connection
from stage1.database.object_files import ObjectFile, read_deployed

_QUERIES = Path(__file__).parent / "queries"

Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Catalog:
    """The rows of each query of queries/, and the files that the deployed objects come from."""

    functions: Rows
    relations: Rows
    columns: Rows
    parts: Rows
    role_matrix: Rows
    files: dict[str, ObjectFile]

    def area_of(self, name: str) -> str:
        """The folder of the file that deploys an object: catalog, views, validation; empty where a migration makes it."""
        return self.files[name].path.parent.name if name in self.files else ""

    def columns_of(self, relation: str) -> Rows:
        """The columns of a table or view."""
        return [row for row in self.columns if row["relation"] == relation]

    def parts_of(self, relation: str, part: str) -> Rows:
        """The constraints, indexes or triggers of a table."""
        return [row for row in self.parts if row["relation"] == relation and row["part"] == part]

    def relation(self, name: str) -> dict[str, Any]:
        """A table or view."""
        return next(row for row in self.relations if row["name"] == name)

    def roles_of(self, name: str, implied: str = "") -> str:
        """Which role may do what with an object, as a sentence's part; what the sentence implies is left out."""
        found = [
            f"`{row['role_name']}`" + ("" if row["privileges"] == implied else f" ({row['privileges']})")
            for row in self.role_matrix
            if row["object_name"] == name
        ]
        return ", ".join(found) or "its owner alone"


def read(connection: Connection) -> Catalog:
    """Reads the catalog over a connection whose search_path is empty."""

    def rows(name: str) -> Rows:
        return connection.execute((_QUERIES / f"{name}.sql").read_bytes()).fetchall()

    return Catalog(
        functions=rows("functions"),
        relations=rows("relations"),
        columns=rows("columns"),
        parts=rows("parts"),
        role_matrix=rows("role_matrix"),
        files={file.name: file for file in read_deployed(resources.sql_folder())},
    )

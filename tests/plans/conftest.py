"""A catalog of 200,000 analysed rows: what benchmarks/catalog_rows.sql spreads, and some versions and experiments."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from benchmarks import measuring
from psycopg.rows import DictRow

from tests.plugins.databases import Database, a_database

DATASETS = 67_000
_ROWS = Path(__file__).parents[2] / "benchmarks" / "catalog_rows.sql"


@pytest.fixture(scope="module")
def catalog(template: Database, server_url: str) -> Iterator[psycopg.Connection[DictRow]]:
    """A connection to that catalog, in autocommit mode; tests leave it as it was."""
    with a_database(server_url, template.name) as database, database.connect() as connection:
        connection.execute(_ROWS.read_bytes())
        connection.execute("select pg_temp.build_catalog(%s)", [DATASETS])
        # A table without a page is read whole, which costs nothing, and says nothing of the plan where there are rows.
        connection.execute("""
            insert into dataset_versions (
              dataset_id, sequence, created_by, origin, new_count, changed_count, unchanged_count, deleted_count, restored_count,
              example_count
            )
            select dataset_id, n, 'somebody', 'merge', 1, 0, 0, 0, 0, n
            from stage1_datasets cross join generate_series(1, 3) as n
            where dataset_id < '10000000-0000-4000-8000-000000000000'
        """)
        connection.execute("""
            insert into experiments (dataset_id, version_id, created_by)
            select dataset_id, version_id, 'somebody' from dataset_versions
        """)
        measuring.settle(connection)
        yield connection

"""A catalog of 200,000 analysed rows: datasets, runs and simulations as benchmarks/catalog_rows.sql spreads them."""

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
        measuring.settle(connection)
        yield connection

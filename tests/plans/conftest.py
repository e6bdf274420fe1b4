"""A catalog of 200,000 analysed rows: datasets, runs and simulations as benchmarks/catalog_rows.sql spreads them."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from benchmarks import measuring
from psycopg import conninfo, sql
from psycopg.rows import DictRow

from tests.plugins.databases import Database

DATASETS = 67_000
_ROWS = Path(__file__).parents[2] / "benchmarks" / "catalog_rows.sql"


@pytest.fixture(scope="module")
def catalog(template: Database, server_url: str) -> Iterator[psycopg.Connection[DictRow]]:
    """A connection to that catalog, in autocommit mode; tests leave it as it was."""
    name = f"stage1_plans_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server_url, autocommit=True) as server:
        server.execute(
            sql.SQL("create database {} template {} strategy file_copy").format(
                sql.Identifier(name), sql.Identifier(template.name)
            )
        )
        try:
            database = Database(conninfo.make_conninfo(server_url, dbname=name), name)
            with database.connect() as connection:
                connection.execute(_ROWS.read_bytes())
                connection.execute("select pg_temp.build_catalog(%s)", [DATASETS])
                measuring.settle(connection)
                yield connection
        finally:
            server.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))

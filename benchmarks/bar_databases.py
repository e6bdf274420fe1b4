"""Databases for the benchmark of loads: one a round, with our way and the usual ways of bringing a file into it."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import databento
import psycopg
from psycopg import conninfo

from benchmarks import servers
from stage1 import settings as settings_module
from stage1.database.targets import Target
from stage1.operations.ingest import ingest
from stage1.operations.ingest_files import ingest_files
from stage1.operations.prove_file import IngestOptions

PRICES = "open, high, low, close, volume"
UPSERT = f"""
insert into usual.bars (symbol, ts, ts_ms, {PRICES}, ingestion_run_id) values (%s, %s, %s, %s, %s, %s, %s, %s, 1)
on conflict (symbol, ts) do update set open = excluded.open, high = excluded.high, low = excluded.low, close = excluded.close,
  volume = excluded.volume, ingestion_run_id = excluded.ingestion_run_id
"""
UPSERT_STAGED = UPSERT.replace("values (%s, %s, %s, %s, %s, %s, %s, %s, 1)", f"select symbol, ts, ts_ms, {PRICES}, 1 from staged")


class Database:
    """A database of one round."""

    def __init__(self, server: servers.Server, name: str) -> None:
        self._server, self._name = server, name
        self.target = Target({**server.parameters, "dbname": name}, "of a benchmark")
        self.settings = settings_module.load(environment={}, start=Path("/"))
        self.url = conninfo.make_conninfo("", **self.target.for_libpq())
        self.connection: psycopg.Connection[Any]

    @contextmanager
    def opened(self) -> Iterator["Database"]:
        """Makes it, and drops it at the end."""
        self.connection = self._server.new_database(self._name)
        try:
            yield self
        finally:
            self.connection.close()
            with psycopg.connect(**self._server.parameters, autocommit=True) as connection:  # type: ignore[arg-type]
                connection.execute(f"drop database {self._name} with (force)".encode())

    def add_twin(self, schema: str, first: int, last: int) -> None:
        """A table like ours that nobody guards."""
        self.connection.execute(f"create schema {schema}".encode())
        parent = f"{schema}.bars"
        self.connection.execute(
            f"create table {parent} (like public.market_bars_ohlcv_1m including all) partition by range (ts)".encode()
        )
        for year in range(first, last + 1):
            span = f"('{year}-01-01 00:00:00+00') to ('{year + 1}-01-01 00:00:00+00')"
            self.connection.execute(f"create table {parent}_{year} partition of {parent} for values from {span}".encode())

    def timed(self, work: Callable[[], object]) -> float:
        """Seconds of something, with nothing left over from what was before."""
        self.connection.execute("checkpoint")
        start = time.perf_counter()
        work()
        return time.perf_counter() - start

    def load(self, path: Path) -> None:
        """Our way."""
        ingest(self.target, self.settings, path, IngestOptions())

    def load_all(self, paths: list[Path], jobs: int) -> None:
        """Our way, several files."""

        def work(path: Path, tell: Any) -> Any:
            return ingest(self.target, self.settings, path, IngestOptions(), tell)

        for outcome in ingest_files(paths, work, jobs, lambda *_: None):
            if outcome.problem:
                raise outcome.problem

    def bare_copy(self, ready: list[bytes]) -> None:
        """The unit."""
        with self.connection.cursor().copy("copy unit.bars from stdin (format binary)") as copy:
            for piece in ready:
                copy.write(piece)

    def executemany(self, path: Path) -> None:
        """The usual way: to_df, then one upsert a row."""
        with psycopg.connect(self.url) as connection:
            connection.cursor().executemany(UPSERT.encode(), rows_of(path))

    def write_row(self, path: Path) -> None:
        """The better usual way: to_df, COPY row by row, one upsert."""
        with psycopg.connect(self.url) as connection:
            connection.execute("create temp table staged (like usual.bars including defaults) on commit drop")
            names = f"symbol, ts, ts_ms, {PRICES}, ingestion_run_id"
            with connection.cursor().copy(f"copy staged ({names}) from stdin".encode()) as copy:
                for row in rows_of(path):
                    copy.write_row((*row, 1))
            connection.execute(UPSERT_STAGED.encode())


def rows_of(path: Path) -> Iterator[tuple[Any, ...]]:
    """The rows of a DataFrame as scripts make them."""
    frame = databento.DBNStore.from_file(path).to_df()
    for row in frame.itertuples():
        yield row.symbol, row.Index, row.Index.value // 1_000_000, row.open, row.high, row.low, row.close, row.volume

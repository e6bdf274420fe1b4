"""Databases for the benchmark of loads: one a round, with our way and the usual ways of bringing a file into it."""

import time
import warnings
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
from stage1.operations.ingest import Outcome, Progress, ingest, silent
from stage1.operations.ingest_files import ingest_files
from stage1.operations.ingest_options import IngestOptions

PRICES = "open, high, low, close, volume"
# The table of the loader that the source document describes, with its indexes and its foreign key.
SOURCE = """
create schema source;
create table source.runs (id bigserial primary key);
insert into source.runs default values;
create table source.bars (
  vendor text not null default 'databento', schema text not null default 'ohlcv-1m',
  symbol text not null, ts timestamptz not null, ts_ms bigint not null,
  open numeric not null, high numeric not null, low numeric not null, close numeric not null, volume numeric,
  ingestion_run_id bigint references source.runs (id), created_at timestamptz default now(), primary key (symbol, ts),
  check (high >= open and high >= close and high >= low and low <= open and low <= close)
);
create index on source.bars (ts desc);
create index on source.bars (symbol, ts);
create index on source.bars (ingestion_run_id);
"""
UPSERT = f"""
insert into {{table}} (symbol, ts, ts_ms, {PRICES}, ingestion_run_id) values (%s, %s, %s, %s, %s, %s, %s, %s, 1)
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

        def work(path: Path, tell: Progress, opened: Any) -> Outcome:
            return ingest(self.target, self.settings, path, IngestOptions(), tell, opened)

        ended = ingest_files(paths, work, jobs, lambda _: silent, lambda _: None)
        for problem in (ended.raised, *(outcome.problem for outcome in ended.outcomes)):
            if problem:
                raise problem

    def bare_copy(self, ready: list[bytes]) -> None:
        """The unit."""
        with self.connection.cursor().copy("copy unit.bars from stdin (format binary)") as copy:
            for piece in ready:
                copy.write(piece)

    def executemany(self, path: Path, table: str) -> None:
        """The usual way: to_df, then one upsert a row."""
        with psycopg.connect(self.url) as connection:
            connection.cursor().executemany(UPSERT.format(table=table).encode(), rows_of(path))

    def write_row(self, path: Path, table: str) -> None:
        """The better usual way: to_df, COPY row by row, one upsert."""
        with psycopg.connect(self.url) as connection:
            connection.execute(f"create temp table staged (like {table} including defaults) on commit drop".encode())
            names = f"symbol, ts, ts_ms, {PRICES}, ingestion_run_id"
            with connection.cursor().copy(f"copy staged ({names}) from stdin".encode()) as copy:
                for row in rows_of(path):
                    copy.write_row((*row, 1))
            connection.execute(UPSERT_STAGED.format(table=table).encode())


def rows_of(path: Path) -> Iterator[tuple[Any, ...]]:
    """The rows of a DataFrame as scripts make them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what pandas thinks of the vendor's client
        frame = databento.DBNStore.from_file(path).to_df()
    for row in frame.itertuples():
        yield row.symbol, row.Index, row.Index.value // 1_000_000, row.open, row.high, row.low, row.close, row.volume

"""`make benchmark`: what the nightly jobs cost: a replay, a backup and its verification, and the checks on a large database.

A replay is compared with the same work in a transaction a statement, on a server that flushes each commit; a backup with plain
`pg_dump -Fc`, its verification with a bare pg_restore of that file; the checks are timed on 100,000 datasets and 50 million bars
after a night that brought 100,000.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
from tests.plugins import dbn_files

from benchmarks import measuring, servers
from benchmarks.bar_databases import Database
from stage1 import settings as settings_module
from stage1.database import programs
from stage1.database.binaries import Binaries, find
from stage1.database.targets import Target
from stage1.operations import backup as backups
from stage1.operations.replay import replay
from stage1.operations.validate import validate
from stage1.operations.verify_backup import verify

START = datetime(2020, 1, 1, tzinfo=UTC)
CATALOG = Path(__file__).parent / "catalog_rows.sql"
FILL = Path(__file__).parent / "stored_bars.sql"


def quietly(_: str) -> None:
    """Talk that a benchmark does not need."""


def settings_with(**values: object) -> settings_module.Settings:
    """Settings of the benchmark alone."""
    return settings_module.load(environment={name: str(value) for name, value in values.items()}, start=Path("/"))


def timed(work: Callable[[], object]) -> float:
    """Seconds of something."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


# --- replay ------------------------------------------------------------------------------------------------


def statement(number: int) -> str:
    """What a client writes of a dataset."""
    return (
        "INSERT INTO public.stage1_datasets (dataset_id, dataset_slug, symbol, ohlcv_measurement, indicator_measurement) "
        f"VALUES ('00000000-0000-0000-0000-{number:012}', 'MNQ-{number}-1m', 'MNQ', 'ohlcv_{number}', 'indicators_{number}')"
    )


def replay_at_once(database: Database, folder: Path, count: int) -> float:
    """Seconds of the command's own work on a spool file of that many statements."""
    spool = folder / "spool"
    shutil.rmtree(spool, ignore_errors=True)
    spool.mkdir(mode=0o700)
    pending = spool / "pending_postgres_inserts.sql"
    pending.write_text("".join(f"{statement(number)};\n" for number in range(count)), encoding="utf-8")
    pending.chmod(0o600)
    target = Target({**database.target.parameters, "user": "stage1_replay"}, "of a benchmark")
    start = time.perf_counter()
    report = replay(target, settings_with(STAGE1_SPOOL=spool), [spool], quietly)
    seconds = time.perf_counter() - start
    assert report.counts.applied == count
    return seconds


def replay_one_by_one(database: Database, count: int, *, ledger: bool) -> float:
    """Seconds of the statements in a transaction each, with or without their row of the ledger."""
    parameters = {**database.target.for_libpq(), "user": "stage1_replay"}
    with psycopg.connect(**parameters, autocommit=True) as connection:  # type: ignore[arg-type]
        run = value(connection, "select stage1_internal.begin_replay()")
        identity = f"append:benchmark-{time.monotonic_ns():x}"
        spool = value(connection, "select spool_id from stage1_internal.open_spool(%s, %s, 'a')", run, identity)
        start = time.perf_counter()
        for number in range(count):
            text = statement(number).encode()
            if ledger:
                with connection.transaction():
                    record = [run, spool, [number], [hashlib.sha256(text).digest()], [number]]
                    connection.execute("select stage1_internal.record_applied(%s, %s, %s, %s, %s)", record)
                    connection.execute(text)
            else:
                connection.execute(text)
        return time.perf_counter() - start


def value(connection: psycopg.Connection[Any], query: str, *parameters: object) -> Any:
    """The one value of a query."""
    row = connection.execute(query.encode(), parameters or None).fetchone()
    return row[0] if row else None


def measure_replay(server: servers.Server, folder: Path, count: int, rounds: int, flush: int = 0) -> list[list[str]]:
    """The statements at once, in a transaction each, and in one each without a ledger; a fifth of them one by one.

    With `flush` each commit waits so many microseconds more, as on a disk that takes as long to flush.
    """
    with Database(server, "replayed").opened() as database, server.configured(commit_delay=flush, commit_siblings=0):

        def fresh(work: Callable[[], float]) -> Callable[[], float]:
            def run() -> float:
                database.connection.execute("truncate public.stage1_datasets cascade")
                database.connection.execute("checkpoint")
                return work()

            return run

        found = measuring.medians(
            {
                "once": fresh(lambda: replay_at_once(database, folder, count)),
                "each": fresh(lambda: 5 * replay_one_by_one(database, count // 5, ledger=True)),
                "bare": fresh(lambda: 5 * replay_one_by_one(database, count // 5, ledger=False)),
            },
            rounds,
            warm_up=1,
        )
    times = found["each"] / found["once"]
    where = f", a flush of {flush / 1000:.0f} ms" if flush else ""
    return [
        row(f"stage1 replay run of {count:,} statements{where}", found["once"]),
        row(f"the same in a transaction each, with the ledger{where}", found["each"], f"x {times:.1f}", "x 15", times >= 15),
        row(f"plain autocommit of each, without a ledger{where}", found["bare"], f"x {found['bare'] / found['once']:.1f}"),
    ]


# --- backups -----------------------------------------------------------------------------------------------


def measure_backup(server: servers.Server, folder: Path, bars: int, rounds: int) -> list[list[str]]:
    """A backup against pg_dump, and its verification against pg_restore."""
    kept = settings_with(STAGE1_BACKUP_DIR=folder / "backups")
    with Database(server, "dumped").opened() as database:
        whole = dbn_files.records(bars, start=START, instruments=range(1, 11))
        database.load(dbn_files.write(folder / "dumped.dbn.zst", whole, header(10)))
        database.connection.execute("vacuum analyze")
        major = database.connection.info.server_version // 10000
        tools = find(kept, major, ("pg_dump", "pg_restore", "createdb", "dropdb"))
        plain, target = folder / "plain.dump", database.target

        def run(program: str, *arguments: str) -> None:
            environment = programs.environment(target)
            subprocess.run([str(tools.path(program)), *arguments], env=environment, check=True, capture_output=True)

        def bare_restore() -> float:
            run("createdb", "--template=template0", "restored")
            seconds = timed(lambda: run("pg_restore", "--single-transaction", "--dbname=restored", str(plain)))
            run("dropdb", "restored")
            return seconds

        def create() -> float:
            shutil.rmtree(folder / "backups", ignore_errors=True)
            return timed(lambda: backups.create(target, kept, quietly))

        def verified() -> float:
            [made] = backups.listed(kept)
            start = time.perf_counter()
            found = verify(made, target, kept, quietly)
            assert found.ok, found.problem
            return time.perf_counter() - start

        def dump() -> float:
            return timed(lambda: run("pg_dump", "--format=custom", f"--file={plain}"))

        dump()
        create()
        found = measuring.medians({"dump": dump, "create": create, "restore": bare_restore, "verify": verified}, rounds, 1)
        [made] = backups.listed(kept)
        size = sum(path.stat().st_size for path in made.path.iterdir()) / plain.stat().st_size
    quick, proven = found["create"] / found["dump"], found["verify"] / found["restore"]
    return [
        row(f"pg_dump -Fc of {bars:,} bars", found["dump"]),
        row("stage1 backup create", found["create"], f"{quick:.2f}", "0.5", quick <= 0.5),
        row("its size in terms of that dump", None, f"{size:.2f}", "1.1", size <= 1.1),
        row("pg_restore of that dump", found["restore"]),
        row("stage1 backup verify", found["verify"], f"{proven:.2f}", "2", proven <= 2),
    ]


def header(symbols: int) -> dbn_files.Header:
    """Maps instrument 1 to S001 and so on."""
    mappings = {f"S{number:03}": [(START.date(), date(2060, 1, 1), number)] for number in range(1, symbols + 1)}
    return dbn_files.Header(start=START, end=datetime(2060, 1, 1, tzinfo=UTC), mappings=mappings)


# --- the checks --------------------------------------------------------------------------------------------


def measure_checks(server: servers.Server, folder: Path, datasets: int, symbols: int, each: int, nights: int) -> list[list[str]]:
    """All checks after each of some nights that brought 200 bars a symbol; the first one counts everything."""
    patient = settings_with(STAGE1_STATEMENT_TIMEOUT=3600)
    with Database(server, "checked").opened() as database:
        connection = database.connection
        connection.execute(CATALOG.read_bytes())
        connection.execute("select pg_temp.build_catalog(%s)", [datasets])
        connection.execute(FILL.read_bytes())
        for first in range(1, symbols + 1, 10):
            connection.execute("select pg_temp.store_bars(%s, %s, %s)", [first, min(first + 9, symbols), each])
        connection.execute("select pg_temp.store_summaries(%s, %s)", [symbols, each])
        measuring.settle(connection)
        first_time = timed(lambda: healthy(database, patient))
        seconds = []
        for night in range(nights):
            start = START + timedelta(minutes=each + 200 * night)
            bars = dbn_files.records(200 * symbols, start=start, instruments=range(1, symbols + 1))
            database.load(dbn_files.write(folder / f"night{night}.dbn.zst", bars, header(symbols)))
            seconds.append(timed(lambda: healthy(database, patient)))
        deep = timed(lambda: healthy(database, patient, deep=True))
    worst = max(seconds)
    total = symbols * each
    return [
        row(f"stage1 validate, the first of {datasets:,} datasets and {total:,} bars", first_time),
        row(f"stage1 validate after a night of {200 * symbols:,} bars, the slowest of {nights}", worst, "", "2 s", worst < 2),
        row("stage1 validate --deep", deep),
    ]


def healthy(database: Database, settings: settings_module.Settings, *, deep: bool = False) -> None:
    """Runs all checks; what they find in the made-up catalog are no errors."""
    report = validate(database.target, settings, quietly, deep=deep)
    assert report.is_healthy, [vars(answer) for answer in report.answers if answer.errors or answer.problem]


# --- the table ---------------------------------------------------------------------------------------------


def row(name: str, seconds: float | None, ratio: str = "", target: str = "", held: bool | None = None) -> list[str]:
    """A line of the table."""
    time_of_it = "" if seconds is None else f"{measuring.figure(seconds)} s"
    return [name, time_of_it, ratio, target, "" if held is None else measuring.verdict(held)]


def measure(binaries: Binaries, *, quick: bool, rounds: int) -> tuple[str, bool]:
    """Returns the text for the document and whether every target was held."""
    os.umask(0o077)
    statements, bars, flushed = (100, 2_000, 1) if quick else (10_000, 1_000_000, 3)
    catalog = (1_000, 12, 100, 1) if quick else (100_000, 500, 100_000, 3)
    with servers.folder() as folder:
        # A production server keeps what it commits; the checks only read.
        with servers.throwaway(binaries, durable=True) as server:
            table = [
                *measure_replay(server, folder, statements, rounds),
                *measure_replay(server, folder, statements, flushed, flush=3_000),
                *measure_backup(server, folder, bars, rounds),
            ]
        with servers.throwaway(binaries) as server:
            table += measure_checks(server, folder, *catalog)
    text = f"### PostgreSQL {binaries.version}\n\nMedians of {rounds} interleaved rounds; {measuring.machine()}.\n\n"
    return text + measuring.table(["what", "time", "ratio", "target", ""], table), not any("missed" in line[4] for line in table)


def main(arguments: list[str]) -> int:
    """Returns 0 when every target was held."""
    parser = measuring.parser("operations", __doc__, 5)
    parser.add_argument("--version", type=int, default=servers.OLDEST, help="the major version of PostgreSQL")
    options = parser.parse_args(arguments)
    binaries = servers.versions(options.version)[0]
    text, all_held = measure(binaries, quick=options.quick, rounds=1 if options.quick else options.rounds)
    return measuring.ended("operations", text, options, all_held=all_held)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

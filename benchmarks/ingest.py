"""`make benchmark`: what it costs to bring bars from a DBN file into the table, in terms of a bare COPY, and to read them back.

The unit is a COPY BINARY of ready-made bytes by one connection into a table of the same columns, checks, primary key, BRIN and
partitions, which nobody guards. Each round has a database of its own; the unit is taken anew in every round.
"""

import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pandas
import psycopg
from tests.plugins import dbn_files

import stage1
from benchmarks import measuring, servers
from benchmarks.bar_databases import PRICES, SOURCE, Database

ROWS = 2_000_000
SMALL = 200_000  # for the ways that take minutes for more
MANY = 20_000_000
START = datetime(2020, 1, 1, tzinfo=UTC)
END = datetime(2060, 1, 1, tzinfo=UTC)

FIRST, OVERLAP, AGAIN = "first load", "10 % overlap", "the same bars, another file"
MOST = {FIRST: 1.4, OVERLAP: 1.5, AGAIN: 0.9}
MOST_OF_ONE_JOB = 0.75
LEAST_TIMES = {"executemany": 8, "write_row": 4}
LEAST_TIMES_READ_SQL = 5
MOST_MEMORY = 200  # MiB


# Prints the peak memory of a command. A process of its own: a child's peak holds what its parent had when it was forked.
PEAK = """
import resource, subprocess, sys
ended = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(ended.returncode)
"""


@dataclass(frozen=True)
class Files:
    """The files of one data set, and the bytes of the bare COPY."""

    first: Path
    again: Path
    overlap: Path
    ready: list[bytes]


def header(symbols: int) -> dbn_files.Header:
    """Maps instrument 1 to S001 and so on."""
    mappings = {f"S{number:03}": [(START.date(), date(2060, 1, 1), number)] for number in range(1, symbols + 1)}
    return dbn_files.Header(start=START, end=END, mappings=mappings)


def write_files(folder: Path, rows: int, symbols: int, server: servers.Server) -> Files:
    """Bars of some symbols, minute by minute; the file that overlaps shares its first tenth with the last one of the first."""
    whole = dbn_files.records(rows * 19 // 10, start=START, instruments=range(1, symbols + 1))
    head, made = header(symbols), whole[:rows]
    first = dbn_files.write(folder / f"first-{symbols}.dbn.zst", made, head)
    again = dbn_files.write(folder / f"again-{symbols}.dbn.zst", made, head, level=1)
    overlap = dbn_files.write(folder / f"overlap-{symbols}.dbn.zst", whole[rows * 9 // 10 :], head)
    with Database(server, f"ready_{symbols}").opened() as database:
        database.load(first)
        query = "select * from public.market_bars_ohlcv_1m order by ts, symbol"
        with database.connection.cursor().copy(f"copy ({query}) to stdout (format binary)") as copy:
            ready = list(pieces(copy))
    return Files(first, again, overlap, ready)


def pieces(copy: Any) -> Iterator[bytes]:
    """The rows of a COPY in pieces of a megabyte."""
    waiting = bytearray()
    for row in copy:
        waiting += row
        if len(waiting) > 1_000_000:
            yield bytes(waiting)
            waiting.clear()
    yield bytes(waiting)


def measure_loads(server: servers.Server, folder: Path, rows: int, symbols: int, rounds: int) -> list[list[str]]:
    """The three loads in terms of the unit."""
    files = write_files(folder, rows, symbols, server)
    years = (START.year, START.year + rows * 2 // symbols // 525_600 + 1)
    units: list[float] = []
    taken: dict[str, list[float]] = {FIRST: [], AGAIN: [], OVERLAP: []}
    for number in range(rounds):
        with Database(server, f"round_{symbols}_{number}").opened() as database:
            database.add_twin("unit", *years)
            order = [lambda: units.append(database.timed(lambda: database.bare_copy(files.ready)))]
            order.insert(
                number % 2,
                lambda: taken[FIRST].append(database.timed(lambda: database.load(files.first))),
            )
            for step in order:
                step()
            taken[AGAIN].append(database.timed(lambda: database.load(files.again)))
            taken[OVERLAP].append(database.timed(lambda: database.load(files.overlap)))
    rows_of_table = [[f"a bare COPY of {rows:,} rows, {symbols} symbols", f"{statistics.median(units):.2f} s", "1.00", "", ""]]
    for name, seconds in taken.items():
        ratio = statistics.median(mine / unit for mine, unit in zip(seconds, units, strict=True))
        rows_of_table.append(
            line(name, f"{statistics.median(seconds):.2f} s", f"{ratio:.2f}", f"at most {MOST[name]}", ratio <= MOST[name])
        )
    return rows_of_table


def line(name: str, seconds: str, ratio: str, target: str, held: bool) -> list[str]:
    """A row of the table."""
    return [name, seconds, ratio, target, measuring.verdict(held)]


def measure_jobs(server: servers.Server, folder: Path, rows: int, rounds: int) -> list[list[str]]:
    """Two files of distinct symbols, one after the other and at once."""
    paths = []
    for number in (1, 2):
        head = dbn_files.Header(start=START, end=END, mappings={f"J{number}": [(START.date(), date(2060, 1, 1), number)]})
        made = dbn_files.records(rows // 2, start=START, instruments=(number,))
        paths.append(dbn_files.write(folder / f"job-{number}.dbn.zst", made, head))
    taken: dict[int, list[float]] = {1: [], 2: []}
    for number in range(rounds):
        for jobs in (1, 2) if number % 2 else (2, 1):
            with Database(server, f"jobs_{number}_{jobs}").opened() as database:
                taken[jobs].append(database.timed(lambda: database.load_all(paths, jobs)))  # noqa: B023 - called in this round
    ratio = statistics.median(two / one for one, two in zip(taken[1], taken[2], strict=True))
    name = "--jobs 2 in terms of --jobs 1, two symbols"
    return [
        line(name, f"{statistics.median(taken[2]):.2f} s", f"{ratio:.2f}", f"at most {MOST_OF_ONE_JOB}", ratio <= MOST_OF_ONE_JOB)
    ]


def measure_usual_ways(server: servers.Server, folder: Path, rows: int, rounds: int) -> list[list[str]]:
    """What scripts do, in terms of our load of the same file: into the source's own table, and into one like ours."""
    path = dbn_files.write(folder / "small.dbn.zst", dbn_files.records(rows, start=START, instruments=(1,)), header(1))
    ours: list[float] = []
    ways = [(way, table) for table in ("source.bars", "usual.bars") for way in ("executemany", "write_row")]
    taken: dict[tuple[str, str], list[float]] = {way: [] for way in ways}
    for number in range(rounds):
        with Database(server, f"usual_{number}").opened() as database:
            ours.append(database.timed(lambda: database.load(path)))
            database.add_twin("usual", 2020, 2021)
            database.connection.execute(SOURCE)
            for way, table in ways:
                database.connection.execute(f"truncate {table}".encode())
                taken[way, table].append(database.timed(lambda: getattr(database, way)(path, table)))  # noqa: B023
    found = []
    for way, table in ways:
        least = LEAST_TIMES[way]
        ratio = statistics.median(theirs / mine for theirs, mine in zip(taken[way, table], ours, strict=True))
        name = f"to_df and {way} upsert, into {'the table of the source' if table == 'source.bars' else 'a table like ours'}"
        found.append(
            line(name, f"{statistics.median(taken[way, table]):.2f} s", f"{ratio:.1f}", f"at least {least}", ratio >= least)
        )
    return found


def measure_reading(server: servers.Server, folder: Path, rows: int, rounds: int) -> list[list[str]]:
    """A DataFrame of all bars, ours and pandas' own way."""
    path = dbn_files.write(folder / "reading.dbn.zst", dbn_files.records(rows, start=START, instruments=(1,)), header(1))
    query = f"select ts, {PRICES} from public.market_bars_ohlcv_1m where symbol = 'S001' order by ts"
    taken: dict[str, list[float]] = {"float": [], "decimal": [], "read_sql": []}
    with Database(server, "reading").opened() as database:
        database.load(path)
        measuring.settle(database.connection)

        def read_sql() -> None:
            import warnings

            with psycopg.connect(database.url) as connection, warnings.catch_warnings():
                warnings.simplefilter("ignore")  # pandas prefers SQLAlchemy, which does the same slower
                frame = pandas.read_sql(query, connection, index_col="ts").astype(float)
            assert len(frame) == rows

        def read_bars(prices: str) -> None:
            assert len(stage1.read_bars("S001", START, END, prices=prices, database=database.url)) == rows

        for _ in range(rounds):
            taken["float"].append(database.timed(lambda: read_bars("float")))
            taken["read_sql"].append(database.timed(read_sql))
            taken["decimal"].append(database.timed(lambda: read_bars("decimal")))
    ratio = statistics.median(theirs / mine for theirs, mine in zip(taken["read_sql"], taken["float"], strict=True))
    name = f"pandas.read_sql of {rows:,} bars as floats, in terms of read_bars"
    seconds = {way: statistics.median(found) for way, found in taken.items()}
    return [
        [f"read_bars of {rows:,} bars, floats / decimals", f"{seconds['float']:.2f} / {seconds['decimal']:.2f} s", "", "", ""],
        line(
            name,
            f"{seconds['read_sql']:.2f} s",
            f"{ratio:.1f}",
            f"at least {LEAST_TIMES_READ_SQL}",
            ratio >= LEAST_TIMES_READ_SQL,
        ),
    ]


def measure_memory(server: servers.Server, folder: Path, sizes: tuple[int, ...]) -> list[list[str]]:
    """Peak resident memory of the command itself."""
    found = []
    for size in sizes:
        start = datetime(1985, 1, 1, tzinfo=UTC)
        head = dbn_files.Header(start=start, end=END, mappings={"S001": [(start.date(), date(2060, 1, 1), 1)]})
        path = dbn_files.write(folder / "memory.dbn.zst", dbn_files.records(size, start=start, instruments=(1,)), head)
        with Database(server, f"memory_{size}").opened() as database:
            start_of_load = time.perf_counter()
            command = [sys.executable, "-m", "stage1", "--database", database.url, "ingest", str(path)]
            ended = subprocess.run(
                [sys.executable, "-c", PEAK, *command], capture_output=True, text=True, check=False, cwd=folder
            )
            if ended.returncode:
                raise SystemExit(f"stage1 ingest: {ended.stderr}")
            seconds = time.perf_counter() - start_of_load
        peak = int(ended.stdout) / 1024
        found.append(
            line(
                f"peak memory of stage1 ingest, {size:,} bars",
                f"{seconds:.0f} s",
                f"{peak:.0f} MiB",
                f"under {MOST_MEMORY}",
                peak < MOST_MEMORY,
            )
        )
    return found


def measure(server: servers.Server, rounds: int, rows: int, small: int, many: tuple[int, ...]) -> tuple[str, bool]:
    """Returns the text for the document and whether every target was held."""
    with servers.folder() as folder:
        table = [
            *measure_loads(server, folder, rows, 1, rounds),
            *measure_loads(server, folder, rows, 50, rounds),
            *measure_jobs(server, folder, rows, rounds),
            *measure_usual_ways(server, folder, small, rounds),
            *measure_reading(server, folder, rows, rounds),
            *measure_memory(server, folder, many),
        ]
    text = (
        f"### PostgreSQL {server.version}\n\nMedians of {rounds} interleaved rounds; {measuring.machine()}."
        " Ratios of loads are in terms of the bare COPY of the same round; memory is of one run.\n\n"
    )
    return text + measuring.table(["what", "time", "ratio", "target", ""], table), not any("missed" in row[4] for row in table)


def main(arguments: list[str]) -> int:
    """Returns 0 when every target was held."""
    parser = measuring.parser("ingest", __doc__, 5)
    parser.add_argument("--version", type=int, default=servers.OLDEST, help="the major version of PostgreSQL")
    options = parser.parse_args(arguments)
    with servers.throwaway(servers.versions(options.version)[0]) as server:
        if options.quick:
            text, all_held = measure(server, 1, 2_000, 200, (2_000,))
        else:
            text, all_held = measure(server, options.rounds, ROWS, SMALL, (ROWS, MANY))
    return measuring.ended("ingest", text, options, all_held=all_held)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""`make benchmark`: what a page of the catalog costs at 1,000, 100,000 and 1,000,000 datasets.

Server time is taken by a plpgsql clock around `execute`, the same for plain queries and function calls: it holds the
planning and the making of every column of every row. `explain analyze` would charge a plain query for its counters and a function
for none. Client time is execute and fetch over the Unix socket, on a connection that is warm.
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, LiteralString

import psycopg

from benchmarks import measuring, servers

SIZES = (1_000, 100_000, 1_000_000)
QUICK_SIZES = (1_000, 2_000)
MOST_TIMES_THE_SMALLEST = 3.0
MOST_MILLISECONDS = 2.0
MOST_TIMES_THE_WALK = 2.0

ROWS = Path(__file__).parent / "catalog_rows.sql"
CLOCK: LiteralString = """
create function pg_temp.milliseconds_of(p_statement text) returns double precision language plpgsql as $function$
declare
  v_start constant timestamptz := clock_timestamp();
begin
  execute p_statement;
  return 1000 * extract(epoch from clock_timestamp() - v_start);
end;
$function$
"""
# The view in its plainest form: both counts by a join with a grouped table.
PLAIN_VIEW: LiteralString = """
create schema plain;
create view plain.dataset_catalog as
select d.dataset_id, d.dataset_slug, d.symbol, d.granularity, d.ohlcv_measurement, d.indicator_measurement,
  d.ohlcv_row_count, d.indicator_row_count, d.ohlcv_first_ts, d.ohlcv_last_ts, d.indicator_first_ts, d.indicator_last_ts,
  coalesce(r.run_count, 0) as run_count, coalesce(s.sim_count, 0) as simulation_count, d.created_at, d.updated_at
from stage1_datasets d
left join (select dataset_id, count(*) as run_count from walkforward_runs group by dataset_id) r on r.dataset_id = d.dataset_id
left join (select dataset_id, count(*) as sim_count from simulation_runs group by dataset_id) s on s.dataset_id = d.dataset_id
"""

FIRST_PAGES = {
    "fn_list_datasets(50, 0)": "select * from fn_list_datasets(50, 0)",
    "fn_list_runs(50, 0)": "select * from fn_list_runs(50, 0)",
    "fn_list_simulations(50, 0)": "select * from fn_list_simulations(50, 0)",
    "dataset_hierarchy of a dataset with 4 runs": "select * from dataset_hierarchy where dataset_id = md5('dataset 1')::uuid",
}
DEEP = "fn_list_datasets, offset in the middle"
WALK = "a bare index-only walk to there"
PLAIN = "a view that groups and joins, first page"
PLAIN_DEEP = "a view that groups and joins, offset in the middle"


def questions(connection: psycopg.Connection[Any]) -> dict[str, str]:
    """Every statement that is measured, for one database."""
    middle = _value(connection, "select count(*) / 2 from stage1_datasets")
    datasets = _place(connection, "updated_at, dataset_id", "stage1_datasets")
    runs = _place(connection, "created_at, run_id", "walkforward_runs")
    simulations = _place(connection, "created_at, simulation_id", "simulation_runs")
    large, its_run = "md5('dataset 7')::uuid", "md5('run 7 1')::uuid"
    walk = (
        "select d.updated_at, d.dataset_id from stage1_datasets as d "
        f"order by d.updated_at desc, d.dataset_id desc limit 50 offset {middle}"
    )
    if middle >= SIZES[1] // 2:  # a small table is rather read whole and sorted
        _prove_index_only(connection, walk)
    found = {
        **FIRST_PAGES,
        "dataset_hierarchy of a dataset with 300 runs": f"select * from dataset_hierarchy where dataset_id = {large}",
        "fn_dataset_lineage of that dataset": f"select * from fn_dataset_lineage({large}::text)",
        "fn_list_datasets(1000, 0)": "select * from fn_list_datasets(1000, 0)",
        "fn_list_datasets_after, from the middle": f"select * from fn_list_datasets_after(50, {datasets})",
        "fn_list_runs_after, from the middle": f"select * from fn_list_runs_after(50, {runs})",
        "fn_list_simulations_after, from the middle": f"select * from fn_list_simulations_after(50, {simulations})",
        DEEP: f"select * from fn_list_datasets(50, {middle})",
        WALK: walk,
        PLAIN: "select * from plain.dataset_catalog order by updated_at desc limit 50",
        PLAIN_DEEP: f"select * from plain.dataset_catalog order by updated_at desc limit 50 offset {middle}",
        "runs of a dataset with 300": f"select * from fn_list_runs(50, 0, {large})",
        "simulations of that dataset": f"select * from fn_list_simulations(50, 0, {large})",
        "simulations of a run": f"select * from fn_list_simulations(50, 0, null, {its_run})",
        "runs of a dataset without any": "select * from fn_list_runs(50, 0, md5('dataset 5')::uuid)",
    }
    symbols = {
        "a symbol with 5 % of the datasets": "AAPL",
        "a symbol with 0.2 %": "S13",
        "a symbol with one dataset": "RARE",
        "a symbol with 1 %, none run": "IDLE",
        "a symbol with 1 %, all runs old": "DORMANT",
        "a symbol that nobody has": "NOBODY",
    }
    for words, symbol in symbols.items():
        found[f"runs of {words}"] = f"select * from fn_list_runs(50, 0, null, '{symbol}')"
        found[f"simulations of {words}"] = f"select * from fn_list_simulations(50, 0, null, null, '{symbol}')"
    return found


def measure(binaries: Any, sizes: tuple[int, ...], rounds: int, warm_up: int) -> tuple[str, bool]:
    """Builds the catalogs on one server; returns the text for the document and whether every target was held."""
    server_side: dict[tuple[str, int], Callable[[], float]] = {}
    client_side: dict[tuple[str, int], Callable[[], float]] = {}
    with servers.throwaway(binaries) as server:
        for size in sizes:
            print(f"PostgreSQL {server.version}: building {size:,} datasets", file=sys.stderr, flush=True)
            connection = server.new_database(f"catalog_{size}")
            build(connection, size)
            for name, statement in questions(connection).items():
                server_side[name, size] = _server_clock(connection, statement)
                if name not in (PLAIN, PLAIN_DEEP):
                    client_side[name, size] = _client_clock(connection, statement)
        print(f"PostgreSQL {server.version}: measuring, {rounds} rounds", file=sys.stderr, flush=True)
        measures = {
            (*key, side): clock
            for key in server_side
            for side, clocks in (("server", server_side), ("client", client_side))
            if (clock := clocks.get(key))
        }
        found = measuring.medians(measures, rounds, warm_up)
    return _report(binaries.version, sizes, rounds, found)


def build(connection: psycopg.Connection[Any], size: int) -> None:
    """Fills a migrated database and gathers its statistics."""
    connection.execute(ROWS.read_bytes())
    connection.execute("select pg_temp.build_catalog(%s)", [size])
    measuring.settle(connection)
    connection.execute(CLOCK)
    connection.execute(PLAIN_VIEW)


def _report(version: str, sizes: tuple[int, ...], rounds: int, found: dict[tuple[str, int, str], float]) -> tuple[str, bool]:
    smallest, largest = sizes[0], sizes[-1]
    rows, all_held = [], True
    for name in dict.fromkeys(key[0] for key in found):
        times = found[name, largest, "server"] / found[name, smallest, "server"]
        target, held = "", True
        if name in FIRST_PAGES:
            target = f"x {MOST_TIMES_THE_SMALLEST:.0f}, {MOST_MILLISECONDS:.0f} ms"
            held = times <= MOST_TIMES_THE_SMALLEST and found[name, largest, "server"] < MOST_MILLISECONDS
        elif name == DEEP and largest >= SIZES[1]:
            walked = found[name, largest, "server"] / found[WALK, largest, "server"]
            target = f"walk x {MOST_TIMES_THE_WALK:.0f}, was x {walked:.2f}"
            held = walked <= MOST_TIMES_THE_WALK
        all_held = all_held and held
        client = found.get((name, largest, "client"))
        rows.append(
            [
                name,
                *(measuring.figure(found[name, size, "server"]) for size in sizes),
                f"x {times:.1f}",
                measuring.figure(client) if client is not None else "",
                target,
                measuring.verdict(held) if target else "",
            ]
        )
    heads = ["what", *(f"{size:,}" for size in sizes), "largest", "client", "target", ""]
    text = (
        f"### PostgreSQL {version}\n\nMilliseconds, medians of {rounds} interleaved rounds; {measuring.machine()}. "
        "'largest' is the largest size in terms\nof the smallest; 'client' is the round trip at the largest size.\n\n"
        + measuring.table(heads, rows)
    )
    return text, all_held


def _server_clock(connection: psycopg.Connection[Any], statement: str) -> Callable[[], float]:
    return lambda: float(_value(connection, "select pg_temp.milliseconds_of(%s)", statement))


def _client_clock(connection: psycopg.Connection[Any], statement: str) -> Callable[[], float]:
    def clock() -> float:
        start = time.perf_counter()
        connection.execute(statement.encode()).fetchall()
        return 1000 * (time.perf_counter() - start)

    return clock


def _value(connection: psycopg.Connection[Any], statement: LiteralString, *parameters: object) -> Any:
    row = connection.execute(statement, parameters or None).fetchone()
    assert row is not None
    return row[0]


def _place(connection: psycopg.Connection[Any], key: str, table: str) -> str:
    """The key of the row in the middle of a list, as the arguments of a function that goes on from there."""
    descending = ", ".join(f"{column} desc" for column in key.split(", "))
    statement = f"select {key} from {table} order by {descending} limit 1 offset (select count(*) / 2 from {table})"
    row = connection.execute(statement.encode()).fetchone()
    assert row is not None
    return ", ".join(f"'{value}'" for value in row)


def _prove_index_only(connection: psycopg.Connection[Any], statement: str) -> None:
    row = connection.execute(b"explain (analyze, format json) " + statement.encode()).fetchone()
    assert row is not None
    scan = row[0][0]["Plan"]["Plans"][0]
    if scan["Node Type"] != "Index Only Scan" or scan["Heap Fetches"] != 0:
        raise SystemExit(f"The walk that deep pages are compared with is not index-only: {scan}")


def main(arguments: list[str]) -> int:
    """Returns 0 when every target was held on every version."""
    parser = measuring.parser("catalog", __doc__, 15)
    parser.add_argument("--version", type=int, help="one major version; all that are found by default")
    options = parser.parse_args(arguments)
    found = servers.versions(options.version)
    texts, all_held = [], True
    for binaries in found[-1:] if options.quick else found:
        text, held = measure(binaries, *((QUICK_SIZES, 2, 1) if options.quick else (SIZES, options.rounds, 2)))
        texts.append(text)
        all_held = all_held and held
    return measuring.ended("catalog", "\n\n".join(texts), options, all_held=all_held)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

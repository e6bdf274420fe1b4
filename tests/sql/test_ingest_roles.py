"""What the role that loads may do, logged in: a whole load by the functions, and nothing past them."""

import psycopg
import pytest
from psycopg.rows import dict_row

from tests.sql.bar_loads import bars, begin, counts, finish, load, merge, minute, open_load, repeat, stage, stored, undo, value

pytestmark = pytest.mark.xdist_group("own_server")

PARTITION = "stage1_internal.market_bars_ohlcv_1m_2024"
COLUMNS = "(symbol, ts, ts_ms, open, high, low, close, ingestion_run_id)"
NEVER = [
    *(
        statement.format(table)
        for table in ("public.market_bars_ohlcv_1m", PARTITION)
        for statement in (
            "insert into {} " + COLUMNS + " values ('A', now(), 0, 1, 1, 1, 1, 1)",
            "update {} set close = close",
            "delete from {}",
            "truncate {}",
            "copy {} from stdin",
            "alter table {} add column evil integer",
        )
    ),
    f"select * from {PARTITION}",
    f"alter table public.market_bars_ohlcv_1m detach partition {PARTITION}",
    "create table public.evil partition of public.market_bars_ohlcv_1m default",
    "update public.market_bar_symbols set bar_count = 0",
    "insert into public.market_bar_symbols (symbol, vendor, dataset, origin) values ('X', 'v', 'd', 'vendor')",
    "delete from public.market_bar_symbols",
    "update public.data_ingest_runs set error = ''",
    "insert into public.data_ingest_runs (vendor, file_name) values ('v', 'f')",
    "delete from public.data_ingest_runs",
    "update public.data_ingest_symbols set version = 9",
    "delete from public.data_ingest_rejects",
    "select stage1_internal.opened_bar_load(1)",
    "select nextval('public.data_ingest_runs_id_seq')",
]
READS = [
    *(f"select * from public.{name}" for name in ("market_bars_ohlcv_1m", "market_bar_symbols", "data_ingest_runs", "bar_stats")),
    *(f"select * from public.{name}" for name in ("data_ingest_symbols", "data_ingest_rejects")),
    *(
        f"select * from public.{call}"
        for call in ("fn_bars('A')", "fn_latest_bars()", "fn_bar_stats('A')", "fn_list_bar_stats()")
    ),
    *(
        f"select * from public.{name}(1)"
        for name in ("fn_show_ingest", "fn_ingest_symbols", "fn_ingest_rejects", "fn_ingest_bars")
    ),
    "select * from public.fn_list_ingests()",
]
LOADS = [
    "select stage1_internal.repeat_ingest('v', 'f', '', 1)",
    "select stage1_internal.begin_ingest('v', null, null, 'f', null, null)",
    "select stage1_internal.fail_ingest(1, 'x')",
    "select stage1_internal.ensure_bar_partitions(now(), now())",
    "select stage1_internal.open_bar_load(1, '{}', false)",
    "select stage1_internal.merge_staged_bars(1)",
    "select stage1_internal.finish_bar_load(1)",
    "select public.undo_ingest(1)",
]


@pytest.fixture
def migrated(own_server, run_cli):
    """A migrated database in which one file was loaded."""
    database = own_server.new_database("trading")
    assert run_cli("migrate", database=database).exit_code == 0
    with database.connect() as connection, connection.transaction():
        load(connection, bars("A", 0, 3))
    return database


def refuse(connection, statements):
    for statement in statements:
        try:
            with connection.transaction():
                connection.execute(statement.encode())
        except psycopg.errors.InsufficientPrivilege:
            continue
        pytest.fail(f"this was possible: {statement}")


def test_the_loader_loads_by_the_functions_and_writes_nothing_past_them(own_server, migrated):
    with own_server.as_role("stage1_ingest", migrated).connect(autocommit=False) as connection:
        connection.execute("select stage1_internal.ensure_bar_partitions(%s, now())", [minute(0)])
        ingest = begin(connection, "b.dbn")
        connection.commit()
        open_load(connection, ingest, ["A", "B"])
        refuse(
            connection,
            [
                "insert into pg_temp.staged_symbols (symbol) values ('A')",
                "update pg_temp.opened_load set symbols = '{Z}'",
                "select * from pg_temp.staged_bars",
                "drop table pg_temp.staged_bars",
                "alter table pg_temp.staged_bars add column x integer default 1 / 0",
                "create trigger evil before insert on pg_temp.staged_bars"
                " for each row execute function suppress_redundant_updates_trigger()",
            ],
        )
        stage(connection, bars("A", 2, 5, close=7) + bars("B", 0, 2))
        assert merge(connection, ingest) == (5, 4, 1, 1)
        connection.execute("insert into pg_temp.staged_rejects (position, reason) values (1, 'x')")
        assert counts(finish(connection, ingest, rejected=1)) == (6, 4, 1, 1)
        connection.commit()
        assert [bar[1] for bar in stored(connection, "A")] == [100, 100, 7, 7, 7]
        assert repeat(connection, "b.dbn")["repeats_ingest_id"] == ingest
        assert undo(connection, ingest)["removed_count"] == 5
        connection.commit()
        for statement in READS:
            connection.execute(statement)
        refuse(connection, NEVER)
        assert value(connection, "select count(*) from public.market_bars_ohlcv_1m") == 2


@pytest.mark.parametrize("role", ["stage1_app", "stage1_readonly", "stage1_replay"])
def test_the_others_read_or_not_even_that(own_server, migrated, role):
    with own_server.as_role(role, migrated).connect(row_factory=dict_row) as connection:
        refuse(connection, [*NEVER, *LOADS])
        if role == "stage1_replay":
            refuse(connection, READS)
        else:
            for statement in READS:
                connection.execute(statement)

"""Do the reads of bars, their merge and their undo use the primary key, on 200,000 analysed rows in two partitions?"""

import re

import pytest
from benchmarks import measuring
from psycopg import sql

from tests.plans.function_plans import executed, explain, explain_function, indexes, nodes, rows_read, tables_read_whole
from tests.plugins.databases import a_database
from tests.sql.bar_loads import FIRST_MINUTE, begin, finish, merge, minute, open_load, value

pytestmark = pytest.mark.xdist_group("plans")

SYMBOLS = [f"S{number:02}" for number in range(40)]
MINUTES = 2_500  # of each symbol in each year
YEAR = 366 * 24 * 60
KEYS = [f"market_bars_ohlcv_1m_{year}_pkey" for year in (2024, 2025)]


def stage(connection, symbols, first, count, close=100):
    """Bars of all symbols, minute by minute, as a file has them."""
    connection.execute(
        "insert into pg_temp.staged_bars select s.symbol, m.minute, %(close)s, %(close)s + 1, %(close)s - 1, %(close)s, 10"
        " from generate_series(%(first)s::int, %(last)s::int) as m (minute) cross join unnest(%(symbols)s::text[]) as s (symbol)"
        " order by m.minute, s.symbol",
        {"close": close, "first": FIRST_MINUTE + first, "last": FIRST_MINUTE + first + count - 1, "symbols": symbols},
    )


def load(connection, symbols, first, count, **given):
    with connection.transaction():
        ingest = begin(connection, f"{first}.dbn")
        open_load(connection, ingest, symbols)
        stage(connection, symbols, first, count, **given)
        merge(connection, ingest)
        return finish(connection, ingest)["id"]


@pytest.fixture(scope="module")
def stored_bars(template, server_url):
    """A connection to a database of its own; three ingests: each year, and one that rewrote ten bars of S07."""
    with a_database(server_url, template.name) as database, database.connect() as connection:
        connection.execute("select stage1_internal.ensure_bar_partitions(%s, %s)", [minute(0), minute(YEAR)])
        load(connection, SYMBOLS, 0, MINUTES)
        load(connection, SYMBOLS, YEAR, MINUTES)
        load(connection, ["S07"], 100, 10, close=5)
        measuring.settle(connection)
        assert value(connection, "select count(*) from market_bars_ohlcv_1m") == 200_000
        yield connection


def inner(connection, function, begins, **values):
    """A statement of a function's body that begins like this, with its variables' values written into it."""
    body = value(connection, "select prosrc from pg_proc where proname = %s", function)
    text = next(found for found in re.split(r";\n", body[body.index(begins) :]))
    for name, given in values.items():
        literal = sql.Literal(given).as_string(connection)
        if isinstance(given, list):
            literal += "::text[]" if isinstance(given[0], str) else "::integer[]"
        text = re.sub(rf"\b{re.escape(name)}(?![\w.])", lambda _, literal=literal: literal, text)
    return text


def settings(connection, function):
    """Sets what the function sets, for the transaction."""
    for setting in value(connection, "select proconfig from pg_proc where proname = %s", function):
        name, _, given = setting.partition("=")
        if name != "search_path":
            connection.execute("select set_config(%s, %s, true)", [name, given])


def whole_partitions(plan):
    """Partitions that are read from end to end."""
    return [name for name in tables_read_whole(plan) if name.startswith("market_bars")]


def test_a_range_is_a_range_of_one_partitions_key(stored_bars):
    plan = explain_function(stored_bars, "fn_bars", "S07", minute(100), minute(150))
    assert indexes(plan) == {KEYS[0]}
    assert rows_read(plan) == 50
    assert not [node for node in nodes(plan) if node["Node Type"] == "Sort"]


def test_the_first_bars_of_a_symbol_stop_after_their_number(stored_bars):
    plan = explain_function(stored_bars, "fn_bars", "S07", None, None, 10)
    assert KEYS[0] in indexes(plan)
    assert rows_read(plan) == 10


def test_the_latest_bars_of_a_symbol_are_its_end_of_the_key(stored_bars):
    plan = explain_function(stored_bars, "fn_latest_bars", "S07", 5)
    (scan,) = [node for node in executed(plan) if node.get("Index Name") == KEYS[1]]
    assert (scan["Scan Direction"], scan["Actual Rows"]) == ("Backward", 5)
    assert whole_partitions(plan) == []
    assert rows_read(plan) <= 5 + len(SYMBOLS)


def test_the_latest_bar_of_every_symbol_is_one_look_for_each(stored_bars):
    plan = explain_function(stored_bars, "fn_latest_bars", None, 1)
    assert whole_partitions(plan) == []
    assert KEYS[1] in indexes(plan)
    assert rows_read(plan) <= 2 * len(SYMBOLS)


@pytest.mark.parametrize("offset", [0, 1000])
def test_a_page_of_an_ingests_bars_walks_the_ranges_of_its_symbols(stored_bars, offset):
    plan = explain_function(stored_bars, "fn_ingest_bars", 1, 50, offset)
    assert whole_partitions(plan) == []
    assert KEYS[0] in indexes(plan)
    assert rows_read(plan) <= 3 * (50 + offset) + 50


def test_the_few_bars_of_an_ingest_cost_its_span_alone(stored_bars):
    plan = explain_function(stored_bars, "fn_ingest_bars", 3, 50, 0)
    assert indexes(plan) >= {KEYS[0]}
    assert rows_read(plan) <= 20


def test_undo_reads_the_ranges_of_an_ingests_symbols(stored_bars):
    span = {"v_span.symbol": "S07", "v_span.first_ts": minute(100), "v_span.last_ts": minute(109)}
    delete = inner(stored_bars, "undo_ingest", "delete from", **span, p_ingest_id=3).partition("returning")[0]
    with stored_bars.transaction(force_rollback=True):
        # Of two plans that cost the same the one whose rows are counted once; a bitmap counts those before an update, too.
        stored_bars.execute("set local enable_bitmapscan = off")
        plan = explain(stored_bars, delete)
        assert indexes(plan) == {KEYS[0]}
        # The ten bars, and those that they took the place of.
        assert rows_read(plan) <= 30


def test_undo_asks_where_the_bars_of_a_symbol_come_from_of_its_own_loads(stored_bars):
    text = inner(stored_bars, "undo_ingest", "select o.* into v_origin", **{"v_span.symbol": "S07"})
    with stored_bars.transaction(force_rollback=True):
        stored_bars.execute("set local enable_seqscan = off")  # which a table of so few loads would have
        # Of two plans that cost the same the one that reads all of the symbol's loads; newer versions may stop at the newest.
        stored_bars.execute("set local enable_indexscan = off")
        plan = explain(stored_bars, text.replace(" into v_origin", ""))
        read = [node for node in executed(plan) if node.get("Relation Name") == "data_ingest_symbols"]
        assert sum(node["Actual Rows"] * node["Actual Loops"] for node in read) == 3


@pytest.mark.parametrize("symbols", [SYMBOLS, ["S07"]], ids=["every symbol", "one symbol"])
@pytest.mark.parametrize("statement", ["select t.symbol, count(*), count(*) filter", "update public", "select\n        v_vendor"])
def test_a_merge_joins_its_chunk_with_one_partitions_range_by_hash(stored_bars, symbols, statement):
    with stored_bars.transaction(force_rollback=True):
        ingest = begin(stored_bars, "again.dbn")
        open_load(stored_bars, ingest, symbols)
        stage(stored_bars, symbols, 0, 200, close=7)
        settings(stored_bars, "merge_staged_bars")
        values = {"v_symbols": symbols, "v_from": minute(0), "v_until": minute(199), "v_vendor": "v", "p_ingest_id": 1}
        text = inner(stored_bars, "merge_staged_bars", statement, **values)
        plan = explain(stored_bars, text.partition("returning g.updated")[0])
        assert [node["Join Type"] for node in nodes(plan) if node["Node Type"] == "Hash Join"]
        assert not [node for node in nodes(plan) if node["Node Type"] in ("Merge Join", "Nested Loop", "Sort")]
        assert {node["Relation Name"] for node in nodes(plan) if "Relation Name" in node} <= {
            *("staged_bars", "market_bars_ohlcv_1m", "market_bars_ohlcv_1m_2024")
        }
        assert whole_partitions(plan) == []


def test_the_probe_of_a_merge_is_a_look_into_the_key_for_each_symbol(stored_bars):
    with stored_bars.transaction(force_rollback=True):
        settings(stored_bars, "merge_staged_bars")
        windows = {"v_firsts": [FIRST_MINUTE + MINUTES] * 40, "v_lasts": [FIRST_MINUTE + MINUTES + 9] * 40}
        values = {"v_symbols": SYMBOLS, **windows, "v_from": minute(MINUTES), "v_until": minute(MINUTES + 9)}
        text = inner(stored_bars, "merge_staged_bars", "select exists", **values).partition(" into v_met")[0]
        plan = explain(stored_bars, text)
        assert indexes(plan) == {KEYS[0]}
        assert rows_read(plan) <= len(SYMBOLS)


# --- the checks --------------------------------------------------------------------------------------------


def found_right(connection):
    """Writes down that every summary is right, as a validation does, and asks the checks for what changes from now on."""
    connection.execute(
        """select stage1_internal.record_validation('{"started_at": "2030-01-01Z", "finished_at": "2030-01-01Z",
        "complete": true, "deep": false, "results": []}', stage1_internal.recounted_summaries('changed'))"""
    )
    connection.execute("set local stage1.recount = 'changed'")


def bars_read(plan):
    """How many bars were read, by the key alone."""
    read = [node for node in executed(plan) if node.get("Relation Name", "").startswith("market_bars")]
    assert {node["Node Type"] for node in read} <= {"Index Scan", "Index Only Scan", "Bitmap Heap Scan"}
    assert {name for name in indexes(plan) if name.startswith("market_bars")} <= {*KEYS, "market_bar_symbols_pkey"}
    return sum(node["Actual Rows"] * node["Actual Loops"] for node in read)


@pytest.mark.parametrize("check", ["bar_summaries_differ", "bars_without_ingest"])
@pytest.mark.parametrize("changed", [[], ["S07"], SYMBOLS], ids=["nothing", "one symbol", "every symbol"])
def test_a_check_reads_the_bars_of_the_night_by_the_key(stored_bars, check, changed):
    with stored_bars.transaction(force_rollback=True):
        found_right(stored_bars)
        if changed:
            load(stored_bars, changed, YEAR + MINUTES, 50)
        plan = explain(stored_bars, f"select * from public.{check}")
        # The bars of the night, and one at each end and the last once more.
        assert 50 * len(changed) <= bars_read(plan) <= 53 * len(changed)


@pytest.mark.parametrize("check", ["bar_summaries_differ", "bars_without_ingest"])
def test_bars_that_were_replaced_are_read_in_their_range(stored_bars, check):
    with stored_bars.transaction(force_rollback=True):
        found_right(stored_bars)
        load(stored_bars, ["S07"], 1000, 20, close=6)
        assert bars_read(explain(stored_bars, f"select * from public.{check}")) <= 23


def test_bars_that_were_filled_in_are_counted_with_all_of_their_symbol_by_the_key(stored_bars):
    with stored_bars.transaction(force_rollback=True):
        found_right(stored_bars)
        load(stored_bars, SYMBOLS, YEAR + MINUTES, 50)
        load(stored_bars, ["S07"], MINUTES, 20)
        # The bars of the night, one at each end and the last once more; of the one symbol all in place of those of the night.
        whole = 2 * MINUTES + 50 + 20
        read = bars_read(explain(stored_bars, "select * from public.bar_summaries_differ"))
        assert whole + 50 * (len(SYMBOLS) - 1) <= read <= whole + 53 * len(SYMBOLS)


def test_of_the_loads_of_a_symbol_those_since_are_read_and_the_newest(stored_bars):
    with stored_bars.transaction(force_rollback=True):
        for number in range(30):
            if number == 20:
                found_right(stored_bars)
            load(stored_bars, ["S07"], YEAR + MINUTES + number, 1)
        stored_bars.execute("analyze public.data_ingest_symbols")
        for way in ("seqscan", "bitmapscan"):
            stored_bars.execute(f"set local enable_{way} = off")  # which a table of so few loads would have
        plan = explain(stored_bars, "select * from public.bar_summaries_differ")
        read = [
            (node["Index Name"], node["Actual Rows"], node.get("Rows Removed by Filter", 0))
            for node in executed(plan)
            if node.get("Relation Name") == "data_ingest_symbols"
        ]
        # Since: those that put bars between the old ones (none of ten), those undone; where its bars come from: the newest.
        versions = "idx_ingest_symbols_version"
        assert sorted(read) == [("idx_ingest_symbols_undone", 0, 0), (versions, 0, 10), (versions, 1, 0)]


@pytest.mark.parametrize("check", ["bar_summaries_differ", "bars_without_ingest"])
def test_all_bars_are_read_in_one_go(stored_bars, check):
    with stored_bars.transaction(force_rollback=True):
        stored_bars.execute("set local stage1.recount = 'all'")
        plan = explain(stored_bars, f"select * from public.{check}")
        read = [node for node in executed(plan) if node.get("Relation Name", "").startswith("market_bars_")]
        whole = [node for node in read if node["Actual Rows"] * node["Actual Loops"] > len(SYMBOLS)]
        assert sum(node["Actual Rows"] * node["Actual Loops"] for node in whole) >= 199_990
        assert max(node["Actual Loops"] for node in whole) <= 3  # the processes that share it


def test_who_asks_in_between_reads_at_most_a_million_bars(stored_bars):
    with stored_bars.transaction(force_rollback=True):
        stored_bars.execute(
            "update public.market_bar_symbols set bar_count = 600000, updated_at = now() + interval '1 h'"
            " where symbol in ('S01', 'S02')"
        )
        assert bars_read(explain(stored_bars, "select * from public.bars_without_ingest")) == 4 * MINUTES

"""What the functions behind the pages of the REST server return, whom they serve, and which rows they read for it."""

import psycopg
import pytest
from psycopg.types.json import Jsonb

from tests.plans.function_plans import explain_function, indexes, rows_read, tables_read_whole

LOADS = 3000
HALVES = {
    "fn_list_ingests_after": ("p_after_started_at => now()", "p_after_id => 1"),
    "fn_list_findings": ("p_after_check_name => 'a'", "p_after_place => 1"),
}
LISTS = [*HALVES, "fn_list_bar_stats_after"]


@pytest.fixture
def filled(db):
    """Loads of which three share a time, every tenth failed; symbols; findings of two checks in one run."""
    db.execute(
        "insert into public.data_ingest_runs (vendor, file_name, started_at, finished_at, status, error)"
        " select 'v', n::text, timestamptz '2024-01-01' + n / 3 * interval '1 minute', now(), 'failed', 'x'"
        " from generate_series(1, %s) as n where n %% 10 = 0",
        [LOADS],
    )
    db.execute(
        "insert into public.data_ingest_runs (vendor, file_name, started_at)"
        " select 'v', n::text, timestamptz '2024-01-01' + n / 3 * interval '1 minute'"
        " from generate_series(1, %s) as n where n %% 10 <> 0",
        [LOADS],
    )
    db.execute(
        "insert into public.market_bar_symbols (symbol, vendor, dataset, origin)"
        " select 'S' || lpad(n::text, 5, '0'), 'v', 'd', 'vendor' from generate_series(1, %s) as n",
        [LOADS],
    )
    results = [
        {
            "check": check,
            "errors": 2,
            "warnings": 0,
            "milliseconds": 1,
            "problem": None,
            "findings": [{"severity": "error", "subject": str(place), "detail": None} for place in range(2)],
        }
        for check in ("b", "a")
    ]
    run = {"started_at": "now", "finished_at": "now", "complete": True, "deep": True, "results": results}
    db.execute("select stage1_internal.record_validation(%s)", [Jsonb(run)])
    for table in ("public.data_ingest_runs", "public.market_bar_symbols"):
        db.execute(f"analyze {table}")
    return db


def rows(db, call):
    return db.execute(f"select * from public.{call}").fetchall()


def test_loads_follow_a_row_whatever_its_time(filled):
    whole = rows(filled, f"fn_list_ingests({LOADS})")
    assert len(whole) == LOADS
    for place in (0, 1, 2, 1500):
        last = whole[place]
        call = f"fn_list_ingests_after(5, '{last['started_at']}', {last['id']})"
        assert rows(filled, call) == whole[place + 1 : place + 6]
    failed = rows(filled, f"fn_list_ingests({LOADS}, 0, 'failed')")
    call = f"fn_list_ingests_after(3, '{failed[4]['started_at']}', {failed[4]['id']}, 'failed')"
    assert rows(filled, call) == failed[5:8]
    assert rows(filled, "fn_list_ingests_after(3)") == whole[:3]


def test_symbols_and_findings_follow_a_row(filled):
    assert [row["symbol"] for row in rows(filled, "fn_list_bar_stats_after(2, 'S00002')")] == ["S00003", "S00004"]
    assert [row["symbol"] for row in rows(filled, "fn_list_bar_stats_after(1)")] == ["S00001"]
    found = rows(filled, "fn_list_findings()")
    assert [(row["check_name"], row["place"]) for row in found] == [("a", 1), ("a", 2), ("b", 1), ("b", 2)]
    assert rows(filled, "fn_list_findings(2, 'a', 2)") == found[2:]


def test_a_validation_is_shown_by_its_id_or_as_the_newest_whole_one(filled):
    [newest] = rows(filled, "fn_show_validation()")
    assert [answer["check"] for answer in newest["checks"]] == ["a", "b"]
    assert newest["error_count"] == 4
    run = {"started_at": "now", "finished_at": "now", "complete": False, "deep": False, "results": []}
    [part] = filled.execute("select stage1_internal.record_validation(%s) as id", [Jsonb(run)]).fetchall()
    assert rows(filled, "fn_show_validation()") == [newest]
    [shown] = rows(filled, f"fn_show_validation({part['id']})")
    assert (shown["id"], shown["is_complete"], shown["checks"]) == (part["id"], False, [])
    assert rows(filled, "fn_show_validation(0)") == []


def refusal(db, call):
    with pytest.raises(psycopg.Error) as refused, db.transaction():
        rows(db, call)
    assert refused.value.diag.message_hint
    return refused.value.sqlstate


@pytest.mark.parametrize("function", LISTS)
def test_a_page_out_of_range_is_refused(db, function):
    assert {refusal(db, f"{function}({limit})") for limit in ("0", "10001", "null")} == {"S1A02"}


@pytest.mark.parametrize("function", HALVES)
def test_half_a_cursor_is_refused(db, function):
    assert {refusal(db, f"{function}({half})") for half in HALVES[function]} == {"S1A02"}


def test_an_unknown_status_is_refused(db):
    assert refusal(db, "fn_list_ingests_after(p_status => 'odd')") == "S1A02"


def test_a_page_starts_at_its_row_in_one_index(filled):
    row = rows(filled, f"fn_list_ingests(1, {LOADS // 2})")[0]
    after = (row["started_at"], row["id"])
    plans = {
        "idx_ingest_runs_started": explain_function(filled, "fn_list_ingests_after", 50, *after),
        "idx_ingest_runs_status": explain_function(filled, "fn_list_ingests_after", 50, *after, "failed"),
        "market_bar_symbols_pkey": explain_function(filled, "fn_list_bar_stats_after", 50, "S01500"),
    }
    for index, plan in plans.items():
        assert indexes(plan) == {index}
        assert not tables_read_whole(plan)
        assert rows_read(plan) <= 55


def test_the_servers_role_reads_all_of_it(filled):
    filled.execute("set local role stage1_app")
    calls = [*(f"{function}(1)" for function in LISTS), "fn_show_validation()"]
    assert all(rows(filled, call) for call in calls)

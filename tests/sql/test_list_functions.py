"""What the paging functions return, in which order, and what they refuse."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import psycopg
import pytest

START = datetime(2024, 1, 1, tzinfo=UTC)
PAGED = ["fn_list_datasets", "fn_list_runs", "fn_list_simulations"]
CURSORS = {
    "fn_list_datasets": ("updated_at", "dataset_id"),
    "fn_list_runs": ("created_at", "run_id"),
    "fn_list_simulations": ("created_at", "simulation_id"),
}
SOURCE_COLUMNS = [
    "dataset_id",
    "dataset_slug",
    "symbol",
    "granularity",
    "ohlcv_measurement",
    "indicator_measurement",
    "ohlcv_row_count",
    "indicator_row_count",
    "ohlcv_first_ts",
    "ohlcv_last_ts",
    "indicator_first_ts",
    "indicator_last_ts",
    "run_count",
    "simulation_count",
    "created_at",
    "updated_at",
]


def identifier(kind, number):
    return UUID(f"{kind:08d}-0000-4000-8000-{number:012d}")


@pytest.fixture
def catalog(db):
    """Twelve datasets of three symbols, two sharing a time; runs and simulations on the first three; stragglers."""
    for n in range(12):
        db.execute(
            "insert into public.stage1_datasets (dataset_id, dataset_slug, symbol, ohlcv_measurement, indicator_measurement,"
            " created_at, updated_at) values (%s, %s, %s, %s, %s, %s, %s)",
            [identifier(1, n), f"set-{n}", f"SYM{n % 3}", f"o{n}", f"i{n}", START, START + timedelta(hours=n // 2)],
        )
    for n in range(9):
        db.execute(
            "insert into public.walkforward_runs (run_id, dataset_id, prediction_measurement, serialized_config, status,"
            " created_at) values (%s, %s, %s, '{}', 'done', %s)",
            [identifier(2, n), identifier(1, n % 3), f"p{n}", START + timedelta(hours=n // 2)],
        )
        db.execute(
            "insert into public.simulation_runs (simulation_id, run_id, dataset_id, questdb_namespace, status, created_at)"
            " values (%s, %s, %s, 'ns', 'open', %s)",
            [identifier(3, n), identifier(2, n), identifier(1, n % 3), START + timedelta(hours=n // 2)],
        )
    db.execute(
        "insert into public.walkforward_runs (run_id, created_at) values (%s, %s)", [identifier(2, 99), START - timedelta(1)]
    )
    db.execute(
        "insert into public.simulation_runs (simulation_id, run_id, created_at) values (%s, %s, %s)",
        [identifier(3, 99), identifier(2, 77), START - timedelta(1)],
    )
    return db


def rows(db, function, **arguments):
    given = ", ".join(f"{name} => %({name})s" for name in arguments)
    return db.execute(f"select * from public.{function}({given})", arguments).fetchall()


def refusal(db, function, **arguments):
    with pytest.raises(psycopg.Error) as refused, db.transaction():
        rows(db, function, **arguments)
    assert refused.value.sqlstate == "S1A02"
    assert refused.value.diag.message_hint
    return refused.value.diag.message_primary


@pytest.mark.parametrize("function", PAGED + [f"{name}_after" for name in PAGED])
def test_an_empty_catalog_has_an_empty_page(db, function):
    assert rows(db, function) == []


@pytest.mark.parametrize("function", PAGED)
def test_pages_follow_each_other_without_gap_or_repeat_newest_first(catalog, function):
    time, key = CURSORS[function]
    everything = rows(catalog, function, p_limit=10000)
    assert len(everything) == {"fn_list_datasets": 12}.get(function, 10)
    assert everything == sorted(everything, key=lambda row: (row[time], row[key]), reverse=True)
    paged = [row for offset in range(0, 15, 3) for row in rows(catalog, function, p_limit=3, p_offset=offset)]
    assert paged == everything


@pytest.mark.parametrize("function", PAGED)
def test_the_keyset_walks_the_same_rows(catalog, function):
    time, key = CURSORS[function]
    walked, cursor = [], {}
    while page := rows(catalog, f"{function}_after", p_limit=4, **cursor):
        walked += page
        cursor = {f"p_after_{time}": page[-1][time], f"p_after_{key}": page[-1][key]}
    assert walked == rows(catalog, function, p_limit=10000)


@pytest.mark.parametrize("function", PAGED)
def test_the_default_page_has_fifty_rows(db, function):
    db.execute(
        "insert into public.stage1_datasets (dataset_id, dataset_slug, ohlcv_measurement, indicator_measurement)"
        " select gen_random_uuid(), 's' || g, '', '' from generate_series(1, 60) as g"
    )
    db.execute("insert into public.walkforward_runs (dataset_id) select dataset_id from public.stage1_datasets")
    db.execute("insert into public.simulation_runs (dataset_id) select dataset_id from public.stage1_datasets")
    assert len(rows(db, function)) == len(rows(db, f"{function}_after")) == 50


@pytest.mark.parametrize("function", PAGED + [f"{name}_after" for name in PAGED])
@pytest.mark.parametrize("limit", [0, -1, 10001, None])
def test_a_limit_out_of_range_is_refused_and_not_cut(db, function, limit):
    assert refusal(db, function, p_limit=limit).startswith(f"p_limit was {'null' if limit is None else limit}; ")


@pytest.mark.parametrize("function", PAGED)
@pytest.mark.parametrize("offset", [-1, None])
def test_an_offset_out_of_range_is_refused(db, function, offset):
    assert refusal(db, function, p_offset=offset).startswith(f"p_offset was {'null' if offset is None else offset}; ")


@pytest.mark.parametrize("function", PAGED)
@pytest.mark.parametrize("given", [0, 1])
def test_half_a_cursor_is_refused(db, function, given):
    names = [f"p_after_{name}" for name in CURSORS[function]]
    message = refusal(db, f"{function}_after", **{names[given]: [START, identifier(1, 1)][given]})
    assert message.startswith(f"{names[1 - given]} was null while {names[given]} was not")


@pytest.mark.parametrize("limit", [1, 10000])
def test_the_smallest_and_the_largest_limit_are_accepted(catalog, limit):
    assert len(rows(catalog, "fn_list_datasets", p_limit=limit)) == min(limit, 12)


def test_the_source_s_call_by_position_answers(catalog):
    assert len(catalog.execute("select * from public.fn_list_datasets(5,0)").fetchall()) == 5


def test_a_dataset_comes_with_its_counts_and_the_source_s_columns_in_order(catalog):
    page = rows(catalog, "fn_list_datasets", p_limit=100)
    assert list(page[0])[:16] == SOURCE_COLUMNS
    counts = {row["dataset_slug"]: (row["run_count"], row["simulation_count"]) for row in page}
    assert counts["set-0"] == counts["set-1"] == counts["set-2"] == (3, 3)
    assert counts["set-3"] == (0, 0)


@pytest.mark.parametrize("function", PAGED[1:])
def test_each_row_has_slug_symbol_and_both_measurements_of_its_dataset(catalog, function):
    for row in rows(catalog, function, p_dataset_id=identifier(1, 2)):
        names = ("dataset_slug", "symbol", "ohlcv_measurement", "indicator_measurement")
        assert [row[name] for name in names] == ["set-2", "SYM2", "o2", "i2"]


@pytest.mark.parametrize("function", PAGED[1:])
def test_rows_without_a_dataset_are_listed(catalog, function):
    last = rows(catalog, function)[-1]
    assert last["dataset_id"] is None and last["dataset_slug"] is None


@pytest.mark.parametrize("function", ["fn_list_runs", "fn_list_runs_after", "fn_list_simulations", "fn_list_simulations_after"])
def test_filters_by_dataset_and_symbol_select_alone_and_together(catalog, function):
    by_dataset = rows(catalog, function, p_dataset_id=identifier(1, 1))
    assert len(by_dataset) == 3 and {row["dataset_slug"] for row in by_dataset} == {"set-1"}
    assert rows(catalog, function, p_symbol="SYM1") == by_dataset
    assert rows(catalog, function, p_symbol="SYM1", p_dataset_id=identifier(1, 1)) == by_dataset
    assert rows(catalog, function, p_symbol="SYM2", p_dataset_id=identifier(1, 1)) == []
    assert rows(catalog, function, p_symbol="nobody's") == []


@pytest.mark.parametrize("function", ["fn_list_simulations", "fn_list_simulations_after"])
def test_simulations_are_filtered_by_run(catalog, function):
    found = rows(catalog, function, p_run_id=identifier(2, 4))
    assert [row["simulation_id"] for row in found] == [identifier(3, 4)]
    assert rows(catalog, function, p_run_id=identifier(2, 4), p_symbol="SYM1") == found
    assert rows(catalog, function, p_run_id=identifier(2, 4), p_symbol="SYM0") == []


def test_the_keyset_pages_within_a_filter(catalog):
    everything = rows(catalog, "fn_list_runs", p_symbol="SYM0")
    first = everything[0]
    cursor = {"p_after_created_at": first["created_at"], "p_after_run_id": first["run_id"]}
    assert rows(catalog, "fn_list_runs_after", p_symbol="SYM0", **cursor) == everything[1:]


@pytest.mark.parametrize(
    ("function", "names"),
    [
        ("fn_list_datasets", ["p_limit", "p_offset"]),
        ("fn_list_runs", ["p_limit", "p_offset", "p_dataset_id", "p_symbol"]),
        ("fn_list_simulations", ["p_limit", "p_offset", "p_dataset_id", "p_run_id", "p_symbol"]),
        ("fn_list_datasets_after", ["p_limit", "p_after_updated_at", "p_after_dataset_id"]),
        ("fn_list_runs_after", ["p_limit", "p_after_created_at", "p_after_run_id", "p_dataset_id", "p_symbol"]),
        (
            "fn_list_simulations_after",
            ["p_limit", "p_after_created_at", "p_after_simulation_id", "p_dataset_id", "p_run_id", "p_symbol"],
        ),
    ],
)
def test_the_parameters_are_these_and_each_has_a_default(db, function, names):
    found = db.execute(
        "select p.proargnames as names, p.pronargs as given, p.pronargdefaults as defaults"
        " from pg_catalog.pg_proc as p where p.proname = %s",
        [function],
    ).fetchall()
    assert found == [{"names": names, "given": len(names), "defaults": len(names)}]


def test_the_checks_of_a_page_answer_for_themselves(db):
    db.execute("select public.check_page(1, 0)")
    db.execute("select public.check_cursor('a', null, 'b', null)")
    for call in ("public.check_page(0, 0)", "public.check_cursor('a', now(), 'b', null)"):
        with pytest.raises(psycopg.Error) as refused, db.transaction():
            db.execute(f"select {call}")
        assert refused.value.sqlstate == "S1A02"

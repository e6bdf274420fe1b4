"""Each check of counts, spans and of the database's own objects: silent on good data, and exactly the row that was broken."""

import re
from uuid import UUID

import pytest

from tests.sql.bar_loads import bars, load, minute

ID = UUID(int=7)
CHECKS = ("negative_counts", "inverted_spans", "drifted_objects", "invalid_indexes", "open_functions")


def findings(db, check):
    return db.execute(f"select * from public.{check}").fetchall()


def subjects(db, check):
    return [row["subject"] for row in findings(db, check)]


@pytest.fixture
def catalog(db):
    """A dataset with counts and spans that is known as an indicator dataset, too, and a load."""
    db.execute(
        "insert into public.indicator_datasets (dataset_id, questdb_tag, row_count, first_bar_ts, last_bar_ts)"
        " values (%s, 'probe', 5, %s, %s)",
        [ID, minute(0), minute(9)],
    )
    db.execute(
        "update public.stage1_datasets set ohlcv_row_count = 0, ohlcv_first_ts = %s, ohlcv_last_ts = %s", [minute(3), minute(3)]
    )
    load(db, bars("A", 0, 10))
    return db


@pytest.mark.parametrize("check", CHECKS)
def test_good_counts_spans_and_objects_are_healthy(catalog, check):
    assert findings(catalog, check) == []
    catalog.execute("update public.stage1_datasets set ohlcv_row_count = null, ohlcv_first_ts = null, indicator_last_ts = null")
    assert findings(catalog, check) == []


NEGATIVE = {
    "stage1_datasets set ohlcv_row_count = -1": ("dataset probe", "ohlcv_row_count is -1;"),
    "stage1_datasets set indicator_row_count = -2": ("dataset probe", "indicator_row_count is -2;"),
    "indicator_datasets set row_count = -3": (f"indicator dataset {ID}", "row_count is -3;"),
    "market_bar_symbols set bar_count = -4": ("symbol A", "bar_count is -4;"),
    "data_ingest_symbols set inserted_count = -5, updated_count = 15": ("ingest {}, symbol A", "a count of the load is -5;"),
}
INVERTED = {
    "stage1_datasets set ohlcv_last_ts = ohlcv_first_ts - interval '1 s'": (
        "dataset probe",
        "ohlcv_first_ts is 2024-01-02 00:03",
    ),
    "stage1_datasets set indicator_last_ts = '2024-01-01Z'": ("dataset probe", "indicator_first_ts is 2024-01-02"),
    "indicator_datasets set first_bar_ts = '2025-01-01Z'": (f"indicator dataset {ID}", "first_bar_ts is 2025-01-01"),
    "market_bar_symbols set last_ts = '2024-01-01Z'": ("symbol A", "first_ts is 2024-01-02"),
    "data_ingest_runs set max_ts = '2024-01-01Z'": ("ingest {}", "min_ts is 2024-01-02"),
    "data_ingest_symbols set last_ts = '2024-01-01Z'": ("ingest {}, symbol A", "first_ts is 2024-01-02"),
}


@pytest.mark.parametrize(
    ("check", "change", "expected"),
    [(check, *case) for check, cases in (("negative_counts", NEGATIVE), ("inverted_spans", INVERTED)) for case in cases.items()],
    ids=[*NEGATIVE, *INVERTED],
)
def test_a_count_below_zero_and_a_span_that_ends_before_it_begins_are_reported(catalog, check, change, expected):
    # As in an adopted table, whose rows are older than the constraint; the parent would follow its indicator dataset.
    catalog.execute("alter table public.indicator_datasets disable trigger user")
    for table, constraint in (
        ("market_bar_symbols", "market_bar_symbols_count_is_natural"),
        ("market_bar_symbols", "market_bar_symbols_is_whole"),
        ("data_ingest_symbols", "data_ingest_symbols_span_is_upright"),
    ):
        catalog.execute(f"alter table public.{table} drop constraint {constraint}")
    catalog.execute(f"update public.{change}")
    [row] = findings(catalog, check)
    ingest = catalog.execute("select max(id) as id from public.data_ingest_runs").fetchone()["id"]
    assert list(row.values())[:3] == [check, "error", expected[0].format(ingest)]
    assert row["detail"].startswith(expected[1])


# --- objects -----------------------------------------------------------------------------------------------

DRIFT = {
    "drop function public.fn_latest_bars": ("public.fn_latest_bars", "it is gone;"),
    "drop view public.failed_ingests": ("public.failed_ingests", "it is gone;"),
    "create or replace view public.failed_ingests as select 'x'::text as check_name, 'error'::text as severity,"
    " ''::text as subject, ''::text as detail where false": ("public.failed_ingests", "it was edited by hand;"),
    "create function public.check_page(p_limit int) returns void language sql begin atomic; end": (
        "public.check_page",
        "it has 2 definitions;",
    ),
}


@pytest.mark.parametrize(("change", "expected"), DRIFT.items(), ids=[str(number) for number in range(len(DRIFT))])
def test_an_object_that_is_gone_or_edited_is_reported(db, change, expected):
    db.execute(change)
    [row] = findings(db, "drifted_objects")
    assert list(row.values())[:3] == ["drifted_objects", "error", expected[0]]
    assert row["detail"].startswith(expected[1])


@pytest.mark.parametrize(
    "setting", ["timezone = 'Asia/Tokyo'", "datestyle = 'German'", "intervalstyle = 'iso_8601'", "quote_all_identifiers = on"]
)
def test_the_settings_of_a_session_are_no_drift(db, setting):
    db.execute(f"set local {setting}")
    assert findings(db, "drifted_objects") == []
    assert db.execute("select * from stage1_internal.drifting_objects()").fetchall() == []
    db.execute("drop view public.placeholder_datasets")
    assert db.execute("select * from stage1_internal.drifting_objects()").fetchall() == [
        {"object_name": "public.placeholder_datasets", "problem": "is gone"}
    ]


def test_after_an_upgrade_of_the_server_only_what_is_gone_is_drift(db):
    db.execute(
        "update stage1_internal.deployed_objects set server_major = server_major - 1, definition_sha256 = 'other'"
        " where definition_sha256 is not null"
    )
    db.execute("drop view public.placeholder_datasets")
    assert subjects(db, "drifted_objects") == ["public.placeholder_datasets"]


def test_an_index_that_was_not_finished_is_reported(db):
    db.execute(
        "update pg_catalog.pg_index set indisvalid = false where indexrelid = 'public.idx_walkforward_runs_dataset'::regclass"
    )
    [row] = findings(db, "invalid_indexes")
    assert list(row.values())[:3] == ["invalid_indexes", "error", "public.idx_walkforward_runs_dataset"]
    assert "reindex index concurrently public.idx_walkforward_runs_dataset" in row["detail"]


OPEN = {
    "grant execute on function public.check_page(integer, integer) to public": "public.check_page(integer,integer)",
    "alter function public.undo_ingest(bigint) reset search_path": "public.undo_ingest(bigint)",
    "create function stage1_internal.zz() returns int language sql begin atomic; select 1; end;"
    "alter function stage1_internal.zz() owner to stage1_owner": "stage1_internal.zz()",
    "create function stage1_internal.zz() returns int language sql security definer begin atomic; select 1; end": (
        "stage1_internal.zz()"
    ),
}


@pytest.mark.parametrize("change", OPEN, ids=range(len(OPEN)))
def test_a_function_that_is_open_is_reported_with_what_closes_it(db, change):
    db.execute(change)
    [row] = findings(db, "open_functions")
    assert list(row.values())[:3] == ["open_functions", "error", OPEN[change]]
    db.execute(re.search(r"(?:alter|revoke) .*", row["detail"])[0])
    assert findings(db, "open_functions") == []


def test_a_function_of_somebody_else_is_his_business(db):
    db.execute("create role zz_stranger")
    db.execute("create function public.zz() returns int language sql security definer begin atomic; select 1; end")
    db.execute("alter function public.zz() owner to zz_stranger")
    assert findings(db, "open_functions") == []


@pytest.mark.parametrize("check", CHECKS)
def test_a_check_has_the_four_columns_of_a_check(db, check):
    columns = [column.name for column in db.execute(f"select * from public.{check}").description]
    assert columns == ["check_name", "severity", "subject", "detail"]


# --- asking them -------------------------------------------------------------------------------------------


def test_the_checks_are_found_by_their_columns(db):
    found = {row["check_name"]: row["check_view"] for row in db.execute("select * from stage1_internal.checks()")}
    assert found.items() >= {check: f"public.{check}" for check in CHECKS}.items()
    assert not {"dataset_catalog", "role_gaps", "last_validation"} & set(found)


def test_whoever_reads_everything_may_ask_every_check_and_record_the_answer(db):
    db.execute("set local role stage1_readonly")
    for row in db.execute("select * from stage1_internal.checks()").fetchall():
        db.execute("select * from stage1_internal.check_findings(%s)", [row["check_name"]])
        db.execute(f"select * from {row['check_view']}")
    db.execute("select * from stage1_internal.validation_summary()")
    db.execute("select * from stage1_internal.last_validation")


def test_findings_are_counted_past_those_that_are_shown(db):
    db.execute(
        "insert into public.stage1_datasets (dataset_id, dataset_slug, ohlcv_measurement, indicator_measurement)"
        " select gen_random_uuid(), 's' || n, 'o', '' from generate_series(1, 30) as n"
    )
    found = db.execute("select * from stage1_internal.check_findings('datasets_without_measurements', 3)").fetchall()
    assert [(row["subject"], row["severity"], row["findings"]) for row in found] == [
        (subject, "warning", 30) for subject in ("s1", "s10", "s11")
    ]
    assert len(db.execute("select * from stage1_internal.check_findings('datasets_without_measurements')").fetchall()) == 30


@pytest.mark.parametrize("name", ["nothing", "dataset_catalog", "public.failed_ingests", "failed_ingests; select 1", None])
def test_what_is_no_check_is_not_asked(refused, db, name):
    said = refused("S1A02", lambda: db.execute("select * from stage1_internal.check_findings(%s)", [name]))
    assert "there is no check of that name" in said

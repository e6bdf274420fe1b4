"""What upsert_stage1_dataset writes, merges and refuses."""

import json
from datetime import UTC, datetime
from uuid import UUID

import psycopg
import pytest

ID = UUID("aaaaaaaa-0000-4000-8000-000000000001")
OTHER = UUID("aaaaaaaa-0000-4000-8000-000000000002")
PARAMETERS = (
    "p_dataset_id uuid, p_dataset_slug text, p_symbol text, p_granularity text, p_source text, "
    "p_ohlcv_measurement text, p_indicator_measurement text, p_ohlcv_rows bigint, p_indicator_rows bigint, "
    "p_ohlcv_first timestamp with time zone, p_ohlcv_last timestamp with time zone, "
    "p_indicator_first timestamp with time zone, p_indicator_last timestamp with time zone, p_metadata jsonb"
)
CALL = "select public.upsert_stage1_dataset(" + ", ".join(["%s"] * 7 + ["%s"] * 2 + ["%s::timestamptz"] * 4 + ["%s::jsonb"]) + ")"


def arguments(**changed):
    given = {
        "p_dataset_id": ID,
        "p_dataset_slug": "AAPL-2023-1m",
        "p_symbol": "AAPL",
        "p_granularity": "1m",
        "p_source": "desk",
        "p_ohlcv_measurement": "aapl_ohlcv",
        "p_indicator_measurement": "aapl_indicators",
        "p_ohlcv_rows": 100,
        "p_indicator_rows": 90,
        "p_ohlcv_first": "2023-01-03 14:30Z",
        "p_ohlcv_last": "2023-01-03 16:09Z",
        "p_indicator_first": "2023-01-03 14:40Z",
        "p_indicator_last": "2023-01-03 16:09Z",
        "p_metadata": '{"note": "first"}',
    }
    return list((given | changed).values())


def upsert(db, **changed):
    db.execute(CALL, arguments(**changed))


def dataset(db, dataset_id=ID):
    return db.execute("select * from public.stage1_datasets where dataset_id = %s", [dataset_id]).fetchone()


def refusal(db, sqlstate, **changed):
    with pytest.raises(psycopg.Error) as refused, db.transaction():
        upsert(db, **changed)
    assert refused.value.sqlstate == sqlstate
    assert refused.value.diag.message_hint
    return refused.value.diag.message_primary


def test_it_has_exactly_the_parameters_of_stage_1_3_and_returns_nothing(db):
    found = db.execute(
        "select pg_get_function_arguments(p.oid) as arguments, p.prorettype::regtype::text as result"
        " from pg_catalog.pg_proc as p where p.proname = 'upsert_stage1_dataset'"
    ).fetchall()
    assert found == [{"arguments": PARAMETERS, "result": "void"}]


def test_a_new_dataset_holds_what_was_given(db):
    upsert(db)
    row = dataset(db)
    assert row["dataset_slug"] == "AAPL-2023-1m"
    assert (row["symbol"], row["granularity"], row["source"]) == ("AAPL", "1m", "desk")
    assert (row["ohlcv_measurement"], row["indicator_measurement"]) == ("aapl_ohlcv", "aapl_indicators")
    assert (row["ohlcv_row_count"], row["indicator_row_count"]) == (100, 90)
    assert row["ohlcv_first_ts"] == datetime(2023, 1, 3, 14, 30, tzinfo=UTC)
    assert row["ohlcv_last_ts"] == datetime(2023, 1, 3, 16, 9, tzinfo=UTC)
    assert row["indicator_first_ts"] == datetime(2023, 1, 3, 14, 40, tzinfo=UTC)
    assert row["indicator_last_ts"] == datetime(2023, 1, 3, 16, 9, tzinfo=UTC)
    assert (row["metadata"], row["kind"]) == ({"note": "first"}, "triplet")


def test_a_second_upsert_replaces_every_value_and_keeps_created_at(db):
    upsert(db)
    db.execute("alter table public.stage1_datasets disable trigger stage1_datasets_stamp")
    db.execute("update public.stage1_datasets set created_at = '2020-01-01Z', updated_at = '2020-01-01Z'")
    db.execute("alter table public.stage1_datasets enable trigger stage1_datasets_stamp")
    upsert(
        db,
        p_dataset_slug="AAPL-2023-1m-v2",
        p_symbol=None,
        p_granularity=None,
        p_ohlcv_measurement="o2",
        p_indicator_measurement="i2",
        p_ohlcv_rows=1,
        p_indicator_rows=2,
        p_ohlcv_first=None,
        p_ohlcv_last=None,
        p_indicator_first=None,
        p_indicator_last=None,
    )
    row = dataset(db)
    assert row["dataset_slug"] == "AAPL-2023-1m-v2"
    assert (row["symbol"], row["granularity"], row["ohlcv_measurement"], row["indicator_measurement"]) == (None, None, "o2", "i2")
    assert (row["ohlcv_row_count"], row["indicator_row_count"]) == (1, 2)
    spans = ("ohlcv_first_ts", "ohlcv_last_ts", "indicator_first_ts", "indicator_last_ts")
    assert [row[name] for name in spans] == [None] * 4
    assert row["created_at"] == datetime(2020, 1, 1, tzinfo=UTC)
    assert row["updated_at"] > datetime(2020, 1, 1, tzinfo=UTC)


def test_metadata_is_merged_and_not_replaced(db):
    upsert(db, p_metadata='{"a": 1, "b": {"deep": 1}}')
    upsert(db, p_metadata='{"b": 2, "c": 3}')
    upsert(db, p_metadata=None)
    assert dataset(db)["metadata"] == {"a": 1, "b": 2, "c": 3}


def test_nulls_mean_the_default_source_no_rows_and_no_metadata(db):
    upsert(db, p_source=None, p_ohlcv_rows=None, p_indicator_rows=None, p_metadata=None)
    row = dataset(db)
    default = db.execute(
        "select column_default from information_schema.columns"
        " where table_schema = 'public' and table_name = 'stage1_datasets' and column_name = 'source'"
    ).fetchone()["column_default"]
    assert default == f"'{row['source']}'::text"
    assert (row["ohlcv_row_count"], row["indicator_row_count"], row["metadata"]) == (0, 0, {})


@pytest.mark.parametrize("name", ["p_dataset_id", "p_dataset_slug", "p_ohlcv_measurement", "p_indicator_measurement"])
def test_a_null_for_a_required_argument_is_refused_by_name(db, name):
    assert refusal(db, "S1A01", **{name: None}).startswith(f"{name} was null")
    assert dataset(db) is None


@pytest.mark.parametrize("slug", ["", "   "])
def test_an_empty_slug_is_refused(db, slug):
    assert refusal(db, "S1A01", p_dataset_slug=slug).startswith("p_dataset_slug was empty")


def test_an_empty_measurement_is_accepted_as_not_written_yet(db):
    upsert(db, p_ohlcv_measurement="")
    assert dataset(db)["ohlcv_measurement"] == ""


@pytest.mark.parametrize("span", ["ohlcv", "indicator"])
def test_a_span_that_ends_before_it_starts_is_refused_by_name(db, span):
    changed = {f"p_{span}_first": "2023-01-02Z", f"p_{span}_last": "2023-01-01Z"}
    assert refusal(db, "S1A03", **changed).startswith(f"p_{span}_last was 2023-01-01")


@pytest.mark.parametrize("span", ["ohlcv", "indicator"])
def test_a_span_of_one_instant_or_with_one_end_is_accepted(db, span):
    upsert(db, **{f"p_{span}_first": "2023-01-02Z", f"p_{span}_last": "2023-01-02Z"})
    upsert(db, **{f"p_{span}_first": "2023-01-02Z", f"p_{span}_last": None})
    assert dataset(db)[f"{span}_last_ts"] is None


@pytest.mark.parametrize("name", ["p_ohlcv_rows", "p_indicator_rows"])
def test_a_negative_row_count_is_refused_by_name(db, name):
    assert refusal(db, "S1A02", **{name: -1}).startswith(f"{name} was -1")


LIMITED = ("p_dataset_slug", "p_symbol", "p_granularity", "p_source", "p_ohlcv_measurement", "p_indicator_measurement")


@pytest.mark.parametrize("name", LIMITED)
def test_a_text_of_more_than_255_bytes_is_refused_by_name(db, name):
    assert refusal(db, "S1A02", **{name: "x" * 8192}).startswith(f"{name} was 8192 bytes long")
    assert refusal(db, "S1A02", **{name: "x" * 256}).startswith(f"{name} was 256 bytes long")
    assert refusal(db, "S1A02", **{name: "ü" * 128}).startswith(f"{name} was 256 bytes long")
    assert dataset(db) is None


def test_texts_of_255_bytes_are_accepted(db):
    upsert(db, **{name: f"{place}" + "ü" * 127 for place, name in enumerate(LIMITED)})
    assert len(dataset(db)["symbol"].encode()) == 255


@pytest.mark.parametrize("metadata", [[1], "text", 7, None])
def test_metadata_that_is_not_an_object_is_refused(db, metadata):
    assert refusal(db, "S1A02", p_metadata=json.dumps(metadata)).startswith("p_metadata was a JSON ")


def test_a_slug_of_another_dataset_is_refused_and_its_holder_named(db):
    upsert(db)
    message = refusal(db, "S1C01", p_dataset_id=OTHER)
    assert "p_dataset_slug" in message and "AAPL-2023-1m" in message and str(ID) in message
    assert dataset(db, OTHER) is None


def test_an_existing_dataset_cannot_take_the_slug_of_another(db):
    upsert(db)
    upsert(db, p_dataset_id=OTHER, p_dataset_slug="other")
    assert str(ID) in refusal(db, "S1C01", p_dataset_id=OTHER)
    assert dataset(db, OTHER)["dataset_slug"] == "other"


def test_another_unique_constraint_is_not_reported_as_a_taken_slug(db):
    db.execute("alter table public.stage1_datasets add constraint probe unique (symbol)")
    upsert(db)
    with pytest.raises(psycopg.errors.UniqueViolation) as refused, db.transaction():
        upsert(db, p_dataset_id=OTHER, p_dataset_slug="other")
    assert "Neither its dataset_id nor its dataset_slug is taken" in refused.value.diag.message_detail
    upsert(db, p_dataset_id=OTHER, p_dataset_slug="other", p_symbol="MSFT")
    with pytest.raises(psycopg.errors.UniqueViolation) as refused, db.transaction():
        upsert(db, p_dataset_id=OTHER, p_dataset_slug="other")
    assert refused.value.diag.constraint_name == "probe"


def test_bars_become_a_triplet_once_both_measurements_are_named(db):
    upsert(db, p_ohlcv_measurement="", p_indicator_measurement="")
    db.execute("update public.stage1_datasets set kind = 'bars'")
    upsert(db, p_indicator_measurement="")
    assert dataset(db)["kind"] == "bars"
    upsert(db)
    assert dataset(db)["kind"] == "triplet"


def test_examples_stay_examples(db):
    upsert(db)
    db.execute("update public.stage1_datasets set kind = 'examples'")
    upsert(db)
    assert dataset(db)["kind"] == "examples"


def test_the_mark_of_a_placeholder_goes_when_the_dataset_is_upserted(db):
    upsert(db, p_metadata='{"placeholder": true, "placeholder_reason": "2 runs named it", "slug_from": "dataset_id"}')
    assert db.execute("select count(*) as n from public.placeholder_datasets").fetchone()["n"] == 1
    upsert(db, p_metadata='{"note": "known now"}')
    assert dataset(db)["metadata"] == {"slug_from": "dataset_id", "note": "known now"}
    assert db.execute("select count(*) as n from public.placeholder_datasets").fetchone()["n"] == 0

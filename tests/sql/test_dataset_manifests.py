"""What upsert_dataset_manifest registers, adopts and (by check_dataset_manifest) refuses, and how the view datasets shows it."""

import json
from datetime import UTC, date, datetime
from uuid import UUID

import pytest

from stage1.model.dataset_manifests import sorted_json
from tests.sql.bar_loads import bars, begin, load, row, undo, value

ID, OTHER = UUID("aaaaaaaa-0000-4000-8000-000000000001"), UUID("aaaaaaaa-0000-4000-8000-000000000002")
SLUG = "AAPL-2024-1m"
FIRST, LAST = datetime(2024, 1, 2, tzinfo=UTC), datetime(2024, 1, 2, 0, 9, tzinfo=UTC)
FILES = ["data/raw/databento/AAPL/2024/TRADES.dbn.zst", 'data/raw/\u00fc "quoted" \\ \n.zst']
MANIFEST = {
    "dataset_id": ID,
    "dataset_slug": SLUG,
    "symbol": "AAPL",
    "from_date": date(2024, 1, 1),
    "to_date": date(2025, 1, 1),
    "products": '["TRADES", "TBBO"]',
    "calendar_version": "utc-24x7/1",
    "tz": "UTC",
    "raw_dbn": json.dumps(FILES),
    "bars_parquet": '["data/bars/databento/AAPL/2024/2024-01.parquet"]',
    "bars_manifest_path": "data/bars/databento/AAPL/2024/manifest.json",
    "bars_manifest_sha256": "ab" * 32,
    "generated_at": datetime(2025, 1, 3, tzinfo=UTC),
    "size_bytes": 5_000_000_000,
    "status": "READY",
    "vendor_dataset": "XNAS.ITCH",
    "bar_count": 10,
    "first_ts": FIRST,
    "last_ts": LAST,
    "ingest_id": None,
}


def upsert(db, **changed):
    """Registers it, and returns the id."""
    named = ", ".join(f"p_{name} => %({name})s" for name in MANIFEST)
    return db.execute(f"select public.upsert_dataset_manifest({named}) as id", MANIFEST | changed).fetchone()["id"]


def dataset(db, dataset_id=ID):
    return row(db, "select xmin::text as version, * from public.stage1_datasets where dataset_id = %s", dataset_id)


def manifest(db, dataset_id=ID):
    return row(db, "select xmin::text as version, * from public.dataset_manifests where dataset_id = %s", dataset_id)


def triplet(db, dataset_id=OTHER, slug=SLUG, metadata="{}", measurements=("o", "i"), kind="triplet"):
    db.execute(
        "insert into public.stage1_datasets (dataset_id, dataset_slug, symbol, source, ohlcv_measurement, indicator_measurement,"
        " ohlcv_row_count, metadata, kind) values (%s, %s, null, 'desk', %s, %s, 7, %s, %s)",
        [dataset_id, slug, *measurements, metadata, kind],
    )


def test_a_new_dataset_is_one_of_bars_with_their_count_and_span(db):
    assert upsert(db) == ID
    found = dataset(db)
    assert (found["dataset_slug"], found["symbol"], found["granularity"], found["source"]) == (SLUG, "AAPL", "1m", "stage1")
    assert (found["kind"], found["ohlcv_measurement"], found["indicator_measurement"]) == ("bars", "", "")
    assert (found["ohlcv_row_count"], found["ohlcv_first_ts"], found["ohlcv_last_ts"]) == (10, FIRST, LAST)
    assert value(db, "select count(*) from public.datasets_without_measurements") == 0


def test_the_view_has_the_names_of_the_pipeline_and_lists_as_json_text(db):
    ingest = load(db, bars("AAPL", 0, 10), origin="derived")["id"]
    upsert(db, ingest_id=ingest)
    (shown,) = db.execute("select * from public.datasets").fetchall()
    assert list(shown)[:13] == [
        *("dataset_id", "symbol", "from_date", "to_date", "products_json", "calendar_version", "tz", "raw_dbn_json"),
        *("bars_parquet_json", "bars_manifest_path", "generated_at", "size_bytes", "status"),
    ]
    assert (shown["dataset_id"], shown["dataset_uuid"], shown["kind"], shown["ingest_id"]) == (SLUG, ID, "bars", ingest)
    assert shown["products_json"] == '["TRADES","TBBO"]'
    assert shown["raw_dbn_json"] == sorted_json(FILES)
    for name in (SLUG, str(ID)):
        assert row(db, "select * from public.fn_get_dataset_manifest(%s)", name) == shown


def test_a_dataset_without_a_manifest_is_not_found_in_the_view(db, refused):
    triplet(db)
    said = refused("S1C02", lambda: db.execute("select * from public.fn_get_dataset_manifest(%s)", [SLUG]))
    assert "has no manifest" in said
    refused("S1C02", lambda: db.execute("select * from public.fn_get_dataset_manifest('MSFT')"))


def test_the_same_again_writes_nothing(db):
    upsert(db)
    # What is written in a savepoint has another xmin.
    before = dataset(db), manifest(db)
    with db.transaction():
        assert upsert(db) == ID
    assert (dataset(db), manifest(db)) == before
    with db.transaction():
        upsert(db, size_bytes=6, bar_count=11, status="PARTIAL")
    changed = manifest(db)
    assert (changed["size_bytes"], changed["bar_count"], changed["status"]) == (6, 11, "PARTIAL")
    assert changed["version"] != before[1]["version"] and changed["created_at"] == before[1]["created_at"]
    assert dataset(db)["ohlcv_row_count"] == 11
    with db.transaction():
        upsert(db, bar_count=0, first_ts=None, last_ts=None)
    assert (manifest(db)["first_ts"], dataset(db)["ohlcv_last_ts"]) == (None, None)


def test_every_argument_is_kept_and_replaces_what_was_there(db):
    upsert(db)
    ingest = load(db, bars("AAPL", 0, 10))["id"]
    changed = {
        "symbol": "AAPL.X",
        "from_date": date(2024, 2, 1),
        "to_date": date(2024, 3, 1),
        "products": '["TRADES"]',
        "calendar_version": "nyse/1",
        "tz": "America/New_York",
        "raw_dbn": "[]",
        "bars_parquet": "[]",
        "bars_manifest_path": "data/m.json",
        "bars_manifest_sha256": "00" * 32,
        "generated_at": LAST,
        "size_bytes": 0,
        "status": "PARTIAL",
        "vendor_dataset": "GLBX.MDP3",
        "bar_count": 1,
        "first_ts": LAST,
        "last_ts": LAST,
        "ingest_id": ingest,
    }
    assert set(changed) == set(MANIFEST) - {"dataset_id", "dataset_slug"}
    for name, given in changed.items():
        upsert(db, **{name: given})
        found = manifest(db)[name]
        assert (json.dumps(found) if isinstance(found, list) else found) == given


def test_a_triplet_that_holds_the_slug_is_adopted_and_stays_one(db):
    triplet(db)
    assert upsert(db) == upsert(db) == OTHER
    found = dataset(db, OTHER)
    assert (found["kind"], found["source"], found["ohlcv_measurement"], found["ohlcv_row_count"]) == ("triplet", "desk", "o", 7)
    assert (found["symbol"], found["granularity"]) == ("AAPL", "1m")
    assert dataset(db) is None and manifest(db, OTHER)["bar_count"] == 10


@pytest.mark.parametrize(("dataset_id", "slug"), [(ID, str(ID)), (OTHER, SLUG)])
def test_a_placeholder_becomes_a_dataset_of_bars(db, dataset_id, slug):
    triplet(db, dataset_id, slug, '{"placeholder": true, "placeholder_reason": "2 runs", "slug_from": "dataset_id"}', ("", ""))
    assert upsert(db) == upsert(db) == dataset_id
    found = dataset(db, dataset_id)
    assert (found["dataset_slug"], found["kind"], found["metadata"]) == (SLUG, "bars", {"slug_from": "dataset_id"})
    assert value(db, "select count(*) from public.placeholder_datasets") == 0


def test_a_placeholder_of_the_id_is_left_where_another_dataset_holds_the_slug(db):
    triplet(db, ID, str(ID), '{"placeholder": true}', ("", ""))
    triplet(db)
    assert upsert(db) == OTHER
    assert dataset(db)["dataset_slug"] == str(ID)


def test_an_id_or_a_slug_of_something_else_is_refused(db, refused):
    triplet(db, ID, "MSFT-2024-1m")
    assert "is the dataset 'MSFT-2024-1m'" in refused("S1C01", lambda: upsert(db))
    triplet(db, OTHER, SLUG, kind="examples")
    assert "a set of examples" in refused("S1C01", lambda: upsert(db, dataset_id=UUID(int=3)))
    assert value(db, "select count(*) from public.dataset_manifests") == 0


NULLABLE = ("first_ts", "last_ts", "ingest_id")
REFUSED = [
    *(("S1A01", {name: None}, name) for name in MANIFEST if name not in NULLABLE),
    *(("S1A01", {name: " "}, name) for name in ("dataset_slug", "symbol", "tz", "status", "bars_manifest_path")),
    *(("S1A02", {name: "x" * 256}, name) for name in ("dataset_slug", "symbol", "calendar_version", "tz", "vendor_dataset")),
    ("S1A02", {"bars_manifest_path": "x" * 4097}, "bars_manifest_path"),
    *(("S1A02", {name: given}, name) for name in ("products", "raw_dbn", "bars_parquet") for given in ("{}", "[1]", '[["A"]]')),
    ("S1A02", {"products": "[]"}, "products"),
    *(("S1A02", {"bars_manifest_sha256": given}, "bars_manifest_sha256") for given in ("ab", "AB" * 32)),
    ("S1A02", {"size_bytes": -1}, "size_bytes"),
    ("S1A02", {"bar_count": -1}, "bar_count"),
    ("S1A02", {"status": "DONE"}, "status"),
    ("S1A02", {"bar_count": 0}, "bar_count"),
    ("S1A02", {"first_ts": None, "last_ts": None}, "bar_count"),
    ("S1A02", {"last_ts": None}, "bar_count"),
    ("S1A03", {"to_date": date(2024, 1, 1)}, "to_date"),
    ("S1A03", {"first_ts": LAST, "last_ts": FIRST}, "last_ts"),
    ("S1I07", {"ingest_id": 999}, "ingest_id"),
]


@pytest.mark.parametrize(("sqlstate", "changed", "named"), REFUSED, ids=[f"{code} {given}"[:60] for code, given, _ in REFUSED])
def test_what_is_missing_or_contradicts_itself_is_refused_by_its_name(db, refused, sqlstate, changed, named):
    assert refused(sqlstate, lambda: upsert(db, **changed)).startswith(f"p_{named} was ")
    assert value(db, "select count(*) from public.stage1_datasets") == 0


@pytest.mark.parametrize("how", ["running", "failed", "undone", "repeats an undone one"])
def test_an_ingest_whose_bars_are_not_there_is_refused(db, refused, how):
    ingest = begin(db) if how in ("running", "failed") else load(db, bars("AAPL", 0, 10))["id"]
    if how == "failed":
        db.execute("select stage1_internal.fail_ingest(%s, 'cut')", [ingest])
    elif how == "undone":
        undo(db, ingest)
    elif how.startswith("repeats"):
        again = load(db, bars("AAPL", 0, 10), name="b.dbn")["id"]
        db.execute("update public.data_ingest_runs set repeats_ingest_id = %s where id = %s", [ingest, again])
        undo(db, ingest)
        ingest = again
    assert "whose bars are not there" in refused("S1I09", lambda: upsert(db, ingest_id=ingest))


def test_the_manifest_goes_with_its_dataset_and_its_ingest_stays(db, refused):
    ingest = load(db, name="empty.dbn")["id"]
    upsert(db, ingest_id=ingest)
    with pytest.raises(Exception, match="dataset_manifests_ingest_id_fkey"), db.transaction():
        db.execute("delete from public.data_ingest_runs where id = %s", [ingest])
    db.execute("delete from public.stage1_datasets where dataset_id = %s", [ID])
    assert manifest(db) is None


def test_a_spool_cannot_register_manifests(db):
    may = "select role_name from stage1_internal.role_matrix where object_name = 'public.upsert_dataset_manifest'"
    assert {found["role_name"] for found in db.execute(may)} == {"stage1_app", "stage1_ingest"}
    rules = "select count(*) from stage1_internal.replay_rules() where object_name = 'upsert_dataset_manifest'"
    assert value(db, rules) == 0


@pytest.mark.parametrize("kind", ["table", "view"])
@pytest.mark.parametrize("name", ["datasets", "dataset_manifests", "dataset_lineage"])
def test_an_object_of_somebody_else_under_our_name_is_named_and_left(empty_database, run_cli, kind, name):
    empty_database.rows(f"create {kind} public.{name} as select 1 as theirs")
    found = run_cli("migrate", database=empty_database)
    assert found.exit_code == 3
    assert f"public.{name} exists already, and stage1 did not make it" in found.stderr
    assert "nothing was changed" in found.stderr and "run `stage1 migrate` again" in found.stderr
    assert empty_database.value(f"select theirs from public.{name}") == 1
    assert empty_database.value("select to_regclass('public.stage1_datasets') is null")

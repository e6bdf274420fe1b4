"""Do both catalogs, PostgreSQL and the offline one, answer the same to the same?"""

import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone

import psycopg
import pytest

from stage1 import settings as settings_module
from stage1.adapters import sqlite_catalog
from stage1.adapters.sqlite_catalog import SqliteCatalog
from stage1.database.postgres_catalog import PostgresCatalog
from stage1.errors import DatabaseNewer, FileUnusable, LockHeld, NoSpace, NotPermitted
from stage1.model.dataset_manifests import PARTIAL, READY, DatasetManifest
from stage1.model.datasets import dataset_id_of
from tests.sql.bar_loads import bars, load

AAPL = DatasetManifest(
    dataset_id="AAPL-2023-1m",
    symbol="AAPL",
    from_date=date(2023, 1, 1),
    to_date=date(2024, 1, 1),
    products=("TRADES", "TBBO"),
    calendar_version="utc-24x7/1",
    tz="UTC",
    raw_dbn=("data/raw/databento/AAPL/2023/TRADES.dbn.zst", "data/raw/databento/AAPL/2023/TBBO.dbn.zst"),
    bars_parquet=("data/bars/databento/AAPL/2023/2023-01.parquet",),
    bars_manifest_path="data/bars/databento/AAPL/2023/manifest.json",
    bars_manifest_sha256="ab" * 32,
    generated_at=datetime(2024, 1, 3, 12, 30, 1, 123456, tzinfo=UTC),
    size_bytes=2**40,
    status=READY,
    vendor_dataset="XNAS.ITCH",
    bar_count=98_280,
    first_ts=datetime(2023, 1, 3, 9, tzinfo=UTC),
    last_ts=datetime(2023, 12, 29, 23, 59, tzinfo=UTC),
)
SETTINGS = settings_module.load(environment={})


@pytest.fixture(params=["postgres", "sqlite"])
def catalog(request, tmp_path):
    """Makes another connection to one and the same catalog each time it is called."""
    if request.param == "sqlite":
        return lambda: SqliteCatalog(tmp_path / "new folder" / "a ? # %41 catalog.sqlite")
    database = request.getfixturevalue("database")
    return lambda: PostgresCatalog(database.target, SETTINGS)


def test_what_is_absent_is_nothing(catalog):
    assert catalog().get_dataset("AAPL-2023-1m") is None
    catalog().upsert_dataset(AAPL)
    assert catalog().get_dataset("AAPL-2024-1m") is None


ROWS = {
    "usual": AAPL,
    "no bar": replace(AAPL, bar_count=0, first_ts=None, last_ts=None, raw_dbn=(), bars_parquet=(), size_bytes=0),
    "unicode": replace(AAPL, dataset_id="%C3%9C-2023-1m", symbol="\u00dc\u4e2d \U0001f4c8", raw_dbn=("data/\u00fc",)),
    "odd": replace(AAPL, dataset_id="ES%2FZ3-2023-1m", symbol="ES/Z3'\";--", raw_dbn=('data/a "b" \\ \n\t\x7f,', "%s {}")),
    "another zone": replace(AAPL, generated_at=datetime(2024, 1, 3, tzinfo=timezone(timedelta(hours=-5)))),
}


@pytest.mark.parametrize("row", ROWS.values(), ids=list(ROWS))
def test_what_is_kept_comes_back(catalog, row):
    assert catalog().upsert_dataset(row) == row.dataset_id
    assert catalog().get_dataset(row.dataset_id) == row


def test_a_dataset_is_replaced_whole_and_others_stay(catalog):
    other = replace(AAPL, dataset_id="MSFT-2023-1m", symbol="MSFT")
    partial = replace(AAPL, status=PARTIAL, bar_count=1, last_ts=AAPL.first_ts, products=("TRADES",), raw_dbn=AAPL.raw_dbn[:1])
    for row in (partial, other, AAPL):
        catalog().upsert_dataset(row)
        assert catalog().get_dataset(row.dataset_id) == row
    assert catalog().get_dataset("MSFT-2023-1m") == other


def test_two_writers_at_once_leave_every_dataset(catalog):
    names = [f"{symbol}-2023-1m" for symbol in ("A", "B", "C", "D")]
    start = threading.Barrier(4)

    def write(number):
        start.wait(20)
        for name in names[number % 2 :] + names[: number % 2]:
            catalog().upsert_dataset(replace(AAPL, dataset_id=name, size_bytes=number))

    with ThreadPoolExecutor(4) as writers:
        for writer in [writers.submit(write, number) for number in range(4)]:
            writer.result(60)
    assert {catalog().get_dataset(name).size_bytes for name in names} <= {0, 1, 2, 3}


# --- PostgreSQL alone --------------------------------------------------------------------------------------


def test_the_database_knows_the_ingest_and_the_id_that_any_machine_derives(database):
    catalog = PostgresCatalog(database.target, SETTINGS)
    with database.connect(autocommit=False) as connection:
        ingest = load(connection, bars("AAPL", 0, 10))["id"]
    row = replace(AAPL, ingest_id=ingest, bar_count=10)
    catalog.upsert_dataset(row)
    before = database.rows("select m.xmin::text, d.xmin::text from public.dataset_manifests as m, public.stage1_datasets as d")
    catalog.upsert_dataset(row)
    assert catalog.get_dataset(AAPL.dataset_id) == row
    assert catalog.without_bars() == set()
    after = database.rows("select m.xmin::text, d.xmin::text from public.dataset_manifests as m, public.stage1_datasets as d")
    assert after == before
    assert database.value("select dataset_uuid from public.datasets") == dataset_id_of(AAPL.dataset_id)
    catalog.upsert_dataset(replace(row, bar_count=11))
    assert catalog.without_bars() == {AAPL.dataset_id}


@pytest.mark.xdist_group("own_server")
def test_who_derives_registers_and_nobody_writes_manifests_otherwise(own_server, run_cli):
    database = own_server.new_database("trading")
    assert run_cli("migrate", database=database).exit_code == 0
    for role in ("stage1_app", "stage1_ingest"):
        catalog = PostgresCatalog(own_server.as_role(role, database).target, SETTINGS)
        catalog.upsert_dataset(replace(AAPL, dataset_id=role))
        assert catalog.get_dataset(role) == replace(AAPL, dataset_id=role)
        assert role in catalog.without_bars()
    for role in ("stage1_readonly", "stage1_replay"):
        with pytest.raises(NotPermitted):
            PostgresCatalog(own_server.as_role(role, database).target, SETTINGS).upsert_dataset(AAPL)
    for role in ("stage1_app", "stage1_ingest", "stage1_readonly", "stage1_replay"):
        with own_server.as_role(role, database).connect() as connection:
            for statement in ("update {} set bar_count = 1", "insert into {} default values", "delete from {}", "truncate {}"):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    connection.execute(statement.format("public.dataset_manifests"))


def test_both_write_lists_as_the_same_text(database, tmp_path):
    path = tmp_path / "catalog.sqlite"
    for name, row in ROWS.items():
        SqliteCatalog(path).upsert_dataset(replace(row, dataset_id=name))
        PostgresCatalog(database.target, SETTINGS).upsert_dataset(replace(row, dataset_id=name))
    statement = "select dataset_id, products_json, raw_dbn_json, bars_parquet_json from datasets order by size_bytes, dataset_id"
    with sqlite3.connect(path) as connection:
        offline = connection.execute(statement).fetchall()
    assert sorted(offline) == sorted(tuple(row.values()) for row in database.rows(statement))
    connection.close()


# --- the offline catalog alone -----------------------------------------------------------------------------


@pytest.fixture
def path(tmp_path):
    """An offline catalog with one dataset."""
    SqliteCatalog(tmp_path / "catalog.sqlite").upsert_dataset(AAPL)
    return tmp_path / "catalog.sqlite"


def executed(path, *statements):
    connection = sqlite3.connect(path)
    try:
        for statement in statements:
            found = connection.execute(statement).fetchall()
        connection.commit()
        return found
    finally:
        connection.close()


def test_its_columns_are_those_of_the_pipeline(path):
    names = [row[1] for row in executed(path, "pragma table_info(datasets)")]
    assert names[:13] == [
        *("dataset_id", "symbol", "from_date", "to_date", "products_json", "calendar_version", "tz", "raw_dbn_json"),
        *("bars_parquet_json", "bars_manifest_path", "generated_at", "size_bytes", "status"),
    ]
    assert executed(path, "select products_json, from_date, generated_at, status from datasets") == [
        ('["TRADES","TBBO"]', "2023-01-01", "2024-01-03T12:30:01.123456+00:00", "READY")
    ]


def test_the_same_again_leaves_the_file_as_it_is(path):
    before = path.read_bytes()
    SqliteCatalog(path).upsert_dataset(AAPL)
    assert path.read_bytes() == before
    SqliteCatalog(path).upsert_dataset(replace(AAPL, size_bytes=1))
    assert path.read_bytes() != before
    assert SqliteCatalog(path).rows() == [replace(AAPL, size_bytes=1)]
    assert [file.name for file in path.parent.iterdir()] == ["catalog.sqlite"]


def test_a_catalog_that_is_not_there_is_empty_and_is_not_made_by_looking(tmp_path):
    catalog = SqliteCatalog(tmp_path / "catalog.sqlite")
    assert (catalog.rows(), catalog.get_dataset("A")) == ([], None)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "catalog.sqlite").touch()
    assert catalog.rows() == []
    catalog.upsert_dataset(AAPL)
    assert catalog.rows() == [AAPL]


BROKEN = {
    "newer": (lambda path: executed(path, "pragma user_version = 2"), DatabaseNewer, "of form 2; this stage1 knows"),
    "of others": (lambda path: executed(path, "pragma application_id = 0"), FileUnusable, "of another program"),
    "text": (lambda path: path.write_text("no database " * 100), FileUnusable, "is not an SQLite database"),
    "cut": (lambda path: path.write_bytes(path.read_bytes()[:5000]), FileUnusable, "damaged SQLite database"),
    "a folder": (lambda path: (path.unlink(), path.mkdir()), FileUnusable, "cannot be used: "),
    "strange dates": (
        lambda path: executed(path, "update datasets set from_date = '1. May'"),
        FileUnusable,
        "a dataset that cannot be read",
    ),
}


@pytest.mark.parametrize(("spoil", "kind", "said"), BROKEN.values(), ids=list(BROKEN))
def test_a_file_that_is_no_catalog_is_refused_with_a_sentence(path, spoil, kind, said):
    spoil(path)
    with pytest.raises(kind, match=said) as refused:
        SqliteCatalog(path).rows()
    assert str(path) in refused.value.message and refused.value.hint
    if said != "a dataset that cannot be read":
        before = path.is_file() and path.read_bytes()
        with pytest.raises(kind, match=said):
            SqliteCatalog(path).upsert_dataset(AAPL)
        assert (path.is_file() and path.read_bytes()) == before


def limited(monkeypatch, *statements, timeout=None):
    """Every connection begins with these statements."""
    connect = sqlite3.connect

    def connected(*arguments, **named):
        connection = connect(*arguments, **named | ({"timeout": timeout} if timeout is not None else {}))
        for statement in statements:
            connection.execute(statement)
        return connection

    monkeypatch.setattr(sqlite_catalog.sqlite3, "connect", connected)


def test_a_full_disk_is_said_and_loses_nothing(path, monkeypatch):
    with monkeypatch.context() as patch:
        limited(patch, "pragma max_page_count = 1")
        with pytest.raises(NoSpace, match="is full"):
            SqliteCatalog(path).upsert_dataset(replace(AAPL, raw_dbn=("x" * 100_000,)))
    assert SqliteCatalog(path).rows() == [AAPL]


def test_a_catalog_that_cannot_be_written_can_be_read(path, monkeypatch):
    with monkeypatch.context() as patch:
        limited(patch, "pragma query_only = on")  # as root may write a file of any mode
        assert SqliteCatalog(path).rows() == [AAPL]
        with pytest.raises(FileUnusable, match="readonly"):
            SqliteCatalog(path).upsert_dataset(replace(AAPL, size_bytes=1))
    (path.parent / "file").touch()
    with pytest.raises(FileUnusable, match="cannot be made"):
        SqliteCatalog(path.parent / "file" / "catalog.sqlite").upsert_dataset(AAPL)


def test_whoever_holds_it_too_long_is_named(path, monkeypatch):
    limited(monkeypatch, timeout=0)
    holder = sqlite3.connect(path, isolation_level=None)
    try:
        holder.execute("begin immediate")
        assert SqliteCatalog(path).rows() == [AAPL]
        with pytest.raises(LockHeld, match="Another program is writing"):
            SqliteCatalog(path).upsert_dataset(replace(AAPL, size_bytes=1))
    finally:
        holder.close()

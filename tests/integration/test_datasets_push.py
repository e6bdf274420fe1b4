"""`stage1 datasets push` as people and scripts use it: what the offline catalog has, and the database has not."""

from dataclasses import replace
from decimal import Decimal

import pyarrow as pa
import pytest
from pyarrow import parquet

from stage1 import settings as settings_module
from stage1.database.postgres_catalog import PostgresCatalog
from stage1.errors import DatabaseUnreachable, ExitCode, IngestState
from stage1.operations.push_datasets import push_datasets
from tests.integration.test_catalog_adapters import AAPL
from tests.integration.test_datasets_verify import SETTINGS, SLUG, described, made, offline
from tests.sql.bar_loads import bars, load, undo


@pytest.fixture
def push(database, tmp_path):
    """Pushes with a load of its own, whose calls it counts: what a dataset of ten bars needs in the database."""
    settings = settings_module.load(environment={"STAGE1_DATA": str(tmp_path / "data")})
    loaded = []

    def loads(dataset):
        loaded.append(dataset.dataset_id)
        with database.connect(autocommit=False) as connection:
            return load(connection, bars(dataset.symbol, 0, 10), name=f"{dataset.symbol} {len(loaded)}", origin="derived")["id"]

    def run(load=loads):
        loaded.clear()
        found = push_datasets(database.target, settings, lambda *_: None, load=load)
        return {one.dataset_id: one.state for one in found}, list(loaded)

    return run


def test_datasets_are_pushed_once(push, database, tmp_path):
    assert push() == ({}, [])
    datasets = [made(tmp_path, symbol) for symbol in ("AAPL", "MSFT")]
    for dataset in datasets:
        offline(tmp_path).upsert_dataset(dataset)
    names = [dataset.dataset_id for dataset in datasets]
    assert push() == (dict.fromkeys(names, "pushed"), names)
    catalog = PostgresCatalog(database.target, SETTINGS)
    assert [replace(catalog.get_dataset(dataset.dataset_id), ingest_id=None) for dataset in datasets] == datasets
    before = database.rows("select xmin::text, * from public.dataset_manifests order by symbol")
    assert push() == (dict.fromkeys(names, "unchanged"), [])
    assert database.rows("select xmin::text, * from public.dataset_manifests order by symbol") == before
    # Bars that were undone come back, and what changed in the offline catalog follows.
    with database.connect(autocommit=False) as connection:
        undo(connection, before[0]["ingest_id"])
    datasets[1] = described(tmp_path, replace(datasets[1], calendar_version="utc-24x7/2"))
    offline(tmp_path).upsert_dataset(datasets[1])
    assert push() == (dict.fromkeys(names, "pushed"), names)
    assert push() == (dict.fromkeys(names, "unchanged"), [])
    # What another machine derived later stays.
    catalog.upsert_dataset(replace(datasets[1], generated_at=AAPL.generated_at.replace(year=2030)))
    assert push()[0] == {names[0]: "unchanged", names[1]: "older"}


@pytest.mark.parametrize(
    ("lost", "said"),
    [("manifest", "cannot be read"), ("altered", "not the manifest that the offline catalog names"), ("parquet", "is missing")],
)
def test_a_dataset_whose_files_are_gone_is_left_and_the_others_go_on(push, run_cli, database, tmp_path, lost, said):
    gone, whole = made(tmp_path, "AAPL"), made(tmp_path, "MSFT")
    for dataset in (gone, whole):
        offline(tmp_path).upsert_dataset(dataset)
    manifest = tmp_path / gone.bars_manifest_path
    if lost == "altered":
        manifest.write_bytes(manifest.read_bytes() + b" ")
    else:
        (tmp_path / gone.bars_parquet[0] if lost == "parquet" else manifest).unlink()
    assert push() == ({gone.dataset_id: "left", whole.dataset_id: "pushed"}, [whole.dataset_id])
    found = run_cli("datasets", "push", database=database)
    assert found.exit_code == ExitCode.ANSWER_IS_NO
    assert [row["state"] for row in found.json] == ["left", "unchanged"]
    assert f"error: {gone.dataset_id}: " in found.stderr and said in found.stderr
    manifest.unlink(missing_ok=True)
    PostgresCatalog(database.target, SETTINGS).upsert_dataset(gone)


@pytest.mark.parametrize(
    "change",
    [
        {"first_ts": None, "last_ts": None},
        {"symbol": "MSFT"},
        {"dataset_id": "MSFT-2023-1m"},
        {"bar_count": 0, "first_ts": None, "last_ts": None},
        {"products": ("T",)},
        {"bars_parquet": ()},
        {"raw_dbn": ("data/../../secret",)},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_row_that_says_another_thing_than_its_manifest_is_not_pushed(push, database, tmp_path, change):
    """The file may be anybody's: bars of one symbol must not come in under another."""
    row = replace(made(tmp_path), **change)
    offline(tmp_path).upsert_dataset(row)
    assert push() == ({row.dataset_id: "left"}, [])
    assert database.value("select count(*) from public.dataset_manifests") == 0
    offline(tmp_path).upsert_dataset(made(tmp_path))
    assert push()[0][SLUG] == "pushed"


def test_a_load_that_is_refused_leaves_its_dataset_and_a_database_that_is_gone_ends_the_push(push, tmp_path):
    for symbol in ("AAPL", "MSFT"):
        offline(tmp_path).upsert_dataset(made(tmp_path, symbol))

    def refused(dataset):
        raise IngestState(f"no bars of {dataset.symbol}", hint="none")

    def unreachable(dataset):
        raise DatabaseUnreachable("gone")

    assert set(push(refused)[0].values()) == {"left"}
    with pytest.raises(DatabaseUnreachable):
        push(unreachable)


def test_bars_arrive_by_their_ingest_exactly_and_once(run_cli, database, tmp_path):
    dataset = made(tmp_path)
    prices = pa.array([Decimal("187.000000001"), Decimal("0.5")], pa.decimal128(38, 9))
    moments = pa.array([AAPL.first_ts, AAPL.last_ts], pa.timestamp("ns", "UTC"))
    table = pa.table({"ts": moments, **dict.fromkeys(("open", "high", "low", "close"), prices), "volume": [10, 2**40]})
    parquet.write_table(table, tmp_path / dataset.bars_parquet[0])
    dataset = described(tmp_path, replace(dataset, bar_count=2))
    empty = described(tmp_path, replace(made(tmp_path, "NONE"), bars_parquet=(), bar_count=0, first_ts=None, last_ts=None))
    for row in (dataset, empty):
        offline(tmp_path).upsert_dataset(row)
    found = run_cli("datasets", "push", database=database)
    assert found.exit_code == 0, found.stderr
    ingest = database.value("select id from public.data_ingest_runs")
    assert [list(row.values()) for row in found.json] == [
        [SLUG, "pushed", 2, ingest],
        ["NONE-2023-1m", "pushed", 0, None],
    ]
    stored = database.rows("select ts, close, volume, ingestion_run_id as ingest from public.market_bars_ohlcv_1m order by ts")
    assert [tuple(row.values()) for row in stored] == [
        (AAPL.first_ts, Decimal("187.000000001"), 10, ingest),
        (AAPL.last_ts, Decimal("0.5"), 2**40, ingest),
    ]
    again = run_cli("datasets", "push", database=database)
    assert (again.exit_code, {row["state"] for row in again.json}) == (0, {"unchanged"})
    assert "nothing to do" in again.stderr
    assert database.value("select count(*) from public.data_ingest_runs") == 1
    assert PostgresCatalog(database.target, SETTINGS).without_bars() == set()


def test_nothing_to_push_is_said(run_cli, database):
    found = run_cli("datasets", "push", database=database)
    assert (found.exit_code, found.json) == (0, [])
    assert "nothing to do" in found.stderr

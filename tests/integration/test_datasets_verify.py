"""`stage1 datasets verify` and `lineage` as people and scripts use them."""

import hashlib
import json
from dataclasses import replace

import pytest

from stage1 import settings as settings_module
from stage1.adapters.sqlite_catalog import SqliteCatalog
from stage1.database.postgres_catalog import PostgresCatalog
from stage1.errors import ExitCode
from tests.integration.test_catalog_adapters import AAPL
from tests.sql.bar_loads import bars, load

SLUG = AAPL.dataset_id
SETTINGS = settings_module.load(environment={})


def made(folder, symbol="AAPL"):
    """A dataset with its files in a data folder."""
    raw = tuple(path.replace("AAPL", symbol) for path in AAPL.raw_dbn)
    parquet = tuple(path.replace("AAPL", symbol) for path in AAPL.bars_parquet)
    manifest = AAPL.bars_manifest_path.replace("AAPL", symbol)
    for path in (*raw, *parquet):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(path.encode() * 100)
    dataset = replace(
        AAPL,
        dataset_id=f"{symbol}-2023-1m",
        symbol=symbol,
        raw_dbn=raw,
        bars_parquet=parquet,
        bars_manifest_path=manifest,
        bar_count=10,
    )
    return described(folder, dataset)


def described(folder, dataset):
    """The dataset with a manifest that says what it says, as `stage1 derive` writes it."""
    inputs = [entry(folder, path) | {"product": "TRADES"} for path in dataset.raw_dbn]
    span = {"first_ts": dataset.first_ts.isoformat(), "last_ts": dataset.last_ts.isoformat()} if dataset.first_ts else {}
    outputs = [entry(folder, path) | span for path in dataset.bars_parquet]
    document = {
        "format": "stage1-bars/1",
        **{name: getattr(dataset, name) for name in ("dataset_id", "symbol", "products", "calendar_version", "tz", "status")},
        **{name: getattr(dataset, name).isoformat() for name in ("from_date", "to_date", "generated_at")},
        "vendor": {"dataset": dataset.vendor_dataset},
        "counts": {"bars": dataset.bar_count},
        "inputs": inputs,
        "outputs": outputs,
    }
    size = sum(each["bytes"] for each in (*inputs, *outputs))
    return replace(dataset, size_bytes=size, bars_manifest_sha256=rewrite(folder / dataset.bars_manifest_path, document))


def entry(folder, path):
    content = (folder / path).read_bytes()
    return {"path": path, "sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}


def rewrite(path, document):
    content = document if isinstance(document, bytes) else json.dumps(document).encode()
    path.write_bytes(content)
    return hashlib.sha256(content).hexdigest()


def offline(folder):
    return SqliteCatalog(folder / "data" / "catalog.sqlite")


def states(found):
    return {row["file"].rpartition("/")[2]: row["state"] for row in found.json}


GOOD = {"manifest.json": "ok", "TRADES.dbn.zst": "ok", "TBBO.dbn.zst": "ok", "2023-01.parquet": "ok"}


def test_whole_files_are_verified_by_either_catalog(run_cli, database, tmp_path):
    dataset = made(tmp_path)
    offline(tmp_path).upsert_dataset(dataset)
    PostgresCatalog(database.target, SETTINGS).upsert_dataset(dataset)
    for arguments, base in ((("--offline",), None), ((), database)):
        found = run_cli("datasets", "verify", SLUG, *arguments, database=base, env={"PGHOST": "/nowhere"})
        assert found.exit_code == 0, found.stderr
        assert states(found) == GOOD
        assert "all 4 files are as the manifest says" in found.stderr
        assert [list(row) for row in found.json] == [["file", "state", "bytes"]] * 4
        assert found.json[0]["file"] == AAPL.bars_manifest_path
    moved = {"STAGE1_CATALOG": str((tmp_path / "data" / "catalog.sqlite").rename(tmp_path / "other.sqlite"))}
    assert states(run_cli("datasets", "verify", SLUG, "--offline", env=moved)) == GOOD
    # Catalogs and manifests name paths from the folder that holds the data folder, wherever that lies.
    (tmp_path / "data").rename(tmp_path / "market")
    found = run_cli("datasets", "verify", SLUG, database=database, env={"STAGE1_DATA": "market"})
    assert states(found) == GOOD


@pytest.mark.parametrize(
    ("file", "spoil", "state"),
    [
        (AAPL.raw_dbn[0], lambda path: path.unlink(), "missing"),
        (AAPL.raw_dbn[1], lambda path: path.write_bytes(path.read_bytes()[:-1]), "altered"),
        (AAPL.bars_parquet[0], lambda path: path.write_bytes(path.read_bytes()[:-1] + b"X"), "altered"),
    ],
)
def test_a_file_that_is_missing_or_altered_is_named(run_cli, tmp_path, file, spoil, state):
    offline(tmp_path).upsert_dataset(made(tmp_path))
    spoil(tmp_path / file)
    found = run_cli("datasets", "verify", SLUG, "--offline")
    assert found.exit_code == ExitCode.ANSWER_IS_NO
    assert states(found) == GOOD | {file.rpartition("/")[2]: state}
    assert "1 of 4 files" in found.stderr


@pytest.mark.parametrize("gone", [True, False])
def test_a_manifest_that_is_not_the_catalogs_proves_nothing(run_cli, tmp_path, gone):
    dataset = made(tmp_path)
    offline(tmp_path).upsert_dataset(dataset)
    path = tmp_path / dataset.bars_manifest_path
    if gone:
        path.unlink()
    else:
        rewrite(path, path.read_bytes() + b" ")
    (tmp_path / dataset.raw_dbn[0]).unlink()
    found = run_cli("datasets", "verify", SLUG, "--offline")
    assert found.exit_code == ExitCode.ANSWER_IS_NO
    expected = {"manifest.json": "missing" if gone else "altered", "TRADES.dbn.zst": "missing"}
    assert states(found) == dict.fromkeys(GOOD, "unproven") | expected


RUBBISH = {
    "no JSON": b"\xff",
    "no object": b"[1]",
    "another format": b'{"format": "other/1", "inputs": [], "outputs": []}',
    "no inputs": b'{"format": "stage1-bars/1", "outputs": []}',
    "a file without a hash": b'{"format": "stage1-bars/1", "inputs": [{"path": "data/x", "bytes": 1}], "outputs": []}',
    "a size that is none": json.dumps(
        {"format": "stage1-bars/1", "inputs": [{"path": "data/x", "bytes": "1", "sha256": "0" * 64}], "outputs": []}
    ).encode(),
    "a path elsewhere": json.dumps(
        {"format": "stage1-bars/1", "inputs": [{"path": "data/../../x", "bytes": 1, "sha256": "0" * 64}], "outputs": []}
    ).encode(),
    "deep": b"[" * 100_000,
}


@pytest.mark.parametrize("content", RUBBISH.values(), ids=list(RUBBISH))
def test_a_manifest_that_is_rubbish_is_refused_with_a_sentence(run_cli, tmp_path, content):
    dataset = made(tmp_path)
    offline(tmp_path).upsert_dataset(
        replace(dataset, bars_manifest_sha256=rewrite(tmp_path / dataset.bars_manifest_path, content))
    )
    found = run_cli("datasets", "verify", SLUG, "--offline")
    assert found.exit_code == ExitCode.CANNOT_NOW
    assert "is not a manifest of bars" in found.stderr or "is no path of a file in a data folder" in found.stderr
    assert found.stdout == ""


@pytest.mark.parametrize("where", ["offline", "database"])
def test_a_dataset_that_no_catalog_has_is_not_found(run_cli, database, where):
    arguments = ("datasets", "verify", "NOBODY-2023-1m")
    found = run_cli(*arguments, database=database) if where == "database" else run_cli(*arguments, "--offline")
    assert found.exit_code == ExitCode.ANSWER_IS_NO
    assert "'NOBODY-2023-1m' has no manifest in the catalog" in found.stderr


# --- lineage -----------------------------------------------------------------------------------------------


def test_lineage_is_what_came_from_what(run_cli, database):
    with database.connect(autocommit=False) as connection:
        ingest = load(connection, bars("AAPL", 0, 10))["id"]
    PostgresCatalog(database.target, SETTINGS).upsert_dataset(replace(AAPL, ingest_id=ingest, bar_count=10))
    found = run_cli("datasets", "lineage", SLUG, database=database)
    assert [row["kind"] for row in found.json] == ["vendor file", "vendor file", "manifest", "ingest", "dataset"]
    table = run_cli("datasets", "lineage", SLUG, "--format", "table", database=database).stdout.splitlines()
    assert table[0].split() == ["kind", "name", "detail", "happened_at"]
    assert table[2].startswith(f"vendor file  {min(AAPL.raw_dbn)}")

"""Each check of manifests: silent where the bars are there, and exactly the dataset whose bars are not."""

import pytest

from tests.sql.bar_loads import bars, load, repeat, undo
from tests.sql.test_dataset_manifests import SLUG, upsert
from tests.sql.test_validation_checks import findings


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("", ""),
        ("status = 'failed', error = 'cut'", "failed"),
        ("status = 'running'", "is not finished"),
        ("undone_at = now()", "was undone"),
        ("never loaded", "no ingest loaded it"),
        ("no bars", ""),
        ("repeated", "which ingest"),
    ],
)
def test_a_manifest_whose_bars_are_not_there_is_reported(db, change, said):
    ingest = load(db, bars("AAPL", 0, 10))["id"]
    again = repeat(db)["id"] if change == "repeated" else ingest
    if change in ("never loaded", "no bars"):
        upsert(db, **({"bar_count": 0, "first_ts": None, "last_ts": None} if change == "no bars" else {}))
    else:
        upsert(db, ingest_id=again)
    if change not in ("", "never loaded", "no bars"):
        change = "undone_at = now()" if change == "repeated" else change
        db.execute(f"update public.data_ingest_runs set {change} where id = %s", [ingest])
    found = findings(db, "manifests_without_bars")
    assert [list(row.values())[:3] for row in found] == [["manifests_without_bars", "error", SLUG]] * bool(said)
    assert all(said in row["detail"] for row in found)
    assert findings(db, "manifest_counts_differ") == []


@pytest.mark.parametrize(
    ("count", "symbol", "said"),
    [
        (10, "AAPL", ""),
        (11, "AAPL", "says 11 bars of AAPL, and ingest"),
        (10, "MSFT", "says 10 bars of MSFT, and ingest"),
        (0, "MSFT", ""),
    ],
)
def test_a_manifest_of_another_number_of_bars_than_its_ingest_is_reported(db, count, symbol, said):
    ingest = load(db, bars("AAPL", 0, 10))["id"]
    none = {} if count else {"first_ts": None, "last_ts": None}
    upsert(db, ingest_id=ingest, bar_count=count, symbol=symbol, **none)
    found = findings(db, "manifest_counts_differ")
    assert [list(row.values())[:3] for row in found] == [["manifest_counts_differ", "warning", SLUG]] * bool(said)
    assert all(said in row["detail"] for row in found)


@pytest.mark.parametrize(
    ("later", "expected"),
    [
        (bars("AAPL", 5, 15, close=3), [SLUG]),
        (bars("AAPL", 10, 20, close=3), []),
        (bars("AAPL", 5, 15), []),
        (bars("MSFT", 5, 15, close=3), []),
    ],
)
@pytest.mark.parametrize("undone", [True, False], ids=["undone", "stands"])
def test_bars_of_a_manifest_that_a_later_load_took_are_reported_until_they_come_back(db, later, expected, undone):
    upsert(db, ingest_id=load(db, bars("AAPL", 0, 10))["id"])
    other = load(db, later, name="b.dbn")["id"]
    if undone:
        undo(db, other)
        left = db.execute("select count(*) as bars from public.market_bars_ohlcv_1m").fetchone()["bars"]
        assert left == (5 if expected else 10)
    found = findings(db, "manifest_counts_differ")
    assert [row["subject"] for row in found] == expected
    assert all((f"ingest {other} " in row["detail"], "undone" in row["detail"]) == (True, undone) for row in found)
    assert repeat(db) is None or not expected
    upsert(db, ingest_id=load(db, bars("AAPL", 0, 10))["id"])
    assert findings(db, "manifest_counts_differ") == []


@pytest.mark.parametrize(
    ("earlier", "expected"),
    [
        (bars("AAPL", 0, 5), [SLUG]),
        (bars("AAPL", 0, 5, close=3), []),
        (bars("AAPL", 20, 30), []),
        (bars("MSFT", 0, 5), []),
    ],
    ids=["found there", "rewritten", "other minutes", "another symbol"],
)
def test_bars_of_a_manifest_that_an_earlier_load_had_brought_go_with_it(db, earlier, expected):
    before = load(db, earlier, name="b.dbn")["id"]
    upsert(db, ingest_id=load(db, bars("AAPL", 0, 10))["id"])
    undo(db, before)
    left = db.execute("select count(*) as bars from public.market_bars_ohlcv_1m where symbol = 'AAPL'").fetchone()["bars"]
    assert left == (5 if expected else 10)
    found = findings(db, "manifest_counts_differ")
    assert [row["subject"] for row in found] == expected
    assert all(f"ingest {before}, which had brought bars" in row["detail"] for row in found)
    assert repeat(db) is None or not expected
    upsert(db, ingest_id=load(db, bars("AAPL", 0, 10))["id"])
    assert findings(db, "manifest_counts_differ") == []


@pytest.mark.parametrize(
    ("status", "days", "limit", "count"),
    [
        ("PARTIAL", 34, "", 0),
        ("PARTIAL", 36, "", 1),
        ("READY", 36, "", 0),
        ("PARTIAL", 36, "100 days", 0),
        ("PARTIAL", 3, "2 days", 1),
        ("PARTIAL", 99, "off", 0),
    ],
)
def test_a_partial_manifest_that_nobody_extends_is_reported(db, status, days, limit, count):
    upsert(db, status=status)
    db.execute("update public.dataset_manifests set generated_at = now() - %s * interval '1 day'", [days])
    db.execute("select set_config('stage1.partial_max_age', %s, true)", [limit])
    found = findings(db, "partial_manifests_overdue")
    assert [list(row.values())[:3] for row in found] == [["partial_manifests_overdue", "warning", SLUG]] * count

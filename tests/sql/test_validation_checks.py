"""Each catalog check: silent on good data, and exactly the row that was broken."""

from hashlib import sha256
from uuid import UUID

import pytest

from tests.sql.bar_loads import bars, begin, load, minute, undo
from tests.sql.test_dataset_manifests import upsert

ID, RUN = UUID(int=1), UUID(int=2)
SHA_OF_A = sha256(b"a.dbn").hexdigest()
CHECKS = {
    "datasets_without_measurements": "warning",
    "runs_on_datasets_without_measurements": "error",
    "placeholder_datasets": "warning",
    "failed_ingests": "error",
    "ingests_left_running": "error",
    "bar_summaries_differ": "error",
    "bars_without_ingest": "error",
    "backup_overdue": "error",
    "manifests_without_bars": "error",
    "manifest_counts_differ": "warning",
    "partial_manifests_overdue": "warning",
}


def findings(db, check):
    return db.execute(f"select * from public.{check}").fetchall()


def add(db, ohlcv="o", indicators="i", kind="triplet", metadata="{}"):
    db.execute(
        "insert into public.stage1_datasets (dataset_id, dataset_slug, ohlcv_measurement, indicator_measurement, kind, metadata)"
        " values (%s, 'probe', %s, %s, %s, %s)",
        [ID, ohlcv, indicators, kind, metadata],
    )
    db.execute("insert into public.walkforward_runs (run_id, dataset_id) values (%s, %s)", [RUN, ID])


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("recount", ["", "changed", "all"])
def test_whole_datasets_and_loads_are_healthy(db, check, recount):
    add(db)
    load(db, bars("A", 0, 10) + bars("B", 0, 3))
    undo(db, load(db, bars("A", 5, 15, close=3) + bars("C", 0, 3), name="b.dbn")["id"])
    upsert(db, ingest_id=load(db, bars("AAPL", 0, 10), name="d.dbn")["id"])
    begin(db, "c.dbn")
    db.execute("select set_config('stage1.recount', %s, true)", [recount])
    assert findings(db, check) == []


@pytest.mark.parametrize(("ohlcv", "indicators", "said"), [("", "i", "OHLCV"), ("o", "", "indicator"), ("", "", "neither")])
def test_a_triplet_that_lacks_a_measurement_is_reported_and_so_are_its_runs(db, ohlcv, indicators, said):
    add(db, ohlcv, indicators)
    (row,) = findings(db, "datasets_without_measurements")
    assert (row["check_name"], row["severity"], row["subject"]) == ("datasets_without_measurements", "warning", "probe")
    assert said in row["detail"]
    (row,) = findings(db, "runs_on_datasets_without_measurements")
    assert (row["check_name"], row["severity"], row["subject"]) == ("runs_on_datasets_without_measurements", "error", str(RUN))
    assert "probe" in row["detail"]


@pytest.mark.parametrize("kind", ["bars", "examples"])
def test_other_kinds_need_no_measurements(db, kind):
    add(db, "", "", kind)
    assert findings(db, "datasets_without_measurements") == findings(db, "runs_on_datasets_without_measurements") == []


def test_a_placeholder_is_reported_with_its_reason(db):
    add(db, metadata='{"placeholder": true, "placeholder_reason": "2 runs named it"}')
    (row,) = findings(db, "placeholder_datasets")
    assert (row["check_name"], row["severity"], row["subject"]) == ("placeholder_datasets", "warning", "probe")
    assert row["detail"].startswith("2 runs named it")


@pytest.mark.parametrize("check", CHECKS)
def test_a_check_has_the_four_columns_of_a_check(db, check):
    columns = [column.name for column in db.execute(f"select * from public.{check}").description]
    assert columns == ["check_name", "severity", "subject", "detail"]


# --- loads and their bars ----------------------------------------------------------------------------------


def fail(db, name):
    ingest = begin(db, name)
    db.execute("select stage1_internal.fail_ingest(%s, %s)", [ingest, "cut short " * 100])
    return ingest


def test_a_failed_load_stands_until_its_file_is_loaded_or_it_is_taken_note_of(db):
    ingest = fail(db, "a.dbn")
    load(db, bars("A", 0, 1), name="other.dbn")
    (row,) = findings(db, "failed_ingests")
    assert list(row.values())[:3] == ["failed_ingests", "error", f"ingest {ingest}"]
    assert row["detail"].startswith("a.dbn: cut short ") and len(row["detail"]) < 400
    assert f"stage1 ingests undo {ingest}" in row["detail"]


def lies_at(db, ingest, path):
    db.execute("update public.data_ingest_runs set details = jsonb_build_object('path', %s::text) where id = %s", [path, ingest])


@pytest.mark.parametrize("by", ["path", "sha256", "undo", "failing again"])
def test_a_failed_load_that_is_settled_is_no_finding(db, by):
    ingest = fail(db, "a.dbn")
    lies_at(db, ingest, "/2023/a.dbn")
    if by == "undo":
        undo(db, ingest)
    elif by == "sha256":
        load(db, bars("A", 0, 1), name="moved.dbn", sha=SHA_OF_A)
    elif by == "path":
        lies_at(db, load(db, bars("A", 0, 1), name="a.dbn", sha="0" * 64)["id"], "/2023/a.dbn")
    expected = []
    if by == "failing again":
        again = fail(db, "a.dbn")
        lies_at(db, again, "/2023/a.dbn")
        expected = [f"ingest {again}"]
    assert [row["subject"] for row in findings(db, "failed_ingests")] == expected


@pytest.mark.parametrize("by", ["path", "sha256"])
@pytest.mark.parametrize("settled", ["undone", "its repetition is undone with it", "a part of it"])
def test_a_load_that_is_not_whole_or_was_undone_settles_no_failure(db, by, settled):
    ingest = fail(db, "a.dbn")
    lies_at(db, ingest, "/2023/a.dbn")
    found = load(db, bars("A", 0, 1), sha="0" * 64 if by == "path" else SHA_OF_A, whole=settled != "a part of it")
    lies_at(db, found["id"], "/2023/a.dbn" if by == "path" else "/2024/a.dbn")
    if settled.startswith("its repetition"):
        db.execute(
            "select stage1_internal.repeat_ingest('databento', 'a.dbn', %s, 1, p_details => '{\"path\": \"/2023/a.dbn\"}')",
            [found["file_sha256"]],
        )
    if settled != "a part of it":
        assert findings(db, "failed_ingests") == []
        undo(db, found["id"])
    assert [row["subject"] for row in findings(db, "failed_ingests")] == [f"ingest {ingest}"]


def test_a_file_of_the_same_name_in_another_folder_settles_nothing(db):
    ingest = fail(db, "a.dbn")
    lies_at(db, ingest, "/2023/a.dbn")
    lies_at(db, load(db, bars("A", 0, 1), name="a.dbn", sha="0" * 64)["id"], "/2024/a.dbn")
    assert [row["subject"] for row in findings(db, "failed_ingests")] == [f"ingest {ingest}"]


@pytest.mark.parametrize(
    ("change", "said"),
    [("backend_pid = 0", "which is gone"), ("started_at = now() - interval '25 hours'", "more than a day ago")],
)
def test_a_load_that_was_left_running_is_reported(db, change, said):
    ingest = begin(db)
    db.execute(f"update public.data_ingest_runs set {change}")
    (row,) = findings(db, "ingests_left_running")
    assert list(row.values())[:3] == ["ingests_left_running", "error", f"ingest {ingest}"]
    assert said in row["detail"]


SUMMARY_CHANGES = [
    *("bar_count = 9", "first_ts = first_ts - interval '1 min'", "last_ts = first_ts", "latest_close = 1"),
    *("vendor = 'other'", "dataset = 'GLBX.MDP3'", "origin = 'derived'"),
]


@pytest.mark.parametrize("change", SUMMARY_CHANGES)
def test_a_summary_that_is_not_what_a_count_says_is_reported(db, change):
    load(db, bars("A", 0, 10) + bars("B", 0, 3))
    db.execute(f"update public.market_bar_symbols set {change} where symbol = 'A'")
    (row,) = findings(db, "bar_summaries_differ")
    assert list(row.values())[:3] == ["bar_summaries_differ", "error", "A"]
    assert "; there are 10 from 2024-01-02" in row["detail"]
    assert ", the last close 100, of databento XNAS.ITCH, origin vendor; undo what" in row["detail"]


BAR_CHANGES = {
    "no such ingest": ("ingestion_run_id = 99999", "which does not exist"),
    "an ingest of another symbol": (
        "ingestion_run_id = (select max(id) from public.data_ingest_runs)",
        "which did not load them",
    ),
}


@pytest.mark.parametrize(("change", "said"), BAR_CHANGES.values(), ids=list(BAR_CHANGES))
def test_bars_of_an_ingest_that_did_not_load_them_are_reported(db, change, said):
    load(db, bars("A", 0, 10))
    load(db, bars("B", 0, 3), name="b.dbn")
    db.execute(f"update public.market_bars_ohlcv_1m set {change} where symbol = 'A' and ts >= %s", [minute(8)])
    (row,) = findings(db, "bars_without_ingest")
    assert list(row.values())[:3] == ["bars_without_ingest", "error", "A"]
    assert row["detail"].startswith("2 bars from 2024-01-02 00:08") and said in row["detail"]


@pytest.mark.parametrize(
    ("change", "said"),
    [("undone_at = now()", "which was undone"), ("status = 'running'", "which is running")],
)
def test_bars_of_an_ingest_that_is_no_success_are_reported(db, change, said):
    load(db, bars("A", 0, 10))
    db.execute(f"update public.data_ingest_runs set {change}")
    (row,) = findings(db, "bars_without_ingest")
    assert said in row["detail"]


def test_bars_beyond_the_span_of_their_ingest_are_reported(db):
    ingest = load(db, bars("A", 5, 10))["id"]
    db.execute(
        "insert into public.market_bars_ohlcv_1m (symbol, ts, ts_ms, open, high, low, close, ingestion_run_id)"
        " values ('A', %s, 0, 1, 1, 1, 1, %s)",
        [minute(0), ingest],
    )
    (row,) = findings(db, "bars_without_ingest")
    assert row["detail"].startswith("6 bars") and "which did not load them" in row["detail"]


# --- backups -----------------------------------------------------------------------------------------------


def noted(db, name, hours, verified=True, problem=None):
    db.execute("select stage1_internal.record_backup(%s, now() - %s * interval '1 hour', 5)", [name, hours])
    if verified:
        assert db.execute("select stage1_internal.record_verification(%s, %s) as known", [name, problem]).fetchone()["known"]


@pytest.mark.parametrize(
    ("history", "subjects", "said"),
    [
        ([("a", 25, False)], [], ""),
        ([("a", 27, False)], ["backup"], "no backup was ever verified, and the limit is 26 hours; run `stage1 backup verify a`"),
        ([("a", 25, True)], [], ""),
        ([("a", 27, True)], ["backup"], "run `stage1 backup create`"),
        ([("a", 27, True), ("b", 2, False)], ["backup"], "run `stage1 backup verify b`"),
        ([("a", 25, True), ("b", 2, False)], [], ""),
        ([("a", 25, True), ("b", 2, True, "rows are missing")], ["b"], "rows are missing"),
        ([("a", 25, True, "rows are missing"), ("b", 2, True)], [], ""),
        ([("a", 27, True), ("b", 3, True, "cut"), ("c", 2, True, "cut")], ["b", "backup", "c"], "cut"),
        ([("a", 2, True, "cut"), ("a", 2, True)], [], ""),
        ([("a", 25, True), ("b", -1, True, "cut")], [], ""),
        ([("a", 27, True), ("b", -1, True)], ["backup"], "run `stage1 backup create`"),
        ([("a", 2, True, "It is cut.")], ["a"], "found: It is cut; run"),
    ],
)
def test_a_backup_that_is_too_old_or_damaged_is_reported(db, history, subjects, said):
    for one in history:
        noted(db, *one)
    found = findings(db, "backup_overdue")
    assert sorted(row["subject"] for row in found) == subjects
    assert all(row["severity"] == "error" for row in found)
    assert said in " ".join(row["detail"] for row in found)


@pytest.mark.parametrize(("limit", "count"), [("3 hours", 2), ("8 days", 1), ("", 2), ("off", 0)])
def test_the_limit_of_the_age_of_backups_is_a_setting(db, limit, count):
    noted(db, "a", 28)
    noted(db, "b", 2, problem="cut")
    db.execute("select set_config('stage1.backup_max_age', %s, true)", [limit])
    assert len(findings(db, "backup_overdue")) == count


def test_a_verification_of_a_backup_that_is_not_known_is_not_noted(db):
    assert db.execute("select stage1_internal.record_verification('other') as known").fetchone() == {"known": False}
    assert db.execute("select * from stage1_internal.backup_records").fetchall() == []

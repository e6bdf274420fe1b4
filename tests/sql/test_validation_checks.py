"""Each catalog check: silent on good data, and exactly the row that was broken."""

from uuid import UUID

import pytest

ID, RUN = UUID(int=1), UUID(int=2)
CHECKS = {
    "datasets_without_measurements": "warning",
    "runs_on_datasets_without_measurements": "error",
    "placeholder_datasets": "warning",
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
def test_a_whole_dataset_is_healthy(db, check):
    add(db)
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

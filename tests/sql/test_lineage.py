"""How a dataset is traced from the vendor's files to the simulations that used it."""

import json
from uuid import UUID

import pytest

from tests.sql.bar_loads import bars, load, undo
from tests.sql.test_dataset_manifests import FILES, ID, MANIFEST, SLUG, upsert

RUNS = [UUID(int=1), UUID(int=2)]
SIMULATIONS = [UUID(int=11), UUID(int=12), UUID(int=13), UUID(int=14)]


def run(db, run_id, day, dataset_id=ID):
    db.execute(
        "insert into public.walkforward_runs (run_id, dataset_id, prediction_measurement, status, created_at)"
        " values (%s, %s, %s, 'completed', timestamptz '2025-01-01 UTC' + %s * interval '1 day')",
        [run_id, dataset_id, f"pred_{run_id.int}", day],
    )


def simulation(db, simulation_id, run_id, dataset_id=ID):
    db.execute(
        "insert into public.simulation_runs (simulation_id, run_id, dataset_id, questdb_namespace, status)"
        " values (%s, %s, %s, %s, 'failed')",
        [simulation_id, run_id, dataset_id, f"sim_{simulation_id.int}"],
    )


def trace(db, name=SLUG):
    return db.execute("select * from public.fn_trace_dataset(%s)", [name]).fetchall()


def short(found):
    return [(step["kind"], step["name"], step["came_from"]) for step in found]


@pytest.fixture
def derived(db):
    """A dataset with files, an ingest, two runs (the newer with the smaller id), and simulations, one of an unknown run."""
    ingest = load(db, bars("AAPL", 0, 10), origin="derived")["id"]
    upsert(db, ingest_id=ingest)
    run(db, RUNS[0], 2)
    run(db, RUNS[1], 1)
    simulation(db, SIMULATIONS[0], RUNS[0])
    simulation(db, SIMULATIONS[1], RUNS[1])
    simulation(db, SIMULATIONS[2], RUNS[1], dataset_id=None)
    simulation(db, SIMULATIONS[3], UUID(int=9))
    return ingest


@pytest.mark.parametrize("name", [SLUG, str(ID)])
def test_it_is_read_top_down_as_what_came_from_what(db, derived, name):
    path = MANIFEST["bars_manifest_path"]
    found = trace(db, name)
    assert short(found) == [
        *(("vendor file", file, "XNAS.ITCH") for file in sorted(FILES)),
        ("manifest", path, ", ".join(FILES)),
        ("ingest", f"ingest {derived}", path),
        ("dataset", SLUG, f"ingest {derived}"),
        ("run", str(RUNS[1]), SLUG),
        ("simulation", str(SIMULATIONS[1]), str(RUNS[1])),
        ("simulation", str(SIMULATIONS[2]), str(RUNS[1])),
        ("run", str(RUNS[0]), SLUG),
        ("simulation", str(SIMULATIONS[0]), str(RUNS[0])),
        ("simulation", str(SIMULATIONS[3]), str(UUID(int=9))),
    ]
    assert {(step["dataset_id"], step["dataset_slug"]) for step in found} == {(ID, SLUG)}
    details = {step["kind"]: step["detail"] for step in found}
    assert details["manifest"].startswith("READY, 10 bars of TRADES and TBBO, sha256 abab")
    assert details["ingest"] == "success of databento XNAS.ITCH: 10 rows"
    assert details["dataset"] == "bars, AAPL"
    assert (details["run"], details["simulation"]) == ("pred_1, completed", "sim_14, failed")


def test_a_program_can_join_it(db, derived):
    joined = db.execute(
        "select count(i.id) as ingests, count(r.run_id) as runs, count(s.simulation_id) as simulations"
        " from public.dataset_lineage as l left join public.data_ingest_runs as i on i.id = l.ingest_id and l.kind = 'ingest'"
        " left join public.walkforward_runs as r on r.run_id = l.run_id and l.kind = 'run'"
        " left join public.simulation_runs as s on s.simulation_id = l.simulation_id and l.kind = 'simulation'"
        " where l.dataset_id = %s",
        [ID],
    ).fetchone()
    assert joined == {"ingests": 1, "runs": 2, "simulations": 4}
    steps = {step["kind"]: step["step"] for step in trace(db)}
    assert list(steps) == ["vendor file", "manifest", "ingest", "dataset", "run", "simulation"]
    assert list(steps.values()) == [1, 2, 3, 4, 7, 8]


def test_a_dataset_without_a_manifest_begins_with_itself(db):
    db.execute(
        "insert into public.stage1_datasets (dataset_id, dataset_slug, source, ohlcv_measurement, indicator_measurement)"
        " values (%s, 'desk', 'laptop', 'o', '')",
        [ID],
    )
    run(db, RUNS[0], 1)
    found = trace(db, "desk")
    assert short(found) == [("dataset", "desk", "laptop"), ("run", str(RUNS[0]), "desk")]
    assert found[0]["detail"] == "triplet, o"


def test_an_undone_ingest_says_so_and_a_manifest_may_have_none(db, derived):
    undo(db, derived)
    assert trace(db)[3]["detail"] == "undone of databento XNAS.ITCH: 10 rows"
    upsert(db, ingest_id=None, raw_dbn=json.dumps(FILES[:1]))
    assert [step["kind"] for step in trace(db)][:4] == ["vendor file", "manifest", "dataset", "run"]
    assert trace(db)[2]["came_from"] == MANIFEST["bars_manifest_path"]


def test_runs_and_simulations_that_name_no_dataset_are_in_the_view(db):
    run(db, RUNS[0], 1, dataset_id=None)
    simulation(db, SIMULATIONS[0], RUNS[0], dataset_id=None)
    found = db.execute("select * from public.dataset_lineage order by step").fetchall()
    assert short(found) == [("run", str(RUNS[0]), None), ("simulation", str(SIMULATIONS[0]), str(RUNS[0]))]
    assert {step["dataset_id"] for step in found} == {None}


@pytest.mark.parametrize(("name", "sqlstate"), [("MSFT", "S1C02"), ("", "S1A01"), (None, "S1A01")])
def test_what_is_not_there_is_refused(db, refused, name, sqlstate):
    refused(sqlstate, lambda: trace(db, name))

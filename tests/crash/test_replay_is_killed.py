"""`kill -9` of a replay at every named point, run again: each statement is applied once, and nothing is lost."""

import re
import signal
from pathlib import Path

import pytest

from stage1 import resources
from tests.integration.replay.spools import dataset, make_spool, run_of

PACKAGE = Path(resources.__file__).parent
POINTS = sorted(
    point
    for folder in ("operations", "database")
    for path in (PACKAGE / folder).glob("*.py")
    for point in re.findall(r'faults\.reach\("(replay: [^"]+)"\)', path.read_text())
)
CONTENTS = (
    "select dataset_slug, ohlcv_row_count from public.stage1_datasets order by 1",
    "select prediction_measurement from public.walkforward_runs order by 1",
    "select s.is_done, l.position, l.status, l.reason from stage1_internal.replay_statements as l"
    " join stage1_internal.replay_spools as s on s.id = l.spool_id order by 2, 3",
)


def fill(folder):
    """Statements of every kind, in an append file and a whole one: a child before its parent, one whose parent never comes."""
    plain = [dataset(f"d{number:04}") for number in range(700)]
    upsert = (
        "SELECT upsert_stage1_dataset('00000000-0000-0000-0000-00000000000f', 'twice', null, null, null, '', '', {}, 0, null,"
        " null, null, null, '{{}}');\n"
    )
    pending = run_of("d0500", "early") + "".join(plain[:600]) + "DROP TABLE stage1_datasets;\n" + plain[3] + run_of("never", "p")
    pending += upsert.format(1) + upsert.format(2) + "BEGIN;\n" + dataset("t1") + dataset("t2") + "COMMIT;\n"
    return make_spool(folder, pending, whole="".join(plain[600:]) + run_of("d0650", "late"))


def contents(database):
    return [database.rows(query) for query in CONTENTS]


def test_the_points_are_found():
    assert len(POINTS) == len(set(POINTS)) >= 9


@pytest.mark.parametrize("point", POINTS)
def test_killed_and_run_again(run_cli, database, tmp_path, point):
    spool = fill(tmp_path)
    env = {"STAGE1_SPOOL": str(spool)}
    killed = run_cli("replay", "run", database=database, env={**env, "STAGE1_KILL_AT": point})
    assert killed.exit_code == -signal.SIGKILL, f"{point} was not reached: {killed.stderr}"
    again = run_cli("replay", "run", database=database, env=env)
    assert again.exit_code in (0, 1), again.stderr
    held = contents(database)
    assert [row["dataset_slug"] for row in held[0]] == sorted([*(f"d{number:04}" for number in range(700)), "t1", "t2", "twice"])
    assert next(row["ohlcv_row_count"] for row in held[0] if row["dataset_slug"] == "twice") == 2
    assert [row["prediction_measurement"] for row in held[1]] == ["early", "late"]
    statuses = [row["status"] for row in held[2]]
    assert {status: statuses.count(status) for status in set(statuses)} == {"applied": 706, "dead": 2, "waiting": 1}
    assert all(row["is_done"] for row in held[2])
    assert list((spool / "work").iterdir()) == []
    assert len(list((spool / "done").iterdir())) == 2
    runs = database.rows("select outcome from stage1_internal.replay_runs order by id")
    assert runs[-1]["outcome"] == "done"
    assert all(row["outcome"] != "running" for row in runs)
    third = run_cli("replay", "run", database=database, env=env)
    assert (third.exit_code, third.json["applied"]) == (0, 0)
    assert contents(database) == held

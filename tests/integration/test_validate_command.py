"""`stage1 validate`: its answers, exit codes, history and what it remembers; that it reads one state, and only reads."""

import json
import re
from datetime import UTC, datetime

import pytest

from stage1.database import checks
from stage1.operations import validate as operation
from stage1.settings import Settings
from tests.sql.bar_loads import bars, load, minute

_CHECK = (
    "-- Finds what the test wants.\ncreate or replace view public.zz_check as\n"
    "select 'zz_check'::text as check_name, 'error'::text as severity, {subject}::text as subject, 'd'::text as detail;\n"
    "comment on view public.zz_check is 'A check.';\n"
)


def warn(database, count=1):
    database.rows(
        "insert into public.stage1_datasets (dataset_id, dataset_slug, ohlcv_measurement, indicator_measurement, kind)"
        " select gen_random_uuid(), 's' || lpad(n::text, 4, '0'), '', '', 'triplet' from generate_series(1, %s) as n",
        count,
    )


def fail(database):
    database.rows("insert into public.stage1_datasets values (gen_random_uuid(), 'probe', null, null, null, 'o', 'i', -1)")


def answers(found):
    return {answer["check"]: answer for answer in found.json["checks"]}


def loaded(database, *chunks, name="a.dbn"):
    with database.connect() as connection, connection.transaction():
        return load(connection, *chunks, name=name)


def known(database):
    return {row["symbol"]: row["version"] for row in database.rows("select symbol, version from stage1_internal.bar_recounts")}


def test_a_healthy_database(run_cli, database):
    found = run_cli("validate", database=database)
    assert (found.exit_code, found.json["healthy"], found.json["findings"]) == (0, True, [])
    deployed = {row["check_name"] for row in database.rows("select * from stage1_internal.checks()")}
    assert set(answers(found)) == deployed
    for answer in found.json["checks"]:
        assert (answer["severity"], answer["findings"], answer["problem"], answer["examples"]) == (None, 0, None, [])
        assert answer["milliseconds"] >= 0
    assert re.search(r"^healthy: \d+ checks, 0 errors, 0 warnings$", found.stderr, re.MULTILINE)


@pytest.mark.parametrize(
    ("breaks", "options", "exit_code"),
    [
        ([warn], [], 0),
        ([warn], ["--fail-on", "warning"], 1),
        ([fail], [], 1),
        ([fail, warn], ["--only", "datasets_without_measurements"], 0),
        ([fail, warn], ["--only", "datasets_without_measurements", "--only", "negative_counts"], 1),
    ],
)
def test_the_exit_code_is_the_answer(run_cli, database, breaks, options, exit_code):
    for each in breaks:
        each(database)
    found = run_cli("validate", *options, database=database)
    assert (found.exit_code, found.json["healthy"]) == (exit_code, exit_code == 0)
    if "--only" in options:
        assert set(answers(found)) == set(options) - {"--only"}
        assert found.json["complete"] is False


def test_all_are_counted_and_the_first_are_shown(run_cli, database):
    warn(database, 1200)
    found = run_cli("validate", "--limit", "2", database=database)
    answer = answers(found)["datasets_without_measurements"]
    assert (answer["severity"], answer["findings"], answer["examples"]) == ("warning", 1200, ["s0001", "s0002"])
    assert [list(finding) for finding in found.json["findings"]] == [["check", "severity", "subject", "detail"]] * 2
    assert database.value("select count(*) from stage1_internal.validation_findings") == 1000
    shown = run_cli("validate", "--format", "table", "--limit", "1", database=database)
    assert re.search(r"^  datasets_without_measurements +warning +1200 +\d+\.\d+ +s0001$", shown.stdout, re.MULTILINE)
    assert "upsert_stage1_dataset" in shown.stdout and "s0002" not in shown.stdout


def test_a_check_that_there_is_not(run_cli, database):
    found = run_cli("validate", "--only", "nothing", database=database)
    assert (found.exit_code, found.stdout) == (2, "")
    assert "There is no check nothing." in found.stderr and "bar_summaries_differ, bars_without_ingest" in found.stderr
    assert database.value("select count(*) from stage1_internal.validation_runs") == 0


def test_a_database_that_is_not_migrated(run_cli, empty_database):
    found = run_cli("validate", database=empty_database)
    assert found.exit_code == 4
    assert "run `stage1 migrate`" in found.stderr


def test_a_check_that_takes_too_long_is_not_answered_and_the_others_are(run_cli, database):
    fail(database)
    with database.connect(autocommit=False) as holder:
        holder.execute("lock table public.market_bar_symbols in access exclusive mode")
        env = {"STAGE1_STATEMENT_TIMEOUT": "0.3"}
        names = ("bars_without_ingest", "runs_on_datasets_without_measurements", "inverted_spans", "placeholder_datasets")
        only = [word for name in names for word in ("--only", name)]
        found = run_cli("validate", *only, database=database, env=env)
    assert found.exit_code == 1
    unanswered = {name: answer for name, answer in answers(found).items() if answer["severity"] == "not answered"}
    assert set(unanswered) == {"bars_without_ingest", "inverted_spans"}
    for answer in unanswered.values():
        assert answer["findings"] is None and "STAGE1_STATEMENT_TIMEOUT, 0.3 seconds" in answer["problem"]
    assert "only at what changes from now on" in unanswered["bars_without_ingest"]["problem"]
    assert "inverted_spans did not answer: " in found.stderr and "2 not answered" in found.stderr
    [run] = run_cli("validate", "--history", "5", database=database).json
    assert (run["unanswered_count"], run["not_well"], run["is_complete"]) == (2, "bars_without_ingest, inverted_spans", False)


def test_a_check_that_fails_is_not_answered(run_cli, database, package):
    nothing = "(select count(*) - count(*) from pg_catalog.pg_class)"
    package.write("validation/zz_check.sql", _CHECK.format(subject=f"(1 / {nothing})::text"))
    assert run_cli("migrate", "--without-backup", database=database, package=package.path).exit_code == 0
    found = run_cli("validate", database=database, package=package.path)
    assert found.exit_code == 1
    answer = answers(found)["zz_check"]
    assert answer["severity"] == "not answered" and "division by zero" in answer["problem"]
    assert [each["severity"] for each in found.json["checks"]].count("not answered") == 1


def test_the_checks_see_one_state_and_may_not_write(run_cli, database, package):
    seen = "current_setting('transaction_isolation') || ', read only ' || current_setting('transaction_read_only')"
    package.write("validation/zz_check.sql", _CHECK.format(subject=seen))
    assert run_cli("migrate", "--without-backup", database=database, package=package.path).exit_code == 0
    [finding] = run_cli("validate", database=database, package=package.path).json["findings"]
    assert finding["subject"] == "repeatable read, read only on"


def test_the_checks_of_bars_are_asked_last_and_reported_in_their_place(database, monkeypatch):
    asked, ask = [], checks.Snapshot.ask
    monkeypatch.setattr(checks.Snapshot, "ask", lambda self, name, limit: asked.append(name) or ask(self, name, limit))
    report = operation.validate(database.target, Settings({}), print)
    reported = [answer.check for answer in report.answers]
    assert asked[-2:] == list(checks.BAR_CHECKS)
    assert {"replays_stopped", "ingests_left_running"} < set(asked)
    assert (reported, len(asked)) == (sorted(asked), len(set(asked)))


@pytest.mark.parametrize("only", [[], ["--only", "zz_check"], ["--only", "zz_check", "--only", "negative_counts"]])
def test_a_check_of_the_package_that_is_not_deployed_is_not_answered(run_cli, database, package, only):
    package.write("validation/zz_check.sql", _CHECK.format(subject="'s'"))
    found = run_cli("validate", *only, database=database, package=package.path)
    assert (found.exit_code, found.json["healthy"], found.json["complete"]) == (1, False, not only)
    unanswered = {name: answer["problem"] for name, answer in answers(found).items() if answer["severity"] == "not answered"}
    assert unanswered == {"zz_check": "it is not deployed; run `stage1 migrate`"}
    [run] = run_cli("validate", "--history", "1", database=database).json
    assert (run["unanswered_count"], run["not_well"]) == (1, "zz_check")


def test_a_check_that_was_dropped_is_not_answered_and_nothing_of_the_bars_is_remembered(run_cli, database):
    loaded(database, bars("A", 0, 20))
    database.rows("drop view public.bars_without_ingest")
    found = run_cli("validate", database=database)
    assert (found.exit_code, answers(found)["bars_without_ingest"]["severity"]) == (1, "not answered")
    assert known(database) == {}


# --- what is remembered ------------------------------------------------------------------------------------


def test_what_was_found_right_is_not_counted_again(run_cli, database):
    loaded(database, bars("A", 0, 20) + bars("B", 0, 20))
    run_cli("validate", "--only", "bars_without_ingest", "--only", "negative_counts", database=database)
    assert known(database) == {}
    assert run_cli("validate", database=database).exit_code == 0
    assert known(database) == {"A": 1, "B": 1}
    database.rows("delete from public.market_bars_ohlcv_1m where symbol = 'B' and ts = %s", minute(5))
    loaded(database, bars("A", 20, 30), name="b.dbn")
    assert run_cli("validate", database=database).exit_code == 0
    assert known(database) == {"A": 2, "B": 1}
    deep = run_cli("validate", "--deep", database=database)
    assert (deep.exit_code, deep.json["deep"], [row["subject"] for row in deep.json["findings"]]) == (1, True, ["B"])
    assert known(database) == {"A": 2}
    assert run_cli("validate", database=database).exit_code == 1


def test_a_load_after_the_snapshot_is_counted_the_next_time(database):
    loaded(database, bars("A", 0, 20))
    settings = Settings({})
    with checks.snapshot(database.target, settings, "changed") as snapshot:
        assert [snapshot.ask(check, None).severity for check in checks.BAR_CHECKS] == [None, None]
        loaded(database, bars("A", 20, 30), name="b.dbn")
        recounted = snapshot.recounted()
    now = datetime.now(UTC).isoformat()
    run = {"started_at": now, "finished_at": now, "complete": True, "deep": False, "results": []}
    checks.record(database.target, settings, json.dumps(run), recounted, [])
    assert known(database) == {"A": 1}
    assert database.value("select bar_count from stage1_internal.bar_recounts") == 20


def test_the_history_lists_the_newest_first(run_cli, database):
    assert run_cli("validate", "--history", "3", database=database).json == []
    first = run_cli("validate", database=database).json["run_id"]
    fail(database)
    second = run_cli("validate", database=database).json["run_id"]
    found = run_cli("validate", "--history", "3", database=database)
    listed = [(run["id"], run["error_count"], run["not_well"]) for run in found.json]
    assert listed == [(second, 1, "negative_counts"), (first, 0, None)]
    assert len(run_cli("validate", "--history", "1", database=database).json) == 1


def test_where_nothing_can_be_written_the_answer_stands(run_cli, database):
    fail(database)
    database.rows(f'alter database "{database.name}" set default_transaction_read_only = on')
    found = run_cli("validate", database=database)
    assert (found.exit_code, found.json["run_id"]) == (1, None)
    assert answers(found)["negative_counts"]["errors"] == 1
    assert "note: this validation is not in the history: " in found.stderr


@pytest.mark.xdist_group("own_server")
def test_whoever_may_only_read_validates_and_is_remembered(own_server, run_cli):
    admin = own_server.database()
    assert run_cli("migrate", "--without-backup", database=admin).exit_code == 0
    loaded(admin, bars("A", 0, 20))
    reader = own_server.as_role("stage1_readonly", admin)
    found = run_cli("validate", database=reader)
    assert (found.exit_code, found.json["healthy"]) == (0, True), found.stderr
    assert known(admin) == {"A": 1}
    [run] = run_cli("validate", "--history", "2", database=reader).json
    assert run["id"] == found.json["run_id"]


def test_status_says_when_was_validated(run_cli, database):
    def line():
        return next(row for row in run_cli("status", database=database).json["lines"] if row["area"] == "checks")

    assert (line()["state"], line()["detail"]) == ("note", "no findings; never validated")
    run_cli("validate", "--only", "negative_counts", database=database)
    assert line()["detail"] == "no findings; never validated"
    run_cli("validate", database=database)
    assert (line()["state"], line()["detail"]) == ("ok", "no findings; validated 0.0 h ago")
    database.rows("update stage1_internal.validation_runs set started_at = started_at - interval '27 hours'")
    assert (line()["state"], line()["action"]) == ("note", "run `stage1 validate`")
    fail(database)
    assert (line()["state"], line()["detail"]) == ("not well", "1 errors of public.negative_counts; validated 27.0 h ago")

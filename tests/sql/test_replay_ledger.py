"""The ledger of the replay: who may write it, what it refuses, and what becomes of a statement."""

import hashlib

import psycopg
import pytest
from psycopg import conninfo

SPOOL = "append:20261120T031500Z-1a2b3c4d"
TEXT = "INSERT INTO stage1_datasets (dataset_slug) VALUES ('a')"


def row(connection, query, parameters=None):
    return connection.execute(query, parameters).fetchone()


def value(connection, query, parameters=None):
    return next(iter(row(connection, query, parameters).values()))


def sha(text=TEXT):
    return hashlib.sha256(text.encode()).digest()


@pytest.fixture
def replay(database):
    """A session of the weak role, logged in as itself."""
    url = conninfo.make_conninfo(database.url, user="stage1_replay")
    with psycopg.connect(url, autocommit=True, row_factory=psycopg.rows.dict_row) as connection:
        yield connection


@pytest.fixture
def run(replay):
    return value(replay, "select stage1_internal.begin_replay()")


@pytest.fixture
def spool(replay, run):
    return row(replay, "select * from stage1_internal.open_spool(%s, %s, 'a.sql')", [run, SPOOL])["spool_id"]


def applied(replay, run, spool, positions, texts=(TEXT,), to=0):
    arguments = [run, spool, positions, [sha(text) for text in texts], positions, to]
    replay.execute("select stage1_internal.record_applied(%s, %s, %s, %s, %s, %s)", arguments)


def unapplied(replay, run, spool, status, position, unit=None, is_final=False):
    unit = position if unit is None else unit
    arguments = [run, spool, status, [position], [sha()], [unit], ["23503"], ["no parent"], [TEXT], is_final]
    return value(replay, "select stage1_internal.record_unapplied(%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)", arguments)


def statuses(database):
    found = database.rows("select position, status, attempts, statement from stage1_internal.replay_statements order by position")
    return [(each["position"], each["status"], each["attempts"], each["statement"]) for each in found]


def test_what_is_applied_is_known_once(replay, run, spool, database, refused):
    applied(replay, run, spool, [0, 40], [TEXT, TEXT], to=40)
    assert statuses(database) == [(0, "applied", 1, None), (40, "applied", 1, None)]
    assert "1 statements from byte 40 on are in the ledger already" in refused(
        "S1R05", lambda: applied(replay, run, spool, [40, 80], [TEXT, TEXT])
    )
    assert [each[0] for each in statuses(database)] == [0, 40], "nothing of a refused batch is kept"
    assert value(replay, "select replayed_to from stage1_internal.find_spool(%s)", [SPOOL]) == 40


def test_a_statement_that_was_edited_is_refused(replay, run, spool, refused):
    applied(replay, run, spool, [0])
    assert "The statement at byte 0 is not the one" in refused("S1R02", lambda: applied(replay, run, spool, [0], ["DELETE"]))


def test_progress_never_goes_back(replay, run, spool):
    applied(replay, run, spool, [100], to=100)
    applied(replay, run, spool, [], [], to=50)
    assert value(replay, "select replayed_to from stage1_internal.find_spool(%s)", [SPOOL]) == 100
    replay.execute("select stage1_internal.close_spool(%s, 90)", [spool])
    found = row(replay, "select * from stage1_internal.find_spool(%s)", [SPOOL])
    assert (found["replayed_to"], found["is_done"]) == (100, True)


def test_what_waits_is_applied_later_and_its_text_forgotten(replay, run, spool, database):
    assert unapplied(replay, run, spool, "waiting", 0) == "waiting"
    [found] = replay.execute("select * from stage1_internal.waiting_statements()").fetchall()
    assert (found["identity"], found["at_byte"], found["statement"]) == (SPOOL, 0, TEXT)
    again = value(replay, "select stage1_internal.begin_replay()")
    assert unapplied(replay, again, spool, "waiting", 0) == "waiting"
    assert unapplied(replay, again, spool, "waiting", 0) == "waiting", "several passes of a run are one attempt"
    assert statuses(database) == [(0, "waiting", 2, TEXT)]
    applied(replay, again, spool, [0])
    assert statuses(database) == [(0, "applied", 3, None)]


def test_what_has_waited_too_long_is_a_dead_letter(replay, run, spool, database):
    unapplied(replay, run, spool, "waiting", 0)
    database.rows("update stage1_internal.replay_statements set first_tried_at = now() - interval '8 days'")
    assert unapplied(replay, run, spool, "waiting", 0) == "dead"
    assert "it has waited since" in database.value("select reason from stage1_internal.replay_statements")


def test_a_dead_letter_is_tried_again_with_the_rest_of_its_unit(replay, run, spool, database, refused):
    for position in (10, 20):
        unapplied(replay, run, spool, "dead", position, unit=10)
    unapplied(replay, run, spool, "dead", 30)
    assert value(replay, "select stage1_internal.retry_letters(%s, 20)", [SPOOL]) == 2
    assert [each[1] for each in statuses(database)] == ["waiting", "waiting", "dead"]
    assert "no dead letter of spool" in refused(
        "S1R04", lambda: replay.execute("select stage1_internal.retry_letters(%s, 20)", [SPOOL])
    )
    assert value(replay, "select stage1_internal.retry_letters()") == 1
    assert value(replay, "select stage1_internal.retry_letters()") == 0, "nothing left is no error"


def test_a_final_letter_is_never_tried_again_nor_what_belongs_to_it(replay, run, spool, database, refused):
    unapplied(replay, run, spool, "dead", 0, is_final=True)
    unapplied(replay, run, spool, "dead", 10, unit=0)
    unapplied(replay, run, spool, "dead", 20)
    assert value(replay, "select stage1_internal.retry_letters()") == 1
    assert [each[1] for each in statuses(database)] == ["dead", "dead", "waiting"]
    assert "that can be tried again" in refused(
        "S1R04", lambda: replay.execute("select stage1_internal.retry_letters(%s, 10)", [SPOOL])
    )


def test_letters_are_noted_by_the_operator_alone(replay, run, spool, database):
    unapplied(replay, run, spool, "dead", 0)
    unapplied(replay, run, spool, "waiting", 10)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        replay.execute("select stage1_internal.discard_letters()")
    assert database.value("select stage1_internal.discard_letters()") == 1
    assert statuses(database) == [(0, "discarded", 1, TEXT), (10, "waiting", 1, TEXT)], "its text is kept"


def test_a_spool_that_is_opened_again_is_not_done(replay, run, spool, database):
    replay.execute("select stage1_internal.close_spool(%s, 90)", [spool])
    assert database.value("select is_done from stage1_internal.replay_spools")
    replay.execute("select * from stage1_internal.open_spool(%s, %s, 'a.sql')", [run, SPOOL])
    assert not database.value("select is_done from stage1_internal.replay_spools")
    assert database.rows("select * from public.spools_left_open") == []
    database.rows("update stage1_internal.replay_runs set started_at = now() - interval '2 days'")
    [left] = database.rows("select * from public.spools_left_open")
    assert (left["severity"], left["subject"]) == ("warning", SPOOL)
    assert "byte 90" in left["detail"]


def test_a_page_of_what_waits_holds_whole_units_in_their_order(replay, run, spool):
    for position in (0, 10, 20, 30):
        unapplied(replay, run, spool, "waiting", position, unit=10 if position == 20 else position)
    page = "select at_byte, unit from stage1_internal.waiting_statements(%s, %s, 2)"
    first = [(each["at_byte"], each["unit"]) for each in replay.execute(page, [0, -1]).fetchall()]
    assert first == [(0, 0), (10, 10), (20, 10)]
    assert [each["at_byte"] for each in replay.execute(page, [spool, 10]).fetchall()] == [30]


def test_compaction_keeps_what_is_open_and_what_is_not_applied(replay, run, spool, database):
    applied(replay, run, spool, [0, 10], [TEXT, TEXT], to=20)
    unapplied(replay, run, spool, "dead", 15)
    assert database.value("select stage1_internal.compact_replay_ledger(now() + interval '1 day')") == 0, "it is not done yet"
    replay.execute("select stage1_internal.close_spool(%s, 20)", [spool])
    assert database.value("select stage1_internal.compact_replay_ledger(now() - interval '1 day')") == 0, "it is too young"
    assert database.value("select stage1_internal.compact_replay_ledger(now() + interval '1 day')") == 2
    assert [each[:2] for each in statuses(database)] == [(15, "dead")]


def test_a_run_that_was_killed_is_noted_by_the_next(replay, run, database):
    again = value(replay, "select stage1_internal.begin_replay()")
    replay.execute("select stage1_internal.finish_replay(%s, 1, 2, 3, 4)", [again])
    found = database.rows("select id, outcome, error, applied_count from stage1_internal.replay_runs order by id")
    assert [(each["id"], each["outcome"], each["applied_count"]) for each in found] == [(run, "stopped", 0), (again, "done", 1)]
    assert "killed" in found[0]["error"]


def test_only_a_run_that_runs_can_be_finished(replay, run, refused):
    refused("S1A02", lambda: replay.execute("select stage1_internal.finish_replay(%s, 0, 0, 0, 0)", [run + 1]))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("alter role stage1_replay createdb", "it has the attribute createdb"),
        ("grant pg_read_all_data to stage1_replay", "it is a member of pg_read_all_data"),
        ("grant delete on public.stage1_datasets to stage1_replay", "it may delete on public.stage1_datasets"),
        ("grant insert on public.data_ingest_runs to stage1_replay", "it may insert on public.data_ingest_runs"),
        (
            "grant update (close) on public.market_bars_ohlcv_1m to stage1_replay",
            "it may update on column close of public.market",
        ),
        ("grant create on schema public to stage1_replay", "it may create objects in schema public"),
        ("grant execute on function pg_read_file(text) to stage1_replay", "it may execute on pg_catalog.pg_read_file"),
        ("grant select on pg_authid to stage1_replay", "it may select on pg_catalog.pg_authid"),
    ],
)
def test_a_role_that_may_more_than_the_matrix_says_does_not_replay(db, refused, given, said):
    """In a transaction: roles belong to the whole server, and other tests run beside this one."""
    db.execute(given)
    db.execute("set local session authorization stage1_replay")
    assert said in refused("S1R03", lambda: db.execute("select stage1_internal.begin_replay()"))


def test_a_strong_session_does_not_replay(database, refused):
    with database.connect() as connection:
        connection.execute("set role stage1_replay")
        assert "it is not stage1_replay" in refused("S1R03", lambda: connection.execute("select stage1_internal.begin_replay()"))


def test_a_missing_grant_is_named(db, refused):
    db.execute("revoke insert on public.walkforward_runs from stage1_replay")
    db.execute("set local session authorization stage1_replay")
    assert "insert on public.walkforward_runs" in refused("42501", lambda: db.execute("select stage1_internal.begin_replay()"))


def test_the_rules_are_the_matrix(replay):
    found = {
        (each["object_kind"], each["object_name"]): each["column_names"]
        for each in replay.execute("select * from stage1_internal.replay_rules()").fetchall()
    }
    assert set(found) == {
        ("table", "stage1_datasets"),
        ("table", "indicator_datasets"),
        ("table", "walkforward_runs"),
        ("table", "simulation_runs"),
        ("function", "upsert_stage1_dataset"),
    }
    assert "serialized_config" in found["table", "walkforward_runs"]


def test_the_checks_see_letters_and_a_replay_that_did_not_run(replay, run, spool, database):
    for name in ("dead_letters_waiting", "statements_waiting", "replay_overdue"):
        assert database.rows(f"select * from public.{name}") == []
    [stopped] = database.rows("select * from public.replays_stopped")
    assert (stopped["severity"], stopped["subject"]) == ("error", f"run {run}")
    assert "killed" in stopped["detail"]
    unapplied(replay, run, spool, "dead", 0)
    unapplied(replay, run, spool, "waiting", 10)
    for name, severity in (("dead_letters_waiting", "error"), ("statements_waiting", "warning")):
        [found] = database.rows(f"select * from public.{name}")
        assert (found["check_name"], found["severity"], found["subject"]) == (name, severity, SPOOL)
        assert "1 statements of a.sql" in found["detail"]
        assert "no parent" in found["detail"]
    replay.execute("select stage1_internal.finish_replay(%s, 0, 0, 0, 0)", [run])
    assert database.rows("select * from public.replays_stopped") == []
    database.rows("update stage1_internal.replay_runs set finished_at = now() - interval '27 hours'")
    [overdue] = database.rows("select * from public.replay_overdue")
    assert (overdue["severity"], overdue["subject"]) == ("error", "replay")
    with database.connect() as connection:
        connection.execute("set stage1.replay_max_age = '2 days'")
        assert connection.execute("select * from public.replay_overdue").fetchall() == []
        connection.execute("set stage1.replay_max_age = 'off'")
        assert connection.execute("select * from public.replay_overdue").fetchall() == []


def test_a_retry_says_nothing_about_the_replay_of_the_spool(replay, run, database):
    replay.execute("select stage1_internal.finish_replay(%s, 0, 0, 0, 0, 'the disk is full')", [run])
    database.rows(
        "update stage1_internal.replay_runs set started_at = now() - interval '2 days', finished_at = now() - interval '2 days'"
    )
    for kind in ("retry", "files"):
        other = value(replay, "select stage1_internal.begin_replay(%s)", [kind])
        replay.execute("select stage1_internal.finish_replay(%s, 0, 0, 0, 0)", [other])
    assert database.value("select count(*) from public.replays_stopped") == 1
    assert database.value("select count(*) from public.replay_overdue") == 1
    assert database.value("select last_done_at from public.fn_replay_status()") is None


def test_a_replay_that_runs_is_not_taken_for_dead(replay, run, database):
    """The number of the lock stands in the check and in Python."""
    from stage1.database.locks import REPLAY_LOCK

    with database.connect() as holder:
        holder.execute("select pg_advisory_lock(%s)", [REPLAY_LOCK])
        assert database.rows("select * from public.replays_stopped") == []
    replay.execute("select stage1_internal.finish_replay(%s, 0, 0, 0, 0, 'the disk is full')", [run])
    [stopped] = database.rows("select * from public.replays_stopped")
    assert "the disk is full" in stopped["detail"]

"""The two walls between a spool and the database, each by itself: the whitelist, and the role with its protocol."""

import io
import re

import psycopg
import pytest
from psycopg import conninfo

from stage1 import settings as settings_module
from stage1.database.replaying import replaying
from stage1.database.targets import Target
from stage1.model.replay_units import Entry, Unit
from stage1.model.spool_text import Splitter, Statement
from tests.integration.replay.spools import PENDING, counts, dataset, letters, make_spool, slugs
from tests.unit.spool.hostile_statements import HOSTILE_STATEMENTS

# Where a semicolon stands outside of quotes a spool file has two statements, each judged by itself.
TEXTS = [
    text
    for text, _ in HOSTILE_STATEMENTS
    if len(list(Splitter(io.BytesIO(text.encode("utf-8", "surrogateescape") + b"\n;")))) == 1
]


def fingerprint(database):
    """What a hostile statement might have changed; the ledger apart."""
    return database.rows(
        "select (select count(*) from pg_class) as relations, (select count(*) from pg_proc) as functions,"
        " (select count(*) from pg_roles) as roles, (select count(*) from pg_largeobject_metadata) as large_objects,"
        " (select count(*) from public.stage1_datasets) as datasets, (select count(*) from pg_stat_user_tables"
        " where n_tup_del > 0 and schemaname = 'public') as deleted_from"
    )


def test_the_whole_corpus_in_one_spool_is_letters_and_nothing_is_executed(run_cli, database, tmp_path):
    database.load(write(tmp_path / "one.sql", dataset("kept")))
    before = fingerprint(database)
    assert len(TEXTS) >= 60
    spool = make_spool(tmp_path, **{f"hostile{number:03}": text + "\n;\n" for number, text in enumerate(TEXTS)})
    found = run_cli("replay", "run", database=database, env={"STAGE1_SPOOL": str(spool)})
    assert found.exit_code == 1, found.said
    assert (found.json["applied"], found.json["dead"]) == (0, len(TEXTS))
    assert fingerprint(database) == before
    assert slugs(database) == ["kept"]
    assert len(letters(database)) == len(TEXTS)


def write(path, text):
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    "text",
    [
        "DROP TABLE public.stage1_datasets",
        "DELETE FROM public.stage1_datasets",
        "TRUNCATE public.stage1_datasets",
        "ALTER TABLE public.stage1_datasets ADD COLUMN x int",
        "CREATE TABLE public.mine (x int)",
        "CREATE FUNCTION public.mine() RETURNS int LANGUAGE sql AS 'select 1'",
        "COPY public.stage1_datasets TO PROGRAM 'true'",
        "COPY public.stage1_datasets TO '/tmp/x'",
        "SELECT pg_read_file('/etc/passwd')",
        "SET ROLE stage1_owner",
        "SET SESSION AUTHORIZATION stage1_owner",
        "CREATE ROLE mine",
        "GRANT stage1_owner TO stage1_replay",
        "INSERT INTO public.data_ingest_runs (vendor, file_name) VALUES ('x', 'x')",
        "SELECT * FROM pg_authid",
        "UPDATE stage1_internal.replay_statements SET status = 'applied'",
        "SELECT public.undo_ingest(1)",
        "INSERT INTO public.stage1_datasets (dataset_slug) VALUES ('a'); DROP TABLE public.stage1_datasets",
        "SELECT 1; SELECT 2",
    ],
)
def test_the_role_and_the_protocol_refuse_what_would_pass_the_whitelist(database, text):
    """As if the whitelist had a hole: the statement is handed straight to where statements are executed."""
    before = fingerprint(database)
    parameters = {**database.target.parameters, "user": "stage1_replay"}
    statement = Statement(0, len(text), text.encode())
    with replaying(Target(parameters, "of a test"), settings_module.load(environment={}), "files") as replayer:
        spool = replayer.open_spool("append:1", "a.sql")
        done = replayer.replay(spool.number, [Unit((Entry(0, statement.sha256, statement.text),))])
    assert (done.applied, done.dead) == (0, 1)
    assert fingerprint(database) == before
    [(status, reason)] = letters(database)
    assert status == "dead"
    assert re.search("permission denied|must be|must have|cannot insert multiple commands", reason), reason


def test_a_strong_login_is_refused_before_anything_is_claimed(run_cli, database, tmp_path):
    spool = make_spool(tmp_path, dataset("a"))
    env = {"STAGE1_SPOOL": str(spool), "STAGE1_REPLAY_URL": database.url}
    found = run_cli("replay", "run", env=env)
    assert found.exit_code == 3
    assert "[S1R03]" in found.stderr
    assert (spool / PENDING).exists()
    assert slugs(database) == []


def test_the_url_of_the_replay_is_used_and_never_shown(run_cli, database, tmp_path):
    spool = make_spool(tmp_path, dataset("a"))
    url = conninfo.make_conninfo(database.url, user="stage1_replay", password="hunter2-replay")
    found = run_cli("-v", "replay", "run", env={"STAGE1_SPOOL": str(spool), "STAGE1_REPLAY_URL": url})
    assert found.exit_code == 0, found.said
    assert "hunter2" not in found.said
    assert slugs(database) == ["a"]


def test_the_password_of_another_role_is_not_handed_on(run_cli, database, tmp_path):
    spool = make_spool(tmp_path, dataset("a"))
    url = conninfo.make_conninfo(database.url, password="hunter2-strong")
    found = run_cli("--database", url, "replay", "run", env={"STAGE1_SPOOL": str(spool)})
    assert found.exit_code == 0, found.said
    assert "as stage1_replay" in found.stderr
    assert counts(found.json) == (1, 0, 0, 0)


def test_a_cron_job_without_a_database_is_refused_and_writes_nothing(run_cli, tmp_path):
    spool = make_spool(tmp_path, dataset("a"))
    (tmp_path / ".stage1").mkdir()
    before = sorted(path for path in tmp_path.rglob("*"))
    found = run_cli("replay", "run", env={"STAGE1_SPOOL": str(spool)})
    assert found.exit_code == 4
    assert "No database is named" in found.stderr
    assert "--embedded" in found.stderr
    assert sorted(path for path in tmp_path.rglob("*")) == before


def test_a_database_that_is_not_migrated_is_refused(run_cli, empty_database, tmp_path):
    spool = make_spool(tmp_path, dataset("a"))
    found = run_cli("replay", "run", database=empty_database, env={"STAGE1_SPOOL": str(spool)})
    assert found.exit_code == 4
    assert "stage1 migrate" in found.stderr
    assert (spool / PENDING).exists()


def test_names_of_the_clients_own_making_are_not_found_first(database):
    """An overload in another schema of the path, or a temporary table, would be a way around the whitelist."""
    parameters = {**database.target.parameters, "user": "stage1_replay"}
    with replaying(Target(parameters, "of a test"), settings_module.load(environment={}), "files") as replayer:
        text = b"SELECT pg_catalog.set_config('search_path', 'elsewhere', false)"
        replayer.replay(replayer.open_spool("append:1", "a.sql").number, [Unit((Entry(0, b"x" * 32, text),))])
        text = dataset("a").rstrip(";\n").encode()
        done = replayer.replay(replayer.open_spool("append:2", "a.sql").number, [Unit((Entry(0, b"x" * 32, text),))])
        assert done.applied == 1, "each transaction sets its own search_path"
    assert slugs(database) == ["a"]
    with pytest.raises(psycopg.errors.InsufficientPrivilege), psycopg.connect(**parameters) as connection:
        connection.execute("create table public.mine (x int)")

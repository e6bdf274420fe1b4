"""A restore puts the backup in place whole, keeps the old database, and refuses whatever was not said to be meant."""

import json
import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from psycopg import conninfo, errors, sql

from tests.integration.backup_proof.conftest import UPSERT, take
from tests.plugins.databases import Database
from tests.plugins.fingerprints import fingerprint, same

# They look at all scratch databases of the server: one worker runs them.
pytestmark = pytest.mark.xdist_group("scratch_databases")


@pytest.fixture
def backed_up(database, run_cli):
    """A backup of the test's database with one row; a second row came after it."""
    database.rows(UPSERT.format(1))
    made = run_cli("backup", "create", database=database)
    assert made.exit_code == 0, made.stderr
    database.rows(UPSERT.format(2))
    return made.json["name"]


def slugs(database):
    return [row["dataset_slug"] for row in database.rows("select dataset_slug from public.stage1_datasets order by 1")]


def restore(run_cli, database, name, *options, **named):
    return run_cli("backup", "restore", name, "--replace", database.name, *options, database=database, **named)


def test_the_backup_takes_the_place_of_the_database_which_is_kept(database, backed_up, run_cli, kept, scratches):
    before_scratches = scratches()
    found = restore(run_cli, database, backed_up, "--yes")
    assert found.exit_code == 0, found.stderr
    assert slugs(database) == ["slug-number-1"]
    [old] = kept()
    assert found.json == {
        "database": database.name,
        "backup": backed_up,
        "tables": found.json["tables"],
        "rows": found.json["rows"],
        "old_database": old,
    }
    assert found.json["rows"] > 0
    assert slugs(Database(conninfo.make_conninfo(database.url, dbname=old), old)) == ["slug-number-1", "slug-number-2"]
    assert set(scratches()) <= set(before_scratches)
    # It was proven on the way, and the database that came out of it knows.
    [listed] = run_cli("backup", "list").json
    assert listed["name"] == backed_up
    assert listed["verified"] not in ("no", None)
    assert database.value("select problem is null from stage1_internal.backup_records where verified_at is not null")
    assert database.value("select count(*) > 0 from pg_statistic where starelid = 'public.stage1_datasets'::regclass")
    status = run_cli("status", database=database)
    assert status.exit_code == 0, [line for line in status.json["lines"] if line["state"] != "ok"]


def test_the_printed_statements_swap_back(database, backed_up, run_cli, kept):
    said = restore(run_cli, database, backed_up, "--yes").stderr
    back = re.findall(r"^  (begin|alter database .*|commit);$", said, re.MULTILINE)
    assert [statement.split()[0] for statement in back] == ["begin", "alter", "alter", "commit"]
    assert "psql -d postgres`" in said
    with Database(conninfo.make_conninfo(database.url, dbname="postgres"), "postgres").connect() as connection:
        for statement in back:
            connection.execute(statement.encode())
    assert slugs(database) == ["slug-number-1", "slug-number-2"]
    assert kept() == []
    assert len(kept("restored")) == 1


def test_what_is_restored_is_what_was_backed_up_to_the_last_row(database, backed_up, run_cli, kept, new_database):
    before = fingerprint(database, with_times=True)
    database.rows("create table public.strange as select 1 as x")
    made = run_cli("backup", "create", database=database).json["name"]
    wanted = fingerprint(database, with_times=True)
    database.rows("drop table public.strange; truncate public.stage1_datasets cascade")
    assert restore(run_cli, database, made, "--yes").exit_code == 0
    after = fingerprint(database, with_times=True)
    same([line for line in after if "backup_records" not in line], [line for line in wanted if "backup_records" not in line])
    assert after != before


REFUSALS = {
    "without --yes": ([], 3, "without --yes"),
    "another name": (["--yes", "--replace", "elsewhere"], 3, "--replace names elsewhere"),
}


@pytest.mark.parametrize("refusal", REFUSALS)
def test_what_was_not_said_to_be_meant_is_refused_and_nothing_is_done(refusal, database, backed_up, run_cli, kept):
    options, code, text = REFUSALS[refusal]
    before = fingerprint(database, with_times=True)
    found = restore(run_cli, database, backed_up, *options)
    assert found.exit_code == code, found.stderr
    assert text in found.stderr
    assert "[S1B03]" in found.stderr
    assert database.name in found.stderr
    assert found.stdout == ""
    assert kept() == []
    assert fingerprint(database, with_times=True) == before


def test_the_server_s_own_database_is_never_replaced(server_url, copy, run_cli):
    named = conninfo.make_conninfo(server_url, dbname="postgres")
    found = run_cli("--database", named, "backup", "restore", copy.name, "--replace", "postgres", "--yes", env=copy.env)
    assert found.exit_code == 3
    assert "of the server itself" in found.stderr


def test_an_unnamed_database_is_never_the_embedded_one(run_cli, copy, tmp_path):
    (tmp_path / ".stage1").mkdir()
    for command in (["verify", copy.name], ["restore", copy.name, "--replace", "stage1", "--yes"]):
        found = run_cli("backup", *command, env=copy.env)
        assert found.exit_code == 4
        assert "--embedded" in found.stderr
    assert list((tmp_path / ".stage1").iterdir()) == []


def test_a_damaged_backup_replaces_nothing(database, copy, run_cli, kept, scratches):
    copy.put_dump(copy.dump().replace(b"slug-number-2", b"slug-number-7"))
    before, before_scratches = fingerprint(database, with_times=True), scratches()
    found = restore(run_cli, database, copy.name, "--yes", "--of-another", env=copy.env)
    assert found.exit_code == 1
    assert "[S1B01]" in found.stderr
    assert kept() == []
    assert set(scratches()) <= set(before_scratches)
    assert fingerprint(database, with_times=True) == before


def test_sessions_of_others_are_named_and_ended_only_when_that_is_meant(database, backed_up, run_cli, kept):
    with database.connect(application_name="the desktop") as other:
        found = restore(run_cli, database, backed_up, "--yes")
        assert found.exit_code == 3
        assert f"process {other.info.backend_pid} of " in found.stderr
        assert "the desktop" in found.stderr
        assert "--disconnect" in found.stderr
        assert kept() == []
        found = restore(run_cli, database, backed_up, "--yes", "--disconnect")
        assert found.exit_code == 0, found.stderr
        with pytest.raises(errors.AdminShutdown):
            other.execute("select 1")
    assert slugs(database) == ["slug-number-1"]
    assert len(kept()) == 1


@pytest.mark.parametrize("disconnect", [False, True])
def test_a_client_that_comes_while_the_backup_is_restored(
    disconnect, database, backed_up, run_cli, kept, wrapped_programs, server_url
):
    # The client connects while pg_restore runs, and stays; pg_restore goes on when it is seen.
    wrapped_programs.replace(
        "pg_restore",
        f"psql=\"{wrapped_programs.real / 'psql'}\"; late='{database.url} application_name=late'; server='{server_url}'\n"
        "seen=\"select 1 from pg_stat_activity where application_name = 'late'\"\n"
        'case "$*" in *single-transaction*)\n'
        '"$psql" -d "$late" -c "select pg_sleep(30)" > /dev/null 2>&1 &\n'
        'i=0; until "$psql" -d "$server" -Atc "$seen" < /dev/null | grep -q 1 || [ $i -gt 200 ]\n'
        "do sleep 0.05; i=$((i+1)); done\n"
        ';; esac; exec "$real" "$@"',
    )
    options = ["--yes", "--disconnect"] if disconnect else ["--yes"]
    found = restore(run_cli, database, backed_up, *options, env=wrapped_programs.env)
    assert found.exit_code == (0 if disconnect else 3), found.stderr
    assert ("ending 1 sessions" if disconnect else ", late") in found.stderr
    assert len(kept()) == int(disconnect)
    assert slugs(database) == ["slug-number-1", "slug-number-2"][: 1 if disconnect else 2]
    assert len(kept("restored")) == int(not disconnect)
    if not disconnect:
        # What was proven is not lost: what is printed puts it in place.
        statements = re.findall(r"^  (begin|alter database .*|commit);$", found.stderr, re.MULTILINE)
        assert f"kept as {kept('restored')[0]}" in found.stderr
        with Database(server_url, "postgres").connect() as connection:
            end = "select pg_terminate_backend(pid, 10000) from pg_stat_activity where application_name = 'late'"
            assert all(row["pg_terminate_backend"] for row in connection.execute(end).fetchall())
            for statement in statements:
                connection.execute(statement.encode())
        assert slugs(database) == ["slug-number-1"]
        assert len(kept()) == 1


def test_a_database_that_is_not_there_is_made_as_it_was(database, backed_up, server_url, run_cli):
    name = f"{database.name}_new"
    new = Database(conninfo.make_conninfo(server_url, dbname=name), name)
    try:
        found = run_cli("--database", new.url, "backup", "restore", backed_up, "--replace", name, "--yes", "--of-another")
        assert found.exit_code == 0, found.stderr
        assert found.json["old_database"] is None
        assert "kept as" not in found.stderr
        assert slugs(new) == ["slug-number-1"]
    finally:
        Database(server_url, "postgres").rows(f"drop database if exists {name}")


PROPERTIES = (
    "select pg_get_userbyid(datdba) as owner, (select array_agg(a::text order by a::text) from unnest(datacl) a) as grants,"
    " (select array_agg(setconfig::text order by setrole) from pg_db_role_setting where setdatabase = d.oid) as settings,"
    " datconnlimit, shobj_description(d.oid, 'pg_database') as remark"
    " from pg_database d where datname = %s"
)


@pytest.mark.parametrize("there", ["open", "closed", ""], ids=["of the old one", "of one that is closed", "of the manifest"])
def test_owner_grants_and_settings_are_carried_over(there, database, run_cli, server_url, kept):
    server, name = Database(server_url, "postgres"), sql.Identifier(database.name)
    with server.connect() as connection:
        for statement in (
            "alter database {} owner to stage1_owner",
            "revoke connect on database {} from public",
            "grant connect on database {} to stage1_app, stage1_readonly",
            "grant create on database {} to stage1_app with grant option",
            "alter database {} set search_path = \"$user\", 'odd, name', public",
            "alter database {} set work_mem = '5MB'",
            "alter database {} set \"stage1.remark\" = 'it''s; -- odd'",
            "alter role stage1_app in database {} set statement_timeout = '9s'",
            "alter database {} connection limit 7",
            "comment on database {} is 'it''s; -- 100%% odd'",
        ):
            connection.execute(sql.SQL(statement).format(name))
    made = run_cli("backup", "create", database=database).json["name"]
    before = server.rows(PROPERTIES, database.name)
    assert "odd, name" in str(before)
    if there == "closed":
        server.rows(f"alter database {database.name} allow_connections false")
    if not there:
        server.rows(f"drop database {database.name}")
    found = restore(run_cli, database, made, "--yes")
    assert found.exit_code == 0, found.stderr
    [after] = server.rows(PROPERTIES, database.name)

    def without_grantors(row):
        return {**row, "grants": [grant.partition("/")[0] for grant in row["grants"]]}

    assert without_grantors(after) == without_grantors(before[0])


def test_of_two_restores_at_once_one_is_done_and_one_refused(database, backed_up, run_cli, kept, wrapped_programs, tmp_path):
    # Neither may be over before the other has begun: pg_restore waits for the second one's refusal.
    flag = tmp_path / "refused"
    wrapped_programs.replace(
        "pg_restore",
        'case "$*" in *single-transaction*) i=0\n'
        f"while [ ! -e {flag} ] && [ $i -lt 400 ]; do sleep 0.05; i=$((i+1)); done;; esac\n"
        'exec "$real" "$@"',
    )

    def one(_):
        found = restore(run_cli, database, backed_up, "--yes", env=wrapped_programs.env)
        flag.touch()
        return found

    with ThreadPoolExecutor() as pool:
        found = sorted(pool.map(one, range(2)), key=lambda result: result.exit_code)
    assert [result.exit_code for result in found] == [0, 4], [result.stderr for result in found]
    assert "Another restore" in found[1].stderr
    assert len(kept()) == 1


def test_several_restores_keep_each_their_old_database(database, backed_up, run_cli, kept):
    for _ in range(2):
        assert restore(run_cli, database, backed_up, "--yes").exit_code == 0
    assert len(kept()) == 2


def test_a_name_of_full_length_and_odd_letters_is_kept_too(server_url, run_cli, tmp_path):
    name = "odd \"na'me; " + "é" * 25
    odd = Database(conninfo.make_conninfo(server_url, dbname=name), name)
    with Database(server_url, "postgres").connect() as connection:
        connection.execute(sql.SQL("create database {} template template0").format(sql.Identifier(name)))
        odd.rows("create table public.t as select 1 as x")
        old = None
        try:
            made = take(odd, tmp_path / "backups")
            odd.rows("drop table public.t")
            found = run_cli("--database", odd.url, "backup", "restore", made, "--replace", name, "--yes")
            assert found.exit_code == 0, found.stderr
            old = found.json["old_database"]
            assert len(old.encode()) <= 63
            assert odd.value("select x from public.t") == 1
        finally:
            for each in filter(None, (name, old)):
                connection.execute(sql.SQL("drop database if exists {}").format(sql.Identifier(each)))


def test_an_invalid_index_of_the_source_is_no_damage_of_its_backup(database, run_cli, kept):
    database.rows("create table public.parted (x integer) partition by range (x)")
    database.rows("create table public.part partition of public.parted for values from (1) to (2)")
    database.rows("create index on only public.parted (x)")
    database.rows("create table public.twice as select 1 as x from generate_series(1, 2)")
    with pytest.raises(errors.UniqueViolation):
        database.rows("create unique index concurrently twice_x on public.twice (x)")
    made = run_cli("backup", "create", database=database).json["name"]
    found = run_cli("backup", "verify", made, database=database)
    assert found.exit_code == 0, found.stderr
    assert json.loads(found.stdout)[0]["ok"] is True

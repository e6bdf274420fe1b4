"""Is what a migrator prints one complete script, and is what is too much reported and left alone?"""

import re
import subprocess

import pytest

from stage1 import settings as settings_module
from stage1.database import binaries, programs
from tests.plugins.databases import FIXTURES, run_migrate

pytestmark = pytest.mark.xdist_group("own_server")

GAPS = "select * from stage1_internal.role_gaps order by step, subject, gap"


def run_script(database, text):
    """As somebody who was handed the statements would."""
    major = int(database.value("show server_version_num")) // 10000
    psql = binaries.find(settings_module.load({}), major, ("psql",)).path("psql")
    return subprocess.run(
        [str(psql), "-X", "-v", "ON_ERROR_STOP=1", "-f", "-"],
        input=text,
        env=programs.environment(database.target),
        capture_output=True,
        text=True,
    )


def printed(stderr):
    """The statements that `migrate` says a superuser should run, each with its reason behind it."""
    return "".join(f"{line}\n" for line in stderr.splitlines() if re.match(r"  .+;   -- ", line))


def limited(own_server, *, old=False, attributes=""):
    own_server.database().rows(f"create role deployer login {attributes}")
    database = own_server.as_role("deployer", own_server.new_database("trading", owner="deployer"))
    if old:
        database.load(FIXTURES / "old_deployment.sql")
    return database


@pytest.mark.parametrize("old", [False, True], ids=["an empty database", "an old deployment"])
def test_one_script_is_all_that_a_superuser_has_to_run(own_server, run_cli, old):
    database = limited(own_server, old=old)
    found = run_cli("migrate", "--without-backup", database=database)
    assert found.exit_code == 0, found.stderr
    # It did step 6 itself: the functions are its own.
    assert {gap["step"] for gap in found.json["role_gaps"]} == {1, 2, 3, 4, 5, 7}
    assert len(printed(found.stderr).splitlines()) == len(found.json["role_gaps"])
    assert printed(found.stderr).isascii()
    script = run_script(own_server.database("trading"), printed(found.stderr))
    assert script.returncode == 0, script.stderr
    assert "WARNING" not in script.stderr
    assert database.rows(GAPS) == []
    assert own_server.database("trading").rows(GAPS) == []
    again = run_cli("migrate", database=database)
    assert (again.exit_code, again.json["nothing_to_do"]) == (0, True), again.stderr
    assert run_cli("status", database=database).json["role_gaps"] == []


def test_the_script_keeps_what_an_old_owner_could_do(own_server, run_cli):
    own_server.database().rows("create role desk login")
    database = limited(own_server)
    admin = own_server.database("trading")
    admin.rows("grant desk to deployer")
    admin.rows("grant create on schema public to desk")
    own_server.as_role("desk", admin).load(FIXTURES / "old_deployment.sql")
    found = run_cli("migrate", "--without-backup", database=database)
    assert found.exit_code == 0, found.stderr
    script = run_script(admin, printed(found.stderr))
    assert script.returncode == 0, script.stderr
    assert admin.rows(GAPS) == []
    desk = own_server.as_role("desk", admin)
    desk.rows("delete from public.simulation_runs")
    desk.rows("select * from public.dataset_hierarchy")
    assert len(desk.rows("select * from public.fn_list_runs(2, 0)")) == 2


def test_views_wait_for_a_table_that_cannot_be_handed_over(own_server, run_cli):
    database = limited(own_server, attributes="createrole")
    assert run_cli("migrate", "--without-roles", database=database).exit_code == 0
    own_server.database("trading").rows("alter table public.walkforward_runs owner to current_user")
    assert run_cli("migrate", database=database).exit_code == 0
    owners = "select distinct relkind::text, pg_get_userbyid(relowner) as owner from pg_class where relname = %s"
    assert database.rows(owners, "dataset_catalog") == [{"relkind": "v", "owner": "deployer"}]
    assert database.rows(owners, "stage1_datasets") == [{"relkind": "r", "owner": "stage1_owner"}]
    own_server.database("trading").rows("alter table public.walkforward_runs owner to stage1_owner")
    assert run_cli("migrate", database=database).exit_code == 0
    assert database.rows(owners, "dataset_catalog") == [{"relkind": "v", "owner": "stage1_owner"}]


def test_a_role_that_may_not_connect_is_let_in(own_server, run_cli):
    database = own_server.new_database("trading")
    database.rows("revoke connect on database trading from public")
    found = run_cli("migrate", database=database)
    assert (found.exit_code, found.json["role_gaps"]) == (0, []), found.stderr
    assert own_server.as_role("stage1_readonly", database).value("select count(*) from public.stage1_datasets") == 0


# --- too much --------------------------------------------------------------------------------------------------

EXCESS = {
    "alter role stage1_owner login": ["alter role stage1_owner nologin"],
    "alter role stage1_owner superuser createrole createdb bypassrls replication": [
        f"alter role stage1_owner no{name}" for name in ("bypassrls", "createdb", "createrole", "replication", "superuser")
    ],
    "alter role stage1_app superuser": ["alter role stage1_app nosuperuser"],
    "alter role stage1_readonly createrole bypassrls": [
        "alter role stage1_readonly nobypassrls",
        "alter role stage1_readonly nocreaterole",
    ],
    "grant stage1_owner to stage1_ingest": ["revoke stage1_owner from stage1_ingest"],
    "create role team in role stage1_owner; grant team to stage1_app": ["revoke team from stage1_app"],
    "grant select, insert on public.walkforward_runs to public": ["revoke all on table public.walkforward_runs from public"],
    "grant select (status), update (status) on public.walkforward_runs to public": [
        "revoke all on table public.walkforward_runs from public"
    ],
    "grant select on public.dataset_catalog to public": ["revoke all on table public.dataset_catalog from public"],
    "grant usage on schema stage1_internal to public": ["revoke all on schema stage1_internal from public"],
}


@pytest.mark.long
def test_what_is_too_much_is_reported_with_its_remedy_and_left_alone(own_server, run_cli):
    database = own_server.new_database("trading")
    run_migrate(database)
    for change, remedies in EXCESS.items():  # each ends where it began
        database.rows(change)
        found = database.rows(GAPS)
        assert {gap["kind"] for gap in found} == {"excess"}, change
        assert sorted(re.sub(" granted by .*", "", gap["remedy"]) for gap in found) == remedies
        migrated = run_cli("migrate", database=database)
        assert (migrated.exit_code, migrated.json["nothing_to_do"], migrated.json["role_gaps"]) == (0, True, found), change
        script = run_script(database, "".join(f"{gap['remedy']};\n" for gap in found))
        assert script.returncode == 0, script.stderr
        assert "WARNING" not in script.stderr
        assert database.rows(GAPS) == [], change


def test_grants_beyond_the_matrix_are_left_alone(own_server):
    database = own_server.new_database("trading")
    run_migrate(database)
    database.rows("grant delete, truncate on public.walkforward_runs to stage1_app")
    assert database.rows(GAPS) == []


def test_what_a_role_could_only_do_as_everybody_is_granted_to_it(own_server):
    database = own_server.new_database("trading")
    run_migrate(database)
    database.rows("revoke select on public.walkforward_runs from stage1_app")
    database.rows("grant select on public.walkforward_runs to public")
    assert {gap["remedy"]: gap["kind"] for gap in database.rows(GAPS)} == {
        "grant select on table public.walkforward_runs to stage1_app": "missing",
        "revoke all on table public.walkforward_runs from public": "excess",
    }


def test_a_migrator_that_is_a_weak_role_does_not_become_a_member_of_the_owner(own_server, run_cli):
    own_server.database().rows("create role stage1_app login")
    database = own_server.as_role("stage1_app", own_server.new_database("trading", owner="stage1_app"))
    database.load(FIXTURES / "old_deployment.sql")
    found = run_cli("migrate", "--without-backup", database=database)
    assert found.exit_code == 0, found.stderr
    assert not [gap for gap in found.json["role_gaps"] if gap["step"] == 2]
    script = run_script(own_server.database("trading"), printed(found.stderr))
    assert script.returncode == 0, script.stderr
    assert own_server.database("trading").rows(GAPS) == []
    database.rows("delete from public.simulation_runs")

"""What each role may and may not do, tried by login; and what a migrator that may not do everything does and says."""

import psycopg
import pytest

from tests.plugins.fingerprints import fingerprint

pytestmark = pytest.mark.xdist_group("own_server")

UPSERT = (
    "select public.upsert_stage1_dataset('aaaaaaaa-0000-4000-8000-00000000000{0}', 'x{0}', 'X', '1m', 's', 'o', 'i', 1, 1,"
    " null, null, null, null, '{{}}')"
)
TABLES = ("stage1_datasets", "indicator_datasets", "walkforward_runs", "simulation_runs")
VIEWS = ("dataset_catalog", "dataset_hierarchy", "run_catalog", "simulation_catalog")
LISTS = ("fn_list_datasets(1, 0)", "fn_list_runs(1, 0)", "fn_list_simulations(1, 0)")
READS = [f"select * from public.{name} limit 1" for name in (*TABLES, *VIEWS)] + [
    f"select * from public.{call}" for call in LISTS
]
WRITES = [
    UPSERT.format(1),
    "insert into public.indicator_datasets (dataset_id, questdb_tag) values (gen_random_uuid(), 'by role')",
    "insert into public.walkforward_runs (run_id) values (gen_random_uuid())",
    "insert into public.simulation_runs (simulation_id) values (gen_random_uuid())",
    "update public.stage1_datasets set source = source",
    "update public.walkforward_runs set status = status",
]
NEVER = [
    "delete from public.stage1_datasets",
    "delete from public.walkforward_runs",
    "truncate public.simulation_runs",
    "drop view public.dataset_catalog",
    "drop table public.stage1_datasets cascade",
    "alter table public.stage1_datasets add column evil integer",
    "create table public.evil ()",
    "create schema evil",
    "create function public.evil() returns int language sql return 1",
    "create role evil",
    "set role stage1_owner",
    "update stage1_internal.applied_migrations set sha256 = ''",
    "delete from stage1_internal.replaced_objects",
    "select stage1_internal.drop_object('public.dataset_catalog', '{}', 'x')",
    "select stage1_internal.record_migration('9999_x', '', '')",
    "select stage1_internal.insert_dataset_v1(gen_random_uuid(), 'x', null, null, null, '', 0, null, null, '{}')",
    "copy public.stage1_datasets to program 'cat'",
]
MAY = {
    "stage1_app": READS + WRITES,
    "stage1_replay": [f"select * from public.{name} limit 1" for name in TABLES] + WRITES,
    "stage1_ingest": ["select * from public.stage1_datasets limit 1", "create temp table t ()"],
    "stage1_readonly": [
        *READS,
        "select * from stage1_internal.role_gaps",
        "select * from stage1_internal.validation_summary()",
        "select * from stage1_internal.table_row_counts()",
    ],
}
MAY_NOT = {
    "stage1_app": NEVER,
    "stage1_replay": NEVER,
    "stage1_ingest": [*NEVER, *WRITES, "select * from public.walkforward_runs"],
    "stage1_readonly": [*NEVER, *WRITES],
}


@pytest.fixture
def migrated(own_server, run_cli):
    """A migrated database with the four logins."""
    database = own_server.new_database("trading")
    assert run_cli("migrate", database=database).exit_code == 0
    return database


@pytest.mark.parametrize("role", MAY)
def test_what_a_role_may_and_may_not(own_server, migrated, role):
    login = own_server.as_role(role, migrated)
    with login.connect() as connection:
        for statement in MAY[role]:
            connection.execute(statement.encode())
        for statement in MAY_NOT[role]:
            try:
                connection.execute(statement.encode())
            except psycopg.errors.InsufficientPrivilege:
                continue
            pytest.fail(f"{role} could: {statement}")


def test_the_owner_cannot_log_in(own_server, migrated):
    with pytest.raises(psycopg.OperationalError, match="not permitted to log in"):
        own_server.as_role("stage1_owner", migrated).connect()


def test_everything_belongs_to_the_owner_and_nothing_is_open_to_everybody(migrated):
    strange = migrated.rows(
        "select c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace"
        " where n.nspname in ('public', 'stage1_internal') and c.relkind in ('r', 'v', 'S')"
        " and c.relowner <> 'stage1_owner'::regrole"
        " union all select p.proname from pg_proc p join pg_namespace n on n.oid = p.pronamespace"
        " where n.nspname in ('public', 'stage1_internal')"
        " and (p.proowner <> 'stage1_owner'::regrole or p.proacl is null"
        " or exists (select 1 from aclexplode(p.proacl) a where a.grantee = 0))"
    )
    assert strange == []


def test_status_answers_the_one_who_reads_everything(own_server, migrated, run_cli):
    found = run_cli("status", database=own_server.as_role("stage1_readonly", migrated))
    assert found.exit_code == 0, found.stderr + found.stdout
    assert {line["area"] for line in found.json["lines"]} >= {"migrations", "objects", "roles", "checks"}


@pytest.mark.parametrize("role", ["stage1_app", "stage1_ingest", "stage1_replay"])
def test_status_refuses_the_others_with_a_sentence(own_server, migrated, run_cli, role):
    found = run_cli("status", database=own_server.as_role(role, migrated))
    assert found.exit_code == 4
    assert "may not do this" in found.stderr
    assert "Traceback" not in found.stderr


def test_an_existing_login_keeps_its_password_and_attributes(own_server, run_cli):
    admin = own_server.database()
    admin.rows("create role stage1_app login password 'kept-secret' connection limit 7 valid until '2099-01-01Z'")
    before = admin.rows("select * from pg_authid where rolname = 'stage1_app'")
    database = own_server.new_database("trading")
    found = run_cli("migrate", database=database)
    assert found.exit_code == 0, found.stderr
    assert admin.rows("select * from pg_authid where rolname = 'stage1_app'") == before
    with own_server.as_role("stage1_app", database, "kept-secret").connect() as connection:
        connection.execute(UPSERT.format(1).encode())


def test_an_old_deployments_login_goes_on_working(own_server, run_cli):
    from tests.plugins.databases import FIXTURES

    own_server.database().rows("create role stage1_app login")
    database = own_server.new_database("trading")
    database.load(FIXTURES / "old_deployment.sql")
    assert run_cli("migrate", "--without-backup", database=database).exit_code == 0
    with own_server.as_role("stage1_app", database).connect() as connection:
        for statement in MAY["stage1_app"]:
            connection.execute(statement.encode())


# --- migrators that may not do everything ------------------------------------------------------------------


def limited(own_server, attributes=""):
    own_server.database().rows(f"create role deployer login {attributes}")
    own = own_server.new_database("trading", owner="deployer")
    return own_server.as_role("deployer", own)


def test_a_migrator_that_may_not_create_roles_does_the_rest_and_says_what_is_missing(own_server, run_cli):
    database = limited(own_server)
    found = run_cli("migrate", database=database)
    assert found.exit_code == 0, found.stderr
    assert "create role stage1_owner nologin;" in found.stderr
    remedies = [gap["remedy"] for gap in found.json["role_gaps"]]
    assert "create role stage1_app login" in remedies
    again = run_cli("migrate", database=database)
    assert (again.exit_code, again.json["nothing_to_do"]) == (0, True)
    status = run_cli("status", database=database)
    assert status.exit_code == 0, status.stdout
    assert [line["state"] for line in status.json["lines"] if line["area"] == "roles"] == ["note"]


def test_a_migrator_that_may_create_roles_but_is_no_superuser(own_server, run_cli):
    database = limited(own_server, "createrole")
    found = run_cli("migrate", database=database)
    assert found.exit_code == 0, found.stderr
    again = run_cli("migrate", database=database)
    assert (again.exit_code, again.json["nothing_to_do"]) == (0, True), again.stderr
    status = run_cli("status", database=database)
    assert status.exit_code == 0, status.stdout
    assert found.json["role_gaps"] == [], found.stderr
    with own_server.as_role("stage1_app", database).connect() as connection:
        connection.execute(UPSERT.format(1).encode())


def test_a_superuser_finishes_what_a_limited_migrator_began(own_server, run_cli):
    database = limited(own_server)
    assert run_cli("migrate", database=database).exit_code == 0
    found = run_cli("migrate", database=own_server.database("trading"))
    assert found.exit_code == 0, found.stderr
    assert (found.json["nothing_to_do"], found.json["role_gaps"]) == (False, [])
    assert run_cli("status", database=own_server.database("trading")).exit_code == 0


def test_a_migrator_that_may_create_roles_can_migrate_the_next_version_too(own_server, run_cli, package):
    database = limited(own_server, "createrole")
    assert run_cli("migrate", database=database).exit_code == 0
    package.add_migration("add_column", "alter table public.walkforward_runs add column zz integer;\n")
    package.write(
        "views/zz_new.sql", "-- New.\ncreate or replace view public.zz_new as select r.zz from public.walkforward_runs as r;\n"
    )
    found = run_cli("migrate", "--without-backup", database=database, package=package.path)
    assert found.exit_code == 0, found.stderr
    assert run_cli("migrate", database=database, package=package.path).json["nothing_to_do"] is True


def test_a_role_that_owns_nothing_is_refused_with_a_sentence(own_server, run_cli):
    own_server.database().rows("create role stranger login")
    database = own_server.new_database("trading")
    before = fingerprint(database)
    found = run_cli("migrate", database=own_server.as_role("stranger", database))
    assert found.exit_code == 4, found.stderr
    assert "may not do this" in found.stderr
    assert "Traceback" not in found.stderr
    assert found.stdout == ""
    assert fingerprint(database) == before


def test_another_ones_tables_are_refused_with_a_sentence_and_nothing_changes(own_server, run_cli):
    from tests.plugins.databases import FIXTURES

    database = limited(own_server)
    admin = own_server.database("trading")
    admin.load(FIXTURES / "old_deployment.sql")
    before = fingerprint(admin, with_times=True)
    found = run_cli("migrate", "--without-backup", database=database)
    assert found.exit_code == 4, found.stderr
    assert "0001_adopt_stage1_3_tables" in found.stderr
    assert "Traceback" not in found.stderr
    assert fingerprint(admin, with_times=True) == before
    # Data that may not be read is data: without a backup of it nothing begins.
    backed_up = run_cli("migrate", database=database)
    assert backed_up.exit_code == 4
    assert "permission denied" in backed_up.stderr
    assert fingerprint(admin, with_times=True) == before


def test_adopted_tables_are_handed_to_the_owner_with_their_rows_and_foreign_grants(own_server, run_cli):
    from tests.plugins.databases import FIXTURES

    own_server.database().rows("create role grafana login")
    database = own_server.new_database("trading")
    database.load(FIXTURES / "old_deployment.sql")
    database.rows("grant select on public.walkforward_runs, public.dataset_hierarchy to grafana")
    assert run_cli("migrate", "--without-backup", database=database).exit_code == 0
    assert database.value("select tableowner from pg_tables where tablename = 'walkforward_runs'") == "stage1_owner"
    with own_server.as_role("grafana", database).connect() as connection:
        assert connection.execute("select count(*) as n from public.walkforward_runs").fetchone() == {"n": 8}
        connection.execute("select * from public.dataset_hierarchy")

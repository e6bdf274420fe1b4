"""A new version of sql/: what PostgreSQL cannot replace in place is dropped with its dependants and made again, for everyone."""

import pytest
from psycopg import sql

from tests.plugins.fingerprints import fingerprint

BASE = """-- A view to build on.
create or replace view public.zz_base (one, two) as select 1 as one, 'x'::text as two;

comment on view public.zz_base is 'A base.';
"""
UPPER = """-- A view on a view.
-- depends: zz_base
create or replace view public.zz_upper as select b.one + 1 as more from public.zz_base as b;

comment on view public.zz_upper is 'On the base.';
"""
FUNCTION = """-- A function on a view.
-- depends: zz_upper
create or replace function public.zz_total(p_times integer)
  returns bigint
  language sql
  stable
  set search_path = ''
begin atomic
  select sum(u.more) * p_times from public.zz_upper as u;
end;

comment on function public.zz_total(integer) is 'A total.';
"""


@pytest.fixture
def deployed(package, database, run_cli):
    """A package with three objects that stand on each other, deployed."""
    package.write("views/zz_base.sql", BASE)
    package.write("views/zz_upper.sql", UPPER)
    package.write("functions/catalog/zz_total.sql", FUNCTION)
    found = run_cli("migrate", "--without-backup", database=database, package=package.path)
    assert found.exit_code == 0, found.stderr
    return database


@pytest.fixture
def migrate(deployed, package, run_cli):
    """Migrates with the package as it is now; afterwards nothing is left to do."""

    def run():
        found = run_cli("migrate", "--without-backup", database=deployed, package=package.path)
        assert found.exit_code == 0, found.stderr
        assert run_cli("migrate", database=deployed, package=package.path).json["nothing_to_do"] is True
        assert run_cli("status", database=deployed, package=package.path).exit_code == 0
        return {row["object"]: row["was"] for row in found.json["objects"]}

    return run


def signatures(database, name):
    return [
        row["args"]
        for row in database.rows("select pg_get_function_arguments(oid) as args from pg_proc where proname = %s order by 1", name)
    ]


def test_a_parameter_added_with_a_default_leaves_one_function(deployed, package, migrate):
    package.replace("functions/catalog/zz_total.sql", "p_times integer)", "p_times integer, p_plus integer default 0)")
    package.replace("functions/catalog/zz_total.sql", "zz_total(integer) is", "zz_total(integer, integer) is")
    assert migrate() == {"public.zz_total": "changed"}
    assert signatures(deployed, "zz_total") == ["p_times integer, p_plus integer DEFAULT 0"]
    assert deployed.value("select public.zz_total(2)") == 4


def test_a_parameter_renamed(deployed, package, migrate):
    package.replace("functions/catalog/zz_total.sql", "p_times", "p_factor")
    migrate()
    assert signatures(deployed, "zz_total") == ["p_factor integer"]


def test_another_return_type(deployed, package, migrate):
    package.replace("functions/catalog/zz_total.sql", "returns bigint", "returns numeric")
    migrate()
    assert deployed.value("select pg_typeof(public.zz_total(1))::text") == "numeric"


def test_a_function_becomes_a_view(deployed, package, migrate):
    (package.sql / "functions/catalog/zz_total.sql").unlink()
    package.write("views/zz_total.sql", "-- Now a view.\ncreate or replace view public.zz_total as select 5 as five;\n")
    migrate()
    assert signatures(deployed, "zz_total") == []
    assert deployed.value("select five from public.zz_total") == 5


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("(one, two) as select 1 as one, 'x'::text as two", "(one) as select 1 as one"),
        ("1 as one", "1.5::numeric as one"),
        ("(one, two) as select 1 as one, 'x'::text as two", "(zero, one) as select 0 as zero, 1 as one"),
    ],
)
def test_columns_of_a_view_change_and_its_dependants_come_back(deployed, package, migrate, old, new):
    package.replace("views/zz_base.sql", old, new)
    assert migrate() == {"public.zz_base": "changed"}
    assert deployed.value("select public.zz_total(2)") in (4, 5)
    assert deployed.value("select obj_description('public.zz_upper'::regclass)") == "On the base."


def test_a_view_and_its_dependants_change_together(deployed, package, migrate):
    package.replace("views/zz_base.sql", "1 as one", "1::bigint as one")
    package.replace("views/zz_upper.sql", "b.one + 1 as more", "b.one + 1 as more, b.two as also")
    assert set(migrate()) == {"public.zz_base", "public.zz_upper"}


def test_an_object_that_is_no_longer_part_of_stage1_goes_and_is_kept(deployed, package, migrate):
    (package.sql / "functions/catalog/zz_total.sql").unlink()
    assert migrate() == {"public.zz_total": "obsolete"}
    assert signatures(deployed, "zz_total") == []
    kept = deployed.rows("select * from stage1_internal.replaced_objects where object_name = 'public.zz_total'")
    assert "u.more" in kept[0]["definition"]
    assert kept[0]["reason"] == "no longer part of stage1"


def test_a_foreign_view_on_top_is_named_and_nothing_changes(deployed, package, run_cli):
    deployed.rows("create schema desk; create view desk.mine as select more from public.zz_upper")
    package.replace("views/zz_base.sql", "1 as one", "1.5::numeric as one")
    before = fingerprint(deployed, with_times=True)
    found = run_cli("migrate", "--without-backup", database=deployed, package=package.path)
    assert found.exit_code == 3
    assert "[S1M08]" in found.stderr
    assert "view desk.mine" in found.stderr
    assert "zz_base" in found.stderr
    assert fingerprint(deployed, with_times=True) == before


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ("create table desk.t (x bigint default public.zz_total(1))", "default value for column x of table desk.t"),
        ("create function desk.f(public.zz_base) returns int language sql return 1", "function desk.f(zz_base)"),
        ("create materialized view desk.m as select * from public.zz_upper", "materialized view desk.m"),
    ],
)
def test_other_things_of_others_are_named_too(deployed, package, run_cli, change, named):
    deployed.rows(f"create schema desk; {change}")
    package.replace("views/zz_base.sql", "(one, two) as select 1 as one, 'x'::text as two", "(one) as select 1::bigint as one")
    before = fingerprint(deployed, with_times=True)
    found = run_cli("migrate", "--without-backup", database=deployed, package=package.path)
    assert found.exit_code == 3
    assert "[S1M08]" in found.stderr
    assert named.replace("zz_base", "") in found.stderr.replace("public.", "").replace("zz_base", "")
    assert fingerprint(deployed, with_times=True) == before


def test_a_table_that_has_the_name_of_a_view_is_never_dropped(database, package, run_cli):
    database.rows("create table public.zz_base (precious integer); insert into public.zz_base values (1)")
    package.write("views/zz_base.sql", BASE)
    found = run_cli("migrate", "--without-backup", database=database, package=package.path)
    assert found.exit_code == 3
    assert "[S1M08]" in found.stderr
    assert database.value("select precious from public.zz_base") == 1


def test_grants_of_others_survive_a_drop(deployed, package, migrate, server_url):
    role = f'grafana to "{deployed.name}"'
    name = sql.Identifier(role).as_string(None)
    deployed.rows(f"create role {name}")
    try:
        deployed.rows(
            f"grant select on public.zz_base to {name} with grant option; grant select (more) on public.zz_upper to {name};"
            f"grant execute on function public.zz_total(integer) to {name}"
        )
        package.replace("views/zz_base.sql", "1 as one", "1::bigint as one")
        migrate()
        may = deployed.rows(
            "select has_table_privilege(%s, 'public.zz_base', 'select with grant option') as a,"
            " has_column_privilege(%s, 'public.zz_upper', 'more', 'select') as b,"
            " has_table_privilege(%s, 'public.zz_upper', 'select') as c,"
            " has_function_privilege(%s, 'public.zz_total(integer)', 'execute') as d",
            *[role] * 4,
        )
        assert may == [{"a": True, "b": True, "c": False, "d": True}]
    finally:
        deployed.rows(f"drop owned by {name}; drop role {name}")


def test_grants_to_our_roles_survive_a_drop_without_the_roles_step(deployed, package, run_cli):
    deployed.rows("grant select on public.zz_upper to stage1_app")
    package.replace("views/zz_base.sql", "1 as one", "1::bigint as one")
    found = run_cli("migrate", "--without-backup", "--without-roles", database=deployed, package=package.path)
    assert found.exit_code == 0, found.stderr
    assert deployed.value("select has_table_privilege('stage1_app', 'public.zz_upper', 'select')") is True


def test_a_grantee_that_is_gone_is_passed_over(deployed, package, migrate):
    deployed.rows(
        "insert into stage1_internal.replaced_objects (object_name, object_identity, definition, owner_name, grants, reason)"
        " values ('public.zz_base', 'public.zz_base', '', 'x', '{\"SELECT to nobody_here\"}', 'a test')"
    )
    package.replace("views/zz_base.sql", "1 as one", "1::bigint as one")
    migrate()


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("create or replace view public.zz_bad as select nowhere.x from nowhere;", "42P01"),
        ("create or replace view public.zz_bad as selec 1;", "42601"),
        (
            "create or replace view public.zz_bad as select 1 / 0 as x where (select 1 / 0) = 1; select * from public.zz_bad;",
            "22012",
        ),
        (
            "create or replace function public.zz_bad(p_a integer) returns integer language plpgsql as $$\n"
            "declare p_a integer; begin return 1; end $$;",
            "42712",
        ),
    ],
)
def test_a_file_that_postgresql_refuses_is_named_and_nothing_of_the_deploy_stays(database, package, run_cli, text, code):
    package.write("views/zz_aaa.sql", "-- Good.\ncreate or replace view public.zz_aaa as select 1 as one;\n")
    package.write("views/zz_bad.sql", f"-- Bad.\n{text}\n")
    before = fingerprint(database, with_times=True)
    found = run_cli("migrate", "--without-backup", database=database, package=package.path)
    assert found.exit_code == 3, found.stderr
    assert "sql/views/zz_bad.sql" in found.stderr
    assert code in found.stderr
    assert "[S1M10]" in found.stderr
    assert fingerprint(database, with_times=True) == before

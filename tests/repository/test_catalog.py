"""Is the migrated database closed to strangers, and does every object stand in the role matrix?

Asked of the catalog, so that what a migration or a file of sql/ really left counts, not what it says.
"""

import re
from typing import Any

import psycopg
import pytest
from psycopg.rows import DictRow

from tests.repository.definers import DEFINERS
from tests.repository.sources import files

Rows = list[dict[str, Any]]
Db = psycopg.Connection[DictRow]

_OURS = "('public', 'stage1_internal')"
_FUNCTIONS = f"""
  select p.oid, n.nspname || '.' || p.proname as name, p.proname::text as bare_name, p.prosecdef, p.proconfig, l.lanname,
    p.prosqlbody is not null as is_parsed,
    p.prorettype = 'pg_catalog.trigger'::pg_catalog.regtype as is_trigger
  from pg_catalog.pg_proc as p
  join pg_catalog.pg_namespace as n on n.oid = p.pronamespace
  join pg_catalog.pg_language as l on l.oid = p.prolang
  where n.nspname in {_OURS}
    and not exists (select 1 from pg_catalog.pg_depend as d where d.objid = p.oid and d.deptype = 'e')
  order by name"""

# Functions of public that no client needs: none.
_NOT_IN_THE_MATRIX: dict[str, str] = {}

# Columns by which tables are sharded, once there are such tables: the table and its column.
_SHARDED_BY: dict[str, str] = {}


def _rows(db: Db, query: str) -> Rows:
    return db.execute(query.encode()).fetchall()


def test_every_function_pins_its_search_path(db: Db) -> None:
    """With the owner's rights runs what is a definer function and, in the trigger of a definer's statement, any trigger
    function: these find types in pg_catalog before those of whoever calls them."""
    bad = []
    for row in _rows(db, _FUNCTIONS):
        pinned = {setting for setting in row["proconfig"] or [] if setting.startswith("search_path=")}
        by_the_owner = row["prosecdef"] or row["is_trigger"]
        # Which of both, tests/repository/test_sql_files.py decides: it knows what a definer function calls.
        allowed = {"search_path=pg_catalog, pg_temp"} | (set() if by_the_owner else {'search_path=""'})
        # A body that was parsed when it was made looks nothing up. Pinned, content_hash_v1 takes 1.4 times as long for each row
        # that is written, and fn_dataset_examples cannot be put in place of its call, which is how it streams.
        if row["is_parsed"] and not row["prosecdef"] and not pinned:
            continue
        if not pinned or not pinned <= allowed:
            bad.append(f"{row['name']}: {pinned or 'none'}, {allowed} was expected")
    assert not bad, bad


def test_nothing_is_open_to_everybody(db: Db) -> None:
    found = _rows(
        db,
        f"""
        select 'function ' || n.nspname || '.' || p.proname as subject
        from pg_catalog.pg_proc as p join pg_catalog.pg_namespace as n on n.oid = p.pronamespace
        where n.nspname in {_OURS}
          and not exists (select 1 from pg_catalog.pg_depend as d where d.objid = p.oid and d.deptype = 'e')
          and (p.proacl is null or exists (select 1 from pg_catalog.aclexplode(p.proacl) as a where a.grantee = 0))
        union all
        select 'relation ' || n.nspname || '.' || c.relname
        from pg_catalog.pg_class as c join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
        where n.nspname in {_OURS} and exists (select 1 from pg_catalog.aclexplode(c.relacl) as a where a.grantee = 0)
        union all
        select 'column ' || n.nspname || '.' || c.relname || '.' || t.attname
        from pg_catalog.pg_attribute as t
        join pg_catalog.pg_class as c on c.oid = t.attrelid join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
        where n.nspname in {_OURS} and exists (select 1 from pg_catalog.aclexplode(t.attacl) as a where a.grantee = 0)
        union all
        select 'schema ' || n.nspname
        from pg_catalog.pg_namespace as n
        where n.nspname = 'stage1_internal' and exists (select 1 from pg_catalog.aclexplode(n.nspacl) as a where a.grantee = 0)
        """,
    )
    assert not found, f"open to PUBLIC: {[row['subject'] for row in found]}"


def test_definer_functions_are_listed_with_their_reason(db: Db) -> None:
    assert {row["name"] for row in _rows(db, _FUNCTIONS) if row["prosecdef"]} == set(DEFINERS)


def test_everything_belongs_to_the_owner(db: Db) -> None:
    found = _rows(
        db,
        f"""
        select n.nspname || '.' || c.relname as name
        from pg_catalog.pg_class as c join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
        where n.nspname in {_OURS} and c.relkind in ('r', 'p', 'v', 'm', 'S')
          and pg_catalog.pg_get_userbyid(c.relowner) <> 'stage1_owner'
        union all
        select n.nspname || '.' || p.proname
        from pg_catalog.pg_proc as p join pg_catalog.pg_namespace as n on n.oid = p.pronamespace
        where n.nspname in {_OURS} and pg_catalog.pg_get_userbyid(p.proowner) <> 'stage1_owner'
          and not exists (select 1 from pg_catalog.pg_depend as d where d.objid = p.oid and d.deptype = 'e')
        """,
    )
    assert not found, f"not of stage1_owner: {[row['name'] for row in found]}"


def test_every_object_of_public_stands_in_the_matrix(db: Db) -> None:
    matrix = {row["object_name"] for row in _rows(db, "select object_name from stage1_internal.role_matrix")}
    relations = _rows(
        db,
        "select 'public.' || c.relname as name from pg_catalog.pg_class as c "
        "where c.relnamespace = 'public'::pg_catalog.regnamespace and c.relkind in ('r', 'p', 'v', 'm')",
    )
    public = {row["name"] for row in [*relations, *_rows(db, _FUNCTIONS)] if row["name"].startswith("public.")}
    assert public - matrix == set(_NOT_IN_THE_MATRIX), "give it to a role in one of sql/views/role_matrix_of_*.sql"


def test_every_object_of_the_matrix_exists(db: Db) -> None:
    gone = _rows(
        db,
        """
        select distinct m.object_kind, m.object_name
        from stage1_internal.role_matrix as m
        where case m.object_kind
          when 'schema' then pg_catalog.to_regnamespace(m.object_name) is null
          when 'table' then pg_catalog.to_regclass(m.object_name) is null
          when 'function' then not exists (
            select 1 from pg_catalog.pg_proc as p join pg_catalog.pg_namespace as n on n.oid = p.pronamespace
            where n.nspname || '.' || p.proname = m.object_name)
          else true
        end
        """,
    )
    assert not gone, gone


def test_the_matrix_says_everything_once(db: Db) -> None:
    twice = _rows(
        db,
        "select role_name, privilege, object_kind, object_name from stage1_internal.role_matrix "
        "group by role_name, privilege, object_kind, object_name having count(*) > 1",
    )
    assert not twice, twice


def test_a_function_has_no_overload(db: Db) -> None:
    names = [row["name"] for row in _rows(db, _FUNCTIONS)]
    assert len(names) == len(set(names)), "the matrix and the ledger know functions by name"


def test_no_gap_is_left_after_a_migration_as_superuser(db: Db) -> None:
    assert not _rows(db, "select * from stage1_internal.role_gaps")


def test_every_object_of_ours_has_a_comment(db: Db) -> None:
    found = _rows(
        db,
        f"""
        select n.nspname || '.' || c.relname as name
        from pg_catalog.pg_class as c join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
        where n.nspname in {_OURS} and c.relkind in ('r', 'p', 'v', 'm')
          and c.relname not like '\\_yoyo\\_%' and c.relname <> 'yoyo_lock'
          and pg_catalog.obj_description(c.oid, 'pg_class') is null
        union all
        select f.name from ({_FUNCTIONS}) as f where pg_catalog.obj_description(f.oid, 'pg_proc') is null
        """,
    )
    assert not found, f"`comment on` is missing: {[row['name'] for row in found]}"


def test_keys_of_partitioned_and_sharded_tables_contain_the_sharding_column(db: Db) -> None:
    """A unique key without it could not be kept once rows of a table live in several places."""
    partitioned = _rows(
        db,
        f"""
        select n.nspname || '.' || c.relname as name, array_agg(a.attname::text) as columns
        from pg_catalog.pg_partitioned_table as p
        join pg_catalog.pg_class as c on c.oid = p.partrelid
        join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
        join pg_catalog.pg_attribute as a on a.attrelid = c.oid and a.attnum = any (p.partattrs::smallint[])
        where n.nspname in {_OURS}
        group by name
        """,
    )
    wanted = {row["name"]: set(row["columns"]) for row in partitioned} | {name: {column} for name, column in _SHARDED_BY.items()}
    if not wanted:
        pytest.skip("no table is partitioned or sharded yet")
    keys = _rows(
        db,
        """
        select i.indrelid::pg_catalog.regclass::text as name, i.indexrelid::pg_catalog.regclass::text as key,
          array(select a.attname::text from pg_catalog.pg_attribute as a
            where a.attrelid = i.indrelid and a.attnum = any (i.indkey::smallint[])) as columns
        from pg_catalog.pg_index as i where i.indisunique
        """,
    )
    bad = [f"{row['key']} of {row['name']}" for row in keys if not wanted.get(row["name"], set()) <= set(row["columns"])]
    assert not bad, f"a unique key lacks the sharding column: {bad}"


def test_plpgsql_check_finds_nothing(db: Db) -> None:
    if not _rows(db, "select 1 from pg_catalog.pg_available_extensions where name = 'plpgsql_check'"):
        pytest.skip("the server does not have plpgsql_check")
    db.execute("create schema checking")
    db.execute("create extension plpgsql_check schema checking")
    problems = []
    for row in _rows(db, _FUNCTIONS):
        if row["lanname"] != "plpgsql":
            continue
        tables = [0]
        if row["is_trigger"]:
            triggers = db.execute("select tgrelid from pg_catalog.pg_trigger where tgfoid = %s", [row["oid"]]).fetchall()
            tables = [trigger["tgrelid"] for trigger in triggers]
        for table in tables:
            found = db.execute(
                "select f.line from checking.plpgsql_check_function(%s::oid::regprocedure, %s::oid::regclass) as f (line)",
                [row["oid"], table],
            ).fetchall()
            problems += [f"{row['name']}: {line['line']}" for line in found if line["line"].startswith("error")]
    assert not problems, "\n".join(problems)


def test_every_plpgsql_function_is_executed_by_a_test(db: Db) -> None:
    """PostgreSQL looks into a body when it runs. A trigger's function runs with its table, so the table's name counts."""
    tests = "\n".join(
        path.read_text(encoding="utf-8") for path in files(".py", ".sql", below="tests") if path.parent.name != "repository"
    )
    triggers = _rows(
        db,
        "select p.oid, t.tgrelid::pg_catalog.regclass::text as name from pg_catalog.pg_trigger as t "
        "join pg_catalog.pg_proc as p on p.oid = t.tgfoid where not t.tgisinternal",
    )
    # What the migrations and the deploy call themselves is executed by every test that has a migrated database.
    called = "\n".join(
        re.sub(r"create (?:or replace )?function [\w.]+|comment on function [\w.]+|--.*", "", path.read_text(encoding="utf-8"))
        for path in [*files(".sql", below="migrations"), *files(".py", below="tooling")]
    )
    idle = []
    for row in _rows(db, _FUNCTIONS):
        if row["lanname"] != "plpgsql" or re.search(rf"\b{row['bare_name']}\b", tests):
            continue
        by_trigger = [found["name"].rpartition(".")[2] for found in triggers if found["oid"] == row["oid"]]
        if not any(re.search(rf"\b{name}\b", tests) for name in by_trigger) and not re.search(
            rf"\b{row['bare_name']}\b", called if row["name"].startswith("stage1_internal.") else ""
        ):
            idle.append(row["name"])
    assert not idle, f"no test names {idle}"


def test_every_function_of_the_catalog_is_reached_from_outside(db: Db) -> None:
    """What no role may execute and nothing calls is dead."""
    text = "\n".join(
        path.read_text(encoding="utf-8") for path in [*files(".sql", below="sql"), *files(".py", ".sql", below="tooling")]
    )
    text += "\n".join(path.read_text(encoding="utf-8") for path in files(".sql", below="migrations"))
    dead = [row["name"] for row in _rows(db, _FUNCTIONS) if len(re.findall(rf"\b{row['bare_name']}\b", text)) <= 2]
    assert not dead, f"nothing calls {dead}"


def test_the_catalog_lints_look_at_something(db: Db) -> None:
    assert len(_rows(db, _FUNCTIONS)) > 20

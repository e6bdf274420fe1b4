"""The fingerprint of a table: the same after a restore on any version, another one after any change."""

import pytest

from stage1 import settings as settings_module
from stage1.database import binaries
from stage1.database.embedded import EmbeddedServer
from stage1.errors import BinariesMissing
from stage1.operations import backup
from tests.integration.backups.dumped import contents, restore
from tests.plugins.databases import Database

# Everything whose text depends on settings, on the order of columns or on the version, and names that need quotes.
TABLES = r"""
create extension if not exists plpgsql;
create domain public.short as varchar(5);
create type public.mood as enum ('glad', 'sad');
create type public.pair as (a int, b text);
create table public.every_type (
  gone int, t text, v varchar(9), c char(4), s smallint, i int, b bigint, n numeric, f real, d double precision, z timestamptz,
  p timestamp, day date, span interval, u uuid, j json, jb jsonb, raw bytea, yes boolean, a text[], m public.mood, o public.pair,
  short public.short, price money, r numrange, ip inet, cls regclass, made int generated always as (i * 2) stored
);
alter table public.every_type drop column gone;
insert into public.every_type
  (t, v, c, s, i, b, n, f, d, z, p, day, span, u, j, jb, raw, yes, a, m, o, short, price, r, ip, cls)
values
  ('ü', 'v', 'c ', 1, -2, 3, 'NaN', '-0', 0.1, 'infinity', '-infinity', '2020-02-29', '1 mon -2 days', null, '{"a": 1}',
   '{"a": 1.50}', '\x00ff', true, array['a', null], 'sad', row(1, 'x'), 'abc', 12.34, '[1,2)', '10.0.0.1/8', 'pg_class');
insert into public.every_type (t) values (null), (''), ('null');
insert into public.every_type (n, d, z, p) values (1.10, 'NaN', '0001-01-01 BC', '294276-12-31 23:59:59.999999'),
  (1e500, '-infinity', '-infinity', null);
create table public.nothing ();
create table public.rows_without_columns (gone int);
insert into public.rows_without_columns select generate_series(1, 3);
alter table public.rows_without_columns drop column gone;
create schema "Odd ""Schema"; create table "Odd ""Schema"."T'%s {x}" ("a %d ""b"" {y}" text);
insert into "Odd ""Schema"."T'%s {x}" values ('%s');
create table public.parted (k int, v text) partition by list (k);
create table public.parted_1 partition of public.parted for values in (1);
insert into public.parted values (1, 'a');
create table public.parent (k int); create table public.child (v text) inherits (public.parent);
insert into public.child values (1, 'b');
alter table public.parent add column j int; update public.child set j = 7;
create unlogged table public.fleeting (x int);
do $$ begin execute 'create table public.wide (' ||
  (select string_agg(format('c%s %s', n, case n % 3 when 0 then 'int' when 1 then 'text' else 'numeric' end), ', ')
   from generate_series(1, 1000) as n) || ')'; end $$;
insert into public.wide (c3, c1, c1000) values (1, 'x', 'y');
"""


def test_it_is_the_same_after_a_restore_whatever_the_settings(empty_database, new_database, tmp_path):
    empty_database.rows(TABLES)
    settings = settings_module.load({"STAGE1_BACKUP_DIR": str(tmp_path / "backups")})
    made = backup.create(empty_database.target, settings, lambda _: None)
    restored = new_database()
    for setting in (
        "timezone = 'Asia/Kolkata'",
        "datestyle = 'German'",
        "intervalstyle = 'iso_8601'",
        "extra_float_digits = -5",
        "bytea_output = 'escape'",
        "search_path = 'pg_temp'",
    ):
        restored.rows(f"alter database {restored.name} set {setting}")
    restore(made.path, restored)
    assert contents(restored) == made.manifest.tables
    rows = {table.name: table.rows for table in made.manifest.tables}
    assert rows == {
        "public.every_type": 6,
        "public.nothing": 0,
        "public.rows_without_columns": 3,
        '"Odd ""Schema"."T\'%s {x}"': 1,
        "public.parted_1": 1,
        "public.parent": 0,
        "public.child": 1,
        "public.wide": 1,
    }


@pytest.mark.parametrize(
    "change",
    [
        "update every_type set t = 'u' where t = 'ü'",
        "update every_type set t = null where t = ''",
        "update every_type set v = t, t = v where t = 'null'",
        "update every_type set s = i, i = s where s = 1",
        "update every_type set z = z + interval '1 microsecond' where n = 1.1",
        "update every_type set f = '0' where f is not null",
        "update every_type set jb = '{\"a\": 2}' where jb is not null",
        "update every_type set made = default, i = 7 where i = -2",
        "delete from every_type where t is null and n is null",
        "insert into every_type (t) values (null)",
    ],
)
def test_any_change_is_seen(empty_database, change):
    empty_database.rows(TABLES)
    before = {table.name: table for table in contents(empty_database)}
    empty_database.rows(change)
    after = {table.name: table for table in contents(empty_database)}
    assert [name for name in before if before[name] != after[name]] == ["public.every_type"]


def test_it_is_the_same_where_the_rows_lie_otherwise(empty_database):
    empty_database.rows(
        "create table public.t (x int, y text); insert into public.t select n, 'a' from generate_series(1, 100) as n"
    )
    before = contents(empty_database)
    empty_database.rows(
        "create table public.u as select * from public.t order by x desc; drop table public.t; alter table public.u rename to t"
    )
    assert contents(empty_database) == before


@pytest.mark.long
def test_it_is_the_same_on_another_version(tmp_path):
    found = []
    for major in (15, 18):
        try:
            found.append(binaries.find(settings_module.load({}), major, (*binaries.SERVER_PROGRAMS, "pg_dump", "pg_restore")))
        except BinariesMissing:
            pytest.skip(f"PostgreSQL {major} is not here")
    databases = []
    servers = []
    try:
        for programs in found:
            project = tmp_path / str(programs.major)
            project.mkdir()
            settings = settings_module.load({"PG_BINDIR": str(programs.directory)}, project)
            server = EmbeddedServer(project, settings, throwaway=True)
            servers.append(server)
            server.start()
            databases.append(
                Database(" ".join(f"{key}={value}" for key, value in server.conninfo("postgres").items()), "postgres")
            )
        old, new = databases
        old.rows(TABLES)
        settings = settings_module.load({"STAGE1_BACKUP_DIR": str(tmp_path / "backups")})
        made = backup.create(old.target, settings, lambda _: None)
        restore(made.path, new, "--no-owner")
        assert contents(new) == made.manifest.tables
    finally:
        for server in servers:
            server.destroy()

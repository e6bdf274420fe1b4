"""A verification finds every damage, and calls nothing damage that is not; it leaves no database behind."""

import dataclasses
import json
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest
from psycopg import conninfo

from stage1 import settings as settings_module
from stage1.database import backup_folder, binaries, scratch_databases
from stage1.database.backup_folder import DUMP, MANIFEST, ROLES
from stage1.database.backup_manifest import Extension
from tests.integration.backup_proof.conftest import UPSERT, Copy, take, verified
from tests.plugins.databases import Database, a_database

# They look at all scratch databases of the server: one worker runs them.
pytestmark = pytest.mark.xdist_group("scratch_databases")


def test_a_good_backup_is_proven_and_that_is_known_everywhere(database, run_cli, scratches, tmp_path):
    database.rows(UPSERT.format(1))
    made = run_cli("backup", "create", database=database)
    before = scratches()
    found = run_cli("backup", "verify", "--newest", database=database)
    assert found.exit_code == 0, found.stderr
    assert [(row["name"], row["ok"], row["problem"]) for row in found.json] == [(made.json["name"], True, "")]
    assert found.json[0]["rows"] == made.json["rows"] > 0
    assert set(scratches()) <= set(before)
    kept = tmp_path / "backups" / made.json["name"] / backup_folder.VERIFIED
    assert json.loads(kept.read_text())["ok"] is True
    assert kept.stat().st_mode & 0o077 == 0
    [row] = database.rows("select name, verified_at, problem from stage1_internal.backup_records")
    assert (row["name"], row["problem"]) == (made.json["name"], None)
    assert row["verified_at"]
    again = run_cli("backup", "verify", made.json["name"], database=database)
    assert again.exit_code == 0, again.stderr


def _truncated(copy, other):
    raw = (copy.path / DUMP).read_bytes()
    (copy.path / DUMP).write_bytes(raw[: len(raw) // 2])


def _flipped(copy, other):
    raw = bytearray((copy.path / DUMP).read_bytes())
    raw[len(raw) // 2] ^= 4
    (copy.path / DUMP).write_bytes(raw)


def _dump_missing(copy, other):
    (copy.path / DUMP).unlink()


def _roles_missing(copy, other):
    (copy.path / ROLES).unlink()


def _stranger(copy, other):
    (copy.path / "notes.txt").write_text("x")


def _manifest_missing(copy, other):
    (copy.path / MANIFEST).unlink()


def _manifest_flipped(copy, other):
    raw = bytearray((copy.path / MANIFEST).read_bytes())
    raw[raw.index(b'"rows"') + 1] ^= 1
    (copy.path / MANIFEST).write_bytes(raw)


def _count_altered(copy, other):
    tables = [
        dataclasses.replace(table, rows=table.rows + 1) if table.name == "public.stage1_datasets" else table
        for table in copy.manifest.tables
    ]
    copy.reseal(tables=tuple(tables))


def _head_altered(copy, other):
    copy.reseal(migration_head="0001")


def _table_left_out(copy, other):
    copy.reseal(tables=tuple(table for table in copy.manifest.tables if table.name != "public.stage1_datasets"))


def _extension_altered(copy, other):
    copy.reseal(extensions=(*copy.manifest.extensions, Extension("hstore", "1.8")))


def _migration_altered(copy, other):
    first, *others = copy.manifest.migrations
    copy.reseal(migrations=(dataclasses.replace(first, sha256="0" * 64), *others))


def _of_another_database(copy, other):
    copy.put(DUMP, (other.path / DUMP).read_bytes())


def _one_row_differs(copy, other):
    raw = copy.dump()
    assert raw.count(b"slug-number-2") >= 1
    copy.put_dump(raw.replace(b"slug-number-2", b"slug-number-7"))


def _frame_cut(copy, other):
    # The last bytes are the frame's own checksum: all of the dump is there.
    copy.put(DUMP, (copy.path / DUMP).read_bytes()[:-3])


def _two_frames(copy, other):
    copy.put(DUMP, (copy.path / DUMP).read_bytes() * 2)


def _dump_cut(copy, other):
    raw = copy.dump()
    copy.put_dump(raw[: raw.index(b"slug-number-1")])


def _content_flipped(copy, other):
    raw = bytearray(copy.dump())
    raw[raw.index(b"slug-number-3")] ^= 1
    copy.put_dump(bytes(raw))


def _empty_file(copy, other):
    copy.put(DUMP, b"")


def _empty_dump(copy, other):
    copy.put_dump(b"")


def _no_dump(copy, other):
    copy.put_dump(b"this is no dump" * 1000)


DAMAGES = {
    _truncated: "database.dump.zst has .* bytes, not",
    _flipped: "its sha256 differs",
    _dump_missing: "database.dump.zst is missing",
    _roles_missing: "roles.sql is missing",
    _stranger: "notes.txt does not belong to it",
    _manifest_missing: "it has no manifest",
    _manifest_flipped: "not as it was written",
    _count_altered: "table public.stage1_datasets has 3 rows, not 4",
    _head_altered: "the newest migration is 00",
    _table_left_out: "table public.stage1_datasets does not belong to it",
    _extension_altered: "extension hstore is missing",
    _migration_altered: "migration 0001_.* is missing, or another",
    _of_another_database: "table public.data_ingest_runs is missing",
    _one_row_differs: "table public.stage1_datasets has 3 rows as it should, but others",
    _frame_cut: "ends before its end",
    _two_frames: "more than one frame",
    _dump_cut: "pg_restore ended",
    _content_flipped: "table public.stage1_datasets has 3 rows as it should, but others",
    _empty_file: "ends before its end",
    _empty_dump: "pg_restore ended",
    _no_dump: "pg_restore ended",
}
# What the list of contents is read of lies at the front of a dump: it proves nothing about the rest.
UNSEEN_BY_A_LIST = (_one_row_differs, _dump_cut, _content_flipped, _of_another_database)


@pytest.fixture(scope="module")
def other(server_url, tmp_path_factory):
    """The backup of a database that has other tables."""
    folder = tmp_path_factory.mktemp("other")
    with a_database(server_url, "template0") as database:
        database.rows("create table public.elsewhere as select 1 as x")
        yield Copy(take(database, folder), folder)


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__.strip("_"))
def test_every_damage_is_found_and_kept(damage, copy, other, source, scratches):
    damage(copy, other)
    before = scratches()
    found, _ = verified(copy, source)
    assert not found.ok
    assert re.search(DAMAGES[damage], found.problem), found.problem
    assert copy.backup.verification == found
    assert not copy.backup.is_verified
    assert set(scratches()) <= set(before)


@pytest.mark.parametrize("damage", UNSEEN_BY_A_LIST, ids=lambda damage: damage.__name__.strip("_"))
def test_a_list_of_contents_finds_nothing_of_it(damage, copy, other, source):
    damage(copy, other)
    major = int(source.value("show server_version_num")) // 10000
    pg_restore = binaries.find(settings_module.load({}), major, ("pg_restore",)).path("pg_restore")
    listed = subprocess.run([str(pg_restore), "--list"], input=copy.dump(), capture_output=True, check=False)
    assert listed.returncode == 0


def test_damage_is_an_exit_code_and_a_sentence_and_the_good_ones_are_verified_all_the_same(copy, source, run_cli):
    second = take(source, copy.folder)
    _flipped(copy, None)
    found = run_cli("backup", "verify", copy.name, second, database=source, env=copy.env)
    assert found.exit_code == 1
    assert [row["ok"] for row in found.json] == [False, True]
    assert "1 of 2 backups are damaged" in found.stderr
    assert "[S1B01]" in found.stderr
    assert "sha256" in found.stderr


@pytest.mark.parametrize(
    ("arguments", "code"), [([], 2), (["--newest", "x"], 2), (["x-20260101T000000Z-0001"], 1), (["../x"], 2), (["--newest"], 1)]
)
def test_what_cannot_be_meant_is_said(database, run_cli, arguments, code):
    found = run_cli("backup", "verify", *arguments, database=database)
    assert found.exit_code == code, found.stderr
    assert "Traceback" not in found.stderr
    assert found.stdout == ""


def test_findings_about_the_data_are_reported_and_are_no_damage(database, tmp_path):
    database.rows(UPSERT.format(1).replace("'o', 'i', 1, 1", "'', '', 0, 0"))
    assert database.value("select count(*) from public.datasets_without_measurements") == 1
    copy = Copy(take(database, tmp_path / "made"), tmp_path / "made")
    found, _ = verified(copy, database)
    assert found.ok, found.problem
    assert any("datasets_without_measurements" in finding for finding in found.findings)
    assert copy.backup.verification == found


def test_a_check_that_cannot_run_is_damage(database, tmp_path):
    database.rows(
        "create or replace view public.failed_ingests as select 'failed_ingests'::text as check_name, 'error'::text as severity,"
        " (1 / (select count(*) from public.stage1_datasets))::text as subject, ''::text as detail"
    )
    copy = Copy(take(database, tmp_path / "made"), tmp_path / "made")
    found, _ = verified(copy, database)
    assert not found.ok
    assert "the check failed_ingests could not run" in found.problem


def test_two_verifications_at_once(copy, source, run_cli, scratches):
    before = scratches()
    with ThreadPoolExecutor() as pool:
        found = list(pool.map(lambda _: run_cli("backup", "verify", copy.name, database=source, env=copy.env), range(2)))
    assert [one.exit_code for one in found] == [0, 0], [one.stderr for one in found]
    assert copy.backup.is_verified
    assert set(scratches()) <= set(before)


@pytest.mark.parametrize("name", scratch_databases.MAINTENANCE)
def test_dead_scratch_databases_go_living_ones_and_others_stay(name, copy, source, server_url):
    server = Database(server_url, "postgres")
    maintenance = Database(conninfo.make_conninfo(server_url, dbname=name), name)
    dead, living, like_it = "stage1_scratch_00000000dead", "stage1_scratch_0000000a11fe", "stage1_scratch_mine"
    try:
        for name in (dead, living, like_it):
            server.rows(f"create database {name} template template0")
        with scratch_databases.lock(maintenance.target, copy.settings, living) as held:
            assert held
            _, said = verified(copy, source)
            left = {row["datname"] for row in server.rows("select datname from pg_database")}
            assert dead not in left
            assert {living, like_it} <= left
            assert any(dead in line for line in said)
    finally:
        for name in (dead, living, like_it):
            server.rows(f"drop database if exists {name}")

"""`backup list` and `backup prune` say what there is, and touch nothing else; they need no server."""

import fcntl
import os
from datetime import timedelta

import pytest

from stage1 import clock
from stage1.database.backup_folder import DUMP, VERIFIED
from tests.integration.backups.dumped import entries
from tests.unit.backups.made_backups import make


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "backups"


def old(folder, hours, database="d", verified=True, system_identifier=None):
    return make(folder, clock.now().replace(microsecond=0) - timedelta(hours=hours), database, verified, system_identifier)


def test_the_list_says_what_is_known_of_each(folder, run_cli):
    old(folder, 1, verified=None)
    old(folder, 2, verified=False)
    old(folder, 3, verified=True)
    (old(folder, 4) / "manifest.json").unlink()
    rows = run_cli("backup", "list").json
    assert [row["verified"] for row in rows][:2] == ["no", "a row is missing"]
    assert rows[2]["verified"].startswith("20")
    assert rows[3]["verified"] == "it has no manifest"
    assert [row["age"] for row in rows] == ["1h", "2h", "3h", "4h"]
    assert [row["rows"] for row in rows] == [3, 3, 3, None]


@pytest.mark.parametrize(
    ("age", "of", "code", "said"),
    [
        ("6h", "good", 0, ""),
        ("4h", "good", 1, "of good is younger than 4h: the newest is good-"),
        ("6h", "unproven", 1, "of unproven is younger than 6h: the newest is none"),
        ("6h", "bad", 1, "of bad"),
        ("6h", "missing", 1, "of missing"),
        ("6h", "", 1, "of bad"),
        ("6y", "good", 2, "not an age like"),
    ],
)
def test_the_age_of_the_newest_verified_backup_decides(folder, run_cli, age, of, code, said):
    old(folder, 5, "good")
    old(folder, 1, "unproven", None)
    old(folder, 1, "bad", False)
    found = run_cli("backup", "list", "--max-age", age, *(["--of", of] if of else []))
    assert found.exit_code == code, found.stderr
    assert said in found.stderr


def test_no_backup_at_all_is_too_old(run_cli):
    found = run_cli("backup", "list", "--max-age", "1d")
    assert (found.exit_code, found.json) == (1, [])
    assert "No verified backup is younger than 1d" in found.stderr


@pytest.mark.parametrize("arguments", [[], ["--dry-run"], ["--keep-last", "0"]])
def test_a_rule_is_needed(folder, run_cli, arguments):
    old(folder, 1)
    found = run_cli("backup", "prune", *arguments)
    assert found.exit_code == 2
    assert len(entries(folder)) == 1


def test_only_old_backups_are_removed(folder, run_cli):
    for database in ("a", "b"):
        for hours in (1, 30, 60, 90):
            old(folder, hours, database)
    (old(folder, 40, "a") / "manifest.json").write_text("{}")
    foreign = ["x-20230101T000000Z-0001.dump", "x-20230101T000000Z-0001.dump.sha256", "notes.txt", "other"]
    for name in foreign[:3]:
        (folder / name).write_text("x")
    (folder / foreign[3]).mkdir()
    (folder / ".removed-other").mkdir()
    abandoned = folder / ".removed-a-20230101T000000Z-0001"
    abandoned.mkdir()
    before = entries(folder)
    dry = run_cli("backup", "prune", "--keep-last", "2", "--dry-run", "--of", "a")
    assert [row["removed"] for row in dry.json] == [False, False, False, True, True]
    assert "not touched" in dry.json[2]["why"]
    assert entries(folder) == before
    found = run_cli("backup", "prune", "--keep-last", "2", "--of", "a")
    assert found.exit_code == 0, found.stderr
    assert found.json == dry.json
    gone = {row["name"] for row in dry.json if row["removed"]} | {abandoned.name}
    assert entries(folder) == [name for name in before if name not in gone]
    found = run_cli("backup", "prune", "--keep-last", "1")
    assert sum(row["removed"] for row in found.json) == 1 + 3
    assert set(foreign) < set(entries(folder))


@pytest.mark.parametrize("verified", [None, False])
def test_of_a_database_whose_newest_is_not_known_to_be_good_nothing_is_removed(folder, run_cli, verified):
    newest = old(folder, 1, "b", verified)
    if verified is False:
        text = (newest / VERIFIED).read_text().replace("a row is missing", "A row is missing. Others too.")
        (newest / VERIFIED).write_text(text)
    kept = [newest, old(folder, 30, "a"), old(folder, 30, "b"), old(folder, 60, "b")]
    gone = old(folder, 60, "a")
    found = run_cli("backup", "prune", "--keep-last", "1")
    assert found.exit_code == 3, found.stderr
    assert newest.name in found.stderr
    assert ("stage1 backup verify" if verified is None else "stage1 backup create") in found.stderr
    assert ".." not in found.stderr
    assert [row["name"] for row in found.json if row["removed"]] == [gone.name]
    assert entries(folder) == sorted(path.name for path in kept)


def test_every_database_that_is_left_alone_is_named(folder, run_cli):
    for database in ("a", "b"):
        old(folder, 1, database, None)
    found = run_cli("backup", "prune", "--keep-last", "1")
    assert found.exit_code == 3, found.stderr
    assert all(f"Nothing of {database} is removed" in found.stderr for database in ("a", "b"))


@pytest.mark.parametrize("dry", [[], ["--dry-run"]])
@pytest.mark.parametrize(("content", "said"), [(b"dumb", "sha256 differs"), (b"", "has 0 bytes, not 4")])
def test_nothing_is_removed_when_the_newest_is_not_any_more_what_was_verified(folder, run_cli, content, said, dry):
    (old(folder, 1) / DUMP).write_bytes(content)
    for hours in (30, 60):
        old(folder, hours)
    before = entries(folder)
    found = run_cli("backup", "prune", "--keep-last", "1", *dry)
    assert found.exit_code == 3, found.stderr
    assert said in found.stderr
    assert [row["removed"] for row in found.json] == [False] * 3
    assert entries(folder) == before


def test_databases_of_one_name_on_two_servers_are_two(folder, run_cli):
    kept = [old(folder, 1, system_identifier="1"), old(folder, 30, system_identifier="2"), old(folder, 40)]
    gone = [old(folder, hours, system_identifier=cluster) for hours, cluster in ((50, "1"), (60, "2"), (70, None))]
    found = run_cli("backup", "prune", "--keep-last", "1")
    assert found.exit_code == 0, found.stderr
    assert {row["name"] for row in found.json if row["removed"]} == {path.name for path in gone}
    assert entries(folder) == sorted(path.name for path in kept)


def test_what_is_dated_in_the_future_is_neither_good_nor_newest(folder, run_cli):
    ahead, newest, gone = [old(folder, hours) for hours in (-1, 1, 2)]
    rows = run_cli("backup", "list").json
    assert [row["name"] for row in rows] == [newest.name, gone.name, ahead.name]
    assert rows[-1]["verified"] == "it is dated in the future"
    assert run_cli("backup", "list", "--max-age", "30m").exit_code == 1
    found = run_cli("backup", "prune", "--keep-last", "1")
    assert found.exit_code == 0, found.stderr
    assert entries(folder) == sorted([ahead.name, newest.name])


def test_what_another_run_works_with_stays(folder, run_cli):
    old(folder, 1)
    used = old(folder, 30)
    part = folder / "d-20230101T000000Z-0001.part"
    part.mkdir()
    descriptor = os.open(used, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        found = run_cli("backup", "prune", "--keep-last", "1")
    finally:
        os.close(descriptor)
    assert [row["removed"] for row in found.json] == [False, False]
    assert found.json[1]["why"] == "in use by another run"
    assert used.name in entries(folder)
    assert part.is_dir()


def test_status_passes_over_the_backups_of_another_server(database, folder, run_cli):
    mine = database.value("select system_identifier::text from pg_control_system()")
    old(folder, 1, database.name, None, system_identifier="1")
    own = old(folder, 5, database.name, True, system_identifier=mine)
    (line,) = [line for line in run_cli("status", database=database).json["lines"] if line["area"] == "backup"]
    assert (line["state"], line["detail"].split(",")[0]) == ("ok", own.name)


@pytest.mark.parametrize(
    ("histories", "state", "said"),
    [
        ([], "note", "none in"),
        ([(1, None)], "note", "is not verified; none is verified"),
        ([(1, True)], "ok", "verified, 1.0 h old"),
        ([(1, None), (30, True)], "note", "30.0 h old"),
        ([(1, False), (30, True)], "not well", "a row is missing; d-"),
    ],
)
def test_status_tells_of_the_newest_verified_backup(database, folder, run_cli, histories, state, said):
    for hours, verified in histories:
        old(folder, hours, database.name, verified)
    old(folder, 1, "another", True)
    (line,) = [line for line in run_cli("status", database=database).json["lines"] if line["area"] == "backup"]
    assert line["state"] == state
    assert said.replace("d-", f"{database.name}-") in line["detail"]

"""A backup that cannot be taken leaves nothing, changes nothing and says why."""

import json
import os
import subprocess
import time
from pathlib import Path

import pytest

from stage1 import settings as settings_module
from stage1.database import fingerprints, waiting_dumps
from stage1.errors import LockHeld
from stage1.operations import backup
from tests.integration.backups.dumped import entries
from tests.plugins.fingerprints import fingerprint

FAILURES = {
    "ends with an error": ('echo half; echo "pg_dump: error: it broke" >&2; exit 1', "it broke", "exit code 1"),
    "is killed while it writes": ("head -c 3000000 /dev/urandom; kill -9 $$", "nothing was kept", "exit code -9"),
    "has no space": ('echo half; echo "No space left on device" >&2; exit 1', "nothing was kept", "No space"),
    "always waits behind another": ("echo 'Query was: LOCK TABLE t' >&2; exit 1", "it begins anew", "exit code 1"),
    "always deadlocks": ("echo 'ERROR:  deadlock detected' >&2; exit 1", "it begins anew", "exit code 1"),
    "says odd bytes": ("printf '\\377\\376' >&2; exit 1", "nothing was kept", "exit code 1"),
    "says more than a pipe holds": ("yes it broke | head -c 300000 >&2; exit 1", "it broke", "exit code 1"),
    "shows a password": ("echo 'connection to postgresql://u:hunter22@h/db failed' >&2; exit 1", "u:***@h", "exit code 1"),
}


@pytest.mark.parametrize("failure", FAILURES)
def test_a_pg_dump_that_fails(old_deployment, run_cli, tmp_path, wrapped_programs, failure):
    script, message, reason = FAILURES[failure]
    wrapped_programs.replace("pg_dump", script)
    before = fingerprint(old_deployment, with_times=True)
    for command in (["backup", "create"], ["migrate"]):
        found = run_cli(*command, database=old_deployment, env=wrapped_programs.env)
        assert found.exit_code == 4, found.stderr
        assert reason in found.stderr
        assert message in found.stderr
        assert "hunter22" not in found.said
        assert "Traceback" not in found.stderr
        assert found.stdout == ""
    assert entries(tmp_path / "backups") == []
    assert fingerprint(old_deployment, with_times=True) == before


def test_a_backup_that_stands_behind_a_change_that_waits_for_it_begins_anew(database, run_cli, tmp_path, wrapped_programs):
    real = f'[ -e {tmp_path}/once ] && exec "$real" "$@"'
    wrapped_programs.replace("pg_dump", f"{real}\ntouch {tmp_path}/once; echo 'detail: Query was: LOCK TABLE t' >&2; exit 1")
    found = run_cli("backup", "create", database=database, env=wrapped_programs.env)
    assert found.exit_code == 0, found.stderr
    assert found.stderr.count("it begins anew") == 1
    assert entries(tmp_path / "backups") == [found.json["name"]]


@pytest.mark.parametrize("how", ["fails", "is missing", "cannot be started"])
def test_a_backup_without_roles_is_one_and_says_so(database, run_cli, wrapped_programs, how):
    if how == "fails":
        wrapped_programs.replace("pg_dumpall", 'echo "pg_dumpall: error: permission denied, password=hunter22" >&2; exit 1')
    elif how == "is missing":
        (wrapped_programs.folder / "pg_dumpall").unlink()
    else:
        (wrapped_programs.folder / "pg_dumpall").write_text("#!/nowhere/sh")
    found = run_cli("backup", "create", database=database, env=wrapped_programs.env)
    assert found.exit_code == 0, found.stderr
    reason = {"fails": "permission denied", "is missing": "there is no pg_dumpall"}.get(how, "pg_dumpall cannot be started")
    assert reason in found.stderr
    path = Path(found.json["path"])
    assert entries(path) == ["database.dump.zst", "manifest.json"]
    assert reason in (path / "manifest.json").read_text()
    assert "hunter22" not in found.said + (path / "manifest.json").read_text()


def test_a_program_that_cannot_be_started_is_not_the_folder_s_fault(database, run_cli, tmp_path, wrapped_programs):
    (wrapped_programs.folder / "pg_dump").write_text("#!/nowhere/sh")
    found = run_cli("backup", "create", database=database, env=wrapped_programs.env)
    assert found.exit_code == 4, found.stderr
    assert "pg_dump cannot be started: No such file" in found.stderr
    assert "STAGE1_BACKUP_DIR" not in found.stderr
    assert entries(tmp_path / "backups") == []


def test_the_programs_keep_the_options_of_the_environment_and_notice_that_they_are_dead(
    database, run_cli, tmp_path, wrapped_programs
):
    wrapped_programs.replace("pg_dump", f'echo "$PGOPTIONS" > {tmp_path}/options; exec "$real" "$@"')
    given = {"PGOPTIONS": "-c work_mem=5MB", **wrapped_programs.env}
    found = run_cli("backup", "create", database=database, env=given)
    assert found.exit_code == 0, found.stderr
    assert (tmp_path / "options").read_text().strip() == "-c work_mem=5MB -c client_connection_check_interval=2s"


@pytest.mark.parametrize("ends", [False, True], ids=["stays", "ends in time"])
def test_a_backup_does_not_wait_for_ever_behind_another_session(empty_database, tmp_path, monkeypatch, ends):
    monkeypatch.setattr(waiting_dumps, "SILENT_SECONDS", 0.1)
    monkeypatch.setattr(waiting_dumps, "BLOCKED_SECONDS", 30 if ends else 0.5)
    settings = settings_module.load({"STAGE1_BACKUP_DIR": str(tmp_path / "backups")})
    empty_database.rows("create table public.t as select 1 as x; create view public.v as select x from public.t")
    seen = []

    def blockers(patience):
        seen.append(asked(patience))
        if seen[-1] and ends:
            other.rollback()
        return seen[-1]

    asked = waiting_dumps.Patience._blockers
    monkeypatch.setattr(waiting_dumps.Patience, "_blockers", blockers)
    with empty_database.connect() as other:
        other.autocommit = False
        other.execute("create or replace view public.v as select x from public.t where x > 0")
        pid = other.info.backend_pid
        if ends:
            assert backup.create(empty_database.target, settings, lambda _: None).problem == ""
        else:
            with pytest.raises(LockHeld, match=f"behind another session, pid {pid};"):
                backup.create(empty_database.target, settings, lambda _: None)
            assert entries(tmp_path / "backups") == []
        other.rollback()
    assert [pid] in seen


@pytest.mark.parametrize("ends", [False, True], ids=["stays", "ends in time"])
def test_a_table_that_is_locked_is_not_queued_for_long(empty_database, tmp_path, monkeypatch, ends):
    monkeypatch.setattr(fingerprints, "LOCK_WAIT", "100ms")
    settings = settings_module.load({"STAGE1_BACKUP_DIR": str(tmp_path / "backups")})
    empty_database.rows("create table public.t as select 1 as x")
    said = []

    def say(text):
        said.append(text)
        if ends and "begins anew" in text:
            other.rollback()

    with empty_database.connect() as other:
        other.autocommit = False
        other.execute("lock table public.t in access exclusive mode")
        if ends:
            assert backup.create(empty_database.target, settings, say).problem == ""
        else:
            with pytest.raises(fingerprints.BehindAnother, match="locked by another session for 100ms"):
                backup.create(empty_database.target, settings, say)
            assert entries(tmp_path / "backups") == []
        other.rollback()
    assert sum("begins anew" in text for text in said) == (1 if ends else 9)


@pytest.mark.xdist_group("own_server")
def test_a_connection_that_may_not_read_the_cluster_s_number_backs_up_without_it(own_server, run_cli):
    made = own_server.new_database("unnumbered")
    made.rows("revoke execute on function pg_control_system() from public; create role plain login")
    weak = own_server.as_role("plain", made)
    found = run_cli("backup", "create", database=weak)
    assert found.exit_code == 0, found.stderr
    assert json.loads((Path(found.json["path"]) / "manifest.json").read_text())["system_identifier"] is None


def test_a_table_that_cannot_be_counted_ends_pg_dump_too(empty_database, run_cli, tmp_path, wrapped_programs):
    empty_database.rows(
        "create function public.fail(x int) returns text language plpgsql as $$ begin raise 'not now'; end $$;"
        "create type public.odd as (x int);"
        "create function public.odd_text(public.odd) returns text language plpgsql as $$ begin raise 'not now'; end $$;"
        "create cast (public.odd as text) with function public.odd_text(public.odd);"
        "create table public.t (o public.odd); insert into public.t values (row(1))"
    )
    wrapped_programs.replace("pg_dump", "while :; do echo half; done")
    found = run_cli("backup", "create", database=empty_database, env=wrapped_programs.env)
    assert found.exit_code != 0
    assert "not now" in found.stderr
    assert entries(tmp_path / "backups") == []


@pytest.mark.xdist_group("own_server")
def test_a_role_that_may_not_read_everything_is_told_so(own_server, run_cli, tmp_path):
    made = own_server.new_database("closed")
    made.rows("create table public.t as select 1 as x; create role weak login")
    found = run_cli("backup", "create", database=own_server.as_role("weak", made))
    assert found.exit_code == 4, found.stderr
    assert "permission denied" in found.stderr
    made.rows("grant select on public.t to weak")
    found = run_cli("backup", "create", database=own_server.as_role("weak", made))
    assert found.exit_code == 0, found.stderr
    assert len(entries(tmp_path / "backups")) == 1
    made.rows("alter table public.t enable row level security")
    found = run_cli("backup", "create", database=own_server.as_role("weak", made))
    assert found.exit_code == 4, found.stderr
    assert "row-level security" in found.stderr
    assert len(entries(tmp_path / "backups")) == 1


def test_a_server_that_accepts_reads_only_is_backed_up_and_not_told(database, run_cli):
    database.rows(f"alter database {database.name} set default_transaction_read_only = on")
    found = run_cli("backup", "create", database=database)
    assert found.exit_code == 0, found.stderr
    assert "could not be told" in found.stderr
    assert database.rows("select * from stage1_internal.backup_records") == []


@pytest.mark.parametrize("kind", ["a file", "below a file"])
def test_a_folder_that_cannot_be_written_is_said(old_deployment, run_cli, tmp_path, kind):
    (tmp_path / "file").write_text("x")
    folder = tmp_path / "file" if kind == "a file" else tmp_path / "file" / "backups"
    before = fingerprint(old_deployment, with_times=True)
    found = run_cli("migrate", database=old_deployment, env={"STAGE1_BACKUP_DIR": str(folder)})
    assert found.exit_code == 4, found.stderr
    assert "STAGE1_BACKUP_DIR" in found.stderr
    assert "Traceback" not in found.stderr
    assert fingerprint(old_deployment, with_times=True) == before


@pytest.mark.skipif(os.geteuid() == 0, reason="root may do everything")
def test_a_folder_without_permission_is_said(database, run_cli, tmp_path):
    (tmp_path / "locked").mkdir(mode=0o500)
    found = run_cli("backup", "create", database=database, env={"STAGE1_BACKUP_DIR": str(tmp_path / "locked")})
    assert found.exit_code == 4
    assert "cannot be written" in found.stderr


@pytest.mark.parametrize("size", ["8k", "20k"])
def test_a_full_disk_is_said_and_nothing_is_kept(database, run_cli, tmp_path, size):
    small = tmp_path / "small"
    small.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(small)], capture_output=True).returncode != 0:
        pytest.skip("a small file system cannot be mounted here")
    try:
        found = run_cli("backup", "create", database=database, env={"STAGE1_BACKUP_DIR": str(small)})
        assert entries(small) == []
    finally:
        subprocess.run(["umount", str(small)], check=True)
    assert found.exit_code == 4, found.stderr
    assert "is full" in found.stderr
    assert "Traceback" not in found.stderr


def test_no_backup_is_taken_of_the_embedded_server_unless_it_is_meant(run_cli, tmp_path):
    (tmp_path / ".stage1").mkdir()
    found = run_cli("backup", "create")
    assert found.exit_code == 4
    assert "--embedded" in found.stderr
    assert entries(tmp_path / "backups") == []
    assert list((tmp_path / ".stage1").iterdir()) == []


def test_a_stopped_backup_leaves_no_partial_folder_and_no_child(database, start_cli, tmp_path, wrapped_programs):
    (tmp_path / "pid").touch()
    wrapped_programs.replace("pg_dump", f"echo $$ > {tmp_path}/pid; exec cat /dev/zero")
    process = start_cli("backup", "create", database=database, env=wrapped_programs.env)
    deadline = time.monotonic() + 30
    while not (tmp_path / "pid").read_text().strip():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.terminate()
    _, said = process.communicate(timeout=30)
    assert process.returncode == 5, said
    assert "interrupted" in said
    assert entries(tmp_path / "backups") == []
    while Path(f"/proc/{int((tmp_path / 'pid').read_text())}").exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)

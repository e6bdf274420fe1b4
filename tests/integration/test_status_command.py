"""What `stage1 status` finds and what it leaves out; and that the answer of `migrate` names its backup."""

import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from stage1.cli.migrate import _show
from stage1.cli.options import Application
from stage1.database.embedded import EmbeddedServer
from stage1.database.targets import Target
from stage1.errors import HistoryUnsealed
from stage1.operations.migrate import MigrationReport
from stage1.operations.status import _disks, _roles, _seal
from stage1.settings import Settings


def test_status_of_a_database_that_is_not_migrated(run_cli, empty_database):
    found = run_cli("status", database=empty_database)
    assert found.exit_code == 1
    assert found.json["well"] is False
    lines = {line["area"]: line for line in found.json["lines"]}
    assert "pending" in lines["migrations"]["detail"]
    assert lines["migrations"]["action"] == "run `stage1 migrate`"


def test_status_of_an_old_deployment(run_cli, old_deployment):
    assert run_cli("status", database=old_deployment).exit_code == 1


def test_status_tells_a_finding_that_is_an_error(run_cli, database, package):
    package.write(
        "validation/zz_check.sql",
        "-- Finds.\ncreate or replace view public.zz_check as\n"
        "select 'zz_check'::text as check_name, 'error'::text as severity, 's'::text as subject, 'd'::text as detail;\n",
    )
    assert run_cli("migrate", "--without-backup", database=database, package=package.path).exit_code == 0
    found = run_cli("status", database=database, package=package.path)
    assert found.exit_code == 1
    assert "zz_check" in json.dumps(found.json["findings"])


def test_status_changes_nothing(run_cli, database):
    from tests.plugins.fingerprints import fingerprint

    before = fingerprint(database, with_times=True)
    run_cli("status", database=database)
    assert fingerprint(database, with_times=True) == before


def test_status_does_not_list_what_nobody_has_deployed_yet(run_cli, empty_database):
    found = run_cli("status", "--format", "table", database=empty_database)
    assert "none of" in found.stdout
    assert "public.dataset_catalog" not in found.stdout
    assert "public.dataset_catalog" in run_cli("status", "-v", "--format", "table", database=empty_database).stdout


@pytest.mark.parametrize(("kinds", "state"), [(["missing"], "note"), (["missing", "excess"], "not well")])
def test_a_grant_too_many_is_not_well(kinds, state):
    line = _roles([{"subject": "s", "gap": f"{kind} gap", "remedy": "r", "kind": kind} for kind in kinds])
    assert line.state == state
    assert f"the first: s {kinds[-1]} gap" in line.detail


def test_status_looks_at_the_disk_of_the_embedded_server(tmp_path, monkeypatch, run_cli, database):
    assert "data disk" not in {line["area"] for line in run_cli("status", database=database).json["lines"]}
    (tmp_path / ".stage1").mkdir()
    monkeypatch.chdir(tmp_path)
    looked_at = []
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: looked_at.append(folder) or SimpleNamespace(free=1, total=100))
    lines = _disks(Target({}, "embedded", is_embedded=True), Settings({}))
    assert [(line.area, line.state) for line in lines] == [("disk", "not well"), ("data disk", "not well")]
    assert looked_at == [tmp_path, EmbeddedServer(tmp_path, Settings({})).status().data_directory]


def test_migrate_names_its_backup_in_the_table(run_cli, old_deployment):
    found = run_cli("migrate", "--format", "table", database=old_deployment)
    assert found.exit_code == 0, found.stderr
    assert found.stdout.startswith("backup\n  folder\n")
    [line] = [line for line in found.stdout.splitlines() if line.endswith("-none")]
    assert Path(line.strip()).is_dir()
    assert "replaced; the old text is in" in found.stdout


def test_migrate_tells_what_is_missing_from_what_is_too_much(capsys):
    gaps = [{"subject": "s", "gap": f"{kind} gap", "remedy": f"mend {kind}", "kind": kind} for kind in ("missing", "excess")]
    _show(Application(), MigrationReport("somewhere", role_gaps=gaps))
    said = capsys.readouterr().err.splitlines()
    assert said[1] == "  mend missing;   -- s missing gap"
    assert said[2] == "or run `stage1 migrate` once as a superuser."
    assert "more than stage1 needs" in said[3]
    assert said[4] == "  mend excess;   -- s excess gap"


def test_a_seal_that_is_broken_says_what_to_do_without_a_checkout(monkeypatch):
    def refuse(_):
        raise HistoryUnsealed(detail="0001_x is edited.")

    monkeypatch.setattr("stage1.operations.status.check_seal", refuse)
    [line] = _seal()
    assert line.action.startswith("install the package again")


def test_an_env_file_of_somebody_else_is_reported(run_cli, database, tmp_path):
    (tmp_path / ".env").write_text("PG_BINDIR=/nowhere\n")
    (tmp_path / ".env").chmod(0o666)
    for command in ("doctor", "status"):
        found = run_cli(command, database=database)
        assert f"{tmp_path / '.env'} is passed over: everybody may write it" in found.stdout

"""stdout and stderr when they are closed, full or of another locale; and what is said of a bug."""

import os
import subprocess
import sys

import pytest

from stage1.errors import ExitCode

STAGE1 = [sys.executable, "-m", "stage1"]


def shell(line: str, database, tmp_path, **env):
    named = f"{' '.join(STAGE1)} --database '{database.url}'"
    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", line.replace("stage1", named, 1)],
        env={**os.environ, "STAGE1_BACKUP_DIR": str(tmp_path / "backups"), **env},
        capture_output=True,
        text=True,
        timeout=60,
        cwd=tmp_path,
    )


@pytest.mark.parametrize(
    "command",
    ["datasets list", "migrate --plan --format table", "status -v --format table", "datasets list --format csv", "--help"],
)
def test_a_reader_that_has_seen_enough_is_no_error(database, tmp_path, command):
    database.rows(
        "insert into public.stage1_datasets (dataset_id, dataset_slug, ohlcv_measurement, indicator_measurement, metadata)"
        " select gen_random_uuid(), 'slug ' || n, 'o', 'i', jsonb_build_object('x', repeat('x', 9000))"
        " from generate_series(1, 50) n"
    )
    found = shell(f"stage1 {command} | true", database, tmp_path)
    assert found.returncode in (0, 1)
    assert found.returncode == 0 or command.startswith("status")
    for word in ("Traceback", "Broken", "Exception ignored", "error"):
        assert word not in found.stderr
    closed = shell(f"stage1 {command} -q >&-", database, tmp_path)
    assert (closed.returncode, closed.stderr) == (0, "") if command != "--help" else True
    nobody = shell(f"stage1 {command} >/dev/null 2>&-", database, tmp_path)
    assert nobody.returncode == 0


def test_a_full_disk_behind_stdout_is_said(database, tmp_path):
    found = shell("stage1 datasets list >/dev/full", database, tmp_path)
    assert found.returncode == 4
    assert "disk is full" in found.stderr
    assert "Exception ignored" not in found.stderr


def test_letters_that_the_locale_cannot_write(database, tmp_path):
    database.rows(
        "insert into public.stage1_datasets (dataset_id, dataset_slug, ohlcv_measurement, indicator_measurement)"
        " values (gen_random_uuid(), 'größe 日経', 'o', 'i')"
    )
    found = shell("stage1 datasets list", database, tmp_path, PYTHONIOENCODING="ascii")
    assert found.returncode == 0, found.stderr
    assert "größe 日経" in found.stdout


# --- bugs --------------------------------------------------------------------------------------------------


def test_a_bug_is_said_and_its_traceback_kept_without_a_secret(database, package, run_cli, tmp_path):
    file = package.path / "stage1" / "operations" / "status.py"
    file.write_text(
        file.read_text().replace(
            "    report = StatusReport(target.describe())\n",
            "    raise RuntimeError(f'broken for {dict(target.parameters)} and {target.parameters[\"password\"]}')\n",
        )
    )
    found = run_cli("--database", database.url + " password=hunter22x", "status", package=package.path)
    assert found.exit_code == ExitCode.BUG
    assert found.stdout == ""
    assert "a bug in stage1: RuntimeError: broken for" in found.stderr
    assert "Traceback" not in found.stderr
    kept = list(tmp_path.glob("stage1-bug-*.txt"))
    assert len(kept) == 1
    assert str(kept[0]) in found.stderr
    assert kept[0].stat().st_mode & 0o777 == 0o600
    assert "RuntimeError" in kept[0].read_text()
    assert "hunter22x" not in found.said + kept[0].read_text()


def test_a_broken_file_of_the_package_is_a_bug_too(database, package, run_cli, tmp_path):
    (package.path / "stage1" / "operations" / "status.py").write_text("syntax error here\n")
    found = run_cli("status", database=database, package=package.path)
    assert found.exit_code == ExitCode.BUG
    assert "SyntaxError" in found.stderr


def test_a_folder_that_is_gone_is_said(database, tmp_path):
    (tmp_path / "gone").mkdir()
    found = shell("cd gone; rmdir ../gone; stage1 status", database, tmp_path)
    assert found.returncode == 4
    assert "does not exist any more" in found.stderr

"""The commands as people and scripts use them: exit codes, pipes, help, bugs."""

import os
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

import pytest

from stage1.cli.main import COMMANDS, cli
from stage1.errors import ExitCode

STAGE1 = [sys.executable, "-m", "stage1"]


# --- usage -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["nonsense"],
        ["migrate", "--nonsense"],
        ["migrate", "extra"],
        ["datasets"],
        ["datasets", "show"],
        ["datasets", "list", "--format", "xml"],
        ["completion", "tcsh"],
        ["--database", "", "status"],
        ["--database", "not a connection string", "status"],
        ["status", "--embedded", "--database", "dbname=x"],
    ],
)
def test_a_command_line_that_is_not_understood(run_cli, arguments):
    found = run_cli(*arguments)
    assert found.exit_code == ExitCode.USAGE
    assert found.stdout == ""
    assert found.stderr
    assert "Traceback" not in found.stderr


def test_a_bad_setting_is_named(run_cli, database):
    found = run_cli("migrate", database=database, env={"STAGE1_LOCK_TIMEOUT": "soon"})
    assert found.exit_code == 2
    assert "STAGE1_LOCK_TIMEOUT was 'soon'" in found.stderr


def test_a_broken_env_file_does_not_hide_the_help(run_cli, tmp_path):
    (tmp_path / ".env").write_text('DATABASE_URL="postgresql://u:hunter22@h/d\n')
    assert run_cli("--help").exit_code == 0
    found = run_cli("status")
    assert found.exit_code == 2
    assert ".env, line 1" in found.stderr
    assert "hunter22" not in found.said


def test_the_env_file_of_the_folder_names_the_database(run_cli, database, tmp_path):
    (tmp_path / ".env").write_text(f'DATABASE_URL="{database.url}"\n')
    found = run_cli("status")
    assert found.exit_code == 0, found.stderr
    assert "from DATABASE_URL" in found.stderr


def test_every_help_text_answers_with_an_example(run_cli):
    for arguments in (
        [],
        ["migrate"],
        ["status"],
        ["doctor"],
        ["psql"],
        ["server"],
        ["backup"],
        ["backup", "create"],
        ["datasets", "upsert"],
    ):
        found = run_cli(*arguments, "--help")
        assert found.exit_code == 0
        assert "Usage: stage1" in found.stdout
        assert found.stderr == ""


def test_the_table_of_commands_says_what_the_commands_say():
    for name, line in COMMANDS.items():
        command = cli.get_command(None, name)
        assert command is not None
        assert (command.help or "").strip().splitlines()[0] == line.split(";")[0] or (command.help or "").startswith(line)


def test_help_imports_nothing_heavy_and_is_quick():
    heavy = ["psycopg", "yoyo", "sqlparse", "dotenv", "databento", "pandas", "importlib.metadata"]
    program = (
        "import sys; sys.argv = ['stage1', '--help']\n"
        "from stage1.cli.main import run\n"
        f"code = run(['--help']); print(code, [name for name in {heavy!r} if name in sys.modules], file=sys.stderr)"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stderr.strip() == "0 []"
    seconds = []
    for _ in range(5):
        started = time.perf_counter()
        subprocess.run([*STAGE1, "--help"], capture_output=True, check=True)
        seconds.append(time.perf_counter() - started)
    assert statistics.median(seconds) < 1.0  # 0.1 s on an idle machine; the tests share theirs


@pytest.mark.parametrize("name", ["bash", "zsh", "fish"])
def test_the_completion_script(run_cli, tmp_path, name):
    found = run_cli("completion", name)
    assert found.exit_code == 0
    assert "_STAGE1_COMPLETE" in found.stdout
    if shutil.which(name):
        (tmp_path / "script").write_text(found.stdout)
        subprocess.run([name, "-c", f"source {tmp_path}/script"], check=True, capture_output=True)


def test_completion_knows_the_commands(run_cli):
    found = run_cli(env={"_STAGE1_COMPLETE": "bash_complete", "COMP_WORDS": "stage1 mig", "COMP_CWORD": "1"})
    assert found.stdout.strip() == "plain,migrate"


# --- doctor, psql ------------------------------------------------------------------------------------------


def test_the_doctor_finds_what_is_there(run_cli, database):
    found = run_cli("doctor", database=database)
    assert found.exit_code == 0, found.stdout
    states = {row["what"]: row["state"] for row in found.json}
    assert states["database"] == "found"
    assert "missing" not in states.values()


def test_the_doctor_names_what_is_missing_and_makes_nothing(run_cli, tmp_path):
    found = run_cli("doctor", env={"PGHOST": str(tmp_path)})
    assert found.exit_code == 1
    assert [row["what"] for row in found.json if row["state"] == "missing"] == ["database"]
    assert list(tmp_path.iterdir()) == []


def test_the_doctor_does_not_take_the_embedded_server_for_a_named_database(run_cli, tmp_path):
    (tmp_path / ".stage1").mkdir()
    found = run_cli("doctor", env={"PGHOST": str(tmp_path / "nowhere")})
    assert [row["what"] for row in found.json if row["state"] == "missing"] == ["database"]


@pytest.mark.parametrize(("sql", "code"), [("select 1", 0), ("selec 1", 1), ("\\! exit 0", 0)])
def test_psql_passes_arguments_and_exit_code(run_cli, database, sql, code):
    found = run_cli("psql", "-v", "ON_ERROR_STOP=1", "-q", "-c", sql, database=database)
    assert found.exit_code == code


def test_psql_passes_what_it_prints_and_what_it_reads(run_cli, database, tmp_path):
    (tmp_path / "file.sql").write_text("select :'word' as word;\n\\q\n")
    found = run_cli("psql", "-AXt", "-v", "word=it's", "-f", "file.sql", database=database)
    assert found.stdout == "it's\n"
    assert run_cli("psql", "-f", "missing.sql", database=database).exit_code == 1
    assert run_cli("psql", "-v", "ON_ERROR_STOP=1", "-f", "file.sql", "postgres", database=database).exit_code in (0, 3)


def test_psql_that_is_killed_is_told_as_a_shell_tells_it(run_cli, database, wrapped_programs):
    wrapped_programs.replace("psql", "kill -9 $$")
    assert run_cli("psql", database=database, env=wrapped_programs.env).exit_code == 137


def test_ctrl_c_belongs_to_psql(start_cli, database, wrapped_programs):
    wrapped_programs.replace("psql", "trap 'echo cancelled; exit 7' INT\necho ready\nwhile :; do sleep 0.05; done")
    process = start_cli("psql", database=database, env=wrapped_programs.env)
    assert process.stdout
    assert process.stdout.readline() == "ready\n"
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    process.send_signal(2)
    time.sleep(0.5)
    assert process.poll() is None
    for child in children:
        os.kill(int(child), 2)
    out, _ = process.communicate(timeout=20)
    assert (out, process.returncode) == ("cancelled\n", 7)


def test_without_psql_a_sentence(run_cli, database, tmp_path):
    found = run_cli("psql", database=database, env={"PG_BINDIR": str(tmp_path)})
    assert found.exit_code in (0, 2, 4)
    assert "Traceback" not in found.stderr


def test_an_env_file_that_is_passed_over_is_said_once(run_cli, database, tmp_path):
    (tmp_path / ".env").write_text("PG_BINDIR=/nowhere\n")
    (tmp_path / ".env").chmod(0o666)
    found = run_cli("datasets", "list", database=database)
    assert found.exit_code == 0
    assert found.stderr.count("is passed over: everybody may write it") == 1

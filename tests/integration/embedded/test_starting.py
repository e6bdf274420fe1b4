"""The embedded PostgreSQL as a user meets it: first start, restart, ports, the command."""

import os
import socket
import stat
import subprocess
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from stage1.database import embedded
from stage1.database.binaries import Binaries, find_all
from stage1.database.embedded import EmbeddedServer
from stage1.errors import ClusterRefused, ServerNotStarted, UsageRefused
from tests.integration.embedded.servers import AS_ROOT, SETTINGS, answer, command, pid_of, server_of
from tests.plugins.command_line import RunCli

# --- first start -------------------------------------------------------------------------------------------


def test_the_first_start_makes_a_real_and_private_server(server: EmbeddedServer, project: Path) -> None:
    status = server.start()
    assert (status.exists, status.running, status.port, status.url) == (True, True, None, None)
    assert status.notes == (f"Made a PostgreSQL {status.version} cluster in {status.data_directory}.",)
    assert answer(server, "show data_checksums") == "on"
    assert answer(
        server, "select datcollate || ' ' || pg_encoding_to_char(encoding) from pg_database where datname = 'stage1'"
    ) == ("C.UTF-8 UTF8")
    assert answer(server, "select datlocprovider::text from pg_database where datname = 'stage1'") == "c"
    assert answer(server, "select current_user || ' ' || rolsuper from pg_roles where rolname = 'stage1'") == "stage1 true"
    assert answer(server, "show listen_addresses") == ""
    assert answer(server, "show timezone") == "UTC"
    assert answer(server, "select bool_or(auth_method <> 'scram-sha-256') from pg_hba_file_rules where type <> 'local'") is False
    home = project / ".stage1"
    assert stat.S_IMODE(home.stat().st_mode) == (0o711 if AS_ROOT else 0o700)
    assert stat.S_IMODE((home / "cluster").stat().st_mode) == 0o700
    assert stat.S_IMODE(status.socket_directory.stat().st_mode) == 0o700
    assert (home / ".gitignore").read_text() == "*\n"
    assert {stat.S_IMODE(path.stat().st_mode) for path in (status.password_file, status.passfile)} == {0o600}
    assert not list((home / "cluster").glob("*.part"))


@pytest.mark.parametrize("binaries", find_all(SETTINGS), ids=str)
def test_every_installation_found_makes_a_server(server: EmbeddedServer, binaries: Binaries) -> None:
    if not all(map(binaries.has, ("postgres", "initdb", "pg_ctl", "createdb"))):
        pytest.skip(f"{binaries} has no server programs")
    status = server.start(binaries=binaries)
    assert status.version == binaries.version
    assert str(answer(server, "show server_version")).split()[0] == binaries.version
    assert answer(server, "select datcollate from pg_database where datname = 'stage1'") == "C.UTF-8"


def test_a_second_start_changes_nothing(server: EmbeddedServer, project: Path) -> None:
    first = server.start()
    second = server_of(project).start()
    assert second == replace(first, notes=())
    assert server_of(project).status() == second


def test_stop_and_start_again_keeps_what_was_written(project: Path) -> None:
    server = server_of(project, durable=True)
    server.start()
    with psycopg.connect(**server.conninfo()) as connection:
        connection.execute("create table kept as select 7 as n")
    assert server.stop() is True
    assert server.status().running is False
    assert server.stop() is False
    server.start()
    assert answer(server, "select n from kept") == 7
    assert answer(server, "show fsync") == "on"


def test_without_a_cluster_there_is_nothing_to_stop_or_to_see(server: EmbeddedServer, project: Path) -> None:
    assert server.stop() is False
    status = server.status()
    assert (status.exists, status.running, status.version) == (False, False, "")
    assert list(project.iterdir()) == []


def test_only_a_throwaway_server_is_deleted(project: Path) -> None:
    with pytest.raises(ClusterRefused):
        server_of(project, durable=True).destroy()


# --- ports -------------------------------------------------------------------------------------------------


def test_a_port_asks_for_the_password_which_only_files_know(server: EmbeddedServer, free_port: int) -> None:
    status = server.start(free_port)
    assert status.url == f"postgresql://stage1@127.0.0.1:{free_port}/stage1"
    assert status.jdbc_url == f"jdbc:postgresql://127.0.0.1:{free_port}/stage1?user=stage1"
    assert answer(server, "show listen_addresses") == "127.0.0.1"
    with psycopg.connect(status.url, passfile=str(status.passfile)) as connection:
        assert connection.execute("select 1").fetchone() == (1,)
    with pytest.raises(psycopg.OperationalError, match="no password supplied"):
        psycopg.connect(status.url, passfile="/dev/null")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(status.url, password="wrong")
    assert status.password_file.read_text().strip() not in repr(status)


def test_a_port_for_a_running_server_restarts_it_and_says_so(server: EmbeddedServer, free_port: int) -> None:
    server.start()
    with_port = server.start(free_port)
    assert with_port.port == free_port
    assert any("restarted (to listen on port" in note for note in with_port.notes)
    kept = server.start()
    assert (kept.port, kept.pid, kept.notes) == (free_port, with_port.pid, ())
    without = server.start(0)
    assert without.port is None
    assert any("restarted (to listen on no port)" in note for note in without.notes)


def test_a_busy_port_is_one_sentence_and_harms_nothing(server: EmbeddedServer) -> None:
    before = server.start()
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(ServerNotStarted, match=f"^Port {port} of 127.0.0.1 is taken by another program."):
            server.start(port)
    assert server.status().pid == before.pid


def test_a_port_taken_in_the_last_moment_brings_the_server_back_as_it_was(
    server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.start()
    monkeypatch.setattr(embedded, "require_free_port", lambda _: None)
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(ServerNotStarted, match=f"Port {port} of 127.0.0.1 is taken"):
            server.start(port)
    assert (server.status().running, server.status().port) == (True, None)
    assert answer(server, "select 1") == 1


@pytest.mark.parametrize("port", [-1, 65536])
def test_a_number_that_is_no_port_is_refused(server: EmbeddedServer, project: Path, port: int) -> None:
    with pytest.raises(UsageRefused, match=f"The port was {port}"):
        server.start(port)
    assert list(project.iterdir()) == []


def test_a_lost_password_file_is_told_before_a_port_is_opened(server: EmbeddedServer, free_port: int) -> None:
    status = server.start()
    status.password_file.unlink()
    with pytest.raises(ClusterRefused, match="so nobody could log in through a port"):
        server.start(free_port)
    assert server.status().pid == status.pid


# --- the command -------------------------------------------------------------------------------------------


def test_the_server_outlives_the_command_and_holds_none_of_its_pipes(server: EmbeddedServer, project: Path) -> None:
    found = subprocess.run(command("start"), cwd=project, capture_output=True, text=True, timeout=30, check=True)
    assert "PostgreSQL" in found.stderr
    assert server.status().running
    assert os.getsid(pid_of(server)) != os.getsid(0)


def test_a_terminal_s_interrupt_does_not_reach_the_server(server: EmbeddedServer, project: Path) -> None:
    script = f"{' '.join(command('start'))} >/dev/null 2>&1; kill -INT 0"
    subprocess.run(["/bin/sh", "-c", script], cwd=project, timeout=30, start_new_session=True, check=False)
    assert answer(server, "select 1") == 1


def test_the_commands_answer_and_tell_by_exit_code(run_cli: RunCli, project: Path, free_port: int) -> None:
    missing = run_cli("server", "status", cwd=project)
    assert (missing.exit_code, missing.stdout) == (4, "")
    assert "There is no embedded PostgreSQL" in missing.stderr
    started = run_cli("server", "start", "--port", str(free_port), cwd=project)
    assert started.exit_code == 0, started.stderr
    below = project / "below"
    below.mkdir()
    assert run_cli("server", "status", cwd=below).exit_code == 0
    stopped = run_cli("server", "stop", cwd=below)
    assert stopped.exit_code == 0
    assert '"running": false' in stopped.stdout
    again = run_cli("server", "stop", cwd=project)
    assert again.exit_code == 0
    assert "was not running" in again.stderr
    asked = run_cli("server", "status", cwd=project)
    assert asked.exit_code == 1
    password = server_of(project).status().password_file.read_text().strip()
    assert all(password not in result.stdout + result.stderr for result in (started, stopped, again, asked))

"""The embedded PostgreSQL after a crash: killed servers, stale files, killed commands, starts at once."""

import os
import signal
import subprocess
from pathlib import Path

import psycopg
import pytest

from stage1 import clock
from stage1.database import cluster_creation, cluster_files, cluster_placing
from stage1.database.cluster_files import ClusterFiles
from stage1.database.embedded import EmbeddedServer
from stage1.errors import ClusterRefused, LockHeld
from tests.integration.embedded.servers import answer, command, kill_and_wait, server_of

# --- killed servers, stale files ---------------------------------------------------------------------------


def test_a_killed_server_recovers_at_the_next_start(project: Path) -> None:
    server = server_of(project, durable=True)
    server.start()
    with psycopg.connect(**server.conninfo()) as connection:
        connection.execute("create table kept as select 7 as n")
    kill_and_wait(server)
    server.start()
    assert answer(server, "select n from kept") == 7


def test_a_pid_file_that_names_a_living_stranger_is_no_server(server: EmbeddedServer, project: Path) -> None:
    status = server.start()
    files = ClusterFiles(project)
    file = files.data / "postmaster.pid"
    left = file.read_text()
    server.stop()
    account = files.account
    with subprocess.Popen(["sleep", "60"], user=account.uid if account.switched else None) as stranger:
        try:
            account.write(file, left.replace(str(status.pid), str(stranger.pid), 1))
            assert server.status().running is False
            assert server.stop() is False
            assert server.start().running is True
            assert stranger.poll() is None
        finally:
            stranger.kill()


def test_an_empty_pid_file_does_not_stop_a_start(server: EmbeddedServer, project: Path) -> None:
    server.start()
    kill_and_wait(server)
    (ClusterFiles(project).data / "postmaster.pid").write_text("")
    assert server.start().running is True


def test_processes_of_a_killed_server_keep_a_second_one_out(
    server: EmbeddedServer, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster_creation, "_LEFT_BEHIND_SECONDS", 0.5)
    server.start()
    with psycopg.connect(**server.conninfo()) as connection:
        backend = connection.info.backend_pid
        os.kill(backend, signal.SIGSTOP)
        try:
            kill_and_wait(server)
            with pytest.raises(ClusterRefused, match="Processes of a server that was killed still use"):
                server.start()
        finally:
            os.kill(backend, signal.SIGKILL)
            connection.close()
    monkeypatch.undo()
    assert server.start().running is True


def test_a_socket_that_was_swept_away_is_brought_back_by_a_restart(server: EmbeddedServer) -> None:
    status = server.start()
    for left in status.socket_directory.iterdir():
        left.unlink()
    again = server.start()
    assert any("its socket was gone" in note for note in again.notes)
    assert answer(server, "select 1") == 1


# --- killed commands ---------------------------------------------------------------------------------------


@pytest.mark.long
@pytest.mark.long
@pytest.mark.parametrize("point", ["cluster: after initdb", "cluster: after rename", "cluster: after createdb"])
def test_a_first_start_killed_between_two_steps_is_finished_by_the_next(
    server: EmbeddedServer, project: Path, point: str
) -> None:
    killed = subprocess.run(
        command("start"), cwd=project, env={**os.environ, "STAGE1_KILL_AT": point}, capture_output=True, timeout=60, check=False
    )
    assert killed.returncode == -signal.SIGKILL
    server.start()
    assert answer(server, "select count(*) from pg_database where datname = 'stage1'") == 1
    assert not list((project / ".stage1" / "cluster").glob("*.part"))


def test_a_first_start_killed_within_initdb_is_finished_by_the_next(server: EmbeddedServer, project: Path) -> None:
    with subprocess.Popen(command("start"), cwd=project, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        part = project / ".stage1" / "cluster" / "data.part" / "base"
        deadline = clock.monotonic() + 30
        while not part.exists():
            assert process.poll() is None
            assert clock.monotonic() < deadline
            clock.pause(0.002)
        process.kill()
    server.start()
    assert answer(server, "select 1") == 1


def test_starts_at_once_make_one_server(server: EmbeddedServer, project: Path) -> None:
    processes = [
        subprocess.Popen(command("start"), cwd=project, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    said = [process.communicate(timeout=60) for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0, 0], said
    assert sum("Made a PostgreSQL" in talk for _, talk in said) == 1
    assert answer(server, "select 1") == 1


def test_who_waits_too_long_for_another_start_is_told(
    server: EmbeddedServer, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster_files, "_LOCK_SECONDS", 0.1)
    cluster_placing.make_home(ClusterFiles(project))
    with ClusterFiles(project).lock(), pytest.raises(LockHeld, match=rf"Another stage1 \(process {os.getpid()}\)"):
        server.start()

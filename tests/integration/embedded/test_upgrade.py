"""`stage1 server upgrade`: from each major version found to each newer one, and killed at every step."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from stage1 import clock, settings
from stage1.database import cluster_upgrade
from stage1.database.binaries import SERVER_PROGRAMS, Binaries, find_all
from stage1.database.cluster_files import ClusterFiles
from stage1.database.embedded import EmbeddedServer
from stage1.errors import ClusterRefused, DatabaseNotConfigured, NoSpace, ServerNotStarted

pytestmark = pytest.mark.long

SETTINGS = settings.load()
PROGRAMS = (*SERVER_PROGRAMS, *cluster_upgrade.NEW_PROGRAMS, *cluster_upgrade.OLD_PROGRAMS, "createdb")
# One of each major version, oldest first: what is found of 15 and newer.
FOUND = sorted(
    {each.major: each for each in reversed(find_all(SETTINGS)) if all(map(each.has, PROGRAMS)) and each.major >= 15}.values(),
    key=lambda each: each.major,
)
PAIRS = [(old, new) for old in FOUND for new in FOUND if old.major < new.major]
needs_two = pytest.mark.skipif(len(FOUND) < 2, reason=f"needs two major versions of PostgreSQL; found: {len(FOUND)}")

POINTS = (
    "cluster: after initdb",
    "upgrade: before pg_upgrade",
    "upgrade: after pg_upgrade",
    "upgrade: after the mark",
    "upgrade: between the renames",
    "upgrade: after the renames",
)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EmbeddedServer]:
    """The server of a project of its own, deleted after the test."""
    project = tmp_path / "project"
    project.mkdir()
    made = EmbeddedServer(project, SETTINGS, throwaway=True)
    yield made
    made.destroy()


@pytest.fixture
def unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def files_of(server: EmbeddedServer) -> ClusterFiles:
    return ClusterFiles(server.status().project)


def fill(server: EmbeddedServer, binaries: Binaries, port: int | None = None) -> None:
    """A cluster with what an upgrade could lose."""
    server.start(port, binaries)
    with psycopg.connect(**server.conninfo(), autocommit=True) as connection:
        connection.execute("create role reader login password 'a word'")
        connection.execute("create database other owner reader")
        connection.execute("create table kept as select n, repeat('x', 100) as filler from generate_series(1, 10000) as n")


def holds_everything(server: EmbeddedServer) -> bool:
    with psycopg.connect(**server.conninfo(), autocommit=True) as connection:
        (total,) = connection.execute("select sum(n) from kept").fetchone() or (None,)
        (owner,) = connection.execute("select pg_get_userbyid(datdba) from pg_database where datname = 'other'").fetchone() or (
            None,
        )
        (checksums,) = connection.execute("show data_checksums").fetchone() or (None,)
    return (total, owner, checksums) == (50005000, "reader", "on")


def command(server: EmbeddedServer, *arguments: str, env: dict[str, str] | None = None) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-m", "stage1", "server", *arguments],
        cwd=server.status().project,
        env={**os.environ, **(env or {})},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


@needs_two
@pytest.mark.parametrize(("old", "new"), PAIRS, ids=lambda each: f"{each.version}-{each.origin.partition(' ')[0]}")
def test_an_upgrade_brings_everything_over(server: EmbeddedServer, old: Binaries, new: Binaries, unused_port: int) -> None:
    fill(server, old, unused_port)
    said: list[str] = []
    status = server.upgrade(new, said.append)
    assert (status.running, status.port, status.version) == (True, unused_port, new.version)
    assert holds_everything(server)
    kept = files_of(server).cluster / f"data-{old.major}"
    assert (kept / "PG_VERSION").read_text().strip() == str(old.major)
    assert str(kept) in status.notes[0]
    assert "Stopping the server" in said[0]
    assert not (files_of(server).cluster / "upgrade").exists()
    assert status.url is not None
    with psycopg.connect(status.url, passfile=str(status.passfile)) as connection:
        assert connection.execute("select current_user").fetchone() == ("stage1",)
        assert connection.execute("select reltuples from pg_class where relname = 'kept'").fetchone() == (10000,)
        assert connection.execute("select count(*) > 0 from pg_stats where tablename = 'kept'").fetchone() == (True,)
    assert "nothing newer" in server.upgrade(new).notes[0]


@needs_two
def test_a_stopped_server_stays_stopped(server: EmbeddedServer) -> None:
    fill(server, FOUND[0])
    server.stop()
    assert server.upgrade(FOUND[-1]).running is False
    server.start(binaries=FOUND[-1])
    assert holds_everything(server)


@needs_two
@pytest.mark.parametrize("point", POINTS)
def test_an_upgrade_killed_between_two_steps_leaves_one_whole_cluster_and_can_be_repeated(
    server: EmbeddedServer, point: str
) -> None:
    old, new = FOUND[0], FOUND[-1]
    fill(server, old)
    process = command(server, "upgrade", env={"STAGE1_KILL_AT": point, "PG_BINDIR": str(new.directory)})
    assert process.wait(timeout=60) == -signal.SIGKILL
    assert server.start().running is True
    assert holds_everything(server)
    assert not (files_of(server).cluster / "upgrade").exists()
    server.upgrade(new)
    assert holds_everything(server)
    assert files_of(server).major() == new.major
    assert [path.name for path in files_of(server).kept()] == [f"data-{old.major}"]


@needs_two
@pytest.mark.parametrize("victim", ["stage1", "pg_upgrade"])
def test_an_upgrade_killed_within_pg_upgrade_leaves_nothing_running_and_can_be_repeated(
    server: EmbeddedServer, victim: str
) -> None:
    old, new = FOUND[0], FOUND[-1]
    fill(server, old)
    process = command(server, "upgrade", env={"PG_BINDIR": str(new.directory)})
    noted = files_of(server).cluster / "upgrade" / "pid"
    running = files_of(server).cluster / "upgrade" / "data" / "postmaster.pid"
    deadline = clock.monotonic() + 60
    while not running.exists():
        assert process.poll() is None
        assert clock.monotonic() < deadline
        clock.pause(0.005)
    pg_upgrade = int(noted.read_text())
    os.kill(process.pid if victim == "stage1" else pg_upgrade, signal.SIGKILL)
    assert process.wait(timeout=60) != 0
    server.start()
    assert holds_everything(server)
    assert files_of(server).major() == old.major
    cluster = str(files_of(server).cluster / "upgrade")
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True, timeout=20).stdout
    assert cluster not in listed
    server.upgrade(new)
    assert holds_everything(server)
    assert files_of(server).major() == new.major


@needs_two
def test_what_pg_upgrade_refuses_leaves_the_old_cluster_and_its_reasons(server: EmbeddedServer) -> None:
    old, new = FOUND[0], FOUND[-1]
    fill(server, old)
    with psycopg.connect(**server.conninfo(), autocommit=True) as connection:
        available = connection.execute("select 1 from pg_available_extensions where name = 'pgcrypto'").fetchone()
        if available is None or (new.directory.parent / "share" / "extension" / "pgcrypto.control").exists():
            pytest.skip("needs an extension that the old version has and the new one lacks")
        connection.execute("create extension pgcrypto")
    with pytest.raises(ServerNotStarted, match="the old one is unchanged") as refusal:
        server.upgrade(new)
    assert "pgcrypto" in refusal.value.detail
    assert "pgcrypto" in (files_of(server).cluster / "upgrade.log").read_text()
    assert (server.status().running, server.status().version) == (True, old.version)
    assert holds_everything(server)


@needs_two
def test_an_upgrade_without_room_for_the_copy_does_not_begin(server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(server, FOUND[0])
    monkeypatch.setattr(cluster_upgrade, "_ROOM_TO_SPARE", 10**18)
    before = server.status().pid
    with pytest.raises(NoSpace, match="nothing was changed"):
        server.upgrade(FOUND[-1])
    assert server.status().pid == before


def test_without_a_cluster_there_is_nothing_to_upgrade(server: EmbeddedServer) -> None:
    with pytest.raises(DatabaseNotConfigured, match="There is no embedded PostgreSQL"):
        server.upgrade()


def test_a_kept_cluster_without_a_current_one_is_not_papered_over_by_an_empty_one(server: EmbeddedServer) -> None:
    server.start()
    server.stop()
    files = files_of(server)
    kept = files.data.with_name(f"data-{files.major()}")
    files.data.rename(kept)
    with pytest.raises(ClusterRefused, match=f"{kept} is kept from before an upgrade"):
        server.start()
    kept.rename(files.data)
    assert server.start().running is True

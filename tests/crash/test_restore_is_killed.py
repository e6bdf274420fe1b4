"""`kill -9` between every two steps of a verification and of a restore: the database is the old one or the new one, whole.

The points are read from the source, so that a new `faults.reach` is tested without being named here.
"""

import re
import signal
from pathlib import Path

import pytest
from psycopg import conninfo, sql

from stage1 import resources
from tests.plugins.databases import Database
from tests.plugins.fingerprints import fingerprint, same

# They look at all scratch databases of the server: one worker runs them.
pytestmark = pytest.mark.xdist_group("scratch_databases")

PACKAGE = Path(resources.__file__).parent
SOURCES = [PACKAGE / "operations" / name for name in ("restored_backup.py", "verify_backup.py", "restore_backup.py")]
COMMANDS = ("verify", "restore")


def _points():
    found = set()
    for path in SOURCES:
        for point in re.findall(r'faults\.reach\(f?"([^"]+)"\)', path.read_text()):
            found |= {point.replace("{purpose}", command) for command in COMMANDS}
    # A restore keeps its proof where a verification does, and by the same function.
    return sorted((command, point) for point in found for command in COMMANDS if point.startswith(f"{command}:"))


POINTS = [*_points(), ("restore", "verify: written")]


def test_every_point_of_the_source_is_found():
    calls = sum(path.read_text().count("faults.reach(") for path in SOURCES)
    shared = sum(path.read_text().count('faults.reach(f"{purpose}') for path in SOURCES)
    assert len(_points()) == calls + shared >= 9


def rows_of(database):
    """What is in the tables, without the record of backups: that a backup was verified is told to its database."""
    return [line for line in fingerprint(database, with_times=True) if "backup_records" not in line]


@pytest.fixture
def backed_up(database, run_cli):
    """The name of a backup, and the rows of the database now and then."""
    made = run_cli("backup", "create", database=database)
    assert made.exit_code == 0, made.stderr
    then = rows_of(database)
    database.rows("create table public.later as select 1 as x")
    return made.json["name"], then, rows_of(database)


@pytest.fixture
def server(server_url, database):
    """The server's databases; what restores of this one have kept is dropped at the end."""
    found = Database(conninfo.make_conninfo(server_url, dbname="postgres"), "postgres")
    yield found
    with found.connect() as connection:
        rows = found.rows("select datname from pg_database where starts_with(datname, %s)", f"{database.name}_before_")
        for row in rows:
            connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(row["datname"])))


def scratches(server):
    return {row["datname"] for row in server.rows(r"select datname from pg_database where datname like 'stage1\_scratch\_%'")}


@pytest.mark.parametrize(("command", "point"), POINTS, ids=[f"{command} at {point}" for command, point in POINTS])
def test_killed_and_run_again(command, point, database, backed_up, server, run_cli):
    name, then, now = backed_up
    arguments = ["backup", command, name]
    arguments += ["--replace", database.name, "--yes", "--disconnect"] if command == "restore" else []
    before = scratches(server)
    killed = run_cli(*arguments, database=database, env={"STAGE1_KILL_AT": point})
    assert killed.exit_code == -signal.SIGKILL, f"{point} was not reached: {killed.stderr}"
    assert killed.stdout == ""
    replaced = (command, point) in {("restore", "restore: swapped"), ("restore", "verify: written")}
    same(rows_of(database), then if replaced else now)
    again = run_cli(*arguments, database=database)
    assert again.exit_code == 0, again.stderr
    same(rows_of(database), then if command == "restore" else now)
    assert scratches(server) <= before
    [listed] = run_cli("backup", "list").json
    assert listed["name"] == name
    assert listed["verified"] not in ("no", None)

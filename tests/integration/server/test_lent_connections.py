"""Are connections that stay open lent rightly: to no more callers than there are, never broken, and counted as it is?"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from stage1 import settings as settings_module
from stage1.database import pool
from stage1.database.connections import Connection
from stage1.database.pool import PooledTarget, pooled
from stage1.database.targets import Target
from stage1.errors import DatabaseUnreachable, ServerExhausted
from tests.plugins.databases import Database

SETTINGS = settings_module.load(environment={}, start=Path("/"))
HURRIED = settings_module.load(environment={"STAGE1_REQUEST_TIMEOUT": "3"}, start=Path("/"))


@pytest.fixture
def lender(shared_database: Database) -> Iterator[PooledTarget]:
    target = pooled(shared_database.target, SETTINGS, size=1)
    target.open()
    yield target
    target.close()


def pid(connection: Connection) -> int:
    [row] = connection.execute("select pg_backend_pid() as pid").fetchall()
    return int(row["pid"])


def test_whoever_waited_in_vain_waits_no_more(lender: PooledTarget) -> None:
    with lender.lent(SETTINGS) as held:
        with pytest.raises(ServerExhausted, match="All 1 connections"), lender.lent(HURRIED):
            pass
        assert lender.figures() == {"size": 1, "idle": 0, "waiting": 0}
        first = pid(held)
    with lender.lent(SETTINGS) as again:
        assert pid(again) == first


def test_a_connection_that_broke_is_lent_to_nobody(lender: PooledTarget, shared_database: Database) -> None:
    with lender.lent(SETTINGS) as held:
        first = pid(held)
    shared_database.rows("select pg_terminate_backend(%s, 5000)", first)
    with lender.lent(SETTINGS) as other:
        assert pid(other) != first


def test_a_database_that_is_away_is_told_of_however_long_it_is_away(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(pool, "_LOOK_AGAIN", 0.05)
    gone = pooled(Target({"host": str(tmp_path), "dbname": "gone"}, "a test"), SETTINGS, size=1)
    gone.open()
    # Whoever asks has it tried anew: nobody waits for a pause that has grown, to be told then that others are served.
    for _ in range(6):
        with pytest.raises(DatabaseUnreachable), gone.lent(HURRIED):
            pass
    gone.close()

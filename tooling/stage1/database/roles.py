"""Roles, ownership and grants: applied by sql/roles.sql, measured by stage1_internal.role_gaps.

Roles belong to the whole cluster, so another database's migrator may touch the same row of the catalog: tried again.
"""

import random

import psycopg

from stage1 import clock, resources
from stage1.database import calls
from stage1.database.connections import Connection, Purpose, limited
from stage1.errors import LockHeld
from stage1.settings import Settings

GAPS = "stage1_internal.role_gaps"
_TRIES = 20
# Two sessions that change the same role: 'tuple concurrently updated' has no code of its own.
_COLLISIONS = (
    psycopg.errors.InternalError_,
    psycopg.errors.UniqueViolation,
    psycopg.errors.DeadlockDetected,
    psycopg.errors.SerializationFailure,
)


def gaps(connection: Connection) -> list[dict[str, object]]:
    """What is missing, each with the statement that mends it."""
    found = calls.view(connection, GAPS)
    return sorted(found, key=lambda row: (row["step"], row["subject"], row["gap"]))


def apply(connection: Connection, settings: Settings) -> None:
    """Does what the connected role may do; what is left is in `gaps`."""
    text = (resources.sql_folder() / "roles.sql").read_text(encoding="utf-8").encode()
    for attempt in range(_TRIES):
        try:
            with limited(connection, settings, Purpose.MIGRATE):
                connection.execute(text)
            return
        except _COLLISIONS as problem:
            if attempt == _TRIES - 1:
                raise LockHeld(
                    "Other sessions change the same roles; roles and grants were left as they are.",
                    hint="The rest is done. Run `stage1 migrate` again.",
                ) from problem
            clock.pause(random.random() * 0.1 * (attempt + 1))  # noqa: S311 - jitter

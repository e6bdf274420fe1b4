"""Which cluster a connection has reached: two databases of one name on two servers are not the same.

Imports connections and calls. Refuses nothing: where the number may not be read, it is not known.
"""

import psycopg

from stage1.database import calls
from stage1.database.connections import Connection


def system_identifier(connection: Connection) -> str | None:
    """The number of the cluster; None where this connection may not read it. Inside a transaction."""
    try:
        # A savepoint: what is refused must not end the transaction around it.
        with connection.transaction():
            return str(calls.query(connection, "system_identifier")[0]["system_identifier"])
    except psycopg.errors.InsufficientPrivilege:
        return None

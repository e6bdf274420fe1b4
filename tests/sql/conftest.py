"""What several tests of functions share."""

import psycopg
import pytest


@pytest.fixture
def refused(db):
    """Executes something in a savepoint, asserts the code and that there is a hint, and returns the message."""

    def run(sqlstate, what):
        with pytest.raises(psycopg.Error) as problem, db.transaction():
            what()
        assert problem.value.sqlstate == sqlstate
        assert problem.value.diag.message_hint
        return problem.value.diag.message_primary

    return run

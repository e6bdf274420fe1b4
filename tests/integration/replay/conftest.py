"""What the tests of the replay share."""

import pytest


@pytest.fixture
def replay(run_cli, database, tmp_path):
    """Replays the spool of the test, and asserts the exit code."""

    def run(*arguments, exit_code=0, env=None):
        spool = {"STAGE1_SPOOL": str(tmp_path / "spool")}
        found = run_cli("replay", "run", *arguments, database=database, env={**spool, **(env or {})})
        assert found.exit_code == exit_code, found.said
        return found

    return run

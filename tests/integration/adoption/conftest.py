"""The old deployment, adopted."""

import pytest

from tests.integration.adoption.deployments import migrate


@pytest.fixture
def adopted(old_deployment, run_cli):
    done = migrate(run_cli, old_deployment)
    assert done.exit_code == 0, done.stderr
    return old_deployment

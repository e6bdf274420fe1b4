"""Do the reports for people count as the answers for programs do?"""

import pytest

from tests.plugins.dbn_files import records, write


@pytest.fixture
def path(tmp_path):
    """1,000 rows, two of them bad."""
    made = records(1_000)
    made["high"][[3, 500]] = made["low"][[3, 500]] - 1
    return str(write(tmp_path / "es.dbn", made))


def report(run_cli, *arguments, **named):
    found = run_cli("ingest", *arguments, "--on-bad-rows", "quarantine", "--format", "table", **named)
    assert found.exit_code == 0, found.stderr
    return found.stdout.splitlines()


def test_rejects_are_counted_in_and_named_apart(run_cli, database, path):
    dry = report(run_cli, path, "--dry-run")
    assert dry[3:5] == ["Would process: 1,000 bars", "Would reject: 2 of them"]
    loaded = report(run_cli, path, database=database)
    assert "Total bars: 1,000" in loaded
    assert "Rejected: 2 (kept in data_ingest_rejects)" in loaded
    for _ in range(2):
        again = report(run_cli, path, database=database)
        assert "Total bars: 1,000" in again
        assert "Rejected: 2 (kept under ingest 1)" in again

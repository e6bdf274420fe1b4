"""Does `stage1 serve` begin on a database of its own version alone, and say what is wrong with another?"""

import pytest

from tests.plugins.command_line import RunCli
from tests.plugins.databases import Database

LEDGER = "stage1_internal.applied_migrations"


@pytest.mark.parametrize(
    ("change", "code", "said"),
    [
        (f"delete from {LEDGER} where migration_id ~ '^0016'", 4, "lacks migrations: 0016_create_access_tokens"),
        (
            f"update {LEDGER} set sha256 = repeat('0', 64) where migration_id ~ '^0002'",
            3,
            "by other files than those of this version: 0002_",
        ),
        (
            f"update {LEDGER} set migration_id = '9999_of_tomorrow' where migration_id ~ '^0016'",
            3,
            "does not know: 9999_of_tomorrow",
        ),
    ],
    ids=["older", "changed", "newer"],
)
def test_serve_does_not_begin_on_another_schema(database: Database, run_cli: RunCli, change: str, code: int, said: str) -> None:
    database.rows(change)
    ended = run_cli("serve", "--port", "0", database=database)
    assert ended.exit_code == code, ended.stderr
    assert said in ended.stderr
    assert "stage1 migrate" in ended.stderr or "nstall" in ended.stderr, "it says what to do"


def test_serve_needs_a_migrated_database(empty_database: Database, run_cli: RunCli) -> None:
    ended = run_cli("serve", "--port", "0", database=empty_database)
    assert "stage1 migrate" in ended.stderr
    assert ended.exit_code == 4

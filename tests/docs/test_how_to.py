"""Does the SQL of the how-to pages run, and does their Python at least compile?"""

import psycopg
import pytest
from psycopg.rows import DictRow

from tests.docs.pages import ROOT, Block, blocks

SHOWN = [block for page in sorted((ROOT / "docs" / "how-to").glob("*.md")) for block in blocks(page)]


def _of(language: str) -> list[Block]:
    return [block for block in SHOWN if block.language == language]


def _id(block: Block) -> str:
    return f"{block.page.name}:{block.line}"


@pytest.mark.parametrize("block", _of("sql"), ids=_id)
def test_sql_runs_on_a_migrated_database(block: Block, db: psycopg.Connection[DictRow]) -> None:
    # As a client has it; and the login that the pages grant roles to.
    db.execute("set search_path = public")
    db.execute("create role alice")
    db.execute(block.text.encode())


@pytest.mark.parametrize("block", _of("python"), ids=_id)
def test_python_compiles(block: Block) -> None:
    compile(block.text, _id(block), "exec")


@pytest.mark.parametrize("block", SHOWN, ids=_id)
def test_a_block_says_what_it_is(block: Block) -> None:
    assert block.language in ("sh", "sql", "python", "java", "ts", "text"), (
        "console blocks belong into the tutorial, where they are run in order"
    )

"""Are the statements and verification commands of the implementation report true?"""

import os
import re
import subprocess
from pathlib import Path

import pytest

from stage1 import settings as settings_module
from stage1.database import binaries
from tests.docs.pages import ROOT, Block, blocks
from tests.plugins.databases import Database

REPORT = ROOT / "docs" / "stage1_3_database_implementation_report.md"


def _psql() -> Path:
    found = [each for each in binaries.find_all(settings_module.load(environment=os.environ)) if each.has("psql")]
    if not found:
        pytest.skip("psql was not found")
    return max(found, key=lambda each: each.major).path("psql")


def _verification() -> list[tuple[Block, str]]:
    """Each verification command of the report with what it prints."""
    text = REPORT.read_text(encoding="utf-8")
    start = text.count("\n", 0, text.index("## 6. Verification"))
    shown = [block for block in blocks(REPORT) if block.line > start and block.language in ("sql", "text")]
    return [(command, printed.text) for command, printed in zip(shown[::2], shown[1::2], strict=True)]


def test_the_verification_commands_print_what_the_report_says(database: Database) -> None:
    commands = _verification()
    assert len(commands) == len(list((ROOT / "sql" / "smoke").glob("[0-9]*.sql")))
    for command, expected in commands:
        finished = subprocess.run(
            [str(_psql()), "--no-psqlrc", "--quiet", "--dbname", database.url], input=command.text, capture_output=True, text=True
        )
        assert finished.returncode == 0, f"{REPORT.name}:{command.line}: {finished.stderr}"
        assert finished.stdout.startswith(expected), f"{REPORT.name}:{command.line} printed {finished.stdout}"


def test_the_call_with_names_registers_a_dataset(database: Database) -> None:
    [call] = [
        block
        for block in blocks(REPORT)
        if block.language == "sql" and block.text.startswith("select public.upsert_stage1_dataset(")
    ]
    database.rows(call.text)
    assert database.value("select dataset_slug from public.stage1_datasets") == "AAPL-2023-1m"


def test_the_report_holds_every_object_of_the_source() -> None:
    text = REPORT.read_text(encoding="utf-8")
    for name in (
        *("stage1_datasets", "indicator_datasets", "walkforward_runs", "simulation_runs"),
        *(
            "upsert_stage1_dataset",
            "fn_list_datasets",
            "fn_list_runs",
            "fn_list_simulations",
            "dataset_catalog",
            "dataset_hierarchy",
        ),
    ):
        assert re.search(rf"create (or replace )?(table|view|function) public\.{name}\b", text), name
    for name in ("indicator_datasets_stage1_fk", "walkforward_runs_dataset_measurement_uq", "simulation_runs_run_namespace_uq"):
        assert name in text

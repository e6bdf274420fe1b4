"""Is the schema that migrate and deploy leave the one that was reviewed?"""

import difflib
from itertools import islice

import pytest

from repository import dump_schema, generate
from stage1 import settings as settings_module
from stage1.errors import BinariesMissing
from tests.plugins.databases import Database
from tests.repository.sources import ROOT


def test_the_schema_is_the_snapshot(database: Database) -> None:
    with database.connect() as connection:
        major = connection.info.server_version // 10000
    kept = ROOT / generate.snapshot_path(major)
    if not kept.is_file():
        pytest.skip(f"there is no snapshot for PostgreSQL {major}; they are kept for {dump_schema.MAJORS}")
    try:
        found = dump_schema.dump(database.target, settings_module.load(), major)
    except BinariesMissing:
        pytest.skip(f"no pg_dump of PostgreSQL {major} was found")
    change = difflib.unified_diff(
        kept.read_text(encoding="utf-8").splitlines(), found.splitlines(), "snapshot", "database", lineterm=""
    )
    shown = "\n".join(islice(change, 60))
    assert not shown, f"the schema differs from {kept.name}; is it meant? then run `make generate`\n{shown}"


def test_a_snapshot_holds_no_version_and_no_session_setting() -> None:
    for path in (ROOT / "tests" / "snapshots").glob("*.sql"):
        text = path.read_text(encoding="utf-8")
        assert not [line for line in text.splitlines() if line.startswith(("SET ", "\\restrict", "-- Dumped", "-- Name"))]
        assert "OWNER TO stage1_owner" in text
        assert "GRANT SELECT ON TABLE public.dataset_catalog TO stage1_readonly" in text


def test_two_dumps_of_one_schema_are_one_text(database: Database) -> None:
    with database.connect() as connection:
        major = connection.info.server_version // 10000
    try:
        first = dump_schema.dump(database.target, settings_module.load(), major)
    except BinariesMissing:
        pytest.skip(f"no pg_dump of PostgreSQL {major} was found")
    database.rows("create table public.not_in_the_snapshot (id int)")
    assert dump_schema.dump(database.target, settings_module.load(), major) != first
    database.rows("drop table public.not_in_the_snapshot")
    assert dump_schema.dump(database.target, settings_module.load(), major) == first

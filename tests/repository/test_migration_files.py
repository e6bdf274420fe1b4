"""Are the migrations numbered, sealed, explained, and free of what the engine does for them?"""

import re

import pytest

from stage1.database.migration_files import MigrationFile, check_seal, read_folder
from stage1.database.object_files import read_deployed
from tests.repository.sources import ROOT, files, name_of

FOLDER = ROOT / "migrations"
MIGRATIONS = read_folder(FOLDER)

_BODY = re.compile(r"(\$\w*\$).*?\1", re.DOTALL)
every_migration = pytest.mark.parametrize("file", MIGRATIONS, ids=[file.id for file in MIGRATIONS])


def _statements(file: MigrationFile) -> str:
    """The text without comments and without the bodies of functions and blocks."""
    text = _BODY.sub("''", file.path.read_text(encoding="utf-8"))
    return re.sub(r"--.*", "", re.sub(r"begin atomic.*?^end;", "''", text, flags=re.MULTILINE | re.DOTALL))


def _header(file: MigrationFile) -> str:
    lines = file.path.read_text(encoding="utf-8").splitlines()
    return "\n".join(lines[: next(place for place, line in enumerate(lines) if not line.startswith("--"))])


def test_numbers_follow_each_other() -> None:
    assert [file.number for file in MIGRATIONS] == list(range(1, len(MIGRATIONS) + 1))


def test_the_history_is_sealed() -> None:
    check_seal(FOLDER)


@every_migration
def test_a_migration_is_named_by_a_verb_and_an_object(file: MigrationFile) -> None:
    assert re.fullmatch(r"\d{4}_[a-z]+(_[a-z0-9]+)+", file.id)


@every_migration
def test_a_migration_says_what_it_locks_and_how_long(file: MigrationFile) -> None:
    header = _header(file)
    assert re.match(r"-- [A-Z].{15,}", header), "the header begins with what the file does"
    assert "Locks:" in header, "the header says which locks it takes"
    assert "Duration:" in header, "the header says how long it takes"


@every_migration
def test_a_migration_depends_on_the_one_before(file: MigrationFile) -> None:
    before = {other.number: other.id for other in MIGRATIONS}.get(file.number - 1)
    assert re.findall(r"^-- depends: (.*)$", _header(file), re.MULTILINE) == ([before] if before else [])


@every_migration
def test_a_migration_leaves_the_transaction_to_the_engine(file: MigrationFile) -> None:
    found = re.findall(
        r"^\s*(begin|commit|rollback|start transaction|savepoint)\b", _statements(file), re.MULTILINE | re.IGNORECASE
    )
    assert not found, f"the engine opens and commits the transaction: {found}"


@every_migration
def test_a_migration_defines_no_view_and_only_versioned_functions(file: MigrationFile) -> None:
    created = re.findall(r"\bcreate\s+(or\s+replace\s+)?(function|procedure|view)\s+([\w.]+)", _statements(file), re.IGNORECASE)
    bad = [name for replaced, kind, name in created if kind.lower() == "view" or replaced or not re.search(r"_v\d+$", name)]
    assert not bad, f"functions and views belong into sql/; what a trigger hangs on is versioned and never replaced: {bad}"


@every_migration
def test_what_a_migration_drops_is_deployed_again(file: MigrationFile) -> None:
    known = {deployed.bare_name for deployed in read_deployed(ROOT / "sql")}
    assert set(file.drops) <= known, "`-- drops:` names what sql/ deploys"


@every_migration
def test_the_header_names_the_errors_that_are_raised(file: MigrationFile) -> None:
    raised = set(re.findall(r"errcode = '(S1M\w+)'", file.path.read_text(encoding="utf-8")))
    assert raised <= set(re.findall(r"\bS1M\d\d\b", _header(file)))


def test_nothing_else_lies_among_the_migrations() -> None:
    others = {path.name for path in files(".sql", ".txt", ".py", ".md", ".ini", below="migrations")} - {
        file.path.name for file in MIGRATIONS
    }
    assert others <= {"checksums.txt", "README.md"}, [name_of(FOLDER / name) for name in others]

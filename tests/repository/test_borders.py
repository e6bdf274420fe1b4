"""Does Python hold no SQL but calls, COPY and settings, and these in database/ alone?

The syntax tree of each module is read and every string in it looked at: f-strings and bytes, too. Docstrings are
prose, and the help of a command is one.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.repository.sources import files, name_of

# A string that begins like a statement, or holds the heart of one.
_STATEMENT = re.compile(
    r"""^\s*(?:select|insert|update|delete|merge|with|truncate|grant|revoke|copy|lock|vacuum|analyze|reindex|explain|call|do|perform
            |begin|commit|rollback|savepoint|release|listen|notify|declare|fetch|prepare|execute|reset|show
            |set\s+(?:local|session|role|constraints|transaction)?
            |(?:create|alter|drop|comment\s+on)\s+(?:or\s+replace\s+)?\w+)\s+[\w"'{%*$(]
      | \binsert\s+into\s | \bdelete\s+from\s | \bselect\s.*\bfrom\s | \bupdate\s+\S+\s+set\s
      | \b(?:create|alter|drop)\s+(?:temp\w*\s+|unique\s+)?
          (?:table|view|function|schema|index|role|database|trigger|type|extension)\s+\S""",
    re.IGNORECASE | re.VERBOSE | re.DOTALL,
)

# What begins like a statement and is a sentence: it has a capital, and no name that is qualified or quoted.
_SENTENCE = re.compile(r"^[A-Z][a-z]+ [^;()\"=]*$")

# The statements of database/: calls of functions and views, and settings of the session. Each with its reason.
_ALLOWED = {
    ("calls.py", "select * from {function}({arguments})"): "the one form in which functions are called",
    ("calls.py", "select * from {view}"): "the one form in which views are read",
    ("bar_loading.py", "copy pg_temp.staged_"): "COPY into the staging tables that a function has made",
    ("example_staging.py", "copy pg_temp.staged_"): "COPY into the staging table that a function has made",
    ("experiment_recording.py", "copy pg_temp.staged_"): "COPY into the staging tables that a function has made",
    ("bar_reading.py", "copy (select {columns} from "): "a function would gather all rows before the first",
    ("connections.py", "select "): "set_config for each limit of the session",
    ("migration_backend.py", "select pg_catalog.set_config("): "the search_path of a migration",
    ("migrations.py", "reset all"): "the session after a migration that is part of no transaction",
    ("locks.py", "select pg_catalog.pg_backend_pid()"): "whether the lock's session still lives",
    ("locks.py", "select pg_catalog.pg_try_advisory_xact_lock("): "the lock that precedes every function of ours",
    ("restored_roles.py", "CREATE ROLE {};"): "the form of a line of pg_dumpall, which is read",
    ("restored_roles.py", "ALTER ROLE {} WITH "): "the form of a line of pg_dumpall, which is read",
    ("patience.py", "Look for long transactions (select * from pg_stat_activity)"): "advice to the operator, not executed",
}


def _strings(tree: ast.AST) -> Iterator[tuple[int, str]]:
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    pieces = {id(value) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for value in node.values}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield node.lineno, "".join(value.value if isinstance(value, ast.Constant) else "{}" for value in node.values)
        elif isinstance(node, ast.Constant) and id(node) not in docstrings | pieces:
            if isinstance(node.value, str):
                yield node.lineno, node.value
            elif isinstance(node.value, bytes):
                yield node.lineno, node.value.decode("utf-8", "replace")


def _statements(path: Path) -> list[tuple[int, str]]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return [(line, text) for line, text in _strings(tree) if _STATEMENT.search(text) and not _SENTENCE.match(text)]


@pytest.mark.parametrize("path", files(".py", below="tooling"), ids=name_of)
def test_python_holds_no_sql_text(path: Path) -> None:
    inside = path.parent.name == "database"
    bad = [
        f"{name_of(path)}:{line}: {text[:80]!r}"
        for line, text in _statements(path)
        if not (inside and any(path.name == name and text.startswith(start) for name, start in _ALLOWED))
    ]
    assert not bad, "SQL belongs into sql/ or migrations/:\n" + "\n".join(bad)


@pytest.mark.parametrize(("name", "start"), _ALLOWED, ids=[f"{name}: {start[:30]}" for name, start in _ALLOWED])
def test_every_exception_is_needed(name: str, start: str) -> None:
    [path] = [path for path in files(".py", below="tooling/stage1/database") if path.name == name]
    assert any(text.startswith(start) for _, text in _statements(path)), "take it from the list"


@pytest.mark.parametrize(
    "text",
    [
        "select * from public.stage1_datasets",
        "INSERT INTO x values (1)",
        "  update t set a = 1",
        "with a as (select 1) select * from a",
        "create or replace function f()",
        "drop table x",
        "set role stage1_app",
        "… where exists (select 1 from t)",
        "lock table t",
        "do $$ begin end $$",
    ],
)
def test_a_statement_is_recognised(text: str) -> None:
    assert _STATEMENT.search(text)
    assert not _SENTENCE.match(text)


@pytest.mark.parametrize(
    "text",
    [
        "Drop them, run the command, and create them again.",
        "the database: a URL",
        "selected rows",
        "updated_at",
        "Restore the files",
    ],
)
def test_prose_is_not_a_statement(text: str) -> None:
    assert not _STATEMENT.search(text) or _SENTENCE.match(text)


def test_only_rendering_writes_to_stdout() -> None:
    for path in files(".py", below="tooling"):
        if path.name == "rendering.py":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            called = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
            assert called not in ("print", "click.echo", "click.secho", "sys.stdout.write"), (
                f"{name_of(path)}:{node.lineno}: {called}"
            )


def test_only_clock_reads_the_clock() -> None:
    for path in files(".py", below="tooling"):
        if path.name == "clock.py":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            called = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
            assert called not in ("datetime.now", "datetime.utcnow", "time.time", "time.monotonic", "time.sleep"), (
                f"{name_of(path)}:{node.lineno}: {called}; stage1.clock has it"
            )

"""Does docs/reference/spool.md say what the replay does, and does the sample writer keep to it?

It writes hostile values, dies at every byte, and writes while files are claimed.
"""

import datetime
import importlib.util
import io
import os
import threading
import uuid
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import Any

import psycopg
import pytest
from psycopg import sql

from stage1.adapters.postgres_grammar import parse
from stage1.model.replay_rules import MAX_BARE, judge_text
from stage1.model.spool_text import LINE_MODE, MAX_STATEMENT, Splitter
from stage1.operations.spool_files import claim
from stage1.operations.spool_places import APPEND_FILE
from stage1.settings import SETTINGS, Settings
from tests.docs.pages import ROOT, Block, blocks
from tests.unit.spool.good_statements import RULES

PAGE = ROOT / "docs" / "reference" / "spool.md"
EXAMPLES = [block for block in blocks(PAGE) if block.language == "sql"]


def judged(text: bytes) -> tuple[list[tuple[str, str]], bytes]:
    """Each statement's verdict and text, and the rest that is unfinished."""
    splitter = Splitter(io.BytesIO(text))
    found = [(judge_text(statement, RULES, parse).kind, statement.text.decode()) for statement in splitter]
    return found, text[splitter.tail :]


@pytest.mark.parametrize("block", EXAMPLES, ids=[f"line {block.line}" for block in EXAMPLES])
def test_what_the_page_shows_is_judged_as_the_page_says(block: Block) -> None:
    found, rest = judged(block.text.encode())
    assert rest == b""
    assert found
    is_refused = block.text.startswith("-- Refused\n")
    assert [text for kind, text in found if (kind == "refused") != is_refused] == []


def test_the_page_shows_both_and_names_the_limits_and_the_first_line() -> None:
    text = PAGE.read_text()
    assert len(EXAMPLES) >= 4
    assert sum(block.text.startswith("-- Refused\n") for block in EXAMPLES) == 1
    assert f"at most {MAX_STATEMENT >> 20} MiB" in text
    assert f"at most {MAX_BARE >> 10} KiB" in text
    assert f"```\n{LINE_MODE.decode()}\n```" in text
    assert APPEND_FILE in text
    for name in ("STAGE1_SPOOL", "STAGE1_SPOOL_KEEP", "STAGE1_REPLAY_PATIENCE"):
        assert f"`{name}`" in text
        assert name in [setting.name for setting in SETTINGS]


@pytest.fixture(scope="module")
def writer() -> ModuleType:
    specification = importlib.util.spec_from_file_location("spool_writer", ROOT / "examples" / "spool" / "spool_writer.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def _hostile_texts() -> Iterator[str]:
    yield from (
        "",
        "'",
        "''",
        "\\",
        "\\'",
        "'\\",
        "E'",
        "\n",
        "\r\n",
        "\t\b\f\v\x01\x1f\x7f",
        ";",
        "--",
        "/*",
        "*/",
        "$$",
        "$a$",
        '"',
    )
    yield from (
        "it's; -- no /* comment */ $$",
        "\\n is no line end",
        "\\u0041 \\x41 \\101",
        "é \U0001f600 \u2028 \x85 \ufeff",
        "%s %(a)s",
    )
    yield from ("'); DROP TABLE stage1_datasets; --", "x\n-- stage1 spool 1: one statement per line\n", "a" * 100_000)


VALUES: list[object] = [
    *_hostile_texts(),
    *(None, True, False, 0, -1, 2**40, Decimal("-1.50"), Decimal("1E+3"), Decimal("NaN"), 1.5, -2e-9, float("inf")),
    uuid.UUID(int=7),
    datetime.datetime(2026, 11, 20, 3, 15, tzinfo=datetime.UTC),
    datetime.date(2026, 11, 20),
    {"a": ["it's", '"', "\\", "\n", "é"], "b": {"c": None}},
]


def insert(literal: str) -> str:
    return f"INSERT INTO public.walkforward_runs (status) VALUES ({literal})"


@pytest.mark.parametrize("value", VALUES, ids=[repr(value)[:30] for value in VALUES])
def test_any_value_is_one_record_and_comes_back(
    writer: ModuleType, tmp_path: Path, db: psycopg.Connection[dict[str, Any]], value: object
) -> None:
    written = writer.literal(value)
    writer.append(insert(written), tmp_path)
    writer.append(insert("'next'"), tmp_path)
    found, rest = judged((tmp_path / APPEND_FILE).read_bytes())
    assert [kind for kind, _ in found] == ["execute", "execute"]
    assert found[0][1] == insert(written)
    assert rest == b""
    row = db.execute(sql.SQL("select {} as value").format(sql.SQL(written))).fetchone()  # type: ignore[arg-type]
    assert row is not None
    assert row["value"] == value or (value != value and row["value"].is_nan())
    assert isinstance(row["value"], type(value))


@pytest.mark.parametrize("value", ["a\0b", "half \ud800", datetime.datetime(2026, 1, 1), {"a": float("nan")}])  # noqa: DTZ001
def test_a_value_that_would_be_misread_is_refused(writer: ModuleType, value: object) -> None:
    with pytest.raises(ValueError, match=r"."):
        writer.literal(value)


@pytest.mark.parametrize("statement", ["", " ; ", "INSERT\nINTO", "a\rb"])
def test_a_record_that_is_not_one_line_is_refused(writer: ModuleType, tmp_path: Path, statement: str) -> None:
    with pytest.raises(ValueError, match="one line"):
        writer.append(statement, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ("'a'); DELETE FROM a", ";"),
        ("'a') -- why", "--"),
        ("'a' /* why */)", "/*"),
        ("'a", "'"),
        ("E'a\\'", "'"),
        ('"a', '"'),
        ("typE'\\'; ')", ";"),
        ("a$b$;$b$", ";"),
        ("$a$ $b$; $a$ ; $b$", ";"),
    ],
)
def test_a_record_that_is_not_one_statement_is_refused(writer: ModuleType, tmp_path: Path, values: str, found: str) -> None:
    for write in (writer.append, lambda statement, spool: writer.deliver([statement], spool)):
        with pytest.raises(ValueError, match="one statement without comments") as refusal:
            write(f"INSERT INTO a (b) VALUES ({values}", tmp_path)
        assert f"and {found} stands" in str(refusal.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "value", ["'--;/*\"'", "E'\\';--'", "E'\\\\'", "'a'';'", "'\\'", '";--"', "$$;'--$$", "$ü$;$$'$ü$", "U&';'"]
)
def test_what_stands_in_quotes_is_no_matter_to_the_writer(writer: ModuleType, tmp_path: Path, value: str) -> None:
    writer.append(insert(value), tmp_path)
    splitter = Splitter(io.BytesIO((tmp_path / APPEND_FILE).read_bytes()))
    assert [(statement.text.decode(), statement.torn) for statement in splitter] == [(insert(value), False)]


@pytest.mark.parametrize("text", ["'it''s; done'", "E'a\\'b;\\n'", "$q$ ; ' $q$"])
def test_a_writer_that_dies_costs_its_own_record_and_no_other(writer: ModuleType, tmp_path: Path, text: str) -> None:
    path = tmp_path / APPEND_FILE
    writer.append(insert("'before'"), tmp_path)
    before = path.stat().st_size
    writer.append(insert(text), tmp_path)
    whole = path.read_bytes()
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        writer.append(insert("'behind'"), tmp_path)
        found, rest = judged(path.read_bytes())
        assert found[-1] == ("execute", insert("'behind'")), f"cut at byte {size}"
        assert rest == b""
        if size >= before:
            assert found[0] == ("execute", insert("'before'"))
        good = {insert("'before'"), insert("'behind'"), insert(text)}
        assert all(statement in good for kind, statement in found if kind == "execute")


def test_a_file_of_another_form_is_not_added_to(writer: ModuleType, tmp_path: Path) -> None:
    (tmp_path / APPEND_FILE).write_text("select 1;\n")
    with pytest.raises(ValueError, match="another form"):
        writer.append(insert("'x'"), tmp_path)
    assert (tmp_path / APPEND_FILE).read_text() == "select 1;\n"


def test_files_are_delivered_whole_and_twice_is_twice(writer: ModuleType, tmp_path: Path) -> None:
    statements = [insert("'a'"), insert("'b'") + ";"]
    paths = [writer.deliver(statements, tmp_path), writer.deliver(statements, tmp_path, together=True)]
    assert sorted(tmp_path.rglob("*.*")) == sorted(paths)
    assert [kind for kind, _ in judged(paths[0].read_bytes())[0]] == ["execute", "execute"]
    assert [kind for kind, _ in judged(paths[1].read_bytes())[0]] == ["begin", "execute", "execute", "commit"]
    again = writer.deliver(statements, tmp_path)
    assert again.read_bytes() != paths[0].read_bytes()
    assert [path.stat().st_mode & 0o777 for path in paths] == [0o600, 0o600]


def test_the_writer_and_the_claim_lose_nothing_together(writer: ModuleType, tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    clients = [
        threading.Thread(target=lambda who=who: [writer.append(insert(f"'{who} {number}'"), tmp_path) for number in range(40)])
        for who in range(3)
    ]
    for client in clients:
        client.start()
    settings = Settings({"STAGE1_SPOOL": str(tmp_path)})
    while any(client.is_alive() for client in clients):
        claim([tmp_path], settings, str)
        clients[0].join(0.005)
    found = [entry for file in claim([tmp_path], settings, str) for entry in judged(file.path.read_bytes())[0]]
    assert sorted(found) == sorted(("execute", insert(f"'{who} {number}'")) for who in range(3) for number in range(40))
    assert not os.path.lexists(tmp_path / APPEND_FILE)

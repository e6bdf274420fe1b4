"""Answers in three forms: exact for programs, harmless for terminals."""

import csv
import io
import json
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import pytest

from stage1.cli import rendering
from stage1.cli.rendering import Format, Section, show_record, show_report, show_rows, table
from stage1.model.json_text import JsonText, checked_object

ROW = {
    "text": "a",
    "none": None,
    "price": Decimal("12345678901234567890.123456789"),
    "tiny": Decimal("1E-9"),
    "large": Decimal("1E+3"),
    "time": datetime(2023, 1, 3, 14, 30, 0, 123456, tzinfo=UTC),
    "day": date(2023, 1, 3),
    "id": UUID("10000000-0000-4000-8000-000000000001"),
    "yes": True,
    "count": 7,
    "path": Path("/a b"),
    "object": {"k": [1, None, "ü"]},
}
HOSTILE = "a\x1b[31mred\x1b[0m\r\nb\x00\x9b2J\u202egnp\u200b"


def test_json_is_exact_and_read_back(capsys):
    show_rows([ROW], Format.JSON)
    found = json.loads(capsys.readouterr().out)[0]
    assert found["price"] == "12345678901234567890.123456789"
    assert (found["tiny"], found["large"]) == ("0.000000001", "1000")
    assert found["time"] == "2023-01-03T14:30:00.123456+00:00"
    assert found["none"] is None
    assert (found["yes"], found["count"], found["path"]) == (True, 7, "/a b")
    assert found["object"] == {"k": [1, None, "ü"]}


EXACT = '{"big": 123456789012345678901234567890, "fine": 0.100000000000000000000000000001, "text": "\\\\1 \u202e"}'


@pytest.mark.parametrize("output_format", list(Format))
def test_a_document_of_the_database_keeps_every_digit(capsys, output_format):
    show_rows([{"metadata": JsonText(EXACT), "also": [JsonText("1.50")]}], output_format)
    shown = capsys.readouterr().out.replace('""', '"')
    for number in ("123456789012345678901234567890,", "0.100000000000000000000000000001,", "1.50"):
        assert number in shown


def test_a_document_of_the_database_is_part_of_the_answer(capsys):
    show_record({"metadata": JsonText(EXACT), "empty": JsonText("{}")}, Format.JSON)
    shown = capsys.readouterr().out
    assert json.loads(shown) == {"metadata": json.loads(EXACT), "empty": {}}
    assert "\u202e" not in shown


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('{"a": NaN}', "NaN is not JSON"),
        ('{"a": -Infinity}', "-Infinity is not JSON"),
        ("[1]", "object was expected"),
        ("{", "not JSON"),
        ('{"a": 1, "b": 2, "a": 1}', 'the key "a" is given twice'),
        ('{"a": {"x": 1, "\\u0078": 2}}', 'the key "x" is given twice'),
        ('{"a": ' + "[" * 100_000 + "]" * 100_000 + "}", "nested too deeply"),
    ],
)
def test_what_is_no_json_object_is_refused(text, problem):
    with pytest.raises(ValueError, match=problem):
        checked_object(text)


def test_csv_is_exact_and_read_back(capsys):
    show_rows([{**ROW, "text": 'quote " comma , line\nend'}], Format.CSV)
    found = next(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert found["text"] == 'quote " comma , line\nend'
    assert found["time"] == "2023-01-03T14:30:00.123456+00:00"
    assert (found["price"], found["tiny"]) == ("12345678901234567890.123456789", "0.000000001")
    assert (found["none"], found["yes"]) == ("", "true")


def test_a_table_is_for_people(capsys):
    show_rows([ROW], Format.TABLE)
    header, rule, line = capsys.readouterr().out.splitlines()
    assert header.split()[:3] == ["text", "none", "price"]
    assert set(rule) == {"-", " "}
    assert "2023-01-03 14:30:00+00:00" in line
    assert "yes" in line


@pytest.mark.parametrize("output_format", [Format.TABLE, Format.JSON])
def test_what_commands_a_terminal_is_shown_escaped(capsys, output_format):
    show_rows([{"x": HOSTILE}], output_format)
    show_record({"x": HOSTILE}, output_format)
    show_report({"x": HOSTILE}, [Section("t", [{"x": HOSTILE}])], output_format)
    rendering.say(HOSTILE)
    captured = capsys.readouterr()
    for text in (captured.out, captured.err):
        assert "red" in text
        assert not {"\x1b", "\x00", "\x9b", "\u202e", "\u200b", "\r"} & set(text)


def test_escaped_json_still_says_the_same(capsys):
    show_rows([{"x": HOSTILE + "\udcff"}], Format.JSON)
    assert json.loads(capsys.readouterr().out) == [{"x": HOSTILE + "\udcff"}]


def test_csv_on_a_terminal_is_escaped_too(capsys, monkeypatch):
    monkeypatch.setattr(rendering.sys.stdout, "isatty", lambda: True, raising=False)
    show_rows([{"x": HOSTILE}], Format.CSV)
    assert "\x1b" not in capsys.readouterr().out


def test_wide_letters_keep_the_columns_in_line():
    lines = table([{"a": "日経", "b": "x"}, {"a": "abcd", "b": "x"}, {"a": "e\u0301fgh", "b": "x"}]).splitlines()
    assert [line.index("x") - offset for line, offset in zip(lines[2:], (-2, 0, 1), strict=True)] == [6, 6, 6]


def test_numbers_stand_to_the_right():
    assert table([{"n": 1}, {"n": 100}, {"n": None}]).rstrip().splitlines() == ["  n", "---", "  1", "100"]


def test_no_rows():
    assert table([]) == "(none)"


def test_no_rows_are_an_empty_list_for_programs(capsys):
    show_rows([], Format.JSON)
    assert json.loads(capsys.readouterr().out) == []


def test_rows_of_different_columns_make_one_csv(capsys):
    show_rows([{"a": 1}, {"b": 2}], Format.CSV)
    assert capsys.readouterr().out == "a,b\n1,\n,2\n"


def test_a_missing_column_is_an_empty_cell():
    assert table([{"a": 1, "b": 2}, {"a": 3}]).splitlines()[-1].strip() == "3"


def test_an_empty_record(capsys):
    show_record({}, Format.TABLE)
    assert capsys.readouterr().out == "\n"

"""Does an answer hold what the rows hold, to the last digit, and is it in the form that was asked for?"""

import json
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from uuid import UUID

import pytest
from starlette.requests import Request

from stage1.errors import AnswerUnsupported
from stage1.model.example_lines import Example
from stage1.model.json_text import JsonText
from stage1.server.answers import ARROW, CSV, JSON, accepted, answer, json_text
from stage1.server.routes.examples import _blocks

OFFERED = (JSON, CSV, ARROW)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Decimal("1E+3"), '"1000"'),
        (Decimal("-4500.250"), '"-4500.250"'),
        (Decimal("1E-9"), '"0.000000001"'),
        (Decimal("9007199254740993.000000001"), '"9007199254740993.000000001"'),
        (Decimal("NaN"), '"NaN"'),
        (2**63 - 1, "9223372036854775807"),
        (True, "true"),
        (None, "null"),
        (0.1, "0.1"),
        (datetime(2023, 1, 3, 14, 30, tzinfo=UTC), '"2023-01-03T14:30:00Z"'),
        (datetime(2023, 1, 3, 14, 30, 0, 5, tzinfo=UTC), '"2023-01-03T14:30:00.000005Z"'),
        (datetime(2023, 1, 3, 14, 30, tzinfo=timezone(timedelta(hours=5, minutes=30))), '"2023-01-03T09:00:00Z"'),
        (date(2023, 1, 3), '"2023-01-03"'),
        (UUID(int=1), '"00000000-0000-0000-0000-000000000001"'),
        (JsonText('{"a": 1.000, "b": 9007199254740993}'), '{"a": 1.000, "b": 9007199254740993}'),
        ({'"\n\\': [(), {}, "\u2028é\x7f"]}, '{"\\"\\n\\\\":[[],{},"\u2028é\x7f"]}'),
    ],
    ids=repr,
)
def test_each_value_has_one_form(value: object, text: str) -> None:
    assert json_text(value) == text
    json.loads(text)


@pytest.mark.parametrize("value", [float("nan"), float("-inf"), object(), b""], ids=["nan", "inf", "object", "bytes"])
def test_what_has_no_form_is_not_guessed(value: object) -> None:
    with pytest.raises((ValueError, TypeError), match="no form in JSON"):
        json_text({"value": [value]})


def test_an_answer_says_how_long_it_is() -> None:
    response = answer({"name": "é"}, 201)
    assert (response.status_code, response.headers["content-length"], response.headers["content-type"]) == (201, "13", JSON)


@pytest.mark.parametrize(
    ("header", "chosen"),
    [
        (None, JSON),
        ("", JSON),
        ("*/*", JSON),
        ("text/html, application/xhtml+xml, application/xml;q=0.9, */*;q=0.8", JSON),
        ("text/csv", CSV),
        ("TEXT/CSV; charset=utf-8; q=0.5", CSV),
        ("text/*", CSV),
        ("application/json;q=0.3, text/csv;q=0.8", CSV),
        ("*/*;q=0.1, application/vnd.apache.arrow.stream", ARROW),
        # The most exact range counts, not the most generous one.
        ("application/json;q=0, */*", CSV),
        ("application/*;q=0.9, application/json;q=0.2, text/csv;q=0.5", ARROW),
    ],
)
def test_the_form_follows_the_accept_header(header: str | None, chosen: str) -> None:
    assert accepted(_asking(header), OFFERED) == chosen


@pytest.mark.parametrize("header", ["text/html", "application/json;q=0", "text/csv;q=nan", "text/csv;q=2", "csv"])
def test_a_form_that_is_not_there_is_refused(header: str) -> None:
    with pytest.raises(AnswerUnsupported) as refused:
        accepted(_asking(header), OFFERED)
    assert refused.value.http_status == 406
    assert all(form in refused.value.message for form in OFFERED)


def _asking(header: str | None) -> Request:
    headers = [] if header is None else [(b"accept", header.encode())]
    return Request({"type": "http", "headers": headers})


def test_a_stream_goes_in_small_blocks() -> None:
    def blocks(count: int, size: int) -> list[int]:
        every = (Example(f"s{number}", f'{{"x":"{"y" * size}"}}', "{}", "{}", "0" * 64) for number in range(count))
        return [block.count(b"\n") for block in _blocks(every)]

    assert blocks(450, 1) == [200, 200, 50]
    assert blocks(3, 1_000_000) == [1, 1, 1]
    assert blocks(0, 1) == []

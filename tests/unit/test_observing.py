"""What becomes of an error that nobody foresaw: a problem that says where to look, and a traceback in the log alone."""

import asyncio
import json
import logging
from typing import Any

import pytest

from stage1.server import logs
from stage1.server.metrics import Metrics
from stage1.server.observing import Observing

SECRET = "postgresql://desk:hunter2@db/trading"


def asked(application: Any, method: str = "GET") -> list[dict[str, Any]]:
    """The messages that a request is answered with."""
    sent: list[dict[str, Any]] = []
    scope = {"type": "http", "method": method, "path": "/", "query_string": b"", "headers": [(b"x-request-id", b"the-id")]}

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(Observing(application, Metrics(dict))(scope, receive, send))
    return sent


async def broken(scope: Any, receive: Any, send: Any) -> None:
    raise ZeroDivisionError(SECRET)


async def broken_in_the_middle(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"half", "more_body": True})
    raise ZeroDivisionError(SECRET)


def test_a_bug_is_a_problem_that_says_where_to_look(caplog: pytest.LogCaptureFixture) -> None:
    start, body = asked(broken)
    problem = json.loads(body["body"])
    assert (start["status"], problem["status"], problem["code"]) == (500, 500, "Unexpected")
    assert problem["instance"] == "the-id"
    assert (b"x-request-id", b"the-id") in start["headers"]
    assert "ZeroDivision" not in str(problem)
    [record] = [record for record in caplog.records if record.exc_info]
    line = json.loads(logs.Line(()).format(record))
    assert line["request_id"] == "the-id"
    assert "ZeroDivisionError" in line["traceback"]
    assert "hunter2" not in json.dumps(line)


def test_a_bug_in_the_middle_of_an_answer_ends_it_uncleanly(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(ZeroDivisionError):
        asked(broken_in_the_middle)
    assert [record.exc_info is not None for record in caplog.records if record.levelno == logging.ERROR] == [True]


def test_who_asks_for_the_head_gets_no_body_and_costs_no_more_than_its_begin() -> None:
    start, body = asked(broken_in_the_middle, "HEAD")
    assert start["status"] == 200
    assert body == {"type": "http.response.body", "body": b"", "more_body": False}

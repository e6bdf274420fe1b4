"""Is what another server says never taken for an answer of ours, nor for an empty one?"""

import pytest

from stage1.client import AnswerNotUnderstood
from tests.unit.client.conftest import reply

NDJSON = "application/x-ndjson"


@pytest.mark.parametrize("said", [{}, [], "well", None, b""])
def test_an_answer_without_its_field_is_not_understood(scripted, said):
    scripted.otherwise = reply(200, said)
    requests = scripted.requests()
    for ask in (
        lambda: requests.read("/v1/x", "version_id"),
        lambda: requests.write("POST", "/v1/x", {}, has="summary", is_safe=True),
        lambda: requests.pages("/v1/x", {}),
    ):
        with pytest.raises(AnswerNotUnderstood):
            ask()


def test_a_page_without_a_list_is_not_understood(scripted):
    scripted.otherwise = reply(200, {"items": {}, "next_cursor": None})
    with pytest.raises(AnswerNotUnderstood, match="no items"):
        scripted.requests().pages("/v1/x", {})


@pytest.mark.parametrize(
    ("media_type", "said"), [("text/html", b""), (NDJSON, b"<html>\n"), (NDJSON, b"{}\n[1]"), (NDJSON, b'"a"\n')]
)
def test_lines_of_another_server_are_not_understood(scripted, media_type, said):
    scripted.otherwise = reply(200, said, media_type=media_type)
    with pytest.raises(AnswerNotUnderstood):
        list(scripted.requests().lines("/v1/x", {}))

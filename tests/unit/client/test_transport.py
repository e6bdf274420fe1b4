"""Does a request survive what happens to it on its way, and is it never sent again where that could apply twice?"""

import gzip
import os
import pickle
import socket
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from stage1 import errors
from stage1.client import AnswerNotUnderstood, Refused, ServerUnavailable
from stage1.client.requests import Requests
from stage1.client.retries import seconds_of
from stage1.client.transport import Body, Transport, json_body, segment
from stage1.errors import UsageRefused
from tests.unit.client.conftest import cut, raw, reply

OK = reply(200, {"is": "well"})
BUSY = {"title": "t", "detail": "Too many at once.", "code": "ServerExhausted", "hint": "Wait."}
PROBLEM = "application/problem+json"


def _ask(transport, *, is_safe=True, **options):
    return transport.ask("POST", "/v1/x", body=json_body({"a": 1}), is_safe=is_safe, **options)


def test_a_connection_is_kept_and_closed_ones_are_replaced(scripted):
    transport = scripted.transport("a-token")
    scripted.otherwise = OK
    assert [_ask(transport).json() for _ in range(3)] == [{"is": "well"}] * 3
    assert scripted.connections == 1
    assert scripted.asked[0].headers["authorization"] == "Bearer a-token"
    ids = {asked.headers["x-request-id"] for asked in scripted.asked}
    assert len(ids) == 3
    # The server closes while the connection is at rest: no failure, and no pause.
    scripted.replies.extend([cut, OK])
    assert _ask(transport).json() == {"is": "well"}
    assert (scripted.connections, scripted.pauses) == (2, [])


def test_a_fork_has_connections_of_its_own(scripted, monkeypatch):
    transport = scripted.transport()
    scripted.otherwise = OK
    _ask(transport)
    monkeypatch.setattr(os, "getpid", lambda: 1)
    assert [_ask(transport).json() for _ in range(2)] == [{"is": "well"}] * 2
    assert scripted.connections == 2


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_busy_server_is_asked_again_when_it_says(scripted, status):
    transport = scripted.transport()
    scripted.replies.extend(
        [reply(status, BUSY, media_type=PROBLEM, retry_after="7"), reply(status, BUSY, media_type=PROBLEM), cut, OK]
    )
    assert _ask(transport).json() == {"is": "well"}
    # The cut connection had been at rest: it is replaced without a pause.
    assert scripted.pauses == [7.0, 0.4]
    assert len({asked.headers["x-request-id"] for asked in scripted.asked}) == 1


@pytest.mark.parametrize("failure", [cut, reply(503, BUSY, media_type=PROBLEM)], ids=["cut", "503"])
def test_what_could_apply_twice_is_sent_once(scripted, failure):
    transport = scripted.transport()
    scripted.otherwise = failure
    with pytest.raises((ServerUnavailable, errors.ServerExhausted)):
        _ask(transport, is_safe=False)
    assert (len(scripted.asked), scripted.pauses) == (1, [])


def test_a_key_makes_a_write_safe(scripted):
    scripted.replies.extend([cut, OK])
    Requests(scripted.transport(), 60.0).write("POST", "/v1/x", {}, is_safe=False, key="k")
    assert [asked.headers["idempotency-key"] for asked in scripted.asked] == ["k", "k"]


def test_tries_end(scripted):
    transport = scripted.transport(tries=3)
    scripted.otherwise = reply(503, BUSY, media_type=PROBLEM, retry_after="3600")
    with pytest.raises(errors.ServerExhausted, match=r"Too many at once\.\nWait\."):
        _ask(transport)
    assert scripted.pauses == [60.0, 60.0]


def test_a_server_that_is_not_there_is_a_sentence():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    pauses = []
    transport = Transport(f"http://127.0.0.1:{port}", None, 60.0)
    transport._retries.pause = pauses.append
    with pytest.raises(ServerUnavailable, match=rf"http://127.0.0.1:{port} cannot be reached in 5 tries: Connection refused\."):
        _ask(transport, is_safe=False)  # nothing was sent, so that nothing can apply twice
    assert len(pauses) == 4


def test_a_slow_server_is_waited_for_twice_at_the_most(scripted):
    arrived, wait = threading.Semaphore(0), threading.Event()
    scripted.replies.append(OK)
    scripted.otherwise = lambda *_: arrived.release() or (wait.wait(60) and None)
    transport = scripted.transport(timeout=60)
    _ask(transport)
    with pytest.raises(ServerUnavailable, match="did not answer in 2 tries: the time was up"):
        _ask(transport, timeout=0.1)
    assert all(arrived.acquire(timeout=60) for _ in range(2))
    wait.set()
    assert len(scripted.asked) == 3


_CUT = {
    "length": b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n{",
    "chunk": b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{",
    "between chunks": b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n1\r\n{\r\n",
    "gzip": b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-encoding: gzip\r\ncontent-length: 20\r\n\r\n"
    + gzip.compress(b'{"a": 1, "b": 2}')[:20],
    "not gzip": b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-encoding: gzip\r\ncontent-length: 2\r\n\r\n{}",
}


@pytest.mark.parametrize("how", _CUT)
def test_an_answer_that_is_cut_is_never_taken_for_whole(scripted, how):
    scripted.replies.extend([raw(_CUT[how]), OK])
    assert _ask(scripted.transport()).json() == {"is": "well"}
    scripted.otherwise = raw(_CUT[how])
    with pytest.raises(ServerUnavailable, match="was cut"):
        _ask(scripted.transport(tries=2))
    with pytest.raises(ServerUnavailable, match="what was read is not all"):
        list(Requests(scripted.transport(), 60.0).lines("/v1/x", {}))


def test_packed_answers_are_unpacked(scripted):
    scripted.otherwise = reply(
        200, gzip.compress(b'{"a":1}\n{"a":2}'), content_encoding="gzip", media_type="application/x-ndjson"
    )
    assert list(Requests(scripted.transport(), 60.0).lines("/x", {"q": "a b", "none": None, "name": ["x", "y"]})) == [
        {"a": 1},
        {"a": 2},
    ]
    assert scripted.asked[0].path == "/x?q=a+b&name=x&name=y"


def test_an_answer_before_the_body_is_read_is_heard(scripted):
    listener = socket.create_server(("127.0.0.1", 0))
    problem = b'{"title":"t","detail":"Too large.","code":"S1H01"}'
    head = f"HTTP/1.1 413 X\r\ncontent-type: {PROBLEM}\r\ncontent-length: {len(problem)}\r\nconnection: close\r\n\r\n".encode()

    def early():
        connection, _ = listener.accept()
        with connection:
            connection.recv(1000)
            connection.sendall(head + problem)
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(1 << 16):
                pass

    thread = threading.Thread(target=early, daemon=True)
    thread.start()
    content = b" " * (8 << 20)
    transport = Transport(f"http://127.0.0.1:{listener.getsockname()[1]}", None, 60.0)
    with pytest.raises(errors.BodyTooLarge, match="Too large"):
        transport.ask("POST", "/", body=Body(content, len(content)), is_safe=False)
    thread.join(10)
    listener.close()


@pytest.mark.parametrize(
    ("answer", "kind", "sentence"),
    [
        (reply(200, b"<html>hello", media_type="text/html"), AnswerNotUnderstood, "status 200 and text/html ('<html>hello')"),
        (reply(404, b"<html>", media_type="text/html"), AnswerNotUnderstood, "names no server of stage1"),
        (reply(502, b"Bad gateway", media_type="text/plain"), ServerUnavailable, "a proxy"),
        (reply(200, b"{", media_type="application/json"), AnswerNotUnderstood, "where JSON was expected"),
        (reply(307, {}, location="/else"), AnswerNotUnderstood, "a redirection, which is not followed"),
        (reply(418, {"detail": "Tea.", "code": "S1Z99", "instance": "r"}, media_type=PROBLEM), Refused, "^Tea.$"),
        (reply(401, {"detail": "Who?"}), errors.TokenRequired, "Who"),
    ],
)
def test_an_answer_that_is_none_is_a_sentence(scripted, answer, kind, sentence):
    scripted.otherwise = answer
    with pytest.raises(kind) as refused:
        _ask(scripted.transport(tries=2)).json()
    assert sentence.strip("^$") in str(refused.value)


def test_a_refusal_is_the_error_of_the_table_and_knows_what_was_said(scripted):
    problem = {
        "title": "t",
        "detail": "The latest version is another.",
        "code": "S1E02",
        "hint": "Look first.",
        "status": 409,
        "current_version_id": "v2",
        "errors": [{"pointer": "/expected_version_id", "detail": "it was v1"}],
        "later": "a field of a newer server",
    }
    scripted.otherwise = reply(409, problem, media_type=PROBLEM, x_request_id="r-1")
    with pytest.raises(errors.VersionConflict) as caught:
        _ask(scripted.transport())
    for refused in (caught.value, pickle.loads(pickle.dumps(caught.value))):  # noqa: S301 - our own bytes
        assert isinstance(refused, Refused)
        assert (refused.status, refused.code, refused.request_id) == (409, "S1E02", "r-1")
        assert refused.pointer == "/expected_version_id"
        assert refused.problem["current_version_id"] == "v2"
        assert str(refused) == "The latest version is another.\n/expected_version_id: it was v1\nLook first."
        assert refused.exit_code == errors.VersionConflict.exit_code


def test_many_threads_share_a_transport(scripted):
    transport = scripted.transport()
    scripted.otherwise = lambda handler, asked: reply(200, {"saw": asked.json()["n"]})(handler, asked)
    with ThreadPoolExecutor(16) as threads:
        found = list(
            threads.map(lambda n: transport.ask("POST", "/", body=json_body({"n": n}), is_safe=True).json()["saw"], range(200))
        )
    assert found == list(range(200))
    assert scripted.connections <= 16


@pytest.mark.parametrize(
    "url", ["", "127.0.0.1:8321", "ftp://a", "http://", "http://me:secret@a", "http://a?b", "http://a:99999", "postgresql://a"]
)
def test_an_address_that_is_none_is_refused_and_not_repeated(url):
    with pytest.raises(UsageRefused) as refused:
        Transport(url, None, 1.0)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("token", ["two words", "line\nbreak", "\u00fc"])
def test_a_token_that_is_none_is_refused_and_not_repeated(token):
    with pytest.raises(UsageRefused) as refused:
        Transport("http://a", token, 1.0)
    assert token not in str(refused.value)


def test_a_retry_after_may_be_a_date_or_nonsense():
    assert seconds_of("3") == 3.0
    assert seconds_of("Wed, 21 Oct 2015 07:28:00 GMT") == 0.0
    assert seconds_of("soon") is None
    assert seconds_of(None) is None


def test_a_segment_is_one_segment():
    assert segment("a/b ?#%:\u00fc") == "a%2Fb%20%3F%23%25%3A%C3%BC"
    assert segment("..") == "%2E%2E"
    assert segment("A-1_2~.x") == "A-1_2~.x"
    with pytest.raises(errors.ArgumentInvalid, match="was empty"):
        segment("")  # the path around it would be another one

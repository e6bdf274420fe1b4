"""What a body may be: bounded in size and time, compressed or not, and read so strictly that nothing is guessed."""

import gzip
import json
import socket
import zlib
from contextlib import closing, suppress
from http.client import HTTPConnection
from typing import Any

import pytest

from tests.plugins.databases import Database
from tests.plugins.served import Served, StartServer, answer_of

UPSERT = "/v1/datasets/upsert"
JSON = {"Content-Type": "application/json"}
NDJSON = {"Content-Type": "application/x-ndjson"}
GZIP = {"Content-Encoding": "gzip"}
MEGABYTE = 1_000_000


def body(examples: str, name: str = "bodies") -> bytes:
    return f'{{"name": "{name}", "mode": "merge", "examples": [{examples}]}}'.encode()


def example(given: str) -> bytes:
    return body(f'{{"source_id": "a", "input": {{"x": {given}}}}}')


@pytest.mark.parametrize(
    ("sent", "pointer"),
    [
        (example("NaN"), "/examples/0/input/x"),
        (example("-Infinity"), "/examples/0/input/x"),
        (example("1e400"), "/examples/0/input/x"),
        (example("9007199254740993"), "/examples/0/input/x"),
        (example('"\\ud800"'), "/examples/0/input/x"),
        (example('"\\u0000"'), "/examples/0/input/x"),
        (example('{"a": 1, "a": 2}'), "/examples/0/input/x/a"),
        (example("[" * 5000 + "]" * 5000), "/examples/0/input/x" + "/0" * 96),
        (b'{"name": "x", "mode": "merge", "examples": [', ""),
        (b"", ""),
        (b"\xff\xfe", ""),
        (b"[]", ""),
        (b'"x"', ""),
        (b'{"name": "x", "mode": "sideways", "examples": []}', "/mode"),
        (b'{"name": 1, "mode": "merge", "examples": []}', "/name"),
        (b'{"name": "x", "mode": "merge", "examples": [], "surprise": 1}', "/surprise"),
        (b'{"name": "x", "mode": "merge", "examples": [], "dry_run": "yes"}', "/dry_run"),
        (b'{"id": "no-uuid", "mode": "merge", "examples": []}', "/id"),
        (b'{"id": 7, "mode": "merge", "examples": []}', "/id"),
    ],
)
def test_what_is_not_understood_is_refused_by_place(served: Served, sent: bytes, pointer: str) -> None:
    refused = served.ask("POST", UPSERT, body=sent, headers=JSON)
    assert refused.status == 422, refused.body
    problem = refused.json
    assert problem["code"] == "S1E10"
    assert problem["pointer"].startswith(pointer) if len(pointer) > 100 else problem["pointer"] == pointer
    assert problem["errors"][0]["detail"]


def test_gzip_as_it_should_be(served: Served) -> None:
    plain = body('{"source_id": "a", "input": {}}', "zipped")
    members = gzip.compress(plain[:20]) + gzip.compress(plain[20:])
    for sent in (gzip.compress(plain), members):
        assert served.ask("POST", UPSERT, body=sent, headers={**JSON, **GZIP}).status == 200
    assert served.ask("POST", UPSERT, body=plain, headers={**JSON, "Content-Encoding": "identity"}).status == 200


@pytest.mark.parametrize("cut", [0, 5, 12, -9, -1])
def test_gzip_that_is_cut_or_altered(served: Served, cut: int) -> None:
    whole = gzip.compress(body('{"source_id": "a", "input": {}}'))
    for sent in (whole[:cut], whole + b"garbage", b"x" + whole, bytes([*whole[:30], whole[30] ^ 0x55, *whole[31:]])):
        refused = served.ask("POST", UPSERT, body=sent, headers={**JSON, **GZIP})
        assert (refused.status, refused.json["code"]) == (422, "S1E10"), refused.body


@pytest.mark.parametrize("coding", ["br", "deflate", "gzip, gzip", "zstd", "compress"])
def test_other_codings(served: Served, coding: str) -> None:
    refused = served.ask("POST", UPSERT, body=b"x", headers={**JSON, "Content-Encoding": coding})
    assert (refused.status, refused.json["code"]) == (415, "S1H02")
    assert refused.headers["accept-encoding"] == "gzip"


@pytest.mark.parametrize("kind", ["application/json; charset=latin-1", "application/jsonl", "json"])
def test_other_kinds(served: Served, kind: str) -> None:
    assert served.ask("POST", UPSERT, body=b"{}", headers={"Content-Type": kind}).status == 415


def test_json_beyond_32_megabytes_names_ndjson(served: Served) -> None:
    bomb = gzip.compress(example(json.dumps("x" * (40 * MEGABYTE))), 9)
    assert len(bomb) < MEGABYTE
    refused = served.ask("POST", UPSERT, body=bomb, headers={**JSON, **GZIP})
    assert (refused.status, refused.json["code"]) == (413, "S1H01")
    assert "application/x-ndjson" in refused.json["hint"]
    # Announced, it is refused before anything of it is read; unannounced, while it is read.
    with closing(served.connection()) as connection:
        connection.putrequest("POST", UPSERT)
        for name, value in {**JSON, "Content-Length": str(40 * MEGABYTE), "Expect": "100-continue"}.items():
            connection.putheader(name, value)
        connection.endheaders()
        refused = answer_of(connection)
        assert (refused.status, refused.headers["connection"]) == (413, "close")
    pieces = (b"x" * MEGABYTE for _ in range(40))
    refused = served.ask("POST", UPSERT, body=pieces, headers=JSON)
    assert refused.status == 413


def test_the_largest_body_of_all(database: Database, start_server: StartServer) -> None:
    served = start_server(database, env={"STAGE1_MAX_BODY_MB": "1"})
    head = b'{"name": "large", "mode": "merge"}\n'
    line = b'{"source_id": "%d", "input": {"x": "' + b"y" * 1000 + b'"}}\n'
    many = head + b"".join(line % number for number in range(3700))
    packed = gzip.compress(many)
    assert served.ask("POST", UPSERT, body=many, headers=NDJSON).status == 413
    accepted = served.ask("POST", UPSERT, body=packed, headers={**NDJSON, **GZIP})
    assert accepted.status == 200, accepted.body
    more = gzip.compress(many + b"".join(line % number for number in range(3700, 4200)))
    assert served.ask("POST", UPSERT, body=more, headers={**NDJSON, **GZIP}).status == 413


def test_a_body_that_grows_without_end_costs_little(served: Served) -> None:
    grown = zlib.compressobj(9, wbits=31)
    bomb = b"".join([grown.compress(b"\n" * MEGABYTE) for _ in range(500)]) + grown.flush()
    refused = served.ask("POST", UPSERT, body=bomb, headers={**NDJSON, **GZIP})
    assert refused.status == 422
    with open(f"/proc/{served.process.pid}/status", encoding="ascii") as status:  # noqa: PTH123 - no file
        highest = next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
    assert highest < 400 * 1024


@pytest.mark.parametrize(
    ("begun", "piece"),
    [(b"2;", b"a"), (b"2\r\n{}\r\n0\r\nX-A: ", b"a"), (b"2\r\n{}\r\n0\r\n", b"X-A: a\r\n")],
    ids=["extension", "trailer", "trailers"],
)
def test_what_stands_around_a_chunked_body_is_bounded(served: Served, begun: bytes, piece: bytes) -> None:
    with socket.create_connection(served.address, timeout=10) as connection:
        head = f"POST {UPSERT} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        with suppress(ConnectionError):  # it is cut while more is on its way
            connection.sendall(f"{head}Transfer-Encoding: chunked\r\n\r\n".encode() + begun)
            for _ in range(50):
                connection.sendall(piece * 8_000)
            assert connection.recv(100).startswith(b"HTTP/1.1 400")
    assert served.get("/health").status == 200


def test_expect_100_continue(served: Served) -> None:
    sent = body('{"source_id": "a", "input": {}}', "expected")
    with socket.create_connection(served.address, timeout=20) as connection:
        head = f"POST {UPSERT} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nExpect: 100-continue\r\n"
        connection.sendall(f"{head}Content-Length: {len(sent)}\r\n\r\n".encode())
        assert connection.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(sent)
        assert connection.recv(100).startswith(b"HTTP/1.1 200 OK")


def test_a_body_that_does_not_arrive(database: Database, start_server: StartServer) -> None:
    def begun(served: Served) -> HTTPConnection:
        connection = served.connection()
        connection.putrequest("POST", UPSERT)
        for name, value in {**JSON, "Content-Length": "100"}.items():
            connection.putheader(name, value)
        connection.endheaders(b"{")
        return connection

    served = start_server(database, env={"STAGE1_POOL_SIZE": "1"})
    slow = [begun(served) for _ in range(4)]
    # Slow clients hold neither a thread nor a connection to the database.
    assert served.get("/v1/datasets").status == 200
    for connection in slow:
        connection.close()
    with closing(begun(start_server(database, env={"STAGE1_REQUEST_TIMEOUT": "1"}))) as connection:
        refused = answer_of(connection)
    assert (refused.status, refused.json["code"]) == (408, "S1H04")
    assert refused.headers["connection"] == "close"


def test_who_goes_in_the_middle_is_noted_and_nothing_is_written(served: Served) -> None:
    with socket.create_connection(served.address, timeout=20) as connection:
        head = f"POST {UPSERT} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nX-Request-Id: gone\r\n"
        connection.sendall(f'{head}Content-Length: 1000\r\n\r\n{{"name": "gone"'.encode())
    assert served.logged("gone")["status"] == 499
    assert served.get("/v1/datasets/gone").status == 404


def test_ndjson_names_its_line(served: Served) -> None:
    head = '{"name": "lines", "mode": "merge"}'
    good = '{"source_id": "a", "input": {}}'
    cases: list[tuple[list[str], Any]] = [
        ([head, good, '{"source_id": "b", "input": {"x": NaN}}'], 3),
        ([head, good, ""], None),
        ([head, "nothing"], 2),
        (["nothing", good], 1),
        (['{"name": "lines", "mode": "merge", "examples": []}', good], 1),
    ]
    for lines, number in cases:
        found = served.ask("POST", UPSERT, body="\n".join(lines).encode(), headers=NDJSON)
        assert (found.status, found.json.get("line")) == ((422, number) if number else (200, None)), found.body


def test_a_refused_body_is_no_other_request(served: Served) -> None:
    with closing(served.connection()) as connection:
        for path, kind, status in (("/nowhere", "application/json", 404), (UPSERT, "text/plain", 415)):
            connection.request(
                "POST", path, body=b"GET /health HTTP/1.1\r\nHost: evil\r\n\r\n" * 20_000, headers={"Content-Type": kind}
            )
            assert answer_of(connection).status == status
            connection.request("GET", "/health")
            assert answer_of(connection).status == 200


def test_a_head_that_does_not_end(served: Served) -> None:
    with socket.create_connection(served.address, timeout=20) as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\nX-Long: " + b"x" * 200_000)
        assert connection.recv(100).startswith(b"HTTP/1.1 400")

"""Is every refusal a problem of RFC 9457, with an id that the log has, and does a bug say nothing but where to look?"""

import json
import socket

import pytest

from tests.plugins.databases import Database
from tests.plugins.served import Served, StartServer

FIELDS = {"type", "title", "status", "detail", "code", "hint", "instance"}


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, "AddressNotFound"),
        ("GET", "/v1/datasets/", 404, "AddressNotFound"),
        ("POST", "/health", 405, "MethodNotAllowed"),
        ("PATCH", "/health", 405, "MethodNotAllowed"),
        ("GET", "/v1/datasets/nobody", 404, "S1C02"),
        ("GET", "/v1/datasets?limit=x", 422, "S1A02"),
        ("GET", "/v1/datasets?limit=99999999999999999999", 422, "S1A02"),
        ("GET", "/v1/datasets/a%00b", 422, "S1A02"),
        ("GET", "/v1/datasets/x/history?source_id=%00", 422, "S1A02"),
        ("GET", "/v1/datasets/%ff%fe", 404, "S1C02"),
        ("GET", "/v1/datasets/a%2fb/versions", 404, "AddressNotFound"),
    ],
)
def test_a_refusal_is_a_problem(served: Served, method: str, path: str, status: int, code: str) -> None:
    refused = served.ask(method, path, headers={"X-Request-Id": "desk.1-a_b"})
    assert refused.headers["content-type"] == "application/problem+json"
    problem = refused.json
    assert problem.keys() >= FIELDS
    assert (refused.status, problem["status"], problem["code"]) == (status, status, code)
    assert problem["type"].endswith(f"/{code}")
    assert problem["instance"] == refused.headers["x-request-id"] == "desk.1-a_b"
    assert ("is reached by its id" in problem["hint"]) == ("%2f" in path)


def test_a_bad_parameter_is_named_and_not_echoed(served: Served) -> None:
    problem = served.get("/v1/datasets?limit=hunter2").json
    assert problem["errors"][0]["pointer"] == "/query/limit"
    assert "hunter2" not in json.dumps(problem)


@pytest.mark.parametrize("given", ["x" * 65, "a b", 'a"b', "\xff"])
def test_an_id_that_is_not_sane_is_replaced(served: Served, given: str) -> None:
    found = served.get("/health", X_Request_Id=given)
    assert len(found.headers["x-request-id"]) == 32


def test_the_log_has_routes_and_no_addresses(served: Served) -> None:
    served.get("/v1/datasets/secret-name?password=hunter2", X_Request_Id="of-the-log", Authorization="Bearer hunter3")
    line = served.logged("of-the-log")
    assert line["route"] == "/v1/datasets/{dataset}"
    assert (line["method"], line["status"], line["received"]) == ("GET", 404, 0)
    assert line["milliseconds"] > 0
    assert "hunter" not in "\n".join(served.lines)
    assert "secret-name" not in json.dumps(line)


def test_what_is_not_http_does_no_harm(served: Served) -> None:
    with socket.create_connection(served.address, timeout=20) as connection:
        connection.sendall(b"\x16\x03\x01 not HTTP\r\n\r\n")
        assert connection.recv(100).startswith(b"HTTP/1.1 400")
    assert served.get("/health").status == 200


def test_a_database_that_is_gone_and_comes_back(database: Database, start_server: StartServer) -> None:
    served = start_server(database)
    assert served.get("/v1/datasets").status == 200
    admin = Database(database.url.replace(database.name, "postgres"), "postgres")
    admin.rows(f"alter database {database.name} allow_connections false")
    admin.rows("select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", database.name)
    for path in ("/v1/datasets", "/ready"):
        refused = served.get(path)
        assert refused.status == 503, refused.body
        assert int(refused.headers["retry-after"]) > 0
        # What PostgreSQL says of hosts, users and databases is the operator's.
        assert database.name not in refused.body.decode()
    assert served.get("/health").status == 200
    with served.news:
        assert served.news.wait_for(lambda: any(database.name in line.get("message", "") for line in served.log()), 60)
    admin.rows(f"alter database {database.name} allow_connections true")
    assert served.get("/ready").status == 200
    assert served.get("/v1/datasets").status == 200


def test_connections_that_broke_are_replaced_unseen(database: Database, start_server: StartServer) -> None:
    served = start_server(database)
    assert served.get("/v1/datasets").status == 200
    ours = "from pg_stat_activity where datname = current_database() and application_name = 'stage1 serve'"
    assert database.rows(f"select pg_terminate_backend(pid) {ours}")
    assert served.get("/v1/datasets").status == 200

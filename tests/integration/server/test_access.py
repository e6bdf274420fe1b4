"""Who may ask the server: by token, by the name it is addressed with, and by the web page that a browser has open."""

import pytest

from tests.plugins.command_line import RunCli
from tests.plugins.databases import Database
from tests.plugins.own_servers import OwnServer
from tests.plugins.served import Served, StartServer, answer_of, soon

MERGE = {"name": "breakouts", "mode": "merge", "examples": [{"source_id": "a", "input": {"x": 1}}]}
PLAN = "/v1/datasets/upsert/plan"
STATS = "/api/market-data/ESH3/ohlcv-1m/stats"
PAGE = "http://evil.example"


def make(run_cli: RunCli, database: Database, name: str, *options: str) -> str:
    found = run_cli("tokens", "create", name, *options, database=database)
    assert found.exit_code == 0, found.stderr
    return found.stdout.strip()


def test_what_each_token_may(database: Database, run_cli: RunCli, start_server: StartServer) -> None:
    reader, writer = make(run_cli, database, "desk"), make(run_cli, database, "loader", "--write", "--expires", "1")
    served = start_server(database)
    strange = f"{reader[:-1]}{'A' if reader[-1] != 'A' else 'B'}"
    for token in (None, strange, "", "x" * 5000):
        refused = served.ask("GET", "/v1/datasets", token=token)
        assert (refused.status, refused.json["code"]) == (401, "S1T01")
        assert refused.headers["www-authenticate"].startswith("Bearer")
    for path in ("/metrics", "/openapi.json", "/nowhere", STATS):
        assert served.get(path).status == 401, path
    assert [served.get(path).status for path in ("/health", "/ready")] == [200, 200]
    assert served.ask("GET", "/v1/datasets", token=reader).status == 200
    assert served.ask("HEAD", "/v1/datasets", token=reader).status == 200
    plan = {**MERGE, "examples": [{"source_id": "a", "content_hash": "0" * 64}]}
    assert served.ask("POST", PLAN, plan, token=reader).status == 200
    for method, path in (("POST", "/v1/datasets/upsert"), ("PUT", "/v1/datasets/x/tags/y"), ("DELETE", "/v1/datasets/x/tags/y")):
        refused = served.ask(method, path, MERGE, token=reader)
        assert (refused.status, refused.json["code"]) == (403, "S1T02"), path
    written = served.ask("POST", "/v1/datasets/upsert", MERGE, token=writer)
    assert written.status == 200, written.body
    version = served.ask("GET", "/v1/datasets/breakouts/versions/latest", token=reader, headers={"X-Request-Id": "the-last"})
    served.logged("the-last")
    assert version.json["created_by"] == "loader"
    # Neither the log nor the database has a token; the log has its name.
    assert {line.get("caller") for line in served.log()} >= {"desk", "loader", None}
    said = "\n".join(served.lines)
    assert not any(token in said for token in (reader, writer))
    rows = database.rows(
        "select name, permission, token_hash, last_used_at, t::text as whole from stage1_internal.access_tokens t"
    )
    assert not any(token in row["whole"] for row in rows for token in (reader, writer))
    assert all(row["last_used_at"] and len(row["token_hash"]) == 32 for row in rows)


def test_tokens_begin_and_end_while_the_server_runs(database: Database, run_cli: RunCli, start_server: StartServer) -> None:
    served = start_server(database)
    assert served.post("/v1/datasets/upsert", MERGE).status == 200
    token = make(run_cli, database, "desk", "--write")
    soon(lambda: served.get("/v1/datasets"), 401)
    assert served.ask("GET", "/v1/datasets", token=token).status == 200
    make(run_cli, database, "other")
    assert run_cli("tokens", "revoke", "desk", database=database).exit_code == 0
    soon(lambda: served.ask("GET", "/v1/datasets", token=token), 401)
    database.rows("update stage1_internal.access_tokens set expires_at = now() where name = 'other'")
    # No token is in force any more: this address is for everybody again, and an old token does not stand in the way.
    soon(lambda: served.get("/v1/datasets"), 200)
    assert served.ask("GET", "/v1/datasets", token=token).status == 200


def test_an_address_for_others_needs_tokens(database: Database, run_cli: RunCli, start_server: StartServer) -> None:
    refused = run_cli("serve", "--host", "0.0.0.0", "--port", "0", database=database)  # noqa: S104 - that is the question
    assert refused.exit_code == 3
    assert "no token is in force" in refused.stderr
    assert "Traceback" not in refused.stderr
    token = make(run_cli, database, "desk")
    served = start_server(database, "--host", "0.0.0.0", env={"STAGE1_PUBLIC_STATS": "1", "STAGE1_ALLOWED_HOSTS": "desk.example"})  # noqa: S104
    served.url = served.url.replace("0.0.0.0", "127.0.0.1")  # noqa: S104
    assert served.get("/v1/datasets").status == 401
    assert served.ask("GET", "/v1/datasets", token=token, headers={"Host": "desk.example:8321"}).status == 200
    assert served.get(STATS).status == 200
    assert served.ask("POST", STATS, {}).status == 401
    assert run_cli("tokens", "revoke", "desk", database=database).exit_code == 0
    soon(lambda: served.ask("GET", "/v1/datasets", token=token), 401)
    assert served.get("/v1/datasets").status == 401


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST.:99", "127.0.0.1:5", "127.8.8.8", "[::1]:80", "[::1]"])
def test_its_own_names(served: Served, host: str) -> None:
    assert served.get("/health", Host=host).status == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "192.168.1.7", "127.0.0.1.evil.example:8321", "", "localhost:x", "[::2]"]
)
def test_other_names(served: Served, host: str) -> None:
    refused = served.get("/health", Host=host)
    assert (refused.status, refused.json["code"]) == (421, "S1H03")


def test_two_names_or_none(served: Served) -> None:
    for names in ((), ("localhost", "evil.example")):
        connection = served.connection()
        connection.putrequest("GET", "/health", skip_host=True)
        for name in names:
            connection.putheader("Host", name)
        connection.endheaders()
        assert answer_of(connection).status == 421
        connection.close()


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "OPTIONS", "HEAD"])
@pytest.mark.parametrize("origin", [PAGE, "null", "http://localhost:1", "https://127.0.0.1", "http://["])
def test_a_web_page_may_not_ask(served: Served, method: str, origin: str) -> None:
    refused = served.ask(method, "/v1/datasets", headers={"Origin": origin, "Access-Control-Request-Method": "POST"})
    assert refused.status == 403
    assert "access-control-allow-origin" not in refused.headers


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", None])
def test_what_a_page_can_send_without_asking_first_is_not_taken(served: Served, kind: str | None) -> None:
    headers = {"Content-Type": kind} if kind else {}
    refused = served.ask("POST", "/v1/datasets/upsert", body=b'{"name": "x"}', headers=headers)
    assert (refused.status, refused.json["code"]) == (415, "S1H02")
    assert "application/x-ndjson" in refused.headers["accept"]


def test_the_page_that_may_and_its_own(database: Database, run_cli: RunCli, start_server: StartServer) -> None:
    make(run_cli, database, "desk")
    served = start_server(database, env={"STAGE1_ALLOWED_ORIGINS": "https://desk.example, http://127.0.0.1:3000"})
    asked = {"Origin": "https://desk.example", "Access-Control-Request-Method": "POST"}
    allowed = served.ask("OPTIONS", "/v1/datasets/upsert", headers=asked)
    assert (allowed.status, allowed.body) == (204, b"")
    assert allowed.headers["access-control-allow-origin"] == "https://desk.example"
    assert {"authorization", "content-type", "content-encoding", "idempotency-key"} <= set(
        allowed.headers["access-control-allow-headers"].split(", ")
    )
    refused = served.get("/v1/datasets", Origin="http://127.0.0.1:3000")
    assert (refused.status, refused.headers["access-control-allow-origin"]) == (401, "http://127.0.0.1:3000")
    assert "Origin" in refused.headers["vary"]
    assert served.get("/health", Origin=served.url).status == 200
    for other in (PAGE, served.url.replace("http", "app"), f"{served.url}/"):
        assert served.get("/health", Origin=other).status == 403


def test_settings_that_cannot_be_read(database: Database, run_cli: RunCli) -> None:
    unreadable = {
        "STAGE1_ALLOWED_ORIGINS": ("desk.example", "https://desk.example/", "*", "http://["),
        "STAGE1_ALLOWED_HOSTS": ("https://desk.example", "desk.example:8321", "desk.example,a/b"),
        "STAGE1_MAX_BODY_MB": ("many",),
    }
    for name, values in unreadable.items():
        for value in values:
            refused = run_cli("serve", "--port", "0", database=database, env={name: value})
            assert refused.exit_code == 2
            assert name in refused.stderr


def test_the_commands(database: Database, run_cli: RunCli) -> None:
    token = make(run_cli, database, "desk", "--expires", "0.5")
    assert len(token) > 40
    again = run_cli("tokens", "create", "desk", database=database)
    assert (again.exit_code, again.stdout) == (3, "")
    assert "S1T04" in again.stderr
    assert run_cli("tokens", "revoke", "nobody", database=database).exit_code == 1
    assert "S1A02" in run_cli("tokens", "create", "nan", "--expires", "nan", database=database).stderr
    whole = run_cli("tokens", "create", "loader", "--write", "--format", "json", database=database).json
    assert whole["token"].startswith("stage1_")
    assert (whole["permission"], whole["state"], whole["expires_at"]) == ("write", "in force", None)
    revoked = [run_cli("tokens", "revoke", "loader", database=database).json for _ in range(2)]
    assert revoked[0] == revoked[1]
    listed = run_cli("tokens", "list", database=database)
    assert [(row["name"], row["state"]) for row in listed.json] == [("desk", "in force"), ("loader", "revoked")]
    assert token not in listed.said


@pytest.mark.xdist_group("own_server")
def test_the_weak_role_is_enough(own_server: OwnServer, run_cli: RunCli, start_server: StartServer) -> None:
    database = own_server.new_database("trading")
    assert run_cli("migrate", database=database).exit_code == 0
    token = make(run_cli, database, "desk", "--write")
    served = start_server(own_server.as_role("stage1_app", database))
    assert served.get("/ready").status == 200
    assert served.get("/v1/datasets").status == 401
    assert served.ask("POST", "/v1/datasets/upsert", MERGE, token=token).status == 200
    for path in ("/v1/datasets", "/v1/symbols", "/v1/ingests", STATS, "/v1/datasets/breakouts/examples"):
        found = served.ask("GET", path, token=token)
        assert found.status == 200, found.body
    assert database.value("select last_used_at is not null from stage1_internal.access_tokens")
    # It lets callers in, and can neither make tokens nor see them.
    refused = run_cli("tokens", "create", "evil", "--write", database=own_server.as_role("stage1_app", database))
    assert refused.exit_code == 4
    assert run_cli("tokens", "list", database=own_server.as_role("stage1_app", database)).exit_code == 4

"""How a server begins and ends: a port that is taken, a stop that finishes what runs, and a stop at once."""

import signal
import socket
import threading

import pytest

from tests.plugins.command_line import RunCli
from tests.plugins.databases import Database
from tests.plugins.locks import WaitUntilSomebodyIsBlocked
from tests.plugins.served import Answer, Served, StartServer

UPSERT = "/v1/datasets/upsert"
GIVEN = {"name": "stopping", "mode": "merge", "examples": [{"source_id": "a", "input": {}}]}
CHANGED = {**GIVEN, "examples": [{"source_id": "a", "input": {"x": 1}}]}
VERSIONS = "select count(*) from public.dataset_versions"


def blocked_write(served: Served, *, until_refused: bool = False) -> tuple[threading.Thread, list[Answer | OSError]]:
    """A write that waits for whoever holds the dataset, and what becomes of it; or one after the other while they get answers."""
    answers: list[Answer | OSError] = []

    def ask() -> None:
        try:
            answers.append(served.post(UPSERT, CHANGED))
            while until_refused:
                answers.append(served.post(UPSERT, CHANGED))
        except OSError as problem:
            answers.append(problem)

    thread = threading.Thread(target=ask)
    thread.start()
    return thread, answers


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_finishes_what_runs(
    database: Database,
    start_server: StartServer,
    wait_until_somebody_is_blocked: WaitUntilSomebodyIsBlocked,
    number: signal.Signals,
) -> None:
    served = start_server(database)
    assert served.post(UPSERT, GIVEN).status == 200
    with _idle(served) as idle, database.connect(autocommit=False) as blocker:
        blocker.execute("select 1 from public.stage1_datasets for update")
        thread, answers = blocked_write(served)
        wait_until_somebody_is_blocked(database)
        served.process.send_signal(number)
        assert idle.recv(10) == b"", "connections without a request are closed"
        with pytest.raises(OSError, match="refused"):
            served.get("/health")
        blocker.rollback()
        thread.join(60)
    [answer] = answers
    assert isinstance(answer, Answer)
    assert (answer.status, answer.json["created_version"]) == (200, True)
    assert served.ended() == 0
    assert database.value(VERSIONS) == 2
    assert served.lines[-1] == "stopped"


def test_told_twice_it_ends_at_once_and_nothing_is_half_written(
    database: Database, start_server: StartServer, wait_until_somebody_is_blocked: WaitUntilSomebodyIsBlocked
) -> None:
    served = start_server(database)
    assert served.post(UPSERT, GIVEN).status == 200
    with _idle(served) as idle, database.connect(autocommit=False) as blocker:
        blocker.execute("select 1 from public.stage1_datasets for update")
        thread, answers = blocked_write(served)
        wait_until_somebody_is_blocked(database)
        served.process.send_signal(signal.SIGTERM)
        assert idle.recv(10) == b""
        assert served.stop(signal.SIGTERM) == 5
        thread.join(60)
    assert isinstance(answers[0], OSError)
    assert database.value(VERSIONS) == 1


def test_a_write_that_does_not_end_is_given_up(
    database: Database, start_server: StartServer, wait_until_somebody_is_blocked: WaitUntilSomebodyIsBlocked
) -> None:
    served = start_server(database, env={"STAGE1_REQUEST_TIMEOUT": "2"})
    assert served.post(UPSERT, GIVEN).status == 200
    with database.connect(autocommit=False) as blocker:
        blocker.execute("select 1 from public.stage1_datasets for update")
        # One write after the other is given up, until nobody answers any more: in the midst of one of them the server is stopped.
        thread, answers = blocked_write(served, until_refused=True)
        wait_until_somebody_is_blocked(database)
        # The server has ended although the lock is still held.
        assert served.stop() in (0, 5)
        thread.join(60)
    assert all(answer.status == 503 for answer in answers if isinstance(answer, Answer))
    assert isinstance(answers[-1], OSError)
    assert database.value(VERSIONS) == 1


def test_a_port_that_is_taken(served: Served, run_cli: RunCli) -> None:
    refused = run_cli("serve", "--port", str(served.address[1]), database=served.database)
    assert refused.exit_code == 4
    assert f"Port {served.address[1]} of 127.0.0.1" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_an_address_of_another_machine(database: Database, run_cli: RunCli) -> None:
    for host in ("192.0.2.1", "no-such-host.invalid"):
        refused = run_cli("serve", "--host", host, "--port", "0", database=database)
        assert refused.exit_code == 4
        assert "Traceback" not in refused.stderr


def test_a_database_that_is_not_migrated(empty_database: Database, run_cli: RunCli) -> None:
    refused = run_cli("serve", "--port", "0", database=empty_database)
    assert refused.exit_code == 4
    assert "stage1 migrate" in refused.stderr


def _idle(served: Served) -> socket.socket:
    """A connection on which one request was answered, and that stays open."""
    connection = socket.create_connection(served.address, timeout=60)
    connection.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
    answer = b""
    while not answer.endswith(b"}"):
        answer += connection.recv(4096)
    return connection

"""Does each fault of the stand-in do what it says, and does the journal tell what had arrived? Asked by a socket of our own."""

import socket
import subprocess
import sys
import threading
from base64 import b64encode
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, date, datetime
from http.client import HTTPConnection, HTTPResponse, IncompleteRead
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import databento
import databento_dbn
import pytest
import zstandard
from databento.historical.api.metadata import MetadataHttpAPI

from tests.standin import faults
from tests.standin.faults import Fault, Gate
from tests.standin.market import DAY, TRADES, Market, nanoseconds_of
from tests.standin.vendor import KEY, Vendor

WEEK = {"dataset": "XNAS.ITCH", "symbols": "AAPL", "schema": "trades", "start": "2023-03-06", "end": "2023-03-11"}
MARCH = nanoseconds_of(date(2023, 3, 6))
LOGIN = {"Authorization": f"Basic {b64encode(f'{KEY}:'.encode()).decode()}"}


def request(vendor: Vendor, **form: str) -> HTTPConnection:
    """A request of our own: a client library would hide what comes."""
    connection = HTTPConnection(urlsplit(vendor.address).netloc, timeout=faults.LIMIT)
    connection.request("POST", "/v0/timeseries.get_range", urlencode({**WEEK, **form}), LOGIN)
    return connection


@contextmanager
def asked(vendor: Vendor, **form: str) -> Iterator[HTTPResponse]:
    """The answer to it."""
    with closing(request(vendor, **form)) as connection, connection.getresponse() as response:
        yield response


def body(vendor: Vendor, **form: str) -> bytes:
    with asked(vendor, **form) as response:
        return response.read()


def plain(compressed: bytes) -> bytes:
    """All frames of an answer; an error if one of them is not whole."""
    out = b""
    while compressed:
        frame = zstandard.ZstdDecompressor().decompressobj()
        out += frame.decompress(compressed)
        if not frame.eof:
            raise zstandard.ZstdError("cut")
        compressed = frame.unused_data
    return out


def header(compressed: bytes) -> databento_dbn.Metadata:
    return databento_dbn.Metadata.decode(zstandard.ZstdDecompressor().decompressobj().decompress(compressed))


@pytest.mark.parametrize("at", [0, 1, 1000, 20_000, -4])
@pytest.mark.parametrize("framing", ["chunked", "length"])
def test_a_cut_is_seen_where_the_framing_tells(framing: faults.Framing, at: int, vendor: Vendor) -> None:
    whole = body(vendor)
    vendor.faults.add(faults.cut(at, framing))
    with asked(vendor) as response, pytest.raises(IncompleteRead) as broken:
        response.read()
    if framing == "length":
        assert broken.value.partial == whole[:at]
    entry = vendor.journal.downloads()[-1]
    assert (entry.whole, entry.bytes_sent) == (False, at % len(whole) if at < 0 else at)
    assert body(vendor) == whole


def test_a_cut_without_a_length_is_no_error_at_all(vendor: Vendor) -> None:
    whole = body(vendor)
    vendor.faults.add(faults.cut(20_000, "close"))
    vendor.faults.add(faults.framed("close"))
    assert body(vendor) == whole[:20_000]
    assert body(vendor) == whole
    assert [entry.whole for entry in vendor.journal.downloads()] == [True, False, True]


def test_a_reset_is_one(vendor: Vendor) -> None:
    vendor.faults.add(faults.cut(20_000, reset=True))
    with asked(vendor) as response, pytest.raises(ConnectionResetError):
        while response.read1():
            pass


def test_a_cut_that_does_not_happen_is_the_tests_error() -> None:
    with pytest.raises(ValueError, match="cut at byte 10000000"), Vendor() as vendor:
        vendor.faults.add(faults.cut(10_000_000, "close"))
        assert body(vendor)


MOMENT = datetime(2026, 11, 20, 8, 49, 37, tzinfo=UTC)


@pytest.mark.parametrize(
    ("fault", "status", "headers", "says"),
    [
        (faults.too_many(), 429, {"Retry-After": None}, "rate_limit_exceeded"),
        (faults.too_many(3), 429, {"Retry-After": "3"}, "rate_limit_exceeded"),
        (faults.too_many(MOMENT), 429, {"Retry-After": "Fri, 20 Nov 2026 08:49:37 GMT"}, "rate_limit_exceeded"),
        (faults.failed(), 500, {"Content-Type": "text/plain"}, "Internal Server Error"),
        (faults.failed(504, "gateway"), 504, {}, "gateway"),
        (faults.refused(401, "auth_authentication_failed"), 401, {}, "auth_authentication_failed"),
        (faults.refused(402, "account_insufficient_funds"), 402, {}, "account_insufficient_funds"),
        (faults.refused(403, "license_not_found_unauthorized"), 403, {}, "license_not_found_unauthorized"),
        (faults.refused(422, "dataset_unavailable_range"), 422, {}, "dataset_unavailable_range"),
        (faults.refused(400, "", "bad words"), 400, {"Content-Type": "application/json"}, '{"detail": "bad words"}'),
        (faults.redirected("http://other.invalid/"), 302, {"Location": "http://other.invalid/"}, "Found"),
        (faults.warned("Warning: slow today"), 200, {"X-Warning": '["Warning: slow today"]'}, ""),
    ],
)
def test_a_status_is_sent_as_often_as_it_is_to_be(
    fault: Fault, status: int, headers: dict[str, str | None], says: str, vendor: Vendor
) -> None:
    vendor.faults.add(fault, times=2, schema="trades", start="2023-03")
    assert body(vendor, schema="tbbo")
    for _ in range(2):
        with asked(vendor) as response:
            assert (response.status, {name: response.getheader(name) for name in headers}) == (status, headers)
            assert says.encode() in response.read()
    assert not vendor.faults.left()
    with asked(vendor) as response:
        assert (response.status, response.getheader("X-Warning")) == (200, None)


def test_a_fault_waits_for_its_request(vendor: Vendor) -> None:
    vendor.faults.add(faults.failed(), skip=1)
    vendor.faults.add(faults.failed(503), "metadata.get_cost")
    assert body(vendor)
    with pytest.raises(databento.BentoServerError) as failed:
        MetadataHttpAPI(key=KEY, gateway=vendor.address).get_cost(**WEEK)
    assert failed.value.http_status == 503
    with asked(vendor) as response:
        assert response.status == 500
    assert [entry.fault for entry in vendor.journal.entries()] == [None, "503", "500"]


def test_false_bodies_are_false_each_in_its_way(vendor: Vendor) -> None:
    whole = body(vendor)
    kinds = [faults.nothing(), faults.header_only(), faults.garbage(), faults.shortened(), faults.altered()]
    for fault in (*kinds, faults.instead(schema="tbbo"), faults.instead(symbols="MSFT"), faults.instead(dataset="XNAS.BASIC")):
        vendor.faults.add(fault)
    nothing, head, garbage, short, altered, tbbo, microsoft, basic = (body(vendor) for _ in range(8))
    assert nothing == b""
    assert whole.startswith(head)
    assert plain(head) == plain(whole)[: len(plain(head))]
    assert garbage.startswith(b"<html>")
    missing = len(plain(whole)) - len(plain(short))
    assert missing > 0
    assert missing % TRADES.itemsize == 0
    assert whole.startswith(short)
    assert len(altered) == len(whole)
    with pytest.raises(zstandard.ZstdError):
        plain(altered)
    assert [str(header(tbbo).schema), header(microsoft).symbols, header(basic).dataset] == ["tbbo", ["MSFT"], "XNAS.BASIC"]
    assert [entry.whole for entry in vendor.journal.downloads()] == [True] + [False] * 8
    assert body(vendor) == whole


@pytest.mark.parametrize("kind", [faults.slow, faults.stalled])
def test_a_gate_holds_an_answer_until_it_is_opened(kind: object, vendor: Vendor) -> None:
    gate, whole, came = Gate(), body(vendor), []
    vendor.faults.add(kind(gate))
    reader = threading.Thread(target=lambda: came.append(body(vendor)))
    reader.start()
    gate.wait_until_it_holds()
    entry = vendor.journal.downloads()[-1]
    assert (entry.status, entry.bytes_sent) == (200 if kind is faults.slow else None, 0)
    if kind is faults.slow:
        gate.let(3)
        gate.wait_until_it_holds()
        assert entry.bytes_sent == 3
    gate.open()
    reader.join(faults.LIMIT)
    assert came == [whole]


def test_the_end_of_the_vendor_ends_what_is_held() -> None:
    before, gate = set(threading.enumerate()), Gate()
    with ExitStack() as clients:
        with Vendor() as vendor:
            vendor.faults.add(faults.stalled(gate))
            clients.enter_context(closing(request(vendor)))
            gate.wait_until_it_holds()
            kept_open = clients.enter_context(closing(request(vendor)))
            assert kept_open.getresponse().read()
        assert set(threading.enumerate()) <= before


def test_the_journal_knows_what_was_asked_twice(vendor: Vendor) -> None:
    vendor.faults.add(faults.cut(1000), start="2023-03-08")
    for start, end in (("2023-03-06", "2023-03-08"), ("2023-03-08", "2023-03-10"), ("2023-03-08", "2023-03-10")):
        with asked(vendor, start=start, end=end) as response:
            try:
                response.read()
            except IncompleteRead:
                continue
    body(vendor, schema="tbbo")
    body(vendor, symbols="MSFT")
    assert vendor.journal.asked_twice() == []
    body(vendor, start="2023-03-07", end="2023-03-09", symbols="AAPL,MSFT")
    ranges = [(set(one.symbols), (one.start - MARCH) / DAY, (one.end - MARCH) / DAY) for one in vendor.journal.asked_twice()]
    assert ranges == [({"AAPL"}, 1, 2), ({"AAPL"}, 2, 3), ({"MSFT"}, 1, 3)]


@pytest.mark.parametrize("reads", [True, False])
def test_what_lay_in_a_killed_clients_buffer_did_not_arrive(reads: bool) -> None:
    day = {"start": "2023-03-06", "end": "2023-03-07"}
    with Vendor() as vendor:
        vendor.faults.add(faults.framed("length"), times=2)
        with asked(vendor, **day) as response:
            length = len(f"HTTP/1.1 200 OK\r\n{response.headers}\r\n") + len(response.headers) - 1 + len(response.read())
        with closing(request(vendor, **day)) as connection:
            connection.sock.settimeout(None)  # beside a timeout, MSG_WAITALL waits for nothing
            came = connection.sock.recv(length, socket.MSG_WAITALL | (0 if reads else socket.MSG_PEEK))
            assert len(came) == length
    assert [entry.whole for entry in vendor.journal.downloads()] == [True, reads]


def test_the_command_serves_until_its_input_closes() -> None:
    command = [sys.executable, "-m", "tests.standin", "--trades-a-day", "10"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=Path(__file__).parents[3], **pipes) as process:
        try:
            address = process.stdout.readline().strip()
            count = MetadataHttpAPI(key=KEY, gateway=address).get_record_count(**WEEK)
            process.stdin.close()
            assert process.wait(faults.LIMIT) == 0
        finally:
            process.kill()
    assert count == sum(Market(trades_a_day=10).count("XNAS.ITCH", "AAPL", date(2023, 3, day)) for day in range(6, 11))

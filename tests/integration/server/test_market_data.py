"""Does the server hand out bars as they are stored, whole or visibly not, and the stats in the form of the former endpoint?"""

import csv
import io
import json
import socket
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from http.client import IncompleteRead
from urllib.parse import quote

import pyarrow as pa
import pytest

from tests.integration.server.described import fields, pages
from tests.plugins import stored_bars
from tests.plugins.databases import Database
from tests.plugins.loaded_bars import findings
from tests.plugins.served import Served, StartServer

ARROW = "application/vnd.apache.arrow.stream"
ODD = "A/B \u00e9%?#+=&"
EXACT = [
    ("-37.63", "-37.63", "-40.5", "-37.630000001", 2**64 - 1),
    ("4500.250", "4500.5", "4499.75", "4500.00", 10_000),
    ("0", "9007199.254740993", "-0.000000001", "9007199.254740992", 0),
]
PRICES = ("open", "high", "low", "close")


@pytest.fixture(scope="module")
def bars(served: Served) -> Served:
    """Three bars with numbers at the borders, one of a symbol that needs escapes, many, and one that Arrow cannot hold."""
    stored_bars.fill(served.database, "EXACT", EXACT)
    stored_bars.fill(served.database, ODD, [("1", "2", "1", "1.50", None)])
    stored_bars.fill(served.database, "MANY", [(n, n + 2, "-1", f"{n}.000000001", n * 7919) for n in range(60_000)])
    stored_bars.fill(served.database, "BAD", [(1, 1, 1, 1, 1)] * 9000 + [("0.0000000001", 1, 0, 1, 1)])
    return served


def _ask(served: Served, symbol: str, accept: str = "application/json", **query: str) -> bytes:
    text = "".join(f"&{name.removesuffix('_')}={quote(value)}" for name, value in query.items())
    answer = served.get(f"/v1/bars?symbol={quote(symbol, safe='')}{text}", accept=accept)
    assert answer.status == 200, answer.body
    assert answer.headers["content-type"].partition(";")[0] == accept
    return answer.body


def test_json_csv_and_arrow_hold_the_same_numbers(bars: Served) -> None:
    expected = [(*map(Decimal, row[:4]), row[4]) for row in EXACT]
    found = json.loads(_ask(bars, "EXACT"))
    assert (found["symbol"], set(found), set(found["items"][0])) == ("EXACT", fields(bars, "BarPage"), fields(bars, "Bar"))
    assert [(*(Decimal(bar[name]) for name in PRICES), bar["volume"]) for bar in found["items"]] == expected
    assert found["items"][2]["low"] == "-0.000000001"  # never with an exponent
    assert [bar["ts"] for bar in found["items"]] == ["2024-02-28T23:58:00Z", "2024-02-28T23:59:00Z", "2024-02-29T00:00:00Z"]
    lines = list(csv.DictReader(io.StringIO(_ask(bars, "EXACT", "text/csv").decode())))
    assert [(*(Decimal(line[name]) for name in PRICES), int(line["volume"])) for line in lines] == expected
    table = pa.ipc.open_stream(_ask(bars, "EXACT", ARROW)).read_all()
    assert [(*(row[name] for name in PRICES), row["volume"]) for row in table.to_pylist()] == expected
    assert table.schema.metadata[b"symbol"] == b"EXACT"


def test_a_symbol_may_hold_any_character(bars: Served) -> None:
    assert json.loads(_ask(bars, ODD))["items"][0]["volume"] is None
    answer = bars.get(f"/api/market-data/{quote(ODD, safe='')}/ohlcv-1m/stats")
    assert (answer.status, answer.json["symbol"], answer.json["row_count"]) == (200, ODD, 1)


def test_pages_and_streams_hold_every_bar_of_the_span_once(bars: Served) -> None:
    first, last = stored_bars.START + timedelta(minutes=10), stored_bars.START + timedelta(minutes=25_010)
    span = {"from_": first.isoformat(), "until": last.isoformat()}
    query = f"/v1/bars?symbol=MANY&from={quote(span['from_'])}&until={quote(span['until'])}"
    paged = pages(bars, query, 10_000)
    assert [bar["open"] for bar in paged] == [str(number) for number in range(10, 25_010)]
    early = quote((stored_bars.START + timedelta(minutes=5)).isoformat())
    assert pages(bars, f"/v1/bars?symbol=MANY&until={early}", 2) == json.loads(_ask(bars, "MANY", limit="5"))["items"]
    lines = _ask(bars, "MANY", "text/csv", **span).splitlines()
    assert [line.split(b",")[1].decode() for line in lines[1:]] == [bar["open"] for bar in paged]
    table = pa.ipc.open_stream(_ask(bars, "MANY", ARROW, **span)).read_all()
    assert [str(value) for value in table["close"].to_pylist()] == [bar["close"] for bar in paged]


@pytest.mark.parametrize("accept", ["application/json", "text/csv", ARROW])
def test_no_bars_are_an_answer(bars: Served, accept: str) -> None:
    found = _ask(bars, "NONE", accept)
    if accept == ARROW:
        assert pa.ipc.open_stream(found).read_all().num_rows == 0
    elif accept == "text/csv":
        assert found == b"ts,open,high,low,close,volume\n"
    else:
        assert json.loads(found) == {"symbol": "NONE", "items": [], "next_cursor": None}


@pytest.mark.parametrize(
    ("query", "accept", "status", "code"),
    [
        ("", "*/*", 422, "S1A02"),
        ("symbol=", "*/*", 422, "S1A02"),
        ("symbol=a%00", "*/*", 422, "S1A02"),
        ("symbol=x&from=yesterday", "*/*", 422, "S1A02"),
        ("symbol=x&from=0001-01-01T00:00:00%2B23:59", "*/*", 422, "S1A02"),
        ("symbol=x&from=2024-01-02&until=2024-01-01", "text/csv", 422, "S1A03"),
        ("symbol=x&limit=10001", "*/*", 422, "S1A02"),
        ("symbol=x&cursor=x", "*/*", 422, "S1A02"),
        ("symbol=x", "text/html", 406, "S1H05"),
    ],
)
def test_what_cannot_be_asked_is_a_problem(bars: Served, query: str, accept: str, status: int, code: str) -> None:
    answer = bars.get(f"/v1/bars?{query}", accept=accept)
    assert (answer.status, answer.headers["content-type"], answer.json["code"]) == (status, "application/problem+json", code)


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
def test_a_stream_that_fails_in_its_middle_does_not_end_well(bars: Served, encoding: str) -> None:
    connection = bars.connection()
    connection.request("GET", "/v1/bars?symbol=BAD", headers={"Accept": ARROW, "Accept-Encoding": encoding})
    answer = connection.getresponse()
    assert answer.status == 200
    with pytest.raises(IncompleteRead):
        answer.read()
    connection.close()
    assert bars.get("/v1/bars?symbol=BAD&limit=1").status == 200


def test_readers_who_go_or_stall_give_their_connections_back(bars: Served, start_server: StartServer) -> None:
    """Two connections to the database, and two readers who take nothing: others are served once their patience is over."""
    served = start_server(bars.database, env={"STAGE1_POOL_SIZE": "2", "STAGE1_REQUEST_TIMEOUT": "2"})
    stalled = [_stalled(served) for _ in range(2)]
    try:
        asked = [served.get("/v1/ingests") for _ in range(3)]
        assert asked[-1].status == 200, asked[-1].body
    finally:
        for reader, _ in stalled:
            reader.close()
    # This one is patient, and those who have gone are not waited for: there are more of them than connections.
    for _ in range(12):
        reader, begins = _stalled(bars)
        reader.close()
        assert begins.startswith(b"HTTP/1.1 200")
    assert bars.get("/v1/ingests").status == 200


def _stalled(served: Served) -> tuple[socket.socket, bytes]:
    reader = socket.socket()
    reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    reader.settimeout(60)
    reader.connect(served.address)
    reader.sendall(b"GET /v1/bars?symbol=MANY HTTP/1.1\r\nHost: localhost\r\nAccept: text/csv\r\n\r\n")
    return reader, reader.recv(64)


def test_symbols_are_listed_page_by_page(bars: Served) -> None:
    whole = pages(bars, "/v1/symbols", 100)
    assert [row["symbol"] for row in whole] == sorted([ODD, "BAD", "EXACT", "MANY"])
    assert pages(bars, "/v1/symbols", 1) == whole
    exact = whole[2]
    assert exact == {
        "row_count": 3,
        "min_ts": "2024-02-28T23:58:00Z",
        "max_ts": "2024-02-29T00:00:00Z",
        "latest_close": "9007199.254740992",
        "latest_ts": "2024-02-29T00:00:00Z",
        "symbol": "EXACT",
        "timeframe": "1m",
        "vendor": "databento",
    }
    assert set(exact) == fields(bars, "SymbolRow")


@pytest.fixture
def aliased(database: Database, start_server: StartServer) -> Iterator[Served]:
    """A server with an alias, over a database with one bar of its symbol whose summary counts more than there are."""
    stored_bars.fill(database, "CME_MINI:MNQ1!", [("16234.5", "16235", "16234.25", "16234.50000000000000000001", 3)])
    database.rows("update public.market_bar_symbols set bar_count = 50000, first_ts = '2024-01-01'")
    yield start_server(database, env={"STAGE1_SYMBOL_ALIASES": "es=ESH3, mnq=CME_MINI:MNQ1!"})
    assert findings(database)  # the summary is wrong, and stays so


def test_the_stats_have_the_shape_of_the_former_endpoint(aliased: Served) -> None:
    answer = aliased.get("/api/market-data/mnq/ohlcv-1m/stats")
    assert answer.body.decode() == (
        '{"row_count":50000,"min_ts":"2024-01-01T00:00:00+00:00","max_ts":"2024-02-28T23:58:00+00:00",'
        '"latest_close":16234.50000000000000000001,"latest_ts":"2024-02-28T23:58:00+00:00",'
        '"symbol":"CME_MINI:MNQ1!","timeframe":"1m","vendor":"databento"}'
    )
    for name in ("MNQ", "CME_MINI%3AMNQ1%21", "CME_MINI:MNQ1!"):
        assert aliased.get(f"/api/market-data/{name}/ohlcv-1m/stats").body == answer.body
    empty = aliased.get("/api/market-data/ES/ohlcv-1m/stats")
    assert (empty.status, empty.body.decode()) == (
        200,
        '{"row_count":0,"min_ts":null,"max_ts":null,"latest_close":null,"latest_ts":null,'
        '"symbol":"ESH3","timeframe":"1m","vendor":"databento","message":"No data ingested yet"}',
    )
    assert fields(aliased, "Stats") == set(empty.json)


def test_aliases_that_cannot_be_read_refuse_to_start(database: Database, run_cli) -> None:
    result = run_cli("serve", "--port", "0", database=database, env={"STAGE1_SYMBOL_ALIASES": "mnq"})
    assert result.exit_code == 2
    assert "STAGE1_SYMBOL_ALIASES holds 'mnq'" in result.stderr

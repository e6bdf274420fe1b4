"""Does the stand-in answer as the vendor does? Asked by the vendor's own client, and by arithmetic that is not the market's."""

import time
from datetime import UTC, date, datetime
from itertools import pairwise
from typing import Any

import databento
import numpy as np
import pytest
from databento.historical.api.metadata import MetadataHttpAPI
from databento.historical.api.symbology import SymbologyHttpAPI
from databento.historical.api.timeseries import TimeseriesHttpAPI

from tests.plugins.dbn_files import needs_real_files, real_files
from tests.standin.market import DAY, LAYOUTS, MINUTE, UNDEF_PRICE, Listing, Market, bars, days, nanoseconds_of, trades_at
from tests.standin.vendor import KEY, Vendor

DATASET = "XNAS.ITCH"
WEEK = {"dataset": DATASET, "symbols": "AAPL", "start": "2023-03-06", "end": "2023-03-11"}
MARCH = nanoseconds_of(date(2023, 3, 6))


def fetched(vendor: Vendor, **form: Any) -> databento.DBNStore:
    """What the vendor's client makes of an answer."""
    form = {**WEEK, "schema": "trades", **form}
    return TimeseriesHttpAPI(key=KEY, gateway=vendor.address).get_range(**form)


def metadata(vendor: Vendor) -> MetadataHttpAPI:
    return MetadataHttpAPI(key=KEY, gateway=vendor.address)


@pytest.mark.parametrize("version", [1, 2, 3])
@pytest.mark.parametrize("schema", LAYOUTS)
def test_the_client_reads_what_the_market_has(schema: str, version: int, vendor: Vendor) -> None:
    vendor.service.version = version
    store = fetched(vendor, schema=schema)
    [listing], _ = vendor.service.market.resolve(DATASET, "AAPL", "raw_symbol", date(2023, 3, 6), date(2023, 3, 11))
    there = [
        vendor.service.market.records(schema, DATASET, "AAPL", day, listing.instrument_id)
        for day in days(date(2023, 3, 6), date(2023, 3, 11))
    ]
    assert np.array_equal(store.to_ndarray(), np.concatenate(there))
    assert (store.metadata.version, store.metadata.dataset, str(store.metadata.schema)) == (version, DATASET, schema)
    assert (store.metadata.start, store.metadata.end) == (MARCH, MARCH + 5 * DAY)
    span = {"start_date": date(2023, 3, 6), "end_date": date(2023, 3, 11), "symbol": str(listing.instrument_id)}
    assert store.mappings == {"AAPL": [span]}
    count = metadata(vendor).get_record_count(**WEEK, schema=schema)
    size = metadata(vendor).get_billable_size(**WEEK, schema=schema)
    assert (count, size) == (len(store.to_ndarray()), store.to_ndarray().nbytes)
    assert metadata(vendor).get_cost(**WEEK, schema=schema) == pytest.approx(size / 2**30)


def test_bars_are_those_of_the_trades(vendor: Vendor) -> None:
    """Built again, one trade after the other: by ts_recv, labelled by the start, nothing where nothing was traded."""
    built: dict[int, list[int]] = {}
    trades = fetched(vendor).to_ndarray()
    for moment, price, size in zip(*(trades[name].tolist() for name in ("ts_recv", "price", "size")), strict=True):
        bar = built.setdefault(moment // MINUTE * MINUTE, [price, price, price, price, 0])
        bar[1], bar[2], bar[3], bar[4] = max(bar[1], price), min(bar[2], price), price, bar[4] + size
    there = fetched(vendor, schema="ohlcv-1m").to_ndarray()
    columns = ("ts_event", "open", "high", "low", "close", "volume")
    assert [list(bar) for bar in zip(*(there[name].tolist() for name in columns), strict=True)] == [
        [moment, *bar] for moment, bar in built.items()
    ]
    # By ts_event they would be others: the market tells the two ways apart.
    assert np.any(trades["ts_event"] // MINUTE != trades["ts_recv"] // MINUTE)
    assert np.any(trades["ts_event"][1:] < trades["ts_event"][:-1])


@needs_real_files
def test_bars_of_the_vendors_trades_are_the_vendors_bars() -> None:
    trades, bars_there = (
        databento.DBNStore.from_bytes(path.read_bytes()).to_ndarray()
        for name in ("trades", "ohlcv-1m")
        for path in real_files(f"databento-python/XNAS.ITCH/test_data.{name}.dbn.zst")
    )
    built = bars(trades)
    assert len(built) == 2  # both files end after four records
    columns = ["instrument_id", "ts_event", "open", "high", "low", "close", "volume"]
    assert np.array_equal(built[columns], bars_there[:2][columns])


def test_the_quotes_are_those_before_the_trades(vendor: Vendor) -> None:
    trades, tbbo = fetched(vendor).to_ndarray(), fetched(vendor, schema="tbbo").to_ndarray()
    same = [name for name in trades.dtype.names if name not in ("length", "rtype")]
    assert np.array_equal(trades[same], tbbo[same])
    bid, ask = tbbo["bid_px_00"], tbbo["ask_px_00"]
    both = (bid != UNDEF_PRICE) & (ask != UNDEF_PRICE)
    assert 0 < np.sum(~both) < len(tbbo) / 20
    assert np.all(bid[both] < ask[both])
    assert np.all((bid[both] <= tbbo["price"][both]) & (tbbo["price"][both] <= ask[both]))


@pytest.mark.parametrize("schema", LAYOUTS)
def test_parts_of_a_range_are_the_whole(schema: str, vendor: Vendor) -> None:
    marks = ["2023-03-06", "2023-03-07T10:11:00", "2023-03-07T10:12:00Z", "2023-03-09T00:00:00+00:00", "2023-03-11"]
    parts = [fetched(vendor, schema=schema, start=a, end=b).to_ndarray() for a, b in pairwise(marks)]
    full = [part for part in parts if part.ndim == 1]  # the client gives two dimensions to no records
    whole = fetched(vendor, schema=schema).to_ndarray()
    assert np.array_equal(np.concatenate(full), whole)
    limited = fetched(vendor, schema=schema, limit=700)
    assert limited.metadata.limit == 700
    assert np.array_equal(limited.to_ndarray(), whole[:700])
    several = fetched(vendor, schema=schema, symbols=["MSFT", "AAPL"]).to_ndarray()
    [apple] = {int(number) for number in np.unique(whole["instrument_id"])}
    assert np.array_equal(several[several["instrument_id"] == apple], whole)
    assert len(several) > len(whole)


def test_symbols_may_begin_end_change_and_roll() -> None:
    first, until, roll = date(2023, 1, 1), date(2024, 1, 1), date(2023, 6, 16)
    listings = {
        "FB": [Listing(date(2018, 5, 1), roll, 7)],
        "ESM": [Listing(first, roll, 11), Listing(roll, until, 12)],
        "ES.c.0": [Listing(first, roll, 21), Listing(roll, until, 22)],
    }
    with Vendor(Market(listings=listings, unknown={"GONE"})) as vendor:
        api = SymbologyHttpAPI(key=KEY, gateway=vendor.address)
        found = api.resolve(DATASET, ["FB", "ESM", "GONE", "AAPL"], "raw_symbol", "instrument_id", first, until)
        assert found["result"]["FB"] == [{"d0": "2023-01-01", "d1": "2023-06-16", "s": "7"}]
        assert [one["s"] for one in found["result"]["ESM"]] == ["11", "12"]
        assert (found["partial"], found["not_found"], found["status"], found["message"]) == (
            ["FB"],
            ["GONE"],
            1,
            "Partially resolved",
        )
        nothing = api.resolve(DATASET, "GONE", "raw_symbol", "instrument_id", first, until)
        assert (nothing["status"], nothing["not_found"], nothing["result"]) == (2, ["GONE"], {})
        every = api.resolve(DATASET, "AAPL", "raw_symbol", "instrument_id", first, until)
        assert (every["status"], every["message"], every["partial"]) == (0, "OK", [])
        year = {"start": "2023-06-14", "end": "2023-06-21"}
        rolled = fetched(vendor, **year, symbols="ES.c.0", stype_in="continuous")
        ids, rows = rolled.to_ndarray()["instrument_id"], rolled.to_ndarray()["ts_recv"]
        assert np.array_equal(ids, np.where(rows < nanoseconds_of(roll), 21, 22))
        part = fetched(vendor, **year, symbols=["FB", "GONE"])
        assert (part.metadata.partial, part.metadata.not_found) == (["FB"], ["GONE"])
        assert part.to_ndarray()["ts_recv"].max() < nanoseconds_of(roll)
        assert [entry.status for entry in vendor.journal.downloads()] == [200, 206]


def test_a_test_may_say_what_a_day_holds() -> None:
    first, last = nanoseconds_of(date(2023, 1, 1)), nanoseconds_of(date(2024, 1, 1)) - 1  # a Sunday
    own = {
        ("AAPL", date(2023, 1, 1)): trades_at([first], [5]),
        ("AAPL", date(2023, 12, 31)): trades_at([last], [6]),
        ("AAPL", date(2023, 1, 3)): trades_at([], []),
    }
    with Vendor(Market(own=own)) as vendor:
        whole = fetched(vendor, start="2023-01-01", end="2024-01-01").to_ndarray()
        assert (whole["ts_recv"][0], whole["ts_recv"][-1]) == (first, last)
        assert fetched(vendor, start="2023-01-03", end="2023-01-04").to_ndarray().size == 0
        assert metadata(vendor).get_record_count(DATASET, "2023-01-03", "2023-01-04", "AAPL") == 0
        assert fetched(vendor, start="2023-12-31", end="2024-01-01", schema="tbbo").to_ndarray()["price"] == [6]
    with pytest.raises(ValueError, match="AAPL on 2023-01-02"):
        Market(own={("AAPL", date(2023, 1, 2)): trades_at([first], [5])})


def test_what_the_vendor_has(vendor: Vendor) -> None:
    vendor.service.available_end = datetime(2023, 3, 9, 12, tzinfo=UTC)
    vendor.service.conditions = {date(2023, 3, 7): "degraded", date(2023, 3, 9): "pending"}
    api = metadata(vendor)
    assert api.get_dataset_range(DATASET)["schema"]["tbbo"] == {
        "start": "2018-05-01T00:00:00.000000000Z",
        "end": "2023-03-09T12:00:00.000000000Z",
    }
    condition = api.get_dataset_condition(DATASET, date(2023, 3, 4), date(2023, 3, 9))
    assert [(day["date"], day["condition"]) for day in condition] == [
        ("2023-03-06", "available"),
        ("2023-03-07", "degraded"),
        ("2023-03-08", "available"),
        ("2023-03-09", "pending"),
    ]
    assert DATASET in api.list_datasets()
    assert api.list_schemas(DATASET) == list(LAYOUTS)
    assert fetched(vendor, end="2023-03-09T12:00").to_ndarray()["ts_recv"].max() < MARCH + 3 * DAY + DAY // 2


@pytest.mark.parametrize(
    ("form", "case"),
    [
        ({"start": "2017-01-01"}, "data_start_before_available_start"),
        ({"end": "2026-01-01T00:00:00.000000001"}, "data_end_after_available_end"),
        ({"start": "2026-01-01", "end": "2026-01-02"}, "data_start_after_available_end"),
        ({"end": "2023-03-06"}, "data_time_range_start_on_or_after_end"),
        ({"symbols": "N0NE"}, "symbology_invalid_request"),
        ({"start": "2023-03-04", "end": "2023-03-06"}, "symbology_invalid_request"),  # a weekend: no session, no symbol
        ({"symbols": "ES.c.0"}, "symbology_invalid_request"),
        ({"schema": "mbo"}, "invalid_parameter"),
        ({"dataset": "OPRA.PILLAR"}, "invalid_parameter"),
    ],
)
def test_refusals_are_the_vendors(form: dict[str, str], case: str, vendor: Vendor) -> None:
    with pytest.raises(databento.BentoClientError) as records:
        fetched(vendor, **form)
    with pytest.raises(databento.BentoClientError) as count:
        metadata(vendor).get_record_count(**{**WEEK, "schema": "trades", **form})
    for refused in (records.value, count.value):
        assert (refused.http_status, refused.json_body["detail"]["case"]) == (422, case)
    if case == "data_end_after_available_end":
        assert records.value.json_body["detail"]["payload"]["available_end"] == "2026-01-01T00:00:00.000000000Z"


def test_only_the_right_key_opens_and_none_is_kept(vendor: Vendor) -> None:
    wrong = "db-" + "w" * 29
    with pytest.raises(databento.BentoClientError) as refused:
        MetadataHttpAPI(key=wrong, gateway=vendor.address).list_datasets()
    assert (refused.value.http_status, refused.value.json_body["detail"]["case"]) == (401, "auth_authentication_failed")
    assert metadata(vendor).list_datasets()
    assert [entry.authorised for entry in vendor.journal.entries()] == [False, True]
    assert wrong not in repr(vendor.journal)
    assert KEY not in repr(vendor.journal)


def test_a_year_is_made_in_a_moment_and_the_same_every_time() -> None:
    started = time.process_time()
    with Vendor() as vendor:
        year = fetched(vendor, start="2023-01-01", end="2024-01-01").to_ndarray()
    assert time.process_time() - started < 2
    assert 90_000 < len(year) < 110_000
    assert np.all(year["ts_recv"][1:] >= year["ts_recv"][:-1])
    with Vendor(remember=True) as again, Vendor(Market(seed=2)) as other:
        for _ in range(2):
            assert np.array_equal(fetched(again, start="2023-01-01", end="2024-01-01").to_ndarray(), year)
        assert len(np.intersect1d(fetched(other).to_ndarray()["ts_recv"], year["ts_recv"])) == 0

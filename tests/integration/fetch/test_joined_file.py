"""The file in its place as others read it: the vendor's own client, zstd, and the loader's proof of what it says."""

import hashlib
import json
from datetime import date

import databento
import numpy as np
import pandas as pd
import pytest
import zstandard

from tests.plugins.fetched_files import QUARTER, QUARTER_FOLDER, plain, small_vendor
from tests.standin.market import LAYOUTS, Listing, days

LISTINGS = {"AAPL": [Listing(date(2022, 1, 1), date(2023, 2, 9), 1), Listing(date(2023, 2, 9), date(2023, 3, 25), 2)]}
BOTH = (*QUARTER[:6], "--products", "TRADES,TBBO")
DAYS = list(days(date(2023, 1, 1), date(2023, 4, 1)))


@pytest.fixture
def vendor():
    with small_vendor(listings=LISTINGS) as serving:
        yield serving


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # the client's own, of pandas
@pytest.mark.parametrize("version", [1, 2, 3])
def test_the_vendors_client_reads_it(version, fetch, vendor, data):
    vendor.service.version = version
    fetch(*BOTH)
    for schema, product in (("trades", "TRADES"), ("tbbo", "TBBO")):
        store = databento.DBNStore.from_bytes((data / QUARTER_FOLDER / f"{product}.dbn.zst").read_bytes())
        assert (store.dataset, store.schema, store.symbols, store.limit) == ("XNAS.ITCH", schema, ["AAPL"], None)
        assert (str(store.stype_in), str(store.stype_out)) == ("raw_symbol", "instrument_id")
        assert (store.start, store.end) == (pd.Timestamp("2023-01-01", tz="UTC"), pd.Timestamp("2023-04-01", tz="UTC"))
        assert store.mappings == {
            "AAPL": [
                {"start_date": date(2023, 1, 1), "end_date": date(2023, 2, 9), "symbol": "1"},
                {"start_date": date(2023, 2, 9), "end_date": date(2023, 3, 25), "symbol": "2"},
            ]
        }
        assert (store.metadata.partial, store.metadata.not_found, store.metadata.version) == (["AAPL"], [], version)
        market = vendor.service.market
        expected = [
            market.records(schema, "XNAS.ITCH", "AAPL", day, 1 if day < date(2023, 2, 9) else 2)
            for day in DAYS
            if day < date(2023, 3, 25)
        ]
        assert store.to_ndarray().tobytes() == np.concatenate(expected).astype(LAYOUTS[schema]).tobytes()
        frame = store.to_df()
        assert set(frame["symbol"]) == {"AAPL"}
        assert frame.index.is_monotonic_increasing


def test_every_frame_has_a_checksum_and_the_first_is_the_header_alone(fetch, data):
    fetch(*QUARTER)
    content = (data / QUARTER_FOLDER / "TRADES.dbn.zst").read_bytes()
    frames = 0
    while content:
        assert zstandard.get_frame_parameters(content).has_checksum
        frame = zstandard.ZstdDecompressor().decompressobj()
        found = frame.decompress(content)
        assert frame.eof
        assert found.startswith(b"DBN") == (frames == 0)
        assert frames or len(found) == 8 + int.from_bytes(found[4:8], "little")
        content, frames = frame.unused_data, frames + 1
    assert frames == 1 + sum(day.weekday() < 5 for day in DAYS if day < date(2023, 3, 25))


def test_one_request_for_all_of_it_gives_the_same_bytes(fetch, vendor, data):
    fetch(*QUARTER)
    form = {"dataset": "XNAS.ITCH", "schema": "trades", "symbols": "AAPL", "stype_in": "raw_symbol"}
    asked = vendor.service.ask({**form, "start": "2023-01-01", "end": "2023-04-01"})
    assert plain((data / QUARTER_FOLDER / "TRADES.dbn.zst").read_bytes()) == plain(b"".join(asked.frames()))


def test_the_record_says_what_the_file_is(fetch, data):
    fetch(*QUARTER)
    content = (data / QUARTER_FOLDER / "TRADES.dbn.zst").read_bytes()
    record = json.loads((data / QUARTER_FOLDER / "TRADES.json").read_text())
    assert record["sha256"] == hashlib.sha256(content).hexdigest()
    assert record["bytes"] == len(content)
    records = (len(plain(content)) - 8 - int.from_bytes(plain(content)[4:8], "little")) // 48
    assert record["records"] == records == sum(each["records"] for each in record["segments"])
    starts = [date.fromisoformat(each["start"][:10]) for each in record["segments"]]
    ends = [date.fromisoformat(each["end"][:10]) for each in record["segments"]]
    assert starts == [date(2023, 1, 1), date(2023, 2, 1), date(2023, 3, 1)]
    assert [*starts[1:], date(2023, 4, 1)] == ends
    assert str(data) not in json.dumps(record)

"""The vendor's real files: bars made of its trades are its own bars of the same minutes.

The files hold the first records of a day (the request had a limit), so that their last minute may be a part of one. The bars of
databento/dbn are left out: their prices are a hundred times those of the trades beside them.
"""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from stage1.adapters.databento.dbn_file import open_dbn
from stage1.adapters.databento.layouts import TBBO, TRADES
from stage1.adapters.databento.whole_file import sha256_of
from stage1.model.periods import Period
from stage1.operations.derive_inputs import RawInput
from stage1.operations.month_bars import month_bars
from tests.plugins.dbn_files import MINUTE, needs_real_files, real_files

pytestmark = needs_real_files

FOLDERS = sorted({path.parent for path in real_files("databento-python/**/*.trades.dbn.zst")})
NAMES = ("open", "high", "low", "close", "volume")


def derived(*paths):
    """The bars of files of one day."""
    with open_dbn(paths[0]) as file:
        header = file.header
    day = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=header.start_ns // 1000)).date()
    inputs = [RawInput(product, path, sha256_of(path)[0]) for product, path in zip(("TRADES", "TBBO"), paths, strict=False)]
    with month_bars(inputs, header.symbols[0], Period(day, day + timedelta(days=1))) as reading:
        [(_, rows)] = reading.months(lambda *_: None)
        return rows, reading.figures()["counts"]


def vendors(path):
    """The vendor's own bars, by their minute."""
    with open_dbn(path) as file:
        records = np.concatenate(list(file.chunks()))
    return {int(each["ts_event"]) // MINUTE: tuple(int(each[name]) for name in NAMES) for each in records}


def ours(rows):
    """Our bars in the same form."""
    return {int(minute): tuple(int(rows[name][at]) for name in NAMES) for at, minute in enumerate(rows["minute"])}


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_whole_minutes_are_the_vendor_s_own(folder):
    rows, counts = derived(*(folder / f"test_data.{schema}.dbn.zst" for schema in ("trades", "tbbo")))
    assert counts["products"]["TRADES"]["counted"] == counts["products"]["TRADES"]["records"] == 4
    assert counts["minutes_without_quotes"] == counts["minutes_of_quotes_alone"] == 0
    found, own = ours(rows), vendors(folder / "test_data.ohlcv-1m.dbn.zst")
    *whole, last = sorted(found)
    assert {minute: found[minute] for minute in whole} == {minute: own[minute] for minute in own if minute < last}
    # What there is of the last minute can be its beginning.
    opened, high, low, _, volume = found[last]
    assert opened == own[last][0]
    assert own[last][2] <= low <= high <= own[last][1]
    assert volume <= own[last][4]


def test_there_are_whole_minutes_among_them():
    assert sum(len(set(derived(folder / "test_data.trades.dbn.zst")[0]["minute"].tolist())) - 1 for folder in FOLDERS) >= 2


@pytest.mark.parametrize("path", [*real_files("**/*.trades.*dbn*"), *real_files("**/*.tbbo.*dbn*")], ids=lambda path: path.name)
def test_every_real_file_can_be_read(path):
    layout = TRADES if ".trades." in path.name else TBBO
    with open_dbn(path, layout) as file:
        records = np.concatenate(list(file.chunks()))
    minutes = {int(moment) // MINUTE for moment in records["ts_recv"]}
    trades = path if layout is TRADES else path.with_name(path.name.replace(".tbbo.", ".trades."))
    rows, counts = derived(*dict.fromkeys((trades, path)))
    assert set(rows["minute"].tolist()) == minutes
    assert counts["products"]["TRADES"]["counted"] == len(records) == int(rows["trade_count"].sum())
    assert int(rows["volume"].sum()) == int(records["size"].sum())

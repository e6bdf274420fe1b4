"""Files in, bars out: equal to plain Python, by month, with a manifest that says what they are."""

import hashlib
import json
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from pyarrow import parquet

import stage1
from stage1.model.dataset_manifests import PARTIAL, READY
from stage1.model.periods import Period
from stage1.operations import month_bars
from stage1.operations.arrow_bars import arrow_schema
from tests.plugins.dbn_files import MINUTE, Header
from tests.plugins.tick_files import SYMBOL, UNDEF, YEAR, header, moments, plain_bars, put, spread_over, stored_bars, ticks

JANUARY = Period(date(2023, 1, 1), date(2023, 2, 1))


@pytest.mark.parametrize("chunk", [1, 7, 32_768])
@pytest.mark.parametrize("with_quotes", [False, True])
def test_bars_equal_plain_python(data, derived, monkeypatch, chunk, with_quotes):
    monkeypatch.setattr(month_bars, "CHUNK", chunk)
    made = spread_over("2023-01-30T22:00", "2023-02-01T03:00", 600)
    random = np.random.default_rng(chunk)
    for name, value in (("action", b"C"), ("price", UNDEF), ("size", 0), ("bid_px", UNDEF), ("ask_px", UNDEF)):
        made[name][random.random(len(made)) < 0.1] = value
    made["price"][::9] *= -1  # spreads trade below zero
    quotes = made[random.random(len(made)) < 0.6] if with_quotes else None
    trades = made[random.random(len(made)) < 0.8]
    put(data, trades=trades, tbbo=quotes)
    found = derived("TRADES", *(["TBBO"] if with_quotes else []))
    assert stored_bars(found.path.parent) == plain_bars(trades, quotes)
    assert sorted(path.name for path in found.path.parent.glob("*.parquet")) == ["2023-01.parquet", "2023-02.parquet"]
    counts = found.manifest["counts"]
    assert counts["products"]["TRADES"]["records"] == len(trades)
    assert sum(counts["products"]["TRADES"]["passed_over"].values()) == len(trades) - counts["products"]["TRADES"]["counted"]
    if with_quotes:
        bars = {row["minute"] for row in plain_bars(trades)}
        quoted = {row["minute"] for row in plain_bars(quotes)}
        assert (counts["minutes_without_quotes"], counts["minutes_of_quotes_alone"]) == (len(bars - quoted), len(quoted - bars))
        assert counts["minutes_without_quotes"]
        assert counts["minutes_of_quotes_alone"]
        assert any("have trades and no record of TBBO" in warning for warning in found.warnings)
        assert any("have no trade in TRADES" in warning for warning in found.warnings)


EDGES = {
    "the year's first and last minute": [
        "2023-01-01T00:00:00",
        "2023-01-01T00:00:59.999999",
        "2023-12-31T23:59:00",
        "2023-12-31T23:59:59.999999",
    ],
    "clocks go forward and back": [
        *(f"2023-03-12T{hour:02}:59:59" for hour in range(5, 9)),
        *(f"2023-11-05T{hour:02}:00:00" for hour in range(4, 8)),
        "2023-03-26T01:30:00",
        "2023-10-29T01:30:00",
    ],
    "a day and months without trades": ["2023-02-28T23:59:59.999999", "2023-03-02", "2023-12-01"],
}


@pytest.mark.parametrize("times", EDGES.values(), ids=EDGES)
def test_edges_of_time(data, derived, times):
    times = sorted(times)
    made = ticks(moments(*times))
    put(data, trades=made)
    found = derived()
    assert stored_bars(found.path.parent) == plain_bars(made)
    assert sorted(path.stem for path in found.path.parent.glob("*.parquet")) == sorted({text[:7] for text in times})
    minutes = sorted({text[:16] if len(text) > 10 else f"{text}T00:00" for text in times})
    assert found.manifest["outputs"][0]["first_ts"] == f"{minutes[0]}:00Z"
    assert found.manifest["outputs"][-1]["last_ts"] == f"{minutes[-1]}:00Z"
    assert f"{found.dataset.first_ts:%Y-%m-%dT%H:%M}" == minutes[0]
    assert f"{found.dataset.last_ts:%Y-%m-%dT%H:%M}" == minutes[-1]


def test_leap_years_have_their_day(data, derived):
    leap = Period.year(2024)
    made = ticks(moments("2024-02-28T23:59", "2024-02-29T00:00", "2024-02-29T23:59:59.999999", "2024-03-01T00:00"))
    put(data, trades=made, period=leap)
    found = derived(period=leap)
    assert stored_bars(found.path.parent) == plain_bars(made, days=(leap.first, leap.until))
    assert [each["rows"] for each in found.manifest["outputs"]] == [3, 1]


@pytest.mark.parametrize("with_quotes", [False, True])
def test_a_range_out_of_the_file_of_a_year(data, derived, with_quotes):
    period = Period(date(2023, 1, 10), date(2023, 3, 2))
    made = spread_over("2023-01-01", "2024-01-01", 3_000)
    put(data, trades=made, tbbo=made if with_quotes else None, period=period, head=header(YEAR))
    found = derived("TRADES", *(["TBBO"] if with_quotes else []), period=period)
    assert found.dataset.dataset_id == "AAPL-2023-01-10-2023-03-02-1m"
    assert stored_bars(found.path.parent) == plain_bars(made, made if with_quotes else None, (period.first, period.until))
    assert found.manifest["counts"]["products"]["TRADES"]["passed_over"]["outside of the period"] > 2_000


def test_a_symbol_that_is_another_instrument_from_a_day_on(data, derived):
    days = [(date(2023, 1, 1), date(2023, 6, 9), 7), (date(2023, 6, 9), date(2024, 1, 1), 8)]
    made = ticks(moments("2023-06-08T23:59:59", "2023-06-09T00:00:00", "2023-06-09T12:00:00"))
    made["instrument_id"][1:] = 8
    put(data, trades=made, symbol="ES.c.0", head=Header(stype_in="continuous", mappings={"ES.c.0": days}))
    found = derived(symbol="ES.c.0")
    assert stored_bars(found.path.parent) == plain_bars(made)
    assert [each["instrument_id"] for each in found.manifest["vendor"]["instruments"]] == [7, 8]
    assert found.manifest["vendor"]["stype_in"] == "continuous"


def test_no_trades_at_all(data, derived):
    put(data, trades=ticks([]), tbbo=ticks([]))
    found = derived("TRADES", "TBBO")
    assert (found.manifest["outputs"], found.dataset.bar_count, found.dataset.first_ts) == ([], 0, None)
    assert [path.name for path in found.path.parent.iterdir()] == ["manifest.json"]
    assert "no bars" in found.warnings[0]
    assert not derived("TRADES", "TBBO").was_read


def test_the_columns_are_those_of_every_file_of_bars(data, derived):
    made = spread_over("2023-01-02", "2023-01-03", 50)
    put(data, trades=made, tbbo=made)
    for products, more in ((("TRADES",), 2), (("TRADES", "TBBO"), 6)):
        found = derived(*products)
        [path] = found.path.parent.glob("*.parquet")
        file = parquet.ParquetFile(path)
        usual = arrow_schema({})
        assert file.schema_arrow.names[: len(usual.names)] == usual.names
        assert file.schema_arrow.types[: len(usual.names)] == usual.types
        assert len(file.schema_arrow.names) == len(usual.names) + more
        assert file.schema_arrow.metadata == {b"symbol": b"AAPL", b"timeframe": b"1m", b"dataset": b"XNAS.ITCH"}
        assert file.metadata.num_row_groups == 1


def test_the_manifest_says_what_the_files_are(data, derived):
    made = spread_over("2023-01-02", "2023-03-01", 500)
    raw = put(data, trades=made, tbbo=made)
    found = derived("TRADES", "TBBO")
    content = found.path.read_bytes()
    assert hashlib.sha256(content).hexdigest() == found.dataset.bars_manifest_sha256
    assert json.loads(content) == found.manifest
    assert content == json.dumps(found.manifest, indent=1, sort_keys=True, ensure_ascii=False).encode() + b"\n"
    manifest = found.manifest
    for each, path in zip(manifest["inputs"], raw, strict=True):
        assert each["path"] == f"data/raw/databento/AAPL/2023/{path.name}"
        assert each["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
        assert (each["bytes"], each["records"]) == (path.stat().st_size, len(made))
        assert (each["start"], each["end"]) == ("2023-01-01T00:00:00Z", "2024-01-01T00:00:00Z")
    for each in manifest["outputs"]:
        path = data.found(each["path"])
        assert each["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
        assert each["bytes"] == path.stat().st_size
    assert sum(each["rows"] for each in manifest["outputs"]) == manifest["counts"]["bars"] == found.dataset.bar_count
    assert (manifest["dataset_id"], manifest["status"], manifest["tool_version"]) == ("AAPL-2023-1m", READY, stage1.__version__)
    assert found.dataset.size_bytes == sum(path.stat().st_size for path in (*raw, *found.path.parent.glob("*.parquet")))
    assert found.dataset.bars_manifest_path == "data/bars/databento/AAPL/2023/manifest.json"


@pytest.mark.parametrize(("until", "status"), [(date(2024, 1, 1), READY), (date(2023, 11, 20), PARTIAL)])
def test_a_year_that_is_not_over_is_partial(data, derived, until, status):
    put(data, trades=spread_over("2023-01-02", "2023-01-03", 5), head=header(Period(date(2023, 1, 1), until)))
    assert derived().manifest["status"] == status


def test_what_is_doubtful_is_said(data, derived):
    made = spread_over("2023-01-02", "2023-01-03", 50)
    made["flags"][:3], made["publisher_id"][4] = 8, 3
    doubted = Header(dataset="XNAS.ITCH", mappings=header().mappings, limit=50, partial=["AAPL"])
    put(data, trades=made, head=doubted)
    said = " ".join(derived().warnings)
    for part in ("3 records of TRADES have a doubtful ts_recv", "several publishers (2, 3)", "limited to 50", "only on some"):
        assert part in said


def test_the_same_bytes_in_any_folder(data, derived, tmp_path, run_cli):
    made = spread_over("2023-01-02", "2023-04-03", 2_000)
    put(data, trades=made, tbbo=made)
    here = derived("TRADES", "TBBO")
    there = tmp_path / "elsewhere"
    there.mkdir()
    put(type(data)(there / "data"), trades=made, tbbo=made)
    assert run_cli("derive", "--symbol", "AAPL", "--year", "2023", cwd=there).exit_code == 0
    twin = there / "data/bars/databento/AAPL/2023"
    assert {path.name for path in twin.glob("*.*")} >= {path.name for path in here.path.parent.glob("*.*")}
    for path in here.path.parent.glob("*.parquet"):
        assert path.read_bytes() == (twin / path.name).read_bytes()
    first, second = (json.loads((folder / "manifest.json").read_bytes()) for folder in (here.path.parent, twin))
    assert first | {"generated_at": None} == second | {"generated_at": None}


def test_every_minute_of_a_month_has_its_bar(data, derived):
    start = moments("2023-01-01")[0]
    made = ticks(start + np.arange(31 * 1440, dtype="i8") * MINUTE)
    put(data, trades=made, period=JANUARY)
    found = derived(period=JANUARY)
    assert found.manifest["outputs"][0]["rows"] == 44_640
    assert stored_bars(found.path.parent)[-1]["minute"] == start // MINUTE + 44_639


def test_symbols_are_safe_in_paths(data, derived):
    put(data, trades=spread_over("2023-01-02", "2023-01-03", 5), symbol="BRK/B")
    found = derived(symbol="BRK/B")
    assert Path("bars/databento/BRK%2FB/2023/manifest.json") == found.path.relative_to(data.root)
    assert SYMBOL not in found.manifest["dataset_id"]

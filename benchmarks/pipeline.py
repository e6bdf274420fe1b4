"""`make benchmark`: what it costs to fetch a symbol's raw files, and to turn them into bars.

Times of the derivation are of whole commands, their start included: of `stage1 derive`, and of the usual script
(`to_df(count=...)`, pandas resample, Parquet) on the same trades; benchmarks/fetching.py measures the fetch. Needs no database.
"""

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import zstandard
from numpy.typing import NDArray
from tests.plugins.tick_files import SYMBOL, YEAR, as_trades, header, moments, ticks

from benchmarks import measuring
from benchmarks.fetching import TRADES_A_DAY, measure_fetch
from benchmarks.ingest import PEAK
from stage1.operations.data_folder import PRODUCTS, DataFolder

TRADES = 20_000_000
PART = 500_000  # records that are made at once
CHUNK = 100_000  # records a frame of the usual script, and an array of decoding alone

LEAST = {"TRADES": 6.5, "TRADES,TBBO": 3.5}  # millions of trades a second
LEAST_TIMES = 15  # in terms of the usual script
MOST_MEMORY = 400  # MiB

# One-minute bars as scripts make them: the vendor's frames, pandas' resample.
USUAL = """
import sys, warnings
import databento, pandas
warnings.simplefilter("ignore")  # of pandas, about what the vendor's library does
store = databento.DBNStore.from_file(sys.argv[1])
whole = pandas.concat([frame[["price", "size"]] for frame in store.to_df(count=int(sys.argv[3]))])
bars = whole["price"].resample("1min").ohlc()
bars["volume"] = whole["size"].resample("1min").sum()
bars.dropna().to_parquet(sys.argv[2])
"""


def write_files(data: DataFolder, trades: int) -> None:
    """A year of trades and their quotes, evenly spread: every minute has its bar, which is the most there can be."""
    start, end = moments(f"{YEAR.first}", f"{YEAR.until}")
    step = (end - start) // trades
    folder = data.raw(SYMBOL, YEAR)
    folder.mkdir(parents=True)
    compressor = zstandard.ZstdCompressor(level=3, write_checksum=True)
    files = {product: data.raw_file(SYMBOL, YEAR, product).open("wb") for product in PRODUCTS}
    for product, file in files.items():
        file.write(compressor.compress(replace(header(), schema=PRODUCTS[product]).encode()))
    for first in range(0, trades, PART):
        count = min(PART, trades - first)
        times = start + (first + np.arange(count, dtype="i8")) * step
        random = np.random.default_rng(first)
        made = ticks(times + random.integers(0, step, count), seed=first + 1)
        fill(made, random, first)
        for product, file in files.items():
            file.write(compressor.compress((made if product == "TBBO" else as_trades(made)).tobytes()))
    for file in files.values():
        file.close()


def fill(made: NDArray[Any], random: np.random.Generator, first: int) -> None:
    """What bars are not made of, as varied as it is in the vendor's files: it has to be read and decompressed, too."""
    count = len(made)
    made["ts_event"] = made["ts_recv"] - random.integers(100_000, 400_000, count).astype("u8")
    made["ts_in_delta"] = random.integers(5_000, 30_000, count)
    made["sequence"] = np.cumsum(random.integers(1, 40, count)) + first * 20
    made["side"] = random.choice(np.array([b"A", b"B", b"N"], "S1"), count)
    made["flags"] = random.choice(np.array([0, 128, 130], "u1"), count)
    for name, most in (("bid_sz", 1_000), ("ask_sz", 1_000), ("bid_ct", 10), ("ask_ct", 10)):
        made[name] = random.integers(1, most, count)


def run(command: list[str], folder: Path) -> tuple[float, float]:
    """Runs a command; returns its seconds and its peak of memory in MiB."""
    begun = time.perf_counter()
    ended = subprocess.run(
        [sys.executable, "-c", PEAK, sys.executable, *command], capture_output=True, text=True, check=False, cwd=folder
    )
    seconds = time.perf_counter() - begun
    if ended.returncode:
        raise SystemExit(f"{command[:3]}: {ended.stderr}")
    return seconds, int(ended.stdout) / 1024


def decoding_alone(path: Path) -> float:
    """The seconds of the vendor's own decoder, into arrays; its start is not counted."""
    import databento

    begun = time.perf_counter()
    for _ in databento.DBNStore.from_file(path).to_ndarray(count=CHUNK):
        pass
    return time.perf_counter() - begun


def measure_derive(folder: Path, trades: int, rounds: int) -> list[list[str]]:
    """Bars from raw files, in terms of trades a second."""
    data = DataFolder(folder / "data")
    write_files(data, trades)
    raw = data.raw_file(SYMBOL, YEAR, "TRADES")
    derive = ["-m", "stage1", "derive", "--symbol", SYMBOL, "--year", str(YEAR.first.year), "--force", "--products"]
    commands = {products: [*derive, products] for products in LEAST}
    commands["usual"] = ["-c", USUAL, str(raw), str(folder / "usual.parquet"), str(CHUNK)]
    peaks = dict.fromkeys(commands, 0.0)

    def seconds_of(name: str) -> float:
        seconds, peak = run(commands[name], folder)
        peaks[name] = max(peak, peaks[name])
        return seconds

    measures: dict[str, Callable[[], float]] = {name: lambda name=name: seconds_of(name) for name in commands}
    measures["decoding"] = lambda: decoding_alone(raw)
    found = measuring.medians(measures, rounds, warm_up=1 if rounds > 1 else 0)
    rate = {name: trades / 1e6 / seconds for name, seconds in found.items()}
    times = found["usual"] / found["TRADES"]
    rows = []
    for products, least in LEAST.items():
        name = f"stage1 derive of {trades:,} trades" + (", and the TBBO of each" if "TBBO" in products else "")
        rows.append(line(name, found[products], f"{rate[products]:.1f} M/s", f"at least {least}", rate[products] >= least))
        peak = peaks[products]
        rows.append(["its peak memory", "", f"{peak:.0f} MiB", f"under {MOST_MEMORY}", measuring.verdict(peak < MOST_MEMORY)])
    for name, text in (("decoding", "decoding alone, by the vendor's library"), ("usual", "to_df and pandas resample")):
        rows.append([f"{text}, {trades:,} trades", f"{found[name]:.2f} s", f"{rate[name]:.2f} M/s", "", ""])
    rows.append(["its peak memory", "", f"{peaks['usual']:.0f} MiB", "", ""])
    held = measuring.verdict(times >= LEAST_TIMES)
    rows.append(["stage1 derive of trades in terms of that script", "", f"{times:.0f} times", f"at least {LEAST_TIMES}", held])
    return rows


def line(name: str, seconds: float, value: str, target: str, held: bool) -> list[str]:
    """A row of the table."""
    return [name, f"{seconds:.2f} s", value, target, measuring.verdict(held)]


def measure(rounds: int, trades: int) -> tuple[str, bool]:
    """Returns the text for the document and whether every target was held."""
    folder = Path(tempfile.mkdtemp(prefix="stage1-benchmark-"))
    try:
        table = measure_derive(folder, trades, rounds) + measure_fetch(rounds, trades_a_day=TRADES_A_DAY * trades // TRADES)
    finally:
        shutil.rmtree(folder)
    text = f"Medians of {rounds} interleaved rounds; {measuring.machine()}. Memory is the most of all rounds.\n\n"
    return text + measuring.table(["what", "time", "value", "target", ""], table), not any("missed" in row[4] for row in table)


def main(arguments: list[str]) -> int:
    """Returns 0 when every target was held."""
    parser = measuring.parser("pipeline", __doc__, 3)
    parser.add_argument("--trades", type=int, default=TRADES)
    options = parser.parse_args(arguments)
    text, all_held = measure(1, 20_000) if options.quick else measure(options.rounds, options.trades)
    return measuring.ended("pipeline", text, options, all_held=all_held)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""What a fetch costs beside its bare parts: the half of `benchmarks.pipeline` that asks a vendor, the stand-in of the tests.

The stand-in runs in a process of its own and keeps what it has made in memory, so that the socket gives as much as is taken.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import requests
import zstandard
from tests.standin.vendor import KEY

from benchmarks import measuring
from stage1.model.periods import Period
from stage1.operations.data_folder import DataFolder
from stage1.operations.fetch import Fetcher
from stage1.operations.fetch_terms import Wishes
from stage1.settings import Settings

TRADES_A_DAY = 80_000
PERIOD = Period(date(2023, 1, 1), date(2023, 5, 1))
MOST_TIMES = 1.3
LEAST_RATE = 150  # MB a second, as they are on the wire
PIECE = 1 << 18
FORM = {
    "dataset": "XNAS.ITCH",
    "schema": "trades",
    "symbols": "AAPL",
    "stype_in": "raw_symbol",
    "stype_out": "instrument_id",
    "encoding": "dbn",
    "compression": "zstd",
}


@dataclass
class Parts:
    """Seconds of each bare part, and the bytes."""

    seconds: dict[str, float] = field(
        default_factory=lambda: dict.fromkeys(("socket", "sha256", "decompression", "write and fsync"), 0.0)
    )
    size: int = 0

    def timed(self, name: str, work: Callable[[], bytes | None]) -> bytes | None:
        """Does a part of the work."""
        begun = time.perf_counter()
        found = work()
        self.seconds[name] += time.perf_counter() - begun
        return found


@contextmanager
def vendor(trades_a_day: int) -> Iterator[str]:
    """The address of a stand-in, which ends with the block."""
    command = [sys.executable, "-m", "tests.standin", "--trades-a-day", str(trades_a_day), "--remember"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin and process.stdout
        try:
            yield process.stdout.readline().strip()
        finally:
            process.stdin.close()


def fetch(address: str, folder: Path) -> float:
    """The seconds of a fetch, from the first question to the file in its place."""
    known = Settings(
        {"DATABENTO_API_KEY": KEY, "DATABENTO_GATEWAY": address, "STAGE1_DATA": str(folder / "data"), "STAGE1_MAX_COST": "1000"}
    )
    fetcher = Fetcher(known, Wishes(), lambda _: None, lambda *_: None)
    begun = time.perf_counter()
    with DataFolder.of(known).locked("AAPL", PERIOD):
        [outcome] = fetcher.fetch(["AAPL"], [PERIOD], ["TRADES"])
    seconds = time.perf_counter() - begun
    assert outcome.problem is None
    shutil.rmtree(folder / "data")
    return seconds


def bare(address: str, folder: Path) -> Parts:
    """The same bytes, one part of the work after the other."""
    parts = Parts()
    for month in PERIOD.months():
        form = FORM | {"start": month.start.isoformat(), "end": month.end.isoformat()}

        def received(form: dict[str, str] = form) -> bytes:
            url = f"{address}/v0/timeseries.get_range"
            with requests.post(url, data=form, auth=(KEY, ""), stream=True, timeout=60) as answer:
                return b"".join(answer.raw.stream(PIECE))

        content = parts.timed("socket", received) or b""
        parts.size += len(content)
        parts.timed("sha256", lambda content=content: hashlib.sha256(content).digest())
        parts.timed("decompression", lambda content=content: decompress(content))
        parts.timed("write and fsync", lambda content=content: write(folder / "bare", content))
    return parts


def decompress(content: bytes) -> None:
    """Every frame, to its checksum."""
    while content:
        frame = zstandard.ZstdDecompressor().decompressobj()
        frame.decompress(content)
        assert frame.eof
        content = frame.unused_data


def write(path: Path, content: bytes) -> None:
    """Onto the disk."""
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def measure_fetch(rounds: int, trades_a_day: int) -> list[list[str]]:
    """The rows of the table."""
    folder = Path(tempfile.mkdtemp(prefix="stage1-benchmark-"))
    try:
        with vendor(trades_a_day) as address:
            taken: list[Parts] = []

            def parts() -> float:
                taken.append(bare(address, folder))
                return sum(taken[-1].seconds.values())

            # The first round has the stand-in make its data.
            found = measuring.medians({"fetch": lambda: fetch(address, folder), "parts": parts}, rounds, warm_up=1)
    finally:
        shutil.rmtree(folder)
    megabytes = taken[-1].size / 1e6
    times, rate = found["fetch"] / found["parts"], megabytes / found["fetch"]
    each = ", ".join(f"{name} {seconds:.2f}" for name, seconds in taken[-1].seconds.items())
    name = f"stage1 fetch of {megabytes:,.0f} MB in {len(list(PERIOD.months()))} months"
    return [
        [name, f"{found['fetch']:.2f} s", f"{rate:.0f} MB/s", f"at least {LEAST_RATE}", measuring.verdict(rate >= LEAST_RATE)],
        [
            f"its bare parts, one after the other ({each})",
            f"{found['parts']:.2f} s",
            f"{megabytes / found['parts']:.0f} MB/s",
            "",
            "",
        ],
        ["stage1 fetch in terms of these", "", f"{times:.2f}", f"at most {MOST_TIMES}", measuring.verdict(times <= MOST_TIMES)],
    ]

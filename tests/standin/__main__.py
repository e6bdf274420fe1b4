"""`python -m tests.standin` serves until its standard input closes, so that it never outlives who started it.

Prints the address of the gateway as one line. The key is what DATABENTO_API_KEY says, or the stand-in's own.
"""

import argparse
import os
import sys
from datetime import UTC, date, datetime

from tests.standin.market import Listing, Market
from tests.standin.vendor import KEY, Vendor


def main() -> None:
    """Reads the options, serves, ends."""
    options = argparse.ArgumentParser(
        prog="python -m tests.standin", description="A stand-in for the vendor: synthetic data only."
    )
    options.add_argument("--port", type=int, default=0, help="of 127.0.0.1; 0 takes a free one")
    options.add_argument("--seed", type=int, default=1, help="another seed is another market")
    options.add_argument("--trades-a-day", type=int, default=400, help="of each symbol, on average")
    options.add_argument("--available-end", default="2026-01-01", help="the moment in UTC up to which there is data")
    options.add_argument("--remember", action="store_true", help="make each day once, and keep it in memory")
    options.add_argument("--symbol", action="append", default=[], help="one that there is beside those of letters alone")
    given = options.parse_args()
    own = {symbol: [Listing(date(2018, 5, 1), date(2100, 1, 1), 90_000 + place)] for place, symbol in enumerate(given.symbol)}
    vendor = Vendor(
        Market(seed=given.seed, trades_a_day=given.trades_a_day, listings=own),
        key=os.environ.get("DATABENTO_API_KEY") or KEY,
        port=given.port,
        available_end=datetime.fromisoformat(given.available_end).replace(tzinfo=UTC),
        remember=given.remember,
    )
    with vendor:
        sys.stdout.write(vendor.address + "\n")
        sys.stdout.flush()
        sys.stdin.buffer.read()


if __name__ == "__main__":
    main()

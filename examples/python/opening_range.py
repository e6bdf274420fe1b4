"""Opening-range breakouts as a versioned dataset: examples, an experiment, corrections and new days, the experiment again.

    make example/python

The bars are those of the demo: synthetic, so what wins here wins nowhere else. Prices are exact decimals from the database to the
example, where they stand as texts: the same bars give the same content hashes in every language.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from stage1.client import Client

SYMBOL = "DEMO-AAPL"
OPEN, RANGE_ENDS, LAST_ENTRY, CLOSE = "14:30", "15:00", "20:00", "21:00"  # UTC; the demo knows no summer time


def breakouts(bars: Any, thin: int = 0) -> Iterator[dict[str, Any]]:
    """One example a day: the first close beyond the range of the first half hour, and what it came to at the close.

    A bar with less than `thin` traded is no close.
    """
    for day, all_bars in bars.groupby(bars.index.strftime("%Y-%m-%d")):
        minutes = [(moment.strftime("%H:%M"), bar) for moment, bar in zip(all_bars.index, all_bars.itertuples(), strict=True)]
        opening = [bar for minute, bar in minutes if OPEN <= minute < RANGE_ENDS]
        if not opening:
            continue
        high, low = max(bar.high for bar in opening), min(bar.low for bar in opening)
        later = [(minute, bar) for minute, bar in minutes if RANGE_ENDS <= minute < LAST_ENTRY]
        entry = next(((minute, bar.close) for minute, bar in later if not low <= bar.close <= high), None)
        exits = [bar.close for minute, bar in minutes if RANGE_ENDS <= minute < CLOSE and bar.volume >= thin]
        if entry is None or not exits:
            continue
        minute, price = entry
        side = "up" if price > high else "down"
        gain = exits[-1] - price if side == "up" else price - exits[-1]
        yield {
            "source_id": f"{SYMBOL} {day}",
            "input": {"high": text(high), "low": text(low), "side": side, "minute": minute, "entry": text(price)},
            "output": {"exit": text(exits[-1]), "gain": text(gain), "won": gain > 0},
            "metadata": {"symbol": SYMBOL, "day": day, "bars": len(minutes)},
        }


def text(price: Decimal) -> str:
    """Every digit, and no zero behind the last one."""
    found = f"{price:f}"
    return found.rstrip("0").rstrip(".") if "." in found else found


def early(breakout: dict[str, Any]) -> dict[str, bool]:
    """The rule that is tried: what breaks out before half past three goes on."""
    return {"take": breakout["minute"] < "15:30"}


def narrow(breakout: dict[str, Any]) -> dict[str, bool]:
    """Another one: what breaks out of a narrow range does."""
    return {"take": Decimal(breakout["high"]) - Decimal(breakout["low"]) < Decimal("0.08")}


def right(output: dict[str, bool], expected: dict[str, Any]) -> bool:
    return output["take"] is expected["won"]


def gain(output: dict[str, bool], expected: dict[str, Any]) -> float:
    return float(expected["gain"]) if output["take"] else 0.0


def main() -> None:
    with Client() as client:
        name = f"opening-range-python-{datetime.now(UTC):%Y%m%d-%H%M%S-%f}"
        bars = client.read_bars(SYMBOL, "2023-01-01", "2023-07-01")
        print(f"{len(bars):,} bars of {SYMBOL} in half a year")

        print("\n# The first quarter, as a dataset")
        examples = list(breakouts(bars[bars.index < "2023-04-01"]))
        first = client.upsert_dataset(name=name, examples=examples, mode="mirror", description="the first quarter")
        print(f"{first.name}, version {first.sequence}: {first.summary}")
        again = client.upsert_dataset(name=name, examples=examples, mode="mirror")
        print(f"the same once more: still version {again.sequence}, {again.summary}")

        print("\n# An experiment on it")
        base = client.run_experiment(first, early, [right, gain], name="early")
        print(base)

        print("\n# The dataset evolves: thin closes are corrected, the second quarter is added")
        examples = list(breakouts(bars, thin=100))
        second = client.upsert_dataset(name=name, examples=examples, mode="mirror", expected_version_id=first.version_id)
        print(f"{second.name}, version {second.sequence}: {second.summary}")
        corrected = [row["source_id"] for row in first.diff(second) if row["change"] == "changed"]
        before, now = first.example(corrected[0]), second.example(corrected[0])
        print(f"one of the {len(corrected)} that were corrected: {corrected[0]} closed at", end=" ")
        print(f"{before.output['exit']} in version 1, and at {now.output['exit']} in version 2")

        print("\n# The same rule on the new version: what is unchanged comes to the same")
        other = client.run_experiment(second, early, [right, gain], name="early")
        print(client.compare_experiments(base, other))

        print("\n# Another rule on the new version")
        print(client.compare_experiments(other, client.run_experiment(second, narrow, [right, gain], name="narrow")))

        print("\n# The versions")
        for version in client.versions(name):
            print(f"version {version['sequence']}: {version['example_count']:,} examples, {version['version_id']}")


if __name__ == "__main__":
    main()

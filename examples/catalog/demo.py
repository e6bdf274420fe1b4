"""The worked example, as `make demo` shows it: a year of bars from a vendor, its dataset, a run, two simulations, their lineage.

It works on the embedded PostgreSQL of the folder it is called in, whatever the environment names. The vendor is the stand-in of
the tests, and its data are synthetic: they have a symbol of their own, so that nobody takes them for a market's.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_HERE = Path(__file__).parent
_SYMBOL = "DEMO-AAPL"
_SLUG = f"{_SYMBOL}-2023-1m"
_KEY = "db-" + 29 * "0"  # the stand-in's; nobody else would take it
_DATA = ["data", "--symbol", _SYMBOL, "--year", "2023", "--dataset", "XNAS.ITCH", "--max-cost", "1"]
_STEPS: tuple[tuple[str, list[str]], ...] = (
    ("A database: made here on the first run, brought up to date on every other.", ["migrate"]),
    (
        "A year of SYNTHETIC trades from a stand-in of the vendor on this machine: fetched, derived, loaded, registered.",
        _DATA,
    ),
    ("Once more: nothing is fetched, derived or loaded twice.", _DATA),
    ("Some of its bars.", ["bars", "--symbol", _SYMBOL, "--from", "2023-01-03", "--limit", "3"]),
    (
        "The same dataset as a triplet: a desktop client names its two tables in QuestDB.",
        [
            *("datasets", "upsert", _SLUG, "--symbol", _SYMBOL, "--granularity", "1m", "--source", "demo"),
            *("--ohlcv", "ohlcv_demo_aapl_2023_1m", "--ohlcv-rows", "97500"),
            *("--ohlcv-first", "2023-01-03T14:30:00Z", "--ohlcv-last", "2023-12-29T20:59:00Z"),
            *("--indicators", "ind_demo_aapl_2023_1m", "--indicator-rows", "97300"),
            *("--indicator-first", "2023-01-03T17:50:00Z", "--indicator-last", "2023-12-29T20:59:00Z"),
            *("--metadata", '{"desk": "demo"}'),
        ],
    ),
    (
        "A walk-forward run and two simulations, as a desktop client writes them.",
        ["psql", "--no-psqlrc", "--quiet", "--file", str(_HERE / "run_and_simulation.sql")],
    ),
    ("The catalog: one call for a screen.", ["datasets", "list", "--limit", "5"]),
    ("The lineage: what the dataset was made of, and everything that used it.", ["datasets", "lineage", _SLUG]),
)


def main() -> int:
    """Shows each step and its command; ends at the first one that fails, and stops the server that it started."""
    was_running = _stage1("server", "status", show=False) == 0
    try:
        with _vendor() as address:
            os.environ |= {"DATABENTO_GATEWAY": address, "DATABENTO_API_KEY": _KEY}
            return _play()
    finally:
        if not was_running:
            _stage1("server", "stop", show=False)


def _play() -> int:
    for title, arguments in _STEPS:
        shown = " ".join(_shell(argument) for argument in arguments)
        print(f"\n# {title}\n$ stage1 --embedded {shown}", flush=True)
        code = _stage1(*arguments)
        if code != 0:
            print(f"the demo stopped: this step ended with exit code {code}", file=sys.stderr)
            return code
    print("\nThe database stays in .stage1/; the next command starts its server again.")
    print("Go on with docs/tutorial.md, or look around with `.venv/bin/stage1 --embedded psql`.")
    return 0


@contextmanager
def _vendor() -> Iterator[str]:
    """The stand-in, which ends when its standard input does."""
    command = [sys.executable, "-m", "tests.standin", "--symbol", _SYMBOL]
    environment = {**os.environ, "DATABENTO_API_KEY": _KEY}
    with subprocess.Popen(
        command, cwd=_HERE.parents[1], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin and process.stdout  # noqa: S101 - both are pipes
        try:
            yield process.stdout.readline().strip()
        finally:
            process.stdin.close()


def _stage1(*arguments: str, show: bool = True) -> int:
    command = [sys.executable, "-m", "stage1", "--embedded", "--format", "table", "--quiet", *arguments]
    output = None if show else subprocess.DEVNULL
    return subprocess.run(command, check=False, stdout=output, stderr=output).returncode


def _shell(argument: str) -> str:
    return f"'{argument}'" if any(character in argument for character in ' {"') else argument


if __name__ == "__main__":
    sys.exit(main())

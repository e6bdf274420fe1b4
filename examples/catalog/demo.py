"""The worked example of the catalog, as `make demo` shows it: a dataset, a run, two simulations, and their lineage.

It works on the embedded PostgreSQL of the folder it is called in, whatever the environment names.
"""

import subprocess
import sys
from pathlib import Path

_HERE = Path(__file__).parent
_SLUG = "DEMO-AAPL-2023-1m"
_STEPS: tuple[tuple[str, list[str]], ...] = (
    ("A database: made here on the first run, brought up to date on every other.", ["migrate"]),
    (
        "A dataset triplet: two tables in QuestDB, registered as one dataset.",
        [
            *("datasets", "upsert", _SLUG, "--symbol", "AAPL", "--granularity", "1m", "--source", "demo"),
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
    ("The lineage: everything that used the dataset.", ["datasets", "lineage", _SLUG]),
)


def main() -> int:
    """Shows each step and its command; ends at the first one that fails, and stops the server that it started."""
    was_running = _stage1("server", "status", show=False) == 0
    try:
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


def _stage1(*arguments: str, show: bool = True) -> int:
    command = [sys.executable, "-m", "stage1", "--embedded", "--format", "table", "--quiet", *arguments]
    output = None if show else subprocess.DEVNULL
    return subprocess.run(command, check=False, stdout=output, stderr=output).returncode


def _shell(argument: str) -> str:
    return f"'{argument}'" if any(character in argument for character in ' {"') else argument


if __name__ == "__main__":
    sys.exit(main())

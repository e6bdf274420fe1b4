"""Memory does not grow with the files: a symbol-year of 100 million trades has to fit in 400 MiB."""

import subprocess
import sys

import numpy as np
import pytest

from tests.plugins.tick_files import moments, put, ticks

MOST = 300  # MiB, of which Python and its libraries are some 130; all records at once would be 440 more

# Linux keeps the most that a process ever had in memory; a process of its own, since a child begins with its parent's.
PEAK = """
import re, sys
from pathlib import Path
from stage1.cli.main import run
code = run(sys.argv[1:])
print(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1], file=sys.stderr)
sys.exit(code)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the peak is read from /proc")
def test_three_million_trades_and_quotes(data, tmp_path):
    start, end = moments("2023-01-01", "2024-01-01")
    count = 3_000_000
    made = ticks(start + np.arange(count, dtype="i8") * ((end - start) // count))
    put(data, trades=made, tbbo=made)
    ended = subprocess.run(
        [sys.executable, "-c", PEAK, "derive", "--symbol", "AAPL", "--year", "2023"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    peak = int(ended.stderr.splitlines()[-1]) / 1024
    assert peak < MOST, f"{peak:.0f} MiB"

"""Do the benchmarks still run? Their figures are not judged here."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.long

PROJECT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("benchmark", "line"),
    [
        ("catalog", "| fn_list_datasets(50, 0) "),
        ("datasets", "| bare COPY of "),
        ("ingest", "| 10 % overlap "),
        ("operations", "| stage1 validate --deep "),
        ("pipeline", "| stage1 derive of "),
        ("startup", "| stage1 --help "),
        ("typescript", "| its speed in terms of JSON.stringify and SHA-256 "),
    ],
)
def test_benchmark_runs(benchmark, line, request):
    if benchmark == "typescript":
        request.getfixturevalue("typescript_package")  # built, or left out
    ended = subprocess.run(
        [sys.executable, "-m", f"benchmarks.{benchmark}", "--quick"],
        cwd=PROJECT,
        env={**os.environ, "PYTHONPATH": str(PROJECT)},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert line in ended.stdout

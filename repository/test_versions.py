"""`make test/versions`: runs the tests on every PostgreSQL that is found here, one after the other.

`--require 15,16,18` fails where one of these is missing; `--except 15` leaves one out that was tested already. What else
is given goes to pytest. Tests that no PostgreSQL answers are left out: `make test` has run them.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Iterable

from stage1 import settings
from stage1.database import binaries

_WITHOUT_A_SERVER = (
    *("tests/unit", "tests/integration/derive", "tests/integration/fetch", "tests/integration/typescript"),
    *("tests/docs/test_examples.py", "tests/docs/test_help.py", "tests/docs/test_links.py"),
)


def main(arguments: list[str]) -> int:
    """Returns 0 when no version is missing and the tests passed on all."""
    parser = argparse.ArgumentParser(prog="make test/versions", add_help=False, allow_abbrev=False)
    parser.add_argument("--require", type=_majors, default=frozenset())
    parser.add_argument("--except", type=_majors, default=frozenset(), dest="tested")
    options, for_pytest = parser.parse_known_args(arguments)
    found = preferred_of_each_major(binaries.find_all(settings.load()))
    missing = sorted(options.require - found.keys())
    if missing:
        print(f"error: PostgreSQL {', '.join(map(str, missing))} was not found; here are {_named(found)}.", file=sys.stderr)
        return 1
    # A server that is named would be the one that every round is run on.
    environment = {name: value for name, value in os.environ.items() if name != "TEST_DATABASE_URL"}
    ignored = [f"--ignore={path}" for path in _WITHOUT_A_SERVER]
    results = {}
    for major, each in sorted(found.items()):
        if major in options.tested:
            print(f"== PostgreSQL {each.version} ({each.origin}): left out", flush=True)
            continue
        print(f"== PostgreSQL {each.version} ({each.origin})", flush=True)
        command = [sys.executable, "-m", "pytest", "-n", "2", "--dist", "loadgroup", *ignored, "-m", "not long", *for_pytest]
        results[major] = subprocess.run(command, env={**environment, "PG_BINDIR": str(each.directory)}, check=False).returncode
    for major, code in results.items():
        print(f"PostgreSQL {major}: {'passed' if code == 0 else f'failed with exit code {code}'}")
    return 0 if results and not any(results.values()) else 1


def preferred_of_each_major(found: Iterable[binaries.Binaries]) -> dict[int, binaries.Binaries]:
    """The installation that is preferred of each major version stage1 holds on."""
    chosen: dict[int, binaries.Binaries] = {}
    for each in found:
        if each.major >= binaries.OLDEST_MAJOR and all(map(each.has, binaries.SERVER_PROGRAMS)):
            chosen.setdefault(each.major, each)
    return chosen


def _majors(text: str) -> frozenset[int]:
    return frozenset(map(int, text.split(",")))


def _named(found: dict[int, binaries.Binaries]) -> str:
    return ", ".join(map(str, sorted(found))) or "none"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

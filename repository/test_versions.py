"""`make test/versions`: runs the tests on every PostgreSQL that is found here, one after the other."""

import os
import subprocess
import sys

from stage1 import settings
from stage1.database import binaries


def main(arguments: list[str]) -> int:
    """Returns 0 when the tests passed on every version."""
    newest_of_major: dict[int, binaries.Binaries] = {}
    for found in binaries.find_all(settings.load()):
        if found.major >= 15:
            newest_of_major.setdefault(found.major, found)
    results = {}
    for major, found in sorted(newest_of_major.items()):
        print(f"== PostgreSQL {found.version} ({found.origin})", flush=True)
        command = [sys.executable, "-m", "pytest", "-n", "2", "--dist", "loadgroup", "-m", "not long", *arguments]
        results[major] = subprocess.run(command, env={**os.environ, "PG_BINDIR": str(found.directory)}, check=False).returncode
    for major, code in results.items():
        print(f"PostgreSQL {major}: {'passed' if code == 0 else f'failed with exit code {code}'}")
    return 0 if results and not any(results.values()) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

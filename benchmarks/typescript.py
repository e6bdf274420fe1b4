"""`make benchmark`: what the TypeScript client costs, in Node: hashing, and an upsert of what is there already.

The Node program of client/typescript/benchmarks measures; hashing is compared with JSON.stringify and SHA-256 of the same
objects, in turn with it. The server is a whole program over a database of its own.
"""

import json
import subprocess
import sys
from pathlib import Path
from statistics import median

from psycopg import conninfo

from benchmarks import measuring, servers
from benchmarks.datasets import EXAMPLES, serving

PACKAGE = Path(__file__).parent.parent / "client" / "typescript"
SHARE_OF_STRINGIFY = 0.5
MOST_SECONDS = 4.0
_PATIENCE = 600


def measure(rounds: int, count: int) -> tuple[str, bool]:
    """Returns the text for the document and whether every target was held."""
    [*_, binaries] = servers.versions(servers.OLDEST)
    with (
        servers.throwaway(binaries, durable=True) as server,
        server.new_database("typescript"),
        serving(conninfo.make_conninfo(**{**server.parameters, "dbname": "typescript"})) as served,
    ):
        ended = subprocess.run(
            ["node", "benchmarks/measure.mjs", str(count), str(rounds), served.url],
            cwd=PACKAGE,
            stdout=subprocess.PIPE,
            text=True,
            timeout=_PATIENCE,
            check=True,
        )
    found = {name: median(values) for name, values in json.loads(ended.stdout).items()}
    node = subprocess.run(["node", "--version"], stdout=subprocess.PIPE, text=True, timeout=_PATIENCE, check=True).stdout.strip()
    share = found["stringify"] / found["hashed"]
    held = share >= SHARE_OF_STRINGIFY, found["unchanged"] < MOST_SECONDS
    rows = [
        [f"JSON.stringify and SHA-256 of {count:,} examples", f"{measuring.figure(found['stringify'])} s", "", ""],
        [f"{count:,} examples hashed", f"{measuring.figure(found['hashed'])} s", "", ""],
        [
            "its speed in terms of JSON.stringify and SHA-256",
            f"{share:.2f}",
            f"at least {SHARE_OF_STRINGIFY}",
            measuring.verdict(held[0]),
        ],
        [f"{count:,} created", f"{measuring.figure(found['created'])} s", "", ""],
        [
            f"{count:,} unchanged, by plan",
            f"{measuring.figure(found['unchanged'])} s",
            f"under {MOST_SECONDS:g} s",
            measuring.verdict(held[1]),
        ],
    ]
    text = f"Node {node}, PostgreSQL {binaries.version}, medians of {rounds} rounds; {measuring.machine()}.\n\n"
    return text + measuring.table(["what", "value", "target", ""], rows), all(held)


def main(arguments: list[str]) -> int:
    """Returns 0 when every target was held."""
    parser = measuring.parser("typescript", __doc__, 5)
    parser.add_argument("--examples", type=int, default=EXAMPLES)
    options = parser.parse_args(arguments)
    text, all_held = measure(1, 2_000) if options.quick else measure(options.rounds, options.examples)
    return measuring.ended("typescript", text, options, all_held=all_held)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

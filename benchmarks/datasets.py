"""`make benchmark`: what versioned examples and the runs of experiments cost, through HTTP and the Python client.

Each round has a database and a server of its own, as whole programs; the bare COPY beside is of the same bodies into a table
without anything around. Seconds on the server are those that it counts itself, of the request's arrival to its answer.
"""

import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg import conninfo

from benchmarks import measuring, servers
from stage1.client import Client
from stage1.client.transport import Transport, json_body
from stage1.model.example_lines import example_of

EXAMPLES = 100_000
FEW = 10_000
RUNS = 100_000
BATCH = 2_000
SINGLE = 4_000
CLIENTS = 8
MOST_MEMORY = 400  # MiB

Row = dict[str, Any]

# What is measured: its target and whether more is better.
TARGETS: dict[str, tuple[float, bool]] = {
    "create few": (1.5, False),
    "create": (15, False),
    "unchanged": (3, False),
    "unchanged, on the server": (1, False),
    "1 % changed": (4, False),
    "runs in batches": (20_000, True),
    "runs one by one": (300, True),
    "memory": (MOST_MEMORY, False),
}


@dataclass(frozen=True)
class Served:
    """A server under measurement."""

    url: str
    process: subprocess.Popen[str]

    def seconds(self, route: str) -> float:
        """What its metrics say of a route so far."""
        transport = Transport(self.url, None, 30)
        text = transport.ask("GET", "/metrics", accept="text/plain", is_safe=True).body.decode()
        transport.close()
        lines = (line for line in text.splitlines() if line.startswith("stage1_http_request_duration_seconds_sum"))
        return sum(float(line.rpartition(" ")[2]) for line in lines if f'route="{route}"' in line)

    def peak(self) -> float:
        """The most memory that it had, in MiB."""
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        return int(status.partition("VmHWM:")[2].split()[0]) / 1024


@contextmanager
def serving(url: str) -> Iterator[Served]:
    """`stage1 serve` on a free port."""
    environment = {**os.environ, "DATABASE_URL": url, "STAGE1_SERVE_PORT": "0"}
    command = [sys.executable, "-m", "stage1", "serve"]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr
        try:
            for line in process.stderr:
                if found := re.search(r"http://[0-9.:]+", line):
                    break
            else:
                raise SystemExit(f"The server ended with {process.wait(10)}.")
            threading.Thread(target=process.stderr.read, daemon=True).start()  # its log must not fill the pipe
            yield Served(found[0], process)
        finally:
            process.terminate()
            process.wait(60)


def examples(count: int, changed: int = 0) -> list[Row]:
    """Examples of about 470 bytes; the first `changed` of them have another output than before."""
    return [
        {
            "source_id": f"AAPL-2023-{number:06}",
            "input": {
                "open": f"{100 + number % 97}.25",
                "question": f"What follows the breakout of minute {number}? {'context ' * 14}",
            },
            "output": {
                "answer": f"{'It goes on.' if number >= changed else 'It fails.'} {'because ' * 9}",
                "high": f"{number % 89}.5",
            },
            "metadata": {"minute": number, "ratio": number / 7, "tags": ["opening-range", "breakout", str(number % 13)]},
        }
        for number in range(count)
    ]


def timed(work: Callable[[], object]) -> float:
    """The seconds of some work."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def bare_copy(connection: psycopg.Connection[Any], bodies: Sequence[Row]) -> float:
    """The seconds of a COPY of the same bodies into a table with a key, and nothing else."""
    packed = [example_of(**body) for body in bodies]
    connection.execute("create temporary table bare (source_id text primary key, input json, output json, metadata json)")
    begun = time.perf_counter()
    with connection.cursor().copy("copy bare from stdin") as copy:
        for one in packed:
            copy.write_row((one.source_id, one.input, one.output, one.metadata))
    seconds = time.perf_counter() - begun
    connection.execute("drop table bare")
    return seconds


def measure_upserts(client: Client, served: Served, count: int, few: int) -> dict[str, float]:
    """Seconds of upserts of one dataset, one after the other."""
    found: dict[str, float] = {}
    few_bodies, bodies, corrected = examples(few), examples(count), examples(count, changed=count // 100)

    def upsert(name: str, given: list[Row], expected: tuple[int, int, int]) -> None:
        dataset = client.upsert_dataset(name=name, examples=given, mode="mirror")
        summary = dataset.summary
        assert summary is not None
        assert (summary.new, summary.changed, summary.unchanged) == expected, summary

    found["create few"] = timed(lambda: upsert("few", few_bodies, (few, 0, 0)))
    found["create"] = timed(lambda: upsert("many", bodies, (count, 0, 0)))
    before = served.seconds("/v1/datasets/upsert/plan")
    found["unchanged"] = timed(lambda: upsert("many", bodies, (0, 0, count)))
    found["unchanged, on the server"] = served.seconds("/v1/datasets/upsert/plan") - before
    found["1 % changed"] = timed(lambda: upsert("many", corrected, (0, count // 100, count - count // 100)))
    return found


def measure_runs(served: Served, dataset: str, count: int, single: int) -> dict[str, float]:
    """Runs a second, in batches and one by one, from several clients at once."""
    transport = Transport(served.url, None, 60)

    def post(path: str, value: object) -> Any:
        answer = transport.ask("POST", path, body=json_body(value), is_safe=False)
        return answer.json()

    def run(number: int) -> Row:
        return {
            "source_id": f"AAPL-2023-{number:06}",
            "output": {"answer": f"It goes on, says run {number}."},
            "started_at": "2023-01-03T14:30:00Z",
            "finished_at": "2023-01-03T14:30:01Z",
        }

    batched = post("/v1/experiments", {"dataset": dataset})["experiment_id"]
    bodies = [json_body({"runs": [run(number) for number in range(at, min(at + BATCH, count))]}) for at in range(0, count, BATCH)]

    def send() -> None:
        for body in bodies:
            transport.ask("POST", f"/v1/experiments/{batched}/runs/batch", body=body, is_safe=False)

    seconds = timed(send)
    one_by_one = post("/v1/experiments", {"dataset": dataset})["experiment_id"]
    mine = single // CLIENTS

    def client(place: int) -> None:
        for number in range(place * mine, (place + 1) * mine):
            post(f"/v1/experiments/{one_by_one}/runs", run(number))

    threads = [threading.Thread(target=client, args=(place,)) for place in range(CLIENTS)]

    def together() -> None:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    single_seconds = timed(together)
    done = transport.ask("GET", f"/v1/experiments/{one_by_one}", is_safe=True).json()["successful_run_count"]
    assert done == mine * CLIENTS, f"{done} runs are there"
    transport.close()
    return {"runs in batches": count / seconds, "runs one by one": mine * CLIENTS / single_seconds}


def measure(rounds: int, count: int) -> tuple[str, bool]:
    """Returns the text for the document and whether every target was held."""
    taken: dict[str, list[float]] = {}
    [*_, binaries] = servers.versions(servers.OLDEST)
    few, runs, single = (max(CLIENTS, each * count // EXAMPLES) for each in (FEW, RUNS, SINGLE))
    with servers.throwaway(binaries, durable=True) as server:
        for number in range(rounds):
            name = f"examples_{number}"
            with server.new_database(name) as connection:
                with (
                    serving(conninfo.make_conninfo(**{**server.parameters, "dbname": name})) as served,
                    Client(served.url) as client,
                ):
                    found = measure_upserts(client, served, count, few) | measure_runs(served, "many", runs, single)
                    found["memory"] = served.peak()
                found |= {"copy": bare_copy(connection, examples(count)), "copy few": bare_copy(connection, examples(few))}
            for key, value in found.items():
                taken.setdefault(key, []).append(value)
    medians = {key: sorted(values)[len(values) // 2] for key, values in taken.items()}
    size = sum(len(example_of(**body).as_line()) for body in examples(1_000)) // 1_000
    rows = [_line(key, text, medians, copy) for key, text, copy in _lines(count, few)]
    rows.insert(2, [f"bare COPY of {count:,}", f"{medians['copy']:.2f} s", "", "", ""])
    text = (
        f"PostgreSQL {binaries.version}, medians of {rounds} rounds; examples of {size} bytes with their hash; "
        f"{measuring.machine()}.\n\n"
    )
    return text + measuring.table(["what", "value", "in terms of COPY", "target", ""], rows), not any(
        "missed" in row[4] for row in rows
    )


def _lines(count: int, few: int) -> list[tuple[str, str, str]]:
    return [
        ("create few", f"{few:,} examples created", "copy few"),
        ("create", f"{count:,} created", "copy"),
        ("unchanged", f"{count:,} unchanged, in all", "copy"),
        ("unchanged, on the server", "of it on the server", "copy"),
        ("1 % changed", f"{count:,} with 1 % changed", "copy"),
        ("runs in batches", f"runs a second, in batches of {BATCH:,}", ""),
        ("runs one by one", f"runs a second, one by one, {CLIENTS} clients", ""),
        ("memory", "the server's most memory", ""),
    ]


def _line(key: str, text: str, medians: dict[str, float], copy: str) -> list[str]:
    value, (target, more_is_better) = medians[key], TARGETS[key]
    unit = " MiB" if key == "memory" else "" if more_is_better else " s"
    held = value >= target if more_is_better else value < target
    ratio = f"{value / medians[copy]:.1f}" if copy else ""
    word = "at least" if more_is_better else "under"
    return [text, f"{measuring.figure(value)}{unit}", ratio, f"{word} {target:,g}{unit}", measuring.verdict(held)]


def main(arguments: list[str]) -> int:
    """Returns 0 when every target was held."""
    parser = measuring.parser("datasets", __doc__, 3)
    parser.add_argument("--examples", type=int, default=EXAMPLES)
    options = parser.parse_args(arguments)
    text, all_held = measure(1, 2_000) if options.quick else measure(options.rounds, options.examples)
    return measuring.ended("datasets", text, options, all_held=all_held)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

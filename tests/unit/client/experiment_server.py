"""An experiment in memory, answering as the server does: for what the runner makes of interruptions and refusals."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.unit.client.conftest import Asked, Reply, reply

EXPERIMENT = "11111111-1111-4111-8111-111111111111"


@dataclass
class ExperimentServer:
    """The runs and evaluations that were recorded."""

    examples: int = 10
    repetitions: int = 1
    runs: dict[tuple[str, int], dict[str, Any]] = field(default_factory=dict)
    evaluations: dict[tuple[str, int, str], dict[str, Any]] = field(default_factory=dict)
    batches: list[int] = field(default_factory=list)
    instead: Callable[[str], Reply | None] = lambda _: None

    def __call__(self, handler: BaseHTTPRequestHandler, asked: Asked) -> None:
        address = urlsplit(asked.path)
        name = re.sub(r"^/v1/experiments(/[^/]+)?", "", address.path)
        answered = self.instead(name) or reply(
            200, getattr(self, "_" + name.strip("/").replace("/", "_"))(asked, parse_qs(address.query))
        )
        answered(handler, asked)

    def _(self, *_: Any) -> Any:
        states = [run.get("error") is None for run in self.runs.values()]
        expected = self.examples * self.repetitions
        return {
            "experiment_id": EXPERIMENT,
            "dataset_id": "d",
            "dataset_slug": "set",
            "version_id": "v",
            "version_sequence": 3,
            "name": "first",
            "repetitions": self.repetitions,
            "expected_run_count": expected,
            "successful_run_count": sum(states),
            "failed_run_count": len(states) - sum(states),
            "missing_run_count": expected - len(states),
        }

    def _runs_missing(self, _: Asked, query: dict[str, list[str]]) -> Any:
        begin = int(query.get("cursor", ["0"])[0])
        found = []
        for n in range(begin, min(begin + 4, self.examples)):  # small pages
            name = f"s{n:04}"
            done = [r for r in range(1, self.repetitions + 1) if self.runs.get((name, r), {"error": ""}).get("error") is None]
            if left := [r for r in range(1, self.repetitions + 1) if r not in done]:
                found.append({**self._example(n), "repetitions": left})
        return {"items": found, "next_cursor": str(begin + 4) if begin + 4 < self.examples else None}

    def _example(self, n: int) -> dict[str, Any]:
        return {"source_id": f"s{n:04}", "input": {"n": n}, "output": {"double": 2 * n}, "metadata": {}, "content_hash": "h"}

    def _runs_batch(self, asked: Asked, _: Any) -> Any:
        counts = {"recorded": 0, "replaced": 0, "unchanged": 0, "kept": 0}
        given = asked.json()
        self.batches.append(len(given["runs"]))
        for run in given["runs"]:
            key = run["source_id"], run["repetition"]
            before = self.runs.get(key)
            if before and before.get("error") is None:
                counts["unchanged" if before["output"] == run.get("output") else "kept"] += 1
                continue
            counts["replaced" if before else "recorded"] += 1
            self.runs[key] = run
        assert not counts["kept"] or given["on_conflict"] == "keep"
        return counts

    def _evaluations_batch(self, asked: Asked, _: Any) -> Any:
        for each in asked.json()["evaluations"]:
            assert self.runs[each["source_id"], each["repetition"]].get("error") is None
            self.evaluations[each["source_id"], each["repetition"], each["name"]] = each
        return {"recorded": 0, "replaced": 0, "unchanged": 0}

    def _evaluations_missing(self, _: Asked, query: dict[str, list[str]]) -> Any:
        found = []
        for (source_id, repetition), run in sorted(self.runs.items()):
            done = [
                name
                for name in query["name"]
                if self.evaluations.get((source_id, repetition, name), {"error": ""}).get("error") is None
            ]
            if run.get("error") is None and (left := [name for name in query["name"] if name not in done]):
                example = self._example(int(source_id[1:]))
                del example["content_hash"]
                found.append({**example, "run_id": 1, "repetition": repetition, "run_output": run["output"], "names": left})
        return {"items": json.loads(json.dumps(found)), "next_cursor": None}

    def _runs(self, *_: Any) -> Any:
        found = []
        for key, run in sorted(self.runs.items()):
            evaluations = [each for (*of, _), each in sorted(self.evaluations.items()) if tuple(of) == key]
            found.append({"error": None, "output": None, **run, "attempt": 1, "recorded_at": None, "evaluations": evaluations})
        return {"items": found, "next_cursor": None}

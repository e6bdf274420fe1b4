"""Requests about versioned examples, as the tests of several questions send them."""

import json
from typing import Any

from tests.plugins.served import Answer, Served

UPSERT = "/v1/datasets/upsert"
NDJSON = "application/x-ndjson"


def bodies(*source_ids: str, **content: Any) -> list[dict[str, Any]]:
    return [{"source_id": source_id, "input": {"of": source_id, **content}} for source_id in source_ids]


def upsert(served: Served, name: str, examples: list[dict[str, Any]], mode: str = "merge", **more: Any) -> Answer:
    return served.post(UPSERT, {"name": name, "mode": mode, "examples": examples, **more})


def lines(head: dict[str, Any], *rest: bytes) -> bytes:
    return json.dumps(head).encode() + b"\n" + b"".join(rest)


def send(served: Served, path: str, body: bytes, **headers: str) -> Answer:
    return served.ask("POST", path, body=body, headers={"Content-Type": NDJSON, **headers})


def held(served: Served, name: str, version: str = "latest") -> dict[str, Any]:
    answer = served.get(f"/v1/datasets/{name}/examples?version={version}", accept=NDJSON)
    assert answer.status == 200, answer.body
    return {line["source_id"]: line["input"] for line in map(json.loads, answer.body.splitlines())}

"""Is a bad upsert refused with its place, and does it leave nothing behind?"""

import json

import pytest

from tests.integration.server.example_requests import UPSERT, bodies, lines, send, upsert
from tests.plugins.served import Served

GOOD = b'{"source_id":"good","input":{}}'
WRONG = [
    (b'{"source_id":"a","input":{"n":9007199254740993}}', "/input/n"),
    (b'{"source_id":"a","input":{"n":NaN}}', "/input/n"),
    (b'{"source_id":"a","input":{"n":1e999}}', "/input/n"),
    (b'{"source_id":"a","input":{"n":0.1000000000000000055}}', "/input/n"),
    (b'{"source_id":"a","input":{"t":"\\ud800"}}', "/input/t"),
    (b'{"source_id":"a","input":{"t":"\\u0000"}}', "/input/t"),
    (b'{"source_id":"a","input":{"t":1,"t":1}}', "/input/t"),
    (b'{"source_id":"a","input":{"d":' + b"[" * 200 + b"]" * 200 + b"}}", None),
    (b'{"source_id":"a","input":"text"}', "/input"),
    (b'{"source_id":7,"input":{}}', "/source_id"),
    (b'{"source_id":"","input":{}}', "/source_id"),
    (b'{"source_id":"a","input":{},"extra":1}', ""),
    (b'{"source_id":"a","input":{},"content_hash":"' + b"0" * 64 + b'"}', "hash"),
    (b'{"source_id":"a"}', ""),
    (b"[]", ""),
    (b"", ""),
    (b'{"source_id":"a","input":{"t":"\xff"}}', ""),
]


@pytest.mark.parametrize(("entry", "pointer"), WRONG, ids=lambda given: str(given)[:50])
def test_a_bad_example_is_refused_by_its_place_and_leaves_nothing(served: Served, entry: bytes, pointer: str | None) -> None:
    body = lines({"name": "refused", "mode": "merge"}, GOOD, b"\n", entry, b"\n")
    answer = send(served, UPSERT, body)
    assert answer.status == 422, answer.body
    assert answer.headers["content-type"] == "application/problem+json"
    if pointer == "hash":
        assert answer.json["code"] == "S1E04"
    else:
        assert answer.json["line"] == 3
        if pointer is not None:
            assert answer.json["pointer"] == pointer
    whole = b'{"name":"refused","mode":"merge","examples":[' + GOOD + b"," + entry + b"]}"
    answer = served.ask("POST", UPSERT, body=whole, headers={"Content-Type": "application/json"})
    assert answer.status == 422, answer.body
    if pointer and pointer != "hash":
        assert answer.json["pointer"] == f"/examples/1{pointer}"
    assert served.get("/v1/datasets/refused").status == 404


@pytest.mark.parametrize(
    "given",
    [
        {"mode": "merge", "examples": []},
        {"name": "x", "id": "7f2c1d8e-6d0b-5c1a-9a53-0e2f4b6f9d11", "mode": "merge", "examples": []},
        {"name": "x", "examples": []},
        {"name": "x", "mode": "replace", "examples": []},
        {"name": "x", "mode": "merge"},
        {"name": "x", "mode": "merge", "examples": {}},
        {"name": "x", "mode": "merge", "examples": [1]},
        {"name": 7, "mode": "merge", "examples": []},
        {"name": "x", "mode": "merge", "examples": [], "dry_run": "yes"},
        {"name": "x", "mode": "merge", "examples": [], "unknown": 1},
        {"name": "x", "mode": "merge", "examples": [], "expected_version_id": "7"},
        {"name": "x", "mode": "merge", "examples": [], "metadata": []},
        {"name": " ", "mode": "merge", "examples": bodies("a")},
        {"name": "x" * 256, "mode": "merge", "examples": bodies("a")},
        {"name": "é" * 200, "mode": "merge", "examples": bodies("a")},
        {"name": "x", "mode": "merge", "examples": [*bodies("a"), *bodies("b", "a")]},
        [],
        "text",
    ],
    ids=lambda given: str(given)[:60],
)
def test_a_bad_shape_is_refused(served: Served, given: object) -> None:
    answer = served.post(UPSERT, given)
    assert answer.status == 422, answer.body
    assert answer.json["code"] in ("S1A01", "S1A02", "S1E03", "S1E10")
    if isinstance(given, dict) and isinstance(given.get("examples"), list):
        without = {name: value for name, value in given.items() if name != "examples"}
        again = send(served, UPSERT, lines(without, *(json.dumps(each).encode() + b"\n" for each in given["examples"])))
        assert (again.status, again.json["code"]) == (422, answer.json["code"])


def test_bars_are_no_examples(served: Served) -> None:
    served.database.rows(
        "insert into public.stage1_datasets (dataset_id, dataset_slug, ohlcv_measurement, indicator_measurement)"
        " values (gen_random_uuid(), 'bars of somebody', 'a', 'b')"
    )
    answer = upsert(served, "bars of somebody", bodies("a"))
    assert (answer.status, answer.json["code"]) == (409, "S1E06")

"""Does the server do what its description says, whatever it is asked, and is all of it described?

The requests are made of the description by schemathesis, always the same ones. Never is the answer a 5xx, and each is of a
status, a type and a shape that the description names.
"""

import json
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode
from schemathesis.checks import load_all_checks
from schemathesis.errors import FailureGroup
from schemathesis.specs.openapi.checks import positive_data_acceptance

from tests.docs.pages import ROOT
from tests.plugins import stored_bars
from tests.plugins.served import Served

PROBLEM = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
EXPERIMENT = "e0000000-0000-4000-8000-000000000000"
QUERY = {"base": "1", "source_id": "e0", "symbol": "ESH3"}
NAMES = {"dataset": "known set", "experiment_id": EXPERIMENT, "other_id": EXPERIMENT}

# No schema can say which cursors, versions and lines of NDJSON there are.
_NOT_CHECKED = [positive_data_acceptance]
# Beyond about 64 KiB of an address the parser of HTTP refuses it before there is a request.
_LONGEST = 2000


@pytest.fixture(scope="module")
def known(served: Served) -> Served:
    """A server with something of everything that can be made over HTTP, and some bars."""
    stored_bars.fill(served.database, "ESH3", stored_bars.many(50))
    examples = [{"source_id": f"e{number}", "input": {"n": number}, "output": {}, "metadata": {}} for number in range(5)]
    dataset = NAMES["dataset"]
    for path, body in {
        "/v1/datasets/upsert": {"name": dataset, "mode": "merge", "examples": examples},
        "/v1/experiments": {"dataset": dataset, "experiment_id": EXPERIMENT, "repetitions": 2},
        f"/v1/experiments/{EXPERIMENT}/runs": {"source_id": "e0", "repetition": 1, "output": {"n": 1}},
        f"/v1/experiments/{EXPERIMENT}/evaluations": {"source_id": "e0", "repetition": 1, "name": "close", "score": 0.5},
    }.items():
        made = served.post(path, body)
        assert made.status in (200, 201), made.body
    return served


def _document(served: Served) -> dict[str, Any]:
    found: dict[str, Any] = served.get("/openapi.json").json
    return found


def _operations(document: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [(f"{method.upper()} {path}", found) for path, item in document["paths"].items() for method, found in item.items()]


def test_the_kept_document_is_the_served_one(served: Served) -> None:
    kept = json.loads((ROOT / "docs" / "reference" / "openapi.json").read_text(encoding="utf-8"))
    assert kept.pop("x-generated")
    assert kept == _document(served), "run `make generate`"


def test_every_operation_says_what_it_does_and_how_it_refuses(served: Served) -> None:
    document = _document(served)
    operations = _operations(document)
    assert len({operation["operationId"] for _, operation in operations}) == len(operations) > 10
    assert [server["url"] for server in document["servers"]] == ["/"]
    tags = {tag["name"] for tag in document["tags"] if tag["description"]}
    for label, operation in operations:
        assert operation["summary"], label
        assert operation["description"], label
        assert set(operation["tags"]) <= tags, label
        assert len(operation["tags"]) == 1, label
        for parameter in operation.get("parameters", ()):
            assert parameter.get("description"), f"{label}: {parameter['name']}"
        for status, answer in operation["responses"].items():
            if int(status) >= 400:
                name = answer["$ref"].rpartition("/")[2]
                assert document["components"]["responses"][name]["content"] == PROBLEM, f"{label} {status}"
            elif status != "204":
                assert all(found["schema"] for found in answer["content"].values()), f"{label} {status}"
        if "requestBody" in operation:
            assert "application/json" in operation["requestBody"]["content"], label
    assert "HTTPValidationError" not in json.dumps(document)


@pytest.mark.timeout(180)
def test_whatever_is_asked_the_answer_is_as_described(known: Served) -> None:
    _ask_everything(known, 8)


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_whatever_is_asked_at_length_the_answer_is_as_described(known: Served) -> None:
    _ask_everything(known, 120)


def _ask_everything(served: Served, cases: int) -> None:
    load_all_checks()
    schema = schemathesis.openapi.from_url(f"{served.url}/openapi.json")
    schema.validate()
    problems, asked = [], 0
    with requests.Session() as session:
        for result in schema.get_all_operations():
            operation = result.ok()
            named = {name: known for name, known in NAMES.items() if f"{{{name}}}" in operation.path}
            strategies = [operation.as_strategy(generation_mode=mode) for mode in GenerationMode]
            asked_for = {parameter.name: QUERY[parameter.name] for parameter in operation.query if parameter.name in QUERY}
            if named or asked_for:
                strategies.append(operation.as_strategy(path_parameters=named or None, query=asked_for or None))
            for strategy in strategies:

                @settings(
                    max_examples=cases,
                    derandomize=True,
                    database=None,
                    deadline=None,
                    phases=[Phase.generate],
                    suppress_health_check=list(HealthCheck),
                )
                @given(case=strategy)
                def ask(case: Case) -> None:
                    nonlocal asked
                    assume(len(repr(case.query)) + len(repr(case.path_parameters)) < _LONGEST)
                    asked += 1
                    response = case.call(session=session, timeout=60)
                    case.validate_response(response, excluded_checks=_NOT_CHECKED)

                try:
                    ask()
                except Unsatisfiable:
                    pass  # an operation without parameters cannot be asked wrongly
                except (FailureGroup, Exception) as problem:  # noqa: BLE001 - all operations are asked, whatever one does
                    problems.append(f"{operation.label}: {problem}")
    assert not problems, "\n\n".join(problems)
    assert asked > 10 * cases

"""The OpenAPI document: what FastAPI knows of the routes, the bodies that we read ourselves, and what holds for all of them.

Owns the descriptions of refusals, of the token, and of the subjects. A body is described by the dependency that reads it, so
that it is said once; every refusal is a problem (RFC 9457). The document names no host: it is the same wherever the server
runs, and is kept as docs/reference/openapi.json.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from pydantic import BaseModel

from stage1.server.answers import JSON, NDJSON
from stage1.server.bodies import JsonBody, StreamedBody
from stage1.server.problems import MEDIA_TYPE
from stage1.server.schemas.problems import Problem

_INTRODUCTION = """\
Market datasets in PostgreSQL: the catalog and its lineage, bars, loads, validations, versioned sets of examples, and experiments.

Counts are whole numbers, prices are decimal strings with every digit that is stored, times are RFC 3339 in UTC. Lists come in
pages: pass `next_cursor` of one as `cursor` for the next. Every refusal is a problem (RFC 9457) with a code of the error
table."""

_SUBJECTS = {
    "catalog": "Datasets of every kind, and what came from what.",
    "market data": "Bars, and what there is of each symbol.",
    "ingests": "The audit trail of loaded files.",
    "validation": "What the checks found.",
    "examples": "Versioned sets of examples.",
    "experiments": "Runs and evaluations, each on a version of a set of examples.",
    "system": "How the server is.",
}

_REFUSALS = {
    401: "The request carries no token that is known and in force.",
    403: "The token, or the page that asks, may not do this.",
    404: "There is no such thing.",
    406: "The answer is not there in any of the forms that are accepted.",
    408: "The body did not arrive in time.",
    409: "It contradicts what is there.",
    413: "The body is too large.",
    415: "The body is of a kind, or compressed in a way, that the server does not take.",
    421: "The request was sent to a name that is not one of the server's.",
    422: "A value is missing, out of its range, or not of its form.",
    500: "A bug; the server's log has it under the request's id.",
    503: "Not now; the header Retry-After says when to try again.",
    507: "The disk of the database is full.",
}
_OF_ALL = (401, 403, 421, 422, 500, 503)
_OF_BODIES = (408, 409, 413, 415, 507)
_OF_SUBJECTS = {"examples": (404, 409), "experiments": (404, 409)}
_OF_FORMS = (406,)  # where the answer is there in several
_TOKEN = "token"  # noqa: S105 - the name of a scheme
_WITHOUT_TOKEN = ("/health", "/ready")
_REFERENCE = "#/components/schemas/{model}"


def refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """How a route may refuse, beside what every route may: `responses=refusals(404, 409)`."""
    return {status: {"description": _REFUSALS[status]} for status in statuses}


def document(application: FastAPI, routers: Iterable[APIRouter]) -> dict[str, Any]:
    """The document of an application that consists of these routers."""
    found = get_openapi(
        title=application.title,
        version=application.version,
        description=_INTRODUCTION,
        routes=application.routes,
        servers=[{"url": "/", "description": "The server that this document is read from."}],
    )
    components = found.setdefault("components", {})
    schemas: dict[str, Any] = components.setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    _reference(Problem, schemas)
    used = set()
    for route in (route for router in routers for route in router.routes):
        if isinstance(route, APIRoute) and route.include_in_schema:
            used |= {str(tag) for tag in route.tags}
            for method in route.methods or ():
                _complete(route, found["paths"][route.path_format][method.lower()], schemas)
    found["tags"] = [{"name": name, "description": text} for name, text in _SUBJECTS.items() if name in used]
    components["responses"] = {_name(status): _refusal(status) for status in _REFUSALS}
    components["securitySchemes"] = {
        _TOKEN: {
            "type": "http",
            "scheme": "bearer",
            "description": "Made by `stage1 tokens create`. On a loopback address none is needed as long as there is none.",
        }
    }
    return found


def _complete(route: APIRoute, operation: dict[str, Any], schemas: dict[str, Any]) -> None:
    """Says of an operation what FastAPI does not know."""
    for body in _bodies(route.dependant):
        operation["requestBody"] = _request_body(body, schemas)
    for parameter in operation.get("parameters", ()):
        parameter["schema"] = _of_parameter(parameter["schema"])
    answers = operation["responses"]
    statuses = {*_OF_ALL, *(_OF_BODIES if "requestBody" in operation else ())}
    statuses |= {status for tag in route.tags for status in _OF_SUBJECTS.get(str(tag), ())}
    if any(len(found.get("content", ())) > 1 for found in answers.values()):
        statuses |= set(_OF_FORMS)
    statuses |= {int(status) for status in answers if status.isdigit() and int(status) in _REFUSALS}
    if route.path_format in _WITHOUT_TOKEN:
        statuses -= {401, 403}
    else:
        operation["security"] = [{}, {_TOKEN: []}]
    # What a route says in a form of its own stays.
    own = {status for status, found in answers.items() if "content" in found and "HTTPValidationError" not in str(found)}
    answers |= {str(status): {"$ref": f"#/components/responses/{_name(status)}"} for status in statuses if str(status) not in own}
    operation["responses"] = dict(sorted(answers.items()))


def _of_parameter(schema: dict[str, Any]) -> dict[str, Any]:
    """What a parameter holds where it is there: null is not a text of an address."""
    found = {name: value for name, value in schema.items() if name not in ("anyOf", "title", "description")}
    options = [option for option in schema.get("anyOf", ()) if option != {"type": "null"}]
    return {**found, **options[0]} if len(options) == 1 else {**found, **({"anyOf": options} if options else {})}


def _bodies(dependant: Dependant) -> Iterator[JsonBody[Any] | StreamedBody[Any]]:
    if isinstance(dependant.call, JsonBody | StreamedBody):
        yield dependant.call
    for inner in dependant.dependencies:
        yield from _bodies(inner)


def _request_body(body: JsonBody[Any] | StreamedBody[Any], schemas: dict[str, Any]) -> dict[str, Any]:
    content: dict[str, Any] = {JSON: {"schema": _reference(body.model, schemas)}}
    if isinstance(body, StreamedBody):
        lines = f"{body.line.__name__} a line"
        lines = f"{body.head.__name__} in the first, then {lines}." if body.head else f"{lines}."
        content[NDJSON] = {
            "schema": {
                "type": "string",
                "description": lines,
            },
            **({"x-first-line": _reference(body.head, schemas)} if body.head else {}),
            "x-line": _reference(body.line, schemas),
        }
    return {"required": True, "content": content}


def _reference(model: type[BaseModel], schemas: dict[str, Any]) -> dict[str, str]:
    """The reference to a shape, which is put among the schemas with all that it needs."""
    schema = model.model_json_schema(ref_template=_REFERENCE)
    for name, each in {**schema.pop("$defs", {}), model.__name__: schema}.items():
        if schemas.setdefault(name, each) != each:
            raise ValueError(f"two shapes are named {name}")
    return {"$ref": _REFERENCE.format(model=model.__name__)}


def _refusal(status: int) -> dict[str, Any]:
    found: dict[str, Any] = {
        "description": _REFUSALS[status],
        "content": {MEDIA_TYPE: {"schema": {"$ref": _REFERENCE.format(model=Problem.__name__)}}},
    }
    if status == 503:
        found["headers"] = {"Retry-After": {"description": "Seconds.", "schema": {"type": "string"}}}
    return found


def _name(status: int) -> str:
    return f"Problem{status}"

"""Every refusal as a problem (RFC 9457): the error table's codes over HTTP, and nothing that only an operator may read.

Owns the translation of errors, of the framework's own refusals and of bugs. What a server error says of hosts, users and
files stands in the log, under the id of the request that the answer names.
"""

import json
import logging
import re
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import Scope

from stage1 import errors
from stage1.errors import ArgumentInvalid, ContentRefused, Stage1Error
from stage1.model.canonical_rules import NotCanonical
from stage1.model.json_lines import EntryRefused
from stage1.operations.examples import content_refused
from stage1.redaction import redact

MEDIA_TYPE = "application/problem+json"
_TYPES = "https://stage1.invalid/errors/"
_MOST_PLACES = 20
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")

# Of what the server cannot do now, these say nothing that only its operator may read.
_TOLD = (errors.ServerExhausted, errors.TimedOut, errors.LockHeld)
_COME_AGAIN = {errors.ServerExhausted: 1, errors.TimedOut: 1, errors.LockHeld: 1}
_COME_AGAIN_LATER = 5
# A hint of the database is for psql; these say the same to somebody who asks by HTTP.
_SPEAKS_SQL = re.compile(r"\bselect |\bfn_|=>|`stage1 ")
_OVER_HTTP = {
    errors.DatasetNotFound: "GET /v1/datasets lists the slugs.",
    errors.IngestNotFound: "GET /v1/ingests lists the ids.",
    errors.VersionNotFound: "GET /v1/datasets/{dataset}/versions lists its versions; a dataset of bars has none.",
    errors.VersionConflict: "GET /v1/datasets/{dataset}/diff shows what changed since; then repeat it with the latest version.",
    errors.EmptyMirror: "Send allow_empty as true where that is meant.",
    errors.TagNotFound: "GET /v1/datasets/{dataset}/tags lists its tags.",
    errors.ExampleNotFound: "GET /v1/datasets/{dataset}/examples lists those of the latest version.",
    errors.ExperimentNotFound: "GET /v1/experiments lists the ids.",
    errors.RunNotExpected: "GET /v1/experiments/{experiment_id}/runs/missing lists the runs that are expected.",
}
# After these the rest of the body is not read, so that nothing else can follow on the connection.
_LAST_OF_ITS_CONNECTION = (408,)

_log = logging.getLogger("stage1.server")


class ProblemResponse(Response):
    """A problem as an answer."""

    media_type = MEDIA_TYPE

    def render(self, content: Any) -> bytes:
        """The problem as JSON."""
        return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


class BodyRefused(ContentRefused):
    """The body is not of the form that is asked for."""

    def __init__(self, places: list[dict[str, str]], *, line: int | None = None) -> None:
        super().__init__(
            f"The body is not of the form that is asked for: {_first(places)}.", pointer=places[0]["pointer"], line=line
        )
        self.places = places


class ParametersRefused(ArgumentInvalid):
    """A parameter of the address is not of the form that is asked for."""

    def __init__(self, places: list[dict[str, str]]) -> None:
        super().__init__(f"The address is not of the form that is asked for: {_first(places)}.")
        self.places = places


def _first(places: list[dict[str, str]]) -> str:
    return f"{places[0]['pointer'] or 'the document'}: {places[0]['detail']}"


def request_id(scope: Scope) -> str:
    """The id of the request, which stands in its answer and in the log."""
    return str(scope.get("state", {}).get("request_id", ""))


def answer(error: Stage1Error, scope: Scope) -> ProblemResponse:
    """The problem that tells of an error; what must not be told is logged."""
    # What this server adds to an error is told under the name that the table has.
    kind: type[Stage1Error] = next(kind for kind in type(error).__mro__ if kind.__module__ == Stage1Error.__module__)
    title = (kind.__doc__ or "").strip()
    detail, hint = " ".join(filter(None, (error.message, error.detail))), error.hint
    if error.http_status >= 500:
        _log.error(redact(f"{kind.__name__}: {error}"), extra={"request_id": request_id(scope)})
        if not isinstance(error, _TOLD):
            detail, hint = title, ""
    elif _SPEAKS_SQL.search(hint):
        hint = _OVER_HTTP.get(kind, hint)
    code = kind.sqlstate or kind.__name__
    problem = _fields(error.http_status, code, title, redact(detail), redact(hint), scope)
    if isinstance(error, ContentRefused):
        problem["pointer"] = error.pointer
        said = error.message.removeprefix(f"line {error.line:,}, " if error.line else "").removeprefix(f"{error.pointer}: ")
        problem["errors"] = [{"pointer": error.pointer, "detail": redact(said)}]
        if error.line is not None:
            problem["line"] = error.line
    if isinstance(error, BodyRefused | ParametersRefused):
        problem["errors"] = error.places
    if isinstance(error, errors.VersionConflict) and (ids := _UUID.findall(error.detail)):
        problem["current_version_id"] = ids[-1]
    headers = {"cache-control": "no-store"}
    if error.http_status == 503:
        headers["retry-after"] = str(_COME_AGAIN.get(kind, _COME_AGAIN_LATER))
    if error.http_status == 401:
        headers["www-authenticate"] = 'Bearer realm="stage1"'
    if error.http_status == 415:
        headers |= {"accept": "application/json, application/x-ndjson", "accept-encoding": "gzip"}
    if error.http_status in _LAST_OF_ITS_CONNECTION:
        headers["connection"] = "close"
    return ProblemResponse(problem, error.http_status, headers)


def answer_to_a_bug(scope: Scope) -> ProblemResponse:
    """What is told of an error that nobody foresaw: where the log has it."""
    found = request_id(scope)
    detail = f"A bug in stage1; the server's log has it under the request id {found}."
    return ProblemResponse(_fields(500, "Unexpected", (errors.Unexpected.__doc__ or ""), detail, "", scope), 500)


def _of_the_framework(error: HTTPException, scope: Scope) -> ProblemResponse:
    title = HTTPStatus(error.status_code).phrase
    detail = {404: "There is nothing at this address.", 405: f"{scope['method']} is not known at this address."}.get(
        error.status_code, str(error.detail)
    )
    name = {404: "AddressNotFound", 405: "MethodNotAllowed"}.get(error.status_code, "RequestRefused")
    hint = "GET /openapi.json names every address and what it takes."
    if error.status_code == HTTPStatus.NOT_FOUND and b"%2f" in scope.get("raw_path", b"").lower():
        hint = f"A name that holds a slash is no part of an address: a dataset is reached by its id. {hint}"
    fields = _fields(error.status_code, name, title, detail, hint, scope)
    return ProblemResponse(fields, error.status_code, dict(error.headers or {}))


def _fields(status: int, code: str, title: str, detail: str, hint: str, scope: Scope) -> dict[str, Any]:
    return {
        "type": _TYPES + code,
        "title": title,
        "status": status,
        "detail": detail,
        "code": code,
        "hint": hint,
        "instance": request_id(scope),
    }


def places_of(found: Sequence[Any], *, skip: int = 0) -> list[dict[str, str]]:
    """What pydantic found, as pointers and sentences; never what was given."""
    return [
        {"pointer": pointer(error["loc"][skip:]), "detail": str(error["msg"]).removeprefix("Value error, ").rstrip(".")}
        for error in found[:_MOST_PLACES]
    ]


def pointer(path: tuple[int | str, ...]) -> str:
    """A JSON pointer (RFC 6901)."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in path)


def refusal_of(refused: NotCanonical | EntryRefused) -> Stage1Error:
    """What the model refused, as an error of the table."""
    if isinstance(refused, EntryRefused):
        return content_refused(refused)
    return ContentRefused(str(refused), pointer=refused.pointer)


def install(application: FastAPI) -> None:
    """Gives the framework our answers in place of its own."""

    async def explained(request: Request, error: Exception) -> Response:
        assert isinstance(error, Stage1Error)  # noqa: S101 - registered for it
        return answer(error, request.scope)

    async def refused_by_the_model(request: Request, error: Exception) -> Response:
        assert isinstance(error, NotCanonical | EntryRefused)  # noqa: S101 - registered for them
        return answer(refusal_of(error), request.scope)

    async def bad_parameters(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for it
        return answer(ParametersRefused(places_of(list(error.errors()))), request.scope)

    async def of_the_framework(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101 - registered for it
        return _of_the_framework(error, request.scope)

    application.add_exception_handler(Stage1Error, explained)
    application.add_exception_handler(NotCanonical, refused_by_the_model)
    application.add_exception_handler(EntryRefused, refused_by_the_model)
    application.add_exception_handler(RequestValidationError, bad_parameters)
    application.add_exception_handler(HTTPException, of_the_framework)

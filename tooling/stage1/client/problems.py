"""What the server refuses becomes the exception of the error table that has its code.

Owns the reading of problems (RFC 9457) and the two errors that only somebody who asks by HTTP can meet. An exception of a
refusal is both the error of the table (`stage1.errors.VersionConflict`) and `Refused`, which knows what the answer said
besides. A server that is newer may send codes that are not known here: they are `Refused` with their sentence.
"""

import json
from collections.abc import Mapping
from typing import Any

from stage1 import errors
from stage1.errors import ExitCode, Stage1Error


class ServerUnavailable(Stage1Error):
    """The server could not be reached, or did not finish its answer, in several tries."""

    exit_code = ExitCode.CANNOT_NOW
    http_status = 503


class AnswerNotUnderstood(Stage1Error):
    """The answer is not one that a server of stage1 gives."""

    exit_code = ExitCode.CANNOT_NOW
    http_status = 502


class Refused(Stage1Error):
    """The server refused the request."""

    status: int = 0
    code: str = ""
    pointer: str = ""  # where in the request, as a JSON pointer
    request_id: str = ""  # what the server's log has about it
    problem: Mapping[str, Any] = {}  # never written: every refusal has its own

    def __reduce__(self) -> tuple[Any, ...]:
        # The classes are made as they are met, so that pickle finds none of them by name.
        return refusal, (self.status, dict(self.problem), self.request_id)


# A proxy, or a server that fails early, answers without a code.
_BY_STATUS: dict[int, type[Stage1Error]] = {
    401: errors.TokenRequired,
    403: errors.TokenTooWeak,
    408: errors.BodyTooSlow,
    413: errors.BodyTooLarge,
    415: errors.MediaTypeUnsupported,
    421: errors.HostRefused,
    429: ServerUnavailable,
    502: ServerUnavailable,
    503: ServerUnavailable,
    504: ServerUnavailable,
}


# What has no private code goes under its name.
_BY_NAME = {kind.sqlstate or kind.__name__: kind for kind in errors.all_errors()}

_CLASSES: dict[type[Stage1Error], type[Refused]] = {}


def refusal(status: int, problem: Mapping[str, Any], request_id: str = "") -> Stage1Error:
    """The exception of a problem."""
    code = _text(problem, "code")
    kind = _BY_NAME.get(code) or (_BY_STATUS.get(status, Refused) if not code else Refused)
    message = _text(problem, "detail") or _text(problem, "title") or f"The server answered with status {status}."
    found = _class_of(kind)(message, detail=_places(problem), hint=_text(problem, "hint"))
    found.status, found.code, found.problem = status, code, problem
    found.request_id = request_id or _text(problem, "instance")
    found.pointer = _text(problem, "pointer") or next((place for place, _ in _each(problem)), "")
    return found


def not_understood(status: int, media_type: str, body: bytes, url: str) -> Stage1Error:
    """The exception of an answer that is no JSON of ours: a proxy's page, mostly."""
    begins = body[:80].decode("utf-8", "replace").split("\n")[0].strip()
    said = f"{url} answered with status {status} and {media_type or 'no media type'} ({begins!r}), where JSON was expected."
    hint = "Either STAGE1_SERVER names no server of stage1, or what stands before it (a proxy) answered in its place."
    kind = ServerUnavailable if status in (429, 502, 503, 504) else AnswerNotUnderstood
    return kind(said, hint=hint)


def problem_in(status: int, media_type: str, body: bytes, url: str, request_id: str) -> Stage1Error:
    """The exception of an answer whose status says that it is a refusal."""
    try:
        found = json.loads(body)
    except ValueError:
        return not_understood(status, media_type, body, url)
    if not isinstance(found, dict) or not {"title", "detail", "code"} & set(found):
        return not_understood(status, media_type, body, url)
    return refusal(status, found, request_id)


def _class_of(kind: type[Stage1Error]) -> type[Refused]:
    if issubclass(kind, Refused):
        return kind
    if kind not in _CLASSES:
        _CLASSES[kind] = type(kind.__name__, (Refused, kind), {"__doc__": kind.__doc__, "__module__": kind.__module__})
    return _CLASSES[kind]


def _text(problem: Mapping[str, Any], name: str) -> str:
    found = problem.get(name)
    return found if isinstance(found, str) else ""


def _each(problem: Mapping[str, Any]) -> list[tuple[str, str]]:
    given = problem.get("errors")
    found = given if isinstance(given, list) else []
    return [(_text(each, "pointer"), _text(each, "detail")) for each in found if isinstance(each, dict)]


def _places(problem: Mapping[str, Any]) -> str:
    told = _text(problem, "detail")
    if each := _each(problem):
        others = [(place, said) for place, said in each if not (place in told and said in told)]
        return "\n".join(f"{place or 'the request'}: {said}" for place, said in others[:10])
    pointer = _text(problem, "pointer")
    return f"at {pointer}" if pointer else ""

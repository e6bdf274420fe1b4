"""Tasks and evaluators: which arguments a function wants, and what becomes of what it returns.

Owns the names that a function may ask for. Refuses, before anything runs, a function that asks for something else. Imports
the model and the errors.
"""

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stage1.errors import ArgumentInvalid
from stage1.model.canonical_json import MAX_DEPTH, NotCanonical, written
from stage1.model.canonical_rules import shown
from stage1.model.canonical_values import JsonValue, json_value
from stage1.model.experiments import Evaluation
from stage1.model.json_lines import EntryRefused

TASK_ARGUMENTS = ("input", "expected", "output", "metadata", "example", "source_id", "repetition")
EVALUATOR_ARGUMENTS = ("output", "expected", "input", "metadata", "example", "source_id", "repetition")
_KINDS = ("CODE", "LLM", "HUMAN")
_DEPTH = MAX_DEPTH - 3  # what it is sent in stands around it
_MOST_BYTES = 16 << 20  # of an output; a body of the server's has at most 32 MiB
_MOST_BYTES_OF_PARTS = 1 << 20
_LARGEST_SCORE = 1e100  # comparisons add squares
_RESULT = ("score", "label", "explanation", "metadata")

Evaluators = Iterable[Callable[..., Any]] | Mapping[str, Callable[..., Any]] | Callable[..., Any]


@dataclass(frozen=True)
class Bound:
    """A function and how it is called."""

    name: str
    function: Callable[..., Any]
    is_async: bool
    positional: str | None  # what its first argument is, where the function gives it a name of its own
    named: tuple[str, ...]
    kind: str = "CODE"

    def ready(self, values: Mapping[str, Any]) -> Callable[[], Any]:
        """A call without arguments."""
        first = () if self.positional is None else (values[self.positional],)
        named = {name: values[name] for name in self.named}
        return lambda: self.function(*first, **named)


def bound_task(task: Callable[..., Any]) -> Bound:
    return _bound(task, "task", _name_of(task), TASK_ARGUMENTS, "input")


def bound_evaluators(evaluators: Evaluators) -> list[Bound]:
    """Evaluators by their names: those of the functions, or those that a mapping gives them."""
    if callable(evaluators):
        evaluators = [evaluators]
    named = list(evaluators.items()) if isinstance(evaluators, Mapping) else [(_name_of(each), each) for each in evaluators]
    names = [name for name, _ in named]
    for name in names:
        if not name or not isinstance(name, str) or name.startswith("<") or names.count(name) > 1:
            raise ArgumentInvalid(
                f"An evaluator's name was {name!r}; each needs one of its own, under which its results are kept.",
                hint="evaluators={'name': function}",
            )
        try:
            Evaluation("any", name)
        except EntryRefused as refused:
            raise ArgumentInvalid(
                f"An evaluator's name was {shown(name)}: {refused.message}", hint="evaluators={'name': function}"
            ) from None
    return [_bound(each, f"evaluator {name}", name, EVALUATOR_ARGUMENTS, "output") for name, each in named]


def evaluation_of(returned: object) -> dict[str, Any]:
    """The score, label and explanation that an evaluator's return value stands for; a ValueError where it is none."""
    if returned is None:
        return {}
    if isinstance(returned, Mapping):
        if unknown := [key for key in returned if key not in _RESULT]:
            raise ValueError(f"{unknown[0]!r} is no part of an evaluation; these are {', '.join(_RESULT)}")
        found = {name: item for name, item in returned.items() if item is not None}
        result = evaluation_of(found.pop("score", None))
        if "label" in result and "score" not in result:
            raise ValueError("a score is a number")
        for name, item in found.items():
            result[name] = _object(item) if name == "metadata" else _text(name, item)
        return result
    value = _json(returned)
    if isinstance(value, bool):
        return {"score": float(value), "label": "true" if value else "false"}
    if isinstance(value, int | float):
        if abs(value) > _LARGEST_SCORE:
            raise ValueError("a score lies between -1e100 and 1e100")
        return {"score": float(value)}
    if isinstance(value, str):
        return {"label": _text("label", value)}
    raise ValueError(f"a {type(returned).__name__} is no evaluation; a bool, a number, a text, a mapping or None is")


def output_of(returned: object) -> JsonValue:
    """A task's return value as JSON; a ValueError where it has no JSON form, or is too large to be sent."""
    return _sized(_json(returned), _MOST_BYTES)


def _sized(value: JsonValue, most: int) -> JsonValue:
    text = written(value)
    if len(text) > most // 4 and (size := len(text.encode())) > most:
        raise ValueError(
            f"what was returned has {size:,} bytes as JSON; the most is {most:,}. Keep it in a file and return its name"
        )
    return value


def _json(value: object) -> JsonValue:
    try:
        return json_value(value, _DEPTH)
    except NotCanonical as refused:
        raise ValueError(f"what was returned is no JSON value: {refused}") from None


def _text(name: str, value: object) -> str:
    found = _json(value)
    if isinstance(found, bool):
        return "true" if found else "false"
    if not isinstance(found, str):
        raise ValueError(f"{name} is a text, not a {type(value).__name__}")
    _sized(found, _MOST_BYTES_OF_PARTS)
    return found


def _object(value: object) -> JsonValue:
    found = _json(value)
    if not isinstance(found, dict):
        raise ValueError(f"metadata is a mapping, not a {type(value).__name__}")
    return _sized(found, _MOST_BYTES_OF_PARTS)


def _bound(function: Callable[..., Any], what: str, name: str, offered: Sequence[str], first: str) -> Bound:
    if not callable(function):
        raise ArgumentInvalid(f"The {what} is a {type(function).__name__}; a function was expected.")
    kind = str(getattr(function, "annotator_kind", "CODE"))
    if kind not in _KINDS:
        raise ArgumentInvalid(f"The annotator_kind of the {what} was {kind!r}; {', '.join(_KINDS)} are known.")
    is_async = inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(getattr(function, "__call__", None))  # noqa: B004
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):  # written in C, without a signature
        return Bound(name, function, is_async, first, (), kind)
    positional, named = _wants(parameters, offered, first)
    unknown = [each for each in parameters if each.default is each.empty and each.name not in named and not _is_variable(each)]
    if positional and unknown:
        unknown = unknown[1:]
    if unknown:
        raise ArgumentInvalid(
            f"The {what} asks for {unknown[0].name!r}, which there is not.",
            hint=f"It may ask for {', '.join(offered)} by name, or have one argument of any name: the {first}.",
        )
    return Bound(name, function, is_async, positional, named, kind)


def _wants(parameters: list[inspect.Parameter], offered: Sequence[str], first: str) -> tuple[str | None, tuple[str, ...]]:
    by_name = {
        each.name for each in parameters if each.name in offered and each.kind in (each.POSITIONAL_OR_KEYWORD, each.KEYWORD_ONLY)
    }
    named = tuple(name for name in offered if name in by_name)
    head = parameters[0] if parameters else None
    if head is None or head.name in named or head.kind in (head.KEYWORD_ONLY, head.VAR_KEYWORD):
        return None, named
    if head.kind == head.VAR_POSITIONAL or head.default is head.empty:
        return first, named
    # Its own default stands, unless the function would be given nothing at all.
    return (None if named else first), named


def _is_variable(parameter: inspect.Parameter) -> bool:
    return parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)


def _name_of(function: Any) -> str:
    inner = getattr(function, "func", function)  # functools.partial
    return str(getattr(inner, "__name__", type(inner).__name__))

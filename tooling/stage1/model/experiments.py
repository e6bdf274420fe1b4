"""Runs of experiments and evaluations of these, as they are sent to be recorded.

Owns their form: what each must have, what excludes what, and how it is read of a JSON object. Imports of ours the rules of
canonical JSON. Refuses what the database would, before it is sent there, naming the field. An output is kept as canonical JSON
text, so that the same output is the same text.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import NoReturn

from stage1.model.canonical_json import JsonValue, written
from stage1.model.canonical_rules import shown, text_problem
from stage1.model.example_lines import MAX_SOURCE_ID_BYTES
from stage1.model.json_lines import EntryRefused

MAX_REPETITIONS = 1000
MAX_NAME_BYTES = 255
MAX_SCORE = 1e100  # the squares of scores are added up in comparisons
ANNOTATOR_KINDS = ("CODE", "LLM", "HUMAN")

_RUN_FIELDS = ("source_id", "repetition", "output", "error", "started_at", "finished_at")
_EVALUATION_FIELDS = (
    *("source_id", "repetition", "name", "annotator_kind", "label", "score", "explanation", "error", "metadata"),
    *("started_at", "finished_at"),
)
_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Run:
    """What a task made of an example: an output, which may be null, or the error that it ended with."""

    source_id: str
    repetition: int = 1
    output: str | None = None  # canonical JSON; of a failure None
    error: str | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None

    def __post_init__(self) -> None:
        _check_run_of(self.source_id, self.repetition)
        _check_text(self.error, "error")
        if self.error is None:
            if self.output is None:
                object.__setattr__(self, "output", "null")
        elif self.output is not None:
            _refuse("error_and_output", "a run has an output or an error, not both.", "error")
        _check_span(self.started_at, self.finished_at)


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What an evaluator says of a successful run: a label, a score or both, or the error that it ended with."""

    source_id: str
    name: str
    repetition: int = 1
    annotator_kind: str = "CODE"
    label: str | None = None
    score: float | None = None
    explanation: str | None = None
    error: str | None = None
    metadata: str = "{}"  # canonical JSON
    started_at: datetime | None = None
    finished_at: datetime | None = None

    def __post_init__(self) -> None:
        _check_run_of(self.source_id, self.repetition)
        _check_text(self.name, "name", most=MAX_NAME_BYTES)
        if self.annotator_kind not in ANNOTATOR_KINDS:
            _refuse("bad_annotator_kind", f"an annotator kind is {', '.join(ANNOTATOR_KINDS)}.", "annotator_kind")
        _check_text(self.label, "label", least=0)
        _check_text(self.explanation, "explanation", least=0)
        _check_text(self.error, "error")
        # NaN is in no range.
        if self.score is not None and not -MAX_SCORE <= self.score <= MAX_SCORE:
            _refuse("bad_score", f"a score is a number from -{MAX_SCORE:g} to {MAX_SCORE:g}.", "score")
        if self.error is not None and (self.label is not None or self.score is not None):
            _refuse("error_and_answer", "an evaluation has an error, or a label and a score, not both.", "error")
        _check_span(self.started_at, self.finished_at)


def checked_run(value: JsonValue) -> Run:
    """The run that an object is which `parsed` or `json_value` gave."""
    given = _object(value, _RUN_FIELDS, "a run")
    error = _optional(given, "error")
    output = given.get("output")
    if error is not None and output is not None:
        _refuse("error_and_output", "a run has an output or an error, not both.", "error")
    return Run(
        source_id=_required(given, "source_id"),
        repetition=_repetition(given),
        output=written(output) if error is None else None,
        error=error,
        started_at=_time(given, "started_at"),
        finished_at=_time(given, "finished_at"),
    )


def checked_evaluation(value: JsonValue) -> Evaluation:
    """The evaluation that an object is which `parsed` or `json_value` gave."""
    given = _object(value, _EVALUATION_FIELDS, "an evaluation")
    score = given.get("score")
    if score is not None and (isinstance(score, bool) or not isinstance(score, int | float)):
        _refuse("bad_score", "a score is a number.", "score")
    metadata = given.get("metadata", {})
    if not isinstance(metadata, dict):
        _refuse("not_an_object", "metadata is a JSON object; where there is none, leave it out.", "metadata")
    return Evaluation(
        source_id=_required(given, "source_id"),
        name=_required(given, "name"),
        repetition=_repetition(given),
        annotator_kind=_optional(given, "annotator_kind") or "CODE",
        label=_optional(given, "label"),
        score=None if score is None else float(score),
        explanation=_optional(given, "explanation"),
        error=_optional(given, "error"),
        metadata=written(metadata),
        started_at=_time(given, "started_at"),
        finished_at=_time(given, "finished_at"),
    )


def _object(value: JsonValue, fields: tuple[str, ...], what: str) -> dict[str, JsonValue]:
    if not isinstance(value, dict):
        raise EntryRefused("not_an_object", f"{what} is a JSON object with source_id.")
    if unknown := [name for name in value if name not in fields]:
        raise EntryRefused("unknown_field", f"{shown(unknown[0])} is no field of {what}; these are {', '.join(fields)}.")
    return value


def _required(given: dict[str, JsonValue], name: str) -> str:
    if name not in given:
        raise EntryRefused("missing_field", f"{name} is missing.")
    found = given[name]
    if not isinstance(found, str):
        _refuse(f"bad_{name}", f"{name} is a text.", name)
    return found


def _optional(given: dict[str, JsonValue], name: str) -> str | None:
    found = given.get(name)
    if found is not None and not isinstance(found, str):
        _refuse(f"bad_{name}", f"{name} is a text; where there is none, leave it out.", name)
    return found


def _repetition(given: dict[str, JsonValue]) -> int:
    found = given.get("repetition", 1)
    if type(found) is not int:
        _refuse("bad_repetition", "a repetition is a whole number, from 1.", "repetition")
    return found


def _time(given: dict[str, JsonValue], name: str) -> datetime | None:
    found = given.get(name)
    if found is None:
        return None
    try:
        if not isinstance(found, str) or not _TIME.fullmatch(found):
            raise ValueError
        return datetime.fromisoformat(found.upper())
    except ValueError:
        _refuse(f"bad_{name}", f"{name} is a time with its offset, such as 2023-01-03T14:30:00.5Z.", name)


def _check_run_of(source_id: str, repetition: int) -> None:
    _check_text(source_id, "source_id", most=MAX_SOURCE_ID_BYTES)
    if not 1 <= repetition <= MAX_REPETITIONS:
        _refuse("bad_repetition", f"a repetition is a number from 1 to {MAX_REPETITIONS:,}.", "repetition")


def _check_text(text: str | None, name: str, *, least: int = 1, most: int | None = None) -> None:
    if text is None:
        return
    if len(text) < least:
        _refuse(f"bad_{name}", f"{name} is a text that is not empty.", name)
    if (not text.isascii() or "\0" in text) and (problem := text_problem(text)):
        _refuse(problem.reason, problem.message, name)
    if most is not None and len(text.encode()) > most:
        _refuse(f"bad_{name}", f"{name} has at most {most:,} bytes in UTF-8.", name)


def _check_span(started_at: datetime | None, finished_at: datetime | None) -> None:
    for name, moment in (("started_at", started_at), ("finished_at", finished_at)):
        if moment is not None and moment.tzinfo is None:
            _refuse(f"bad_{name}", f"{name} has no time zone, so that nobody can tell which moment it is.", name)
        if moment is not None and not 1 < moment.year < 9999:  # within a day of these ends it has no form in UTC
            _refuse(f"bad_{name}", f"{name} is a time of the years 2 to 9998.", name)
    if started_at is not None and finished_at is not None and finished_at < started_at:
        _refuse("span_inverted", "finished_at is before started_at; take both times of one clock.", "finished_at")


def _refuse(code: str, message: str, field: str) -> NoReturn:
    raise EntryRefused(code, message, pointer=f"/{field}")

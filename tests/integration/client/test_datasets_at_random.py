"""Whatever is upserted, restored and planned: is every version what a dictionary says, through client, server and database?"""

import itertools
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stage1 import errors
from stage1.client import Client, Summary, upserts
from stage1.model.canonical_values import json_value

_NUMBERS = itertools.count()

_TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)
_SAFE = 2**53 - 1
# As in JavaScript, what is written without an exponent and is not exact beyond 2^53 is refused; it has tests of its own.
_FLOATS = st.floats(allow_nan=False, allow_infinity=False).filter(lambda value: not (_SAFE < abs(value) < 1e21))
_LEAVES = st.none() | st.booleans() | st.integers(-_SAFE, _SAFE) | _FLOATS | _TEXTS
_VALUES = st.recursive(
    _LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXTS, inner, max_size=3), max_leaves=6
)
_OBJECTS = st.dictionaries(_TEXTS, _VALUES, max_size=3)
# Few ids and few contents, so that they meet again; some of each are odd.
_IDS = st.sampled_from(["a", "b", "c", "\u00e9", "e\u0301", "\U0001f600/..", " ", "%2F"]) | _TEXTS.filter(bool)
_CONTENTS = st.sampled_from([({}, {}, {}), ({"x": 1}, {}, {}), ({"x": 1.5}, {"y": None}, {})]) | st.tuples(
    _OBJECTS, _OBJECTS, _OBJECTS
)
_SETS = st.dictionaries(_IDS, _CONTENTS, max_size=6)
_STEPS = st.lists(
    st.tuples(st.sampled_from(["merge", "mirror"]), _SETS)
    | st.tuples(st.just("again"), st.none())
    | st.tuples(st.just("restore"), st.integers(0, 9)),
    min_size=1,
    max_size=7,
)


@dataclass
class Model:
    """What the dataset must hold."""

    now: dict[str, Any] = field(default_factory=dict)
    known: set[str] = field(default_factory=set)
    versions: list[dict[str, Any]] = field(default_factory=list)

    def become(self, then: dict[str, Any], given: set[str]) -> Summary:
        """Takes the new state in, and counts."""
        added, known = then.keys() - self.now.keys(), self.known
        changed = {name for name in then.keys() & self.now.keys() if then[name] != self.now[name]}
        summary = Summary(
            new=len(added - known),
            changed=len(changed),
            unchanged=len((then.keys() & self.now.keys() & given) - changed),
            deleted=len(self.now.keys() - then.keys()),
            restored=len(added & known),
        )
        self.known = known | added
        if summary.differs:
            self.versions.append(then)
            self.now = then
        return summary


def _typed(value: Any) -> Any:
    # To Python, True is 1 and 1.0 is 1; to JSON the first is not.
    if isinstance(value, dict):
        return {name: _typed(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_typed(item) for item in value]
    return (isinstance(value, bool), value)


@pytest.mark.parametrize("plans_from", [500, 1], ids=["whole", "planned"])
@settings(
    max_examples=25, deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=_STEPS)
def test_every_version_is_what_the_model_says(
    client: Client, monkeypatch: pytest.MonkeyPatch, plans_from: int, steps: list[tuple[str, Any]]
) -> None:
    monkeypatch.setattr(upserts, "_PLANS_FROM", plans_from)
    name, model = f"random-{next(_NUMBERS)}", Model()
    contents: dict[str, Any] = {"start": ({"begin": 1}, {}, {})}
    for step, (kind, given_with) in enumerate([("merge", contents), *steps]):
        if kind == "restore":
            number = given_with % len(model.versions) + 1
            then = model.versions[number - 1]
            dataset, expected = client.restore(name, number), model.become(then, set(then))
        else:
            mode = "mirror" if kind == "again" else kind
            contents = contents if kind == "again" else {key: json_value(list(parts)) for key, parts in given_with.items()}
            if mode == "mirror" and not contents and model.now:
                with pytest.raises(errors.EmptyMirror):
                    _upsert(client, name, contents, mode)
            planned = _upsert(client, name, contents, mode, dry_run=True, allow_empty=True).summary
            dataset = _upsert(client, name, contents, mode, allow_empty=True)
            then = {**model.now, **contents} if mode == "merge" else contents
            expected = model.become(dict(then), set(contents))
            assert planned == expected, step
        assert dataset.summary == expected, step
        assert dataset.created_version == expected.differs
        assert dataset.sequence == len(model.versions)
    for number, held in enumerate(model.versions, start=1):
        found = {
            each.source_id: _typed([each.input, each.output, each.metadata]) for each in client.get_dataset(name, version=number)
        }
        assert found == {key: _typed(parts) for key, parts in held.items()}
    first, last = model.versions[0], model.versions[-1]
    differing = {each["source_id"] for each in client.diff(name, 1)}
    assert differing == {key for key in first.keys() | last.keys() if _typed(first.get(key)) != _typed(last.get(key))}


def _upsert(client: Client, name: str, contents: dict[str, Any], mode: Any, **options: Any) -> Any:
    rows = [{"source_id": key, "input": parts[0], "output": parts[1], "metadata": parts[2]} for key, parts in contents.items()]
    return client.upsert_dataset(name=name, examples=rows, mode=mode, **options)

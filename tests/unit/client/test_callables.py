"""Is a function given what its signature asks for, and is what it returns taken for what it means?"""

import functools

import pytest

from stage1.client.callables import bound_evaluators, bound_task, evaluation_of, output_of
from stage1.errors import ArgumentInvalid

VALUES = {
    "input": {"x": 1},
    "expected": {"y": 2},
    "output": "out",
    "metadata": {"m": 3},
    "example": "example",
    "source_id": "a",
    "repetition": 2,
}


class AnObject:
    def __call__(self, input):  # noqa: A002
        return input

    async def is_async(self, source_id):
        return source_id


@pytest.mark.parametrize(
    ("function", "found"),
    [
        (lambda input: input, {"x": 1}),  # noqa: A006
        (lambda row: row, {"x": 1}),
        (lambda row, metadata: (row, metadata), ({"x": 1}, {"m": 3})),
        (lambda metadata, source_id, repetition: (metadata, source_id, repetition), ({"m": 3}, "a", 2)),
        (lambda expected, *, example: (expected, example), ({"y": 2}, "example")),
        (lambda row, k=5: (row, k), ({"x": 1}, 5)),
        (lambda k=5: k, {"x": 1}),
        (lambda *args: args, ({"x": 1},)),
        (lambda source_id, **rest: (source_id, rest), ("a", {})),
        (lambda: 7, 7),
        (functools.partial(lambda k, row: (k, row), 4), (4, {"x": 1})),
        (AnObject(), {"x": 1}),
        (dict, {"x": 1}),
        (len, 1),
    ],
)
def test_a_task_gets_what_it_asks_for(function, found):
    assert bound_task(function).ready(VALUES)() == found


def test_an_evaluator_with_one_argument_gets_the_output():
    [evaluator] = bound_evaluators({"is": lambda said: said})
    assert evaluator.ready(VALUES)() == "out"
    assert bound_evaluators([AnObject().is_async])[0].is_async
    assert bound_evaluators(len)[0].name == "len"


@pytest.mark.parametrize("function", [lambda a, b: (a, b), lambda metadata, wish: (metadata, wish), lambda *, wish: wish, 5])
def test_what_there_is_not_is_refused_before_anything_runs(function):
    with pytest.raises(ArgumentInvalid, match=r"there is not|a function was expected"):
        bound_task(function)


@pytest.mark.parametrize("evaluators", [[lambda output: output], [len, len], {"": len}, {1: len}])
def test_evaluators_have_names_of_their_own(evaluators):
    with pytest.raises(ArgumentInvalid, match="one of its own"):
        bound_evaluators(evaluators)


@pytest.mark.parametrize("name", ["\u00e9" * 128, "a\0", "\ud800"])
def test_a_name_that_the_server_would_refuse_is_refused_before_anything_runs(name):
    with pytest.raises(ArgumentInvalid, match="An evaluator's name was"):
        bound_evaluators({name: len})
    assert bound_evaluators({"\u00e9" * 127: len})


@pytest.mark.parametrize(
    ("returned", "found"),
    [
        (None, {}),
        (True, {"score": 1.0, "label": "true"}),
        (0.25, {"score": 0.25}),
        (3, {"score": 3.0}),
        ("good", {"label": "good"}),
        ({"score": 1, "label": "good", "explanation": None}, {"score": 1.0, "label": "good"}),
        ({"score": False}, {"score": 0.0, "label": "false"}),
        ({"label": "good", "metadata": {"k": [1.0]}}, {"label": "good", "metadata": {"k": [1]}}),
    ],
)
def test_a_return_value_is_an_evaluation(returned, found):
    assert evaluation_of(returned) == found


@pytest.mark.parametrize(
    "returned", [float("nan"), 1e101, [1], object(), {"scores": 1}, {"score": "high"}, {"label": 5}, {"metadata": 1}, "a\0"]
)
def test_what_is_no_evaluation_is_refused(returned):
    with pytest.raises(ValueError, match=r"\w"):
        evaluation_of(returned)


def test_an_output_is_any_json():
    assert output_of((1.0, {"a": None})) == [1, {"a": None}]
    with pytest.raises(ValueError, match=r"no JSON value: /a/0"):
        output_of({"a": [object()]})

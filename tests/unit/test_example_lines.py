"""Are examples read line by line as they were written, and is a bad one refused with its line and its place in it?"""

import itertools
import json

import pytest

from stage1.model.canonical_json import NotCanonical, content_hash, parsed
from stage1.model.example_lines import (
    Example,
    ExampleReference,
    checked_entry,
    checked_example,
    checked_reference,
    example_of,
    read_examples,
)
from stage1.model.json_lines import EntryRefused, read_lines

_HASH = content_hash({"a": 1})


def _refusal(work):
    with pytest.raises(EntryRefused) as refused:
        work()
    return str(refused.value.code), refused.value.pointer, refused.value.line


def test_lines_are_read_as_they_were_written_however_they_are_cut():
    examples = [
        example_of("a", {"b": 2, "a": [1.0]}, {"é": "😀\n"}, {"m": None}),
        example_of("ключ 2", {}),
        example_of("c", {"small": 1e-7}, metadata={"\ufffd": 1, "😀": 2}),
    ]
    assert examples[0].input == '{"a":[1],"b":2}'
    assert examples[1] == Example("ключ 2", "{}", "{}", "{}", content_hash({}))
    lines = [example.as_line() for example in examples]
    body, longest = b"".join(lines), max(map(len, lines)) - 1
    for size in range(1, len(body) + 1):
        chunks = [body[at : at + size] for at in range(0, len(body), size)]
        assert list(read_examples(chunks, max_line_bytes=longest)) == examples
    assert list(read_examples([body.rstrip(), b""])) == examples
    assert list(read_examples([body.replace(b"\n", b"\r\n")])) == examples
    assert list(read_examples([])) == []


@pytest.mark.parametrize(
    ("line", "code", "pointer"),
    [
        ("", "empty_line", ""),
        ("  \r", "empty_line", ""),
        ("[]", "not_an_object", ""),
        ("null", "not_an_object", ""),
        ('{"source_id":"a","input":{}', "not_json", ""),
        ('{"source_id":"a","input":{}} {}', "not_json", ""),
        ('{"input":{}}', "missing_field", ""),
        ('{"source_id":"a"}', "missing_field", ""),
        ('{"source_id":"a","input":{},"inputs":{}}', "unknown_field", ""),
        ('{"source_id":"","input":{}}', "bad_source_id", "/source_id"),
        ('{"source_id":7,"input":{}}', "bad_source_id", "/source_id"),
        ('{"source_id":null,"input":{}}', "bad_source_id", "/source_id"),
        ('{"source_id":"' + "é" * 513 + '","input":{}}', "bad_source_id", "/source_id"),
        ('{"source_id":"\\u0000","input":{}}', "nul_character", "/source_id"),
        ('{"source_id":"a","source_id":"a","input":{}}', "duplicate_key", "/source_id"),
        ('{"source_id":"a","input":[]}', "not_an_object", "/input"),
        ('{"source_id":"a","input":"x"}', "not_an_object", "/input"),
        ('{"source_id":"a","input":{},"output":null}', "not_an_object", "/output"),
        ('{"source_id":"a","input":{},"metadata":[1]}', "not_an_object", "/metadata"),
        ('{"source_id":"a","input":{"n":[9007199254740993]}}', "unsafe_integer", "/input/n/0"),
        ('{"source_id":"a","input":{"n":NaN}}', "not_finite", "/input/n"),
        ('{"source_id":"a","input":{"d":' + "[" * 99 + "]" * 99 + "}}", "too_deep", "/input/d" + "/0" * 98),
        ('{"source_id":"a","input":{},"content_hash":null}', "bad_hash", "/content_hash"),
        ('{"source_id":"a","input":{"a":1},"content_hash":"' + _HASH.upper() + '"}', "bad_hash", "/content_hash"),
        ('{"source_id":"a","input":{"a":2},"content_hash":"' + _HASH + '"}', "hash_mismatch", "/content_hash"),
    ],
    ids=lambda given: str(given)[:60],
)
def test_a_bad_line_is_refused_with_its_place(line, code, pointer):
    good = b'{"source_id":"good","input":{}}'
    body = b"\n".join((good, line.encode(), good, b""))
    assert _refusal(lambda: list(read_examples([body]))) == (code, pointer, 2)

    refused = []
    assert [example.source_id for example in read_examples([body], on_refusal=refused.append)] == ["good", "good"]
    assert [(str(each.code), each.pointer, each.line) for each in refused] == [(code, pointer, 2)]
    assert str(refused[0]).startswith("line 2" + (f", {pointer}: " if pointer else ": "))


def test_bytes_that_are_not_utf_8_are_refused_with_their_line():
    assert _refusal(lambda: list(read_examples([b'{"source_id":"\xff","input":{}}']))) == ("not_utf8", "", 1)


def test_a_right_hash_and_the_deepest_input_are_taken():
    deepest = "[" * 98 + "]" * 98
    [example] = read_examples([f'{{"source_id":"a","input":{{"d":{deepest}}}}}'.encode()])
    assert example.content_hash == content_hash({"d": json.loads(deepest)})
    [again] = read_examples([b'{"content_hash":"' + _HASH.encode() + b'","input":{"a":1.0},"source_id":"a"}'])
    assert again.content_hash == _HASH


def test_a_line_without_an_end_is_given_up_at_the_limit():
    endless = itertools.chain([b'{"source_id":"a","input":{}}\n{"source_id":"'], itertools.repeat(b"x" * 1_000))
    reading = read_examples(endless, max_line_bytes=10_000)
    assert next(reading).source_id == "a"
    assert _refusal(lambda: next(reading)) == ("line_too_long", "", 2)

    line = example_of("a", {}).as_line()
    assert len(list(read_examples([line * 3], max_line_bytes=len(line) - 1))) == 3
    assert _refusal(lambda: list(read_examples([line * 3], max_line_bytes=len(line) - 2))) == ("line_too_long", "", 1)


def test_an_example_comes_before_the_next_piece_is_asked_for():
    asked = []

    def chunks():
        for number in range(3):
            asked.append(number)
            yield example_of(str(number), {}).as_line()

    reading = read_examples(chunks(), max_examples=2)
    for number in range(2):
        assert next(reading).source_id == str(number)
        assert asked == list(range(number + 1))
    assert _refusal(lambda: next(reading)) == ("too_many", "", 3)


def test_values_of_python_are_refused_as_lines_are():
    assert _refusal(lambda: example_of("a", {"n": [float("nan")]})) == ("not_finite", "/input/n/0", None)
    assert _refusal(lambda: example_of("a", [])) == ("not_an_object", "/input", None)
    assert _refusal(lambda: example_of(7, {})) == ("bad_source_id", "/source_id", None)


def test_an_example_of_a_larger_text_is_read_the_same():
    body = parsed('{"examples":[{"source_id":"a","input":{"small":0.00001,"one":1.0}}]}')
    assert checked_example(body["examples"][0]) == example_of("a", {"small": 1e-5, "one": 1})
    with pytest.raises(NotCanonical, match=r"^/examples/0/input/n: "):
        parsed('{"examples":[{"source_id":"a","input":{"n":1e999}}]}')


def test_an_example_may_be_named_by_its_hash_where_its_content_is_known():
    body = example_of("a", {"a": 1}).as_line() + ExampleReference("b", _HASH).as_line()
    assert list(read_lines([body], checked_entry)) == [example_of("a", {"a": 1}), ExampleReference("b", _HASH)]
    assert list(read_lines([body.split(b"\n")[1]], checked_reference)) == [ExampleReference("b", _HASH)]
    assert _refusal(lambda: list(read_lines([body], checked_reference)))[0] == "unknown_field"


@pytest.mark.parametrize(
    ("line", "code", "pointer"),
    [
        ('{"source_id":"b"}', "missing_field", ""),
        ('{"content_hash":"' + _HASH + '"}', "missing_field", ""),
        ('{"source_id":"b","content_hash":"' + _HASH.upper() + '"}', "bad_hash", "/content_hash"),
        ("[]", "not_an_object", ""),
    ],
)
def test_a_bad_reference_is_refused_with_its_place(line, code, pointer):
    assert _refusal(lambda: list(read_lines([line.encode()], checked_reference, first_line=2))) == (code, pointer, 2)

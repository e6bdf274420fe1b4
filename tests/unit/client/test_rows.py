"""Does each form of rows become the examples it stands for, and is each that is none refused with its place?"""

import datetime as dt
import uuid
from decimal import Decimal

import pytest

from stage1.client.datasets import Example as ReadExample
from stage1.client.rows import examples_of, row_form
from stage1.errors import ArgumentInvalid, ContentRefused
from stage1.model.canonical_json import content_hash

NAN = float("nan")


def read(rows, source_id_key="source_id", input_keys=None, output_keys=None, metadata_keys=None, missing="refuse"):
    form = row_form(source_id_key, input_keys, output_keys, metadata_keys, missing)
    return [(each.source_id, each.input, each.output, each.metadata) for each in examples_of(rows, form)]


def test_a_row_is_an_example_as_it_stands():
    row = {"source_id": "a", "input": {"x": 1.0}, "metadata": None}
    assert read([row]) == [("a", '{"x":1}', "{}", "{}")]
    assert read(iter([ReadExample("a", {"x": 1}, {"y": 2}, {}, "hash")])) == [("a", '{"x":1}', '{"y":2}', "{}")]
    [example] = examples_of([row], row_form("source_id", None, None, None, "refuse"))
    assert example.content_hash == content_hash({"x": 1})


def test_columns_are_gathered():
    rows = [{"id": 7, "open": Decimal("1.50"), "day": dt.date(2023, 1, 3), "won": True, "unused": object()}]
    gathered = [("7", '{"day":"2023-01-03","open":1.5}', '{"won":true}', "{}")]
    assert read(rows, "id", ["open", "day"], "won") == gathered
    assert read(rows, lambda row: f"r{row['id']}", ["open"]) == [("r7", '{"open":1.5}', "{}", "{}")]


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (12, "12"),
        (uuid.UUID(int=1), str(uuid.UUID(int=1))),
        (dt.date(2023, 1, 3), "2023-01-03"),
        ("", None),
        (1.0, None),
        (True, None),
    ],
)
def test_a_source_id_is_a_text_or_becomes_one(given, text):
    rows = [{"source_id": given, "input": {}}]
    if text is not None:
        assert read(rows)[0][0] == text
    else:
        with pytest.raises((ArgumentInvalid, ContentRefused), match=r"[Rr]ow 1"):
            read(rows)


def test_a_gap_is_refused_unless_its_meaning_is_said():
    rows = [{"source_id": "a", "input": {"x": NAN, "deep": [{"y": NAN}, NAN], "none": None}}]
    with pytest.raises(ContentRefused, match=r'Row 1 \(source id "a"\), /input/x: nan is no JSON number') as refused:
        read(rows)
    assert "missing='null'" in refused.value.hint
    assert refused.value.pointer == "/input/x"
    assert read(rows, missing="null")[0][1] == '{"deep":[{"y":null},null],"none":null,"x":null}'
    assert read(rows, missing="drop")[0][1] == '{"deep":[{},null],"none":null}'
    with pytest.raises(ContentRefused, match="inf is no JSON number"):
        read([{"source_id": "a", "input": {"x": float("inf")}}], missing="null")
    endless = {"x": NAN}
    endless["deep"] = [endless]
    with pytest.raises(ContentRefused, match="deep/0/deep"):
        read([{"source_id": "a", "input": endless}], missing="drop")
    row = {"id": "a", "x": 1}
    with pytest.raises(ArgumentInvalid, match='has no "y", which was named for its input'):
        read([row], "id", ["x", "y"])
    assert read([row], "id", ["x", "y"], missing="null")[0][1] == '{"x":1,"y":null}'
    assert read([row], "id", ["x", "y"], missing="drop")[0][1] == '{"x":1}'


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        ([{"input": {}}], 'Row 1 has no "source_id"'),
        ([{"source_id": "a"}], 'Row 1 (source id "a") has no input'),
        ([{"source_id": "a", "input": {}, "inptu": {}}], 'has "inptu", which is no part of an example'),
        (
            [{"source_id": "a", "input": {}}, {"source_id": "b", "input": [1]}],
            'Row 2 (source id "b"), /input: input is a JSON object',
        ),
        ([{"source_id": "a", "input": {"n": [2**53]}}], "/input/n/0: 9007199254740992 is beyond 2^53 - 1"),
        ([{"source_id": "a", "input": {"t": dt.datetime(2023, 1, 3)}}], "/input/t: a datetime without a time zone"),  # noqa: DTZ001
        ([{"source_id": "a\ud800", "input": {}}], "/source_id: the text holds U+D800"),
        ([{"source_id": "a" * 1025, "input": {}}], "1,024 bytes"),
        ([3], "Row 1 is a int"),
        ({"source_id": "a", "input": {}}, "one mapping or text was given"),
        (None, "a NoneType was given"),
    ],
)
def test_what_is_no_row_is_refused_with_its_place(rows, sentence):
    with pytest.raises((ArgumentInvalid, ContentRefused)) as refused:
        read(rows)
    assert sentence in str(refused.value)


def test_frames_are_rows():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(
        {
            "id": ["a", "b"],
            "count": pandas.array([1, None], dtype="Int64"),
            "price": [1.5, NAN],
            "at": pandas.to_datetime(["2023-01-03T09:30", None]).tz_localize("America/New_York"),
            "name": ["x", None],
        }
    )
    keys = ["count", "price", "at", "name"]
    full = '{"at":"2023-01-03T14:30:00Z","count":1,"name":"x","price":1.5}'
    assert read(frame.iloc[:1], "id", keys) == [("a", full, "{}", "{}")]
    assert read(frame.set_index("id").iloc[:1], "id", keys) == [("a", full, "{}", "{}")]
    with pytest.raises(ContentRefused, match=r'Row 2 \(source id "b"\), /input/'):
        read(frame, "id", keys)
    assert read(frame, "id", keys, missing="drop")[1][1] in ("{}", '{"name":null}')
    assert read(frame, "id", keys, missing="null")[1][1] == '{"at":null,"count":null,"name":null,"price":null}'
    objects = pandas.DataFrame({"source_id": ["a"], "input": [{"x": 1}], "output": [{"y": 2}]})
    assert read(objects) == [("a", '{"x":1}', '{"y":2}', "{}")]
    with pytest.raises(ArgumentInvalid, match='no column "absent"'):
        read(frame, "id", ["absent"])
    with pytest.raises(ArgumentInvalid, match="Two columns"):
        read(pandas.concat([frame, frame], axis=1), "id", keys)

"""Does each kind of Python value become the JSON value of its rule, or is it refused at its place?"""

import datetime as dt
import decimal
import uuid
from enum import Enum, IntEnum, StrEnum
from types import MappingProxyType

import pytest

from stage1.model.canonical_json import NotCanonical, canonical_text, content_hash


def _refusal(read, given):
    with pytest.raises(NotCanonical) as refused:
        read(given)
    assert refused.value.message.isascii()
    return str(refused.value.reason), refused.value.pointer


class _Colour(StrEnum):
    RED = "red"


class _Level(IntEnum):
    LOW = 1


class _Plain(Enum):
    ONE = 1


class _Price(float):
    def __repr__(self):
        return "a price"


class _OfItsOwn(str):
    __slots__ = ()
    __hash__ = object.__hash__

    def __eq__(self, other):
        return self is other


_EAST = dt.timezone(dt.timedelta(hours=5, minutes=30))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ((1, (2.0,)), "[1,[2]]"),
        (_Colour.RED, '"red"'),
        ({_Colour.RED: _Level.LOW}, '{"red":1}'),
        (_Price(1.5), "1.5"),
        (decimal.Decimal("4512.250"), "4512.25"),
        (decimal.Decimal("-0E+5"), "0"),
        (decimal.Decimal("1E+2"), "100"),
        (decimal.Decimal("1E+21"), "1e+21"),
        (dt.date(2023, 1, 3), '"2023-01-03"'),
        (dt.datetime(2023, 1, 3, 14, 30, tzinfo=dt.UTC), '"2023-01-03T14:30:00Z"'),
        (dt.datetime(2023, 1, 3, 20, 0, 0, 1500, tzinfo=_EAST), '"2023-01-03T14:30:00.001500Z"'),
        (uuid.UUID("A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11"), '"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"'),
    ],
    ids=str,
)
def test_a_kind_of_value_has_a_rule(value, expected):
    assert canonical_text(value) == expected


@pytest.mark.parametrize(
    ("value", "refusal"),
    [
        ([float("nan")], "not_finite"),
        ([decimal.Decimal("NaN")], "not_finite"),
        ([decimal.Decimal("-Infinity")], "not_finite"),
        ([decimal.Decimal("0.1000000000000000055")], "inexact_number"),
        ([decimal.Decimal(2**53)], "unsafe_integer"),
        ([decimal.Decimal("1E+999999")], "number_overflow"),
        ([2.0**60], "unsafe_integer"),
        ([dt.datetime(2023, 1, 3)], "not_a_json_value"),  # noqa: DTZ001 - the one without a zone
        ([dt.datetime.min.replace(tzinfo=_EAST)], "not_a_json_value"),
        ([dt.time(14, 30)], "not_a_json_value"),
        ([dt.timedelta(1)], "not_a_json_value"),
        ([_Plain.ONE], "not_a_json_value"),
        ([b"a"], "not_a_json_value"),
        ([{1}], "not_a_json_value"),
        ([1j], "not_a_json_value"),
        pytest.param([object()], "not_a_json_value", id="an object"),
        ([MappingProxyType({})], "not_a_json_value"),
        ([{1: 2}], "key_not_text"),
        ([{None: 2}], "key_not_text"),
        ([{_OfItsOwn("a"): 1, "a": 2}], "duplicate_key"),
    ],
    ids=lambda given: str(given)[:30],
)
def test_a_value_without_a_rule_is_refused_at_its_place(value, refusal):
    assert _refusal(canonical_text, value) == (refusal, "/0")


def test_values_of_numpy_and_pandas_have_their_rules():
    numpy, pandas = pytest.importorskip("numpy"), pytest.importorskip("pandas")
    moment = pandas.Timestamp("2023-01-03 09:30", tz="America/New_York")
    written = [
        numpy.float64(2.0),
        numpy.float32(0.5),
        numpy.int64(-7),
        numpy.bool_(True),
        numpy.str_("a"),
        moment,
        moment.as_unit("ns"),
    ]
    assert canonical_text(written) == '[2,0.5,-7,true,"a","2023-01-03T14:30:00Z","2023-01-03T14:30:00Z"]'
    assert canonical_text(moment + pandas.Timedelta(1, "ns")) == '"2023-01-03T14:30:00.000000001Z"'
    refused = {
        "not_finite": [pandas.NaT, pandas.NA, numpy.float32("nan"), numpy.float64("inf")],
        "unsafe_integer": [numpy.int64(2**53), numpy.uint64(2**64 - 1)],
        "not_a_json_value": [
            pandas.Timestamp("2023-01-03"),
            pandas.Timedelta(1, "s"),
            numpy.datetime64("2023-01-03"),
            numpy.timedelta64(1, "ns"),
            numpy.array([1]),
            numpy.complex128(1),
            numpy.longdouble(1.5),
            numpy.bytes_(b"a"),
        ],
    }
    for reason, values in refused.items():
        for value in values:
            assert _refusal(canonical_text, {"a": value}) == (reason, "/a"), repr(value)


@pytest.mark.parametrize(("parts", "pointer"), [((None,), "/input"), (({}, []), "/output"), (({}, {}, "x"), "/metadata")])
def test_the_parts_of_a_content_are_objects(parts, pointer):
    assert _refusal(lambda given: content_hash(*given), parts) == ("not_a_json_value", pointer)

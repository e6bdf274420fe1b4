"""Are random documents and numbers written as a second implementation writes them?

It is slow and shares nothing with the first: code units as lists, digits by decimal, exact values as fractions.
"""

import decimal
import json
import math
import random
import struct
from fractions import Fraction

import pytest

from stage1.model.canonical_json import NotCanonical, canonical_of_text, canonical_text, parsed


def _slow(value):
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, str):
        return '"' + "".join(map(_slow_character, value)) + '"'
    if isinstance(value, int | float):
        return _slow_number(value)
    if isinstance(value, list):
        return "[" + ",".join(_slow(item) for item in value) + "]"
    return "{" + ",".join(_slow(name) + ":" + _slow(value[name]) for name in sorted(value, key=_code_units)) + "}"


def _slow_character(character):
    short = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
    return short.get(character) or (f"\\u{ord(character):04x}" if character < " " else character)


def _code_units(name):
    units = []
    for code in map(ord, name):
        units += [code] if code < 0x10000 else [0xD800 + ((code - 0x10000) >> 10), 0xDC00 + ((code - 0x10000) & 0x3FF)]
    return units


def _slow_number(value):
    # Number::toString of ECMAScript, with its names: digits of length k, and n, the place of the point among them.
    if value == 0:
        return "0"
    _, digits, exponent = decimal.Decimal(repr(abs(value))).normalize().as_tuple()
    text, k = "".join(map(str, digits)), len(digits)
    n = k + exponent
    if k <= n <= 21:
        text += "0" * (n - k)
    elif 0 < n <= 21:
        text = text[:n] + "." + text[n:]
    elif -6 < n <= 0:
        text = "0." + "0" * -n + text
    else:
        text = text[0] + ("." + text[1:] if k > 1 else "") + f"e{n - 1:+d}"
    return ("-" if value < 0 else "") + text


_CHARACTERS = [
    *"abz019 _-~/e\"\\'",
    "e-0",
    *map(chr, range(1, 32)),
    *"\x7f\x80é\u0301\u2028\ud7ff\ue000\ufb33\uffff",
    *"\U00010000😀\U0010ffff",
]


def _random_value(chance, depth=0):
    kind = chance.randrange(9 if depth < 5 else 6)
    if kind == 0:
        return chance.choice([None, True, False])
    if kind <= 2:
        return "".join(chance.choices(_CHARACTERS, k=chance.randrange(5)))
    if kind == 3:
        return chance.choice([chance.randrange(-1_000, 1_000), chance.randrange(1 - 2**53, 2**53), 2**53 - 1, 0])
    if kind <= 5:
        return chance.choice(
            [chance.uniform(-1e5, 1e5), chance.random() * 10.0 ** chance.randrange(-300, 13), 1.0, -0.0, 2.5e-7, 1e300]
        )
    if kind == 6:
        return [_random_value(chance, depth + 1) for _ in range(chance.randrange(4))]
    return {
        "".join(chance.choices(_CHARACTERS, k=chance.randrange(1, 4))): _random_value(chance, depth + 1)
        for _ in range(chance.randrange(5))
    }


@pytest.mark.parametrize("seed", range(4))
def test_random_documents_are_written_as_the_slow_way_does(seed):
    chance = random.Random(seed)  # noqa: S311 - the same documents on every run
    for _ in range(500):
        value = _random_value(chance)
        expected = _slow(value)
        assert canonical_text(value) == expected
        assert canonical_of_text(expected) == expected
        text = json.dumps(value, ensure_ascii=chance.random() < 0.5, indent=chance.choice([None, 1]))
        assert canonical_of_text(text) == canonical_of_text(text.encode()) == expected
        assert json.loads(expected) == value == parsed(text)


def _expected_of(value):
    if not math.isfinite(value):
        return "not_finite"
    if value == math.floor(value) and 2**53 <= abs(value) < 10**21:
        return "unsafe_integer"
    return _slow_number(value)


def _outcome(read, given):
    try:
        return read(given)
    except NotCanonical as refused:
        return str(refused.reason)


def _doubles():
    chance = random.Random(6)  # noqa: S311 - the same numbers on every run
    for power in range(-1_074, 1_024):
        yield from (math.ldexp(1, power), math.nextafter(math.ldexp(1, power), math.inf))
    for power in range(-323, 309):
        yield from (near := float(f"1e{power}"), math.nextafter(near, 0), math.nextafter(near, math.inf), 1.5 * near)
    for step in range(-50, 50):
        yield from (2.0**53 + step, 2.0**52 + step / 2, 1e21 + step * 131_072)
    for _ in range(10_000):
        yield struct.unpack(">d", chance.randbytes(8))[0]


def test_doubles_are_written_as_ecmascript_does_or_refused():
    for double in _doubles():
        for value in (double, -double):
            expected = _expected_of(value)
            assert _outcome(canonical_text, value) == expected, value.hex()
            if math.isfinite(value):
                assert _outcome(canonical_of_text, repr(value)) == expected, value.hex()


def test_a_number_in_a_text_is_never_rounded():
    chance = random.Random(7)  # noqa: S311 - the same numbers on every run
    seen = set()
    for _ in range(10_000):
        digits = str(chance.randrange(10 ** chance.randrange(1, 26)))
        token = chance.choice(["", "-"]) + digits
        if chance.random() < 0.6:
            token += "." + str(chance.randrange(10 ** chance.randrange(1, 20))).rjust(chance.randrange(1, 8), "0")
        if chance.random() < 0.5:
            token += (
                chance.choice("eE")
                + chance.choice(["", "+", "-", "-", "+0"])
                + str(chance.choice([0, 1, 5, 15, 22, 300, 308, 324]))
            )
        exact = Fraction(token)
        read = float(token)
        if exact.denominator == 1 and 2**53 <= abs(exact) < 10**21:
            expected = "unsafe_integer"
        elif math.isinf(read):
            expected = "number_overflow"
        elif Fraction(repr(read)) != exact:
            expected = "inexact_number"
        else:
            expected = _slow_number(read)
        assert _outcome(canonical_of_text, token) == expected, token
        seen.add(expected if "_" in expected else "written")
    assert len(seen) == 4


@pytest.mark.parametrize("power", [53, 54, 62, 63, 64, 69, 70, 100, 1_023, 1_024, 1_025, 100_000])
def test_an_integer_of_python_is_as_its_digits_in_a_text(power):
    for value in (2**power, 2**power - 1, 2**power + 1, -(2**power)):
        if power < 10_000:
            assert _outcome(canonical_text, value) == _outcome(canonical_of_text, str(value))
        else:
            assert _outcome(canonical_text, value) == "number_overflow"


def test_overflow_begins_halfway_behind_the_largest_double():
    halfway = 2**1_024 - 2**970
    for tail in ("", ".0000001", ".5e0", "0e-1"):
        assert _outcome(canonical_of_text, f"{halfway}{tail}") == "number_overflow"
        assert _outcome(canonical_of_text, f"-{halfway - 1}{tail}") == "inexact_number"

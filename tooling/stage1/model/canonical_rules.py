"""What a canonical document may hold: the refusals, the rule for texts and the rule for numbers.

Owns the codes that clients and server share. Imports nothing of ours. A number is refused and never rounded: what a
double, and so JavaScript, would read as another number is no number that two programs can agree on.
"""

import json
import math
from enum import StrEnum

MAX_DEPTH = 100  # arrays and objects within each other
MAX_SAFE_INTEGER = 2**53 - 1
# From here on, JavaScript writes an exponent, so that no reader takes the number for an exact integer.
_EXPONENT_FROM = 10**21
_DIGITS_OF_BOUND = 309
_SHOWN = 40


class Reason(StrEnum):
    """Why a document has no canonical form."""

    NOT_UTF8 = "not_utf8"
    NOT_JSON = "not_json"
    TOO_DEEP = "too_deep"
    DUPLICATE_KEY = "duplicate_key"
    KEY_NOT_TEXT = "key_not_text"
    NOT_A_JSON_VALUE = "not_a_json_value"
    LONE_SURROGATE = "lone_surrogate"
    NUL_CHARACTER = "nul_character"
    NOT_FINITE = "not_finite"
    NUMBER_OVERFLOW = "number_overflow"
    UNSAFE_INTEGER = "unsafe_integer"
    INEXACT_NUMBER = "inexact_number"


class NotCanonical(ValueError):
    """A document, or a value in it, has no canonical form; `pointer` (RFC 6901) says where it is."""

    def __init__(self, reason: Reason, message: str) -> None:
        self.reason = reason
        self.message = message
        self._path: list[str | int] = []  # from the inside out
        super().__init__(message)

    @property
    def pointer(self) -> str:
        return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in reversed(self._path))

    def within(self, step: str | int) -> "NotCanonical":
        """The same refusal, seen from the object or array around it."""
        self._path.append(step)
        return self

    def __str__(self) -> str:
        return f"{self.pointer or 'the document'}: {self.message}"


def shown(text: str) -> str:
    """A text as it may stand in a sentence: printable ASCII, and not too long."""
    return json.dumps(text if len(text) <= _SHOWN else text[:_SHOWN] + "...")


def text_problem(text: str) -> NotCanonical | None:
    """Why a text cannot be stored or sent as UTF-8, if so."""
    if "\0" in text:
        return NotCanonical(Reason.NUL_CHARACTER, "the text holds U+0000, which PostgreSQL cannot store. Take the character out.")
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as problem:
            lone = f"U+{ord(text[problem.start]):04X}"
            return NotCanonical(
                Reason.LONE_SURROGATE,
                f"the text holds {lone}, half of a pair without its other half: the text was cut, or is not Unicode.",
            )
    return None


def float_value(value: float) -> int | float:
    """A double as its canonical form is read: an integer where it is one."""
    if not math.isfinite(value):
        raise not_finite(str(value))
    if not value.is_integer() or abs(value) >= _EXPONENT_FROM:
        return value
    return integer_value(int(value))


def integer_value(value: int) -> int | float:
    """An integer as its canonical form is read."""
    if -MAX_SAFE_INTEGER <= value <= MAX_SAFE_INTEGER:
        return value
    if -_EXPONENT_FROM < value < _EXPONENT_FROM:
        raise NotCanonical(
            Reason.UNSAFE_INTEGER,
            f"{value} is beyond 2^53 - 1, where integers and doubles part. Send it as a text.",
        )
    if value.bit_length() > 1024:
        raise _overflow("an integer of over 1,024 bits")
    return number_value(str(value))


def number_value(token: str) -> int | float:
    """A number as it stands in a JSON text, read without any loss."""
    negative, digits, exponent = _parts(token)
    magnitude = len(digits) + exponent  # the value is below ten to this power
    if not digits:
        return 0
    if magnitude > 309:
        raise _overflow(_cut(token))
    if exponent >= 0 and magnitude <= 21:
        value = int(digits) * 10**exponent
        return integer_value(-value if negative else value)
    # The bound between the largest double and infinity has 309 digits: what stands behind them decides nothing.
    head = digits[:_DIGITS_OF_BOUND]
    read = float(f"{head}e{magnitude - len(head)}") if magnitude > -400 else 0.0
    if math.isinf(read):
        raise _overflow(_cut(token))
    if not read or _parts(repr(read)) != (False, digits, exponent):
        raise NotCanonical(
            Reason.INEXACT_NUMBER,
            f"{_cut(token)} would change when it is read as a double. Round it to what a double holds, or send it as a text.",
        )
    return -read if negative else read


def number_text(value: float) -> str:
    """A number as ECMAScript writes it (RFC 8785, 3.2.2.3)."""
    written = repr(value)
    mantissa, _, exponent = written.partition("e")
    power = int(exponent or 0)
    if not power:
        return "0" if value == 0 else written.removesuffix(".0")
    if -7 < power < 0:
        sign = "-" if value < 0 else ""
        return sign + "0." + "0" * (-power - 1) + mantissa.lstrip("-").replace(".", "")
    return f"{mantissa}e{power:+d}"


def not_finite(written: str) -> NotCanonical:
    return NotCanonical(Reason.NOT_FINITE, f"{written} is no JSON number. Send null, or leave it out.")


def _overflow(written: str) -> NotCanonical:
    return NotCanonical(Reason.NUMBER_OVERFLOW, f"{written} is beyond the largest double. Send it as a text.")


def _parts(token: str) -> tuple[bool, str, int]:
    # Sign, the digits from the first to the last that is not zero, and the power of ten that the last one stands for.
    mantissa, _, power = token.lower().partition("e")
    whole, _, fraction = mantissa.lstrip("-").partition(".")
    digits = (whole + fraction).lstrip("0")
    kept = digits.rstrip("0")
    # Python refuses to read thousands of digits, and no text is long enough to make up for such a power.
    size = power.lstrip("+-0")
    exponent = int(size[:12] or 0) * (-1 if power.startswith("-") else 1)
    return mantissa.startswith("-"), kept, exponent - len(fraction) + len(digits) - len(kept)


def _cut(token: str) -> str:
    return token if len(token) <= _SHOWN else token[:_SHOWN] + "..."

"""Periods of days: half open, UTC; a calendar year is the usual one.

Owns how a period is named in a path and in a slug, and the one rule that makes a symbol safe there. Imports errors alone;
refuses a period that holds no day.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from stage1.errors import UsageRefused

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST, _UNTIL = date(1970, 1, 1), date(2262, 1, 1)  # what nanoseconds in 64 bits reach
_SAFE = re.compile(r"[A-Za-z0-9_+=.\-]")
_LONGEST = 70  # bytes of a symbol, which DBN has room for; a folder's name has room for each of them as %XX


def nanoseconds(moment: datetime) -> int:
    """A moment as DBN has it."""
    return (moment - _EPOCH) // timedelta(microseconds=1) * 1000


@dataclass(frozen=True, slots=True, order=True)
class Period:
    """The UTC days from `first` up to, not including, `until`."""

    first: date
    until: date

    def __post_init__(self) -> None:
        if not self.first < self.until:
            raise UsageRefused(
                f"The range from {self.first} until {self.until} holds no day.", hint="Give a later --until: it is exclusive."
            )
        if self.first < _FIRST or self.until > _UNTIL:
            raise UsageRefused(f"The range from {self.first} until {self.until} is outside of {_FIRST} to {_UNTIL}.")

    @classmethod
    def year(cls, year: int) -> "Period":
        """A calendar year."""
        return cls(date(year, 1, 1), date(year + 1, 1, 1))

    @property
    def is_year(self) -> bool:
        """Whether it is a calendar year."""
        return self == Period.year(self.first.year)

    @property
    def name(self) -> str:
        """Its name in a path."""
        return str(self.first.year) if self.is_year else f"{self.first}_{self.until}"

    @property
    def start(self) -> datetime:
        """Its first moment."""
        return datetime(self.first.year, self.first.month, self.first.day, tzinfo=UTC)

    @property
    def end(self) -> datetime:
        """The first moment that is not in it any more."""
        return datetime(self.until.year, self.until.month, self.until.day, tzinfo=UTC)

    def months(self) -> Iterator["Period"]:
        """Its parts, cut where months begin."""
        first = self.first
        while first < self.until:
            following = date(first.year + first.month // 12, first.month % 12 + 1, 1)
            yield Period(first, min(following, self.until))
            first = following

    def slug(self, symbol: str) -> str:
        """The slug of the one-minute bars of a symbol."""
        name = str(self.first.year) if self.is_year else f"{self.first}-{self.until}"
        return f"{safe_name(symbol)}-{name}-1m"


def safe_name(symbol: str) -> str:
    """A symbol as a part of a path and of a slug: letters, digits and `_ + = . -` stay, every other byte is written as %XX."""
    if not symbol or symbol != symbol.strip() or not symbol.isprintable() or len(symbol.encode()) > _LONGEST:
        raise UsageRefused(
            f"{symbol!r} is no symbol.",
            hint=f"Give 1 to {_LONGEST} bytes of letters, digits or signs, without blanks around them.",
        )
    encoded = "".join(
        letter if _SAFE.fullmatch(letter) else "".join(f"%{byte:02X}" for byte in letter.encode()) for letter in symbol
    )
    # No hidden file, and no folder above.
    return "%2E" + encoded[1:] if encoded.startswith(".") else encoded

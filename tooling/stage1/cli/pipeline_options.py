"""The options that `fetch`, `derive` and `data` share: of which symbols, of which days, of which products.

Owns what these options mean. A symbol stays as it was given: ES.c.0 keeps its small letter; a product may be written in any.
Refuses days that are given in two ways, or in none, and what is no day, year or product, before anything is looked at.
"""

import functools
import re
from collections.abc import Callable
from datetime import date
from typing import Any

import click

from stage1.errors import UsageRefused
from stage1.model.periods import Period, safe_name

PRODUCTS = ("TRADES", "TBBO")  # those of operations.data_folder, which --help need not import

_FIRST_YEAR, _LAST_YEAR = 1970, 2261
_YEARS = re.compile(r"(\d{4})-(\d{4})")


class Day(click.ParamType[date]):
    """A UTC day, as ISO 8601 has it."""

    name = "day"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        """Reads the day."""
        if isinstance(value, date):
            return value
        try:
            return date.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is no day; one like 2023-01-31 was expected.", param, ctx)


def pipeline_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Hands the command `symbols`, `periods` and `products`, tuples in the order in which they are worked on."""

    @click.option("--symbol", required=True, metavar="SYMBOL[,SYMBOL...]", help="The symbols, as the vendor has them.")
    @click.option("--year", type=click.IntRange(_FIRST_YEAR, _LAST_YEAR), metavar="YYYY", help="A calendar year, UTC.")
    @click.option("--years", metavar="YYYY-YYYY", help="Calendar years, the last one included.")
    @click.option("--from", "first", type=Day(), metavar="DAY", help="The first UTC day of a range of your own.")
    @click.option("--until", type=Day(), metavar="DAY", help="The day before which that range ends.")
    @click.option(
        "--products",
        default=",".join(PRODUCTS),
        show_default=True,
        metavar="PRODUCT[,PRODUCT]",
        help="What is wanted of the vendor: bars are made of TRADES, TBBO adds quotes.",
    )
    @functools.wraps(command)
    def with_options(
        *arguments: Any,
        symbol: str,
        year: int | None,
        years: str | None,
        first: date | None,
        until: date | None,
        products: str,
        **named: Any,
    ) -> Any:
        return command(
            *arguments,
            symbols=symbols_of(symbol),
            periods=periods_of(year, years, first, until),
            products=products_of(products),
            **named,
        )

    return with_options


def symbols_of(given: str) -> tuple[str, ...]:
    """Each symbol once, in the order given."""
    symbols = tuple(dict.fromkeys(part.strip() for part in given.split(",")))
    for symbol in symbols:
        safe_name(symbol)
    return symbols


def products_of(given: str) -> tuple[str, ...]:
    """Each product once, in the order in which the vendor's files are read."""
    named = {part.strip().upper() for part in given.split(",")}
    if not named <= set(PRODUCTS):
        raise UsageRefused(f"--products was {given!r}; {' or '.join(PRODUCTS)} was expected, or both with a comma between them.")
    return tuple(product for product in PRODUCTS if product in named)


def periods_of(year: int | None, years: str | None, first: date | None, until: date | None) -> tuple[Period, ...]:
    """The years, ascending, or the one range."""
    ways = [year is not None, years is not None, first is not None or until is not None]
    if sum(ways) != 1:
        raise UsageRefused(
            "--year, --years, or --from with --until say which days are meant; "
            f"{'none of them was' if not any(ways) else 'more than one was'} given.",
            hint="Give one of: --year 2023, --years 2014-2023, --from 2023-01-01 --until 2023-02-01 (exclusive).",
        )
    if year is not None:
        return (Period.year(year),)
    if years is not None:
        return _years(years)
    if first is None or until is None:
        raise UsageRefused(
            f"{'--until' if first is None else '--from'} was given alone; a range has both ends.",
            hint="Give --from, its first day, and --until, the day before which it ends.",
        )
    return (Period(first, until),)


def _years(given: str) -> tuple[Period, ...]:
    match = _YEARS.fullmatch(given)
    begin, end = (int(match[1]), int(match[2])) if match else (0, 0)
    if not _FIRST_YEAR <= begin <= end <= _LAST_YEAR:
        raise UsageRefused(
            f"--years was {given!r}; two years like 2014-2023 were expected, the earlier one first, from {_FIRST_YEAR} to"
            f" {_LAST_YEAR}."
        )
    return tuple(Period.year(number) for number in range(begin, end + 1))

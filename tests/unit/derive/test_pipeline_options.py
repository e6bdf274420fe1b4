"""What the shared options of the pipeline mean."""

from datetime import date

import pytest

from stage1.cli.pipeline_options import periods_of, products_of, symbols_of
from stage1.errors import UsageRefused
from stage1.model.periods import Period


@pytest.mark.parametrize(
    ("given", "symbols"),
    [("AAPL", ("AAPL",)), ("MSFT,AAPL,MSFT", ("MSFT", "AAPL")), ("ES.c.0, aapl", ("ES.c.0", "aapl"))],
)
def test_symbols_stay_as_they_were_given(given, symbols):
    assert symbols_of(given) == symbols


@pytest.mark.parametrize("given", ["", ",", "AAPL,", "AAPL,,MSFT", "A\tB"])
def test_what_is_no_symbol_is_refused(given):
    with pytest.raises(UsageRefused, match="is no symbol"):
        symbols_of(given)


@pytest.mark.parametrize(
    ("given", "products"), [("TRADES", ("TRADES",)), ("TBBO,TRADES", ("TRADES", "TBBO")), ("trades, TRADES", ("TRADES",))]
)
def test_products(given, products):
    assert products_of(given) == products


@pytest.mark.parametrize("given", ["", "MBO", "TRADES,"])
def test_unknown_products_are_refused(given):
    with pytest.raises(UsageRefused, match="TRADES or TBBO was expected"):
        products_of(given)


@pytest.mark.parametrize(
    ("given", "periods"),
    [
        ({"year": 2023}, [Period.year(2023)]),
        ({"years": "2021-2023"}, [Period.year(2021), Period.year(2022), Period.year(2023)]),
        ({"years": "2023-2023"}, [Period.year(2023)]),
        ({"first": date(2023, 1, 1), "until": date(2024, 1, 1)}, [Period.year(2023)]),
        ({"first": date(2023, 1, 3), "until": date(2023, 1, 4)}, [Period(date(2023, 1, 3), date(2023, 1, 4))]),
    ],
)
def test_periods(given, periods):
    assert list(periods_of(**dict.fromkeys(("year", "years", "first", "until")) | given)) == periods


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({}, "none of them was given"),
        ({"year": 2023, "years": "2022-2023"}, "more than one was given"),
        ({"year": 2023, "first": date(2023, 1, 1)}, "more than one was given"),
        ({"first": date(2023, 1, 1)}, "--from was given alone"),
        ({"until": date(2023, 1, 1)}, "--until was given alone"),
        ({"first": date(2023, 1, 2), "until": date(2023, 1, 2)}, "holds no day"),
        ({"years": "2023"}, "two years like 2014-2023"),
        ({"years": "2023-2022"}, "two years like 2014-2023"),
        ({"years": "1969-1970"}, "two years like 2014-2023"),
    ],
)
def test_periods_that_are_refused(given, sentence):
    with pytest.raises(UsageRefused, match=sentence):
        periods_of(**dict.fromkeys(("year", "years", "first", "until")) | given)

"""Are ages read and written as people do?"""

from datetime import timedelta

import click
import pytest

from stage1.cli.ages import Age, written


@pytest.mark.parametrize(
    ("text", "age"),
    [("90m", timedelta(minutes=90)), ("26h", timedelta(hours=26)), ("2d", timedelta(days=2)), ("1w", timedelta(7))],
)
def test_an_age_is_read(text, age):
    assert Age().convert(text, None, None) == age


@pytest.mark.parametrize("text", ["", "26", "h", "-1h", "1.5h", "1y", "1h30m", "1 h", "9999999d", "\uff12h"])
def test_what_is_no_age_is_refused(text):
    with pytest.raises(click.BadParameter, match="is not an age like 90m"):
        Age().convert(text, None, None)


@pytest.mark.parametrize(
    ("age", "text"),
    [
        (timedelta(0), "0m"),
        (timedelta(seconds=-5), "0m"),
        (timedelta(minutes=59, seconds=59), "59m"),
        (timedelta(minutes=60), "1h"),
        (timedelta(hours=25, minutes=5), "1d 1h"),
        (timedelta(days=3, minutes=5), "3d"),
    ],
)
def test_an_age_is_written(age, text):
    assert written(age) == text

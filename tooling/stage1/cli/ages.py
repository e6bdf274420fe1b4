"""Ages as people give and read them: 90m, 26h, 2d. Imports click and nothing of ours."""

import re
from datetime import timedelta
from typing import Any

import click

_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_AGE = re.compile(r"([0-9]{1,6})([mhdw])")


class Age(click.ParamType[timedelta]):
    """A number and its unit: minutes, hours, days or weeks."""

    name = "age"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """Reads the age."""
        if isinstance(value, timedelta):
            return value
        match = _AGE.fullmatch(value)
        if match is None:
            self.fail(f"{value!r} is not an age like 90m, 26h, 2d or 1w.", param, ctx)
        return timedelta(**{_UNITS[match[2]]: int(match[1])})


def written(age: timedelta) -> str:
    """An age in its largest unit and the next one; what lies in the future is 0m."""
    minutes = max(int(age.total_seconds()) // 60, 0)
    days, hours, rest = minutes // 1440, minutes // 60 % 24, minutes % 60
    parts = [(days, "d"), (hours, "h"), (rest, "m")]
    first = next((place for place, (count, _) in enumerate(parts) if count), 2)
    return " ".join(f"{count}{unit}" for count, unit in parts[first : first + 2] if count) or "0m"

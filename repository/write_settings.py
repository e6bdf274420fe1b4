"""docs/reference/settings.md: every setting, from the table in settings.py."""

from repository.markdown import page, table
from stage1.settings import SETTINGS

_INTRODUCTION = """\
A value comes from the environment, else from the `.env` file of the working directory or the nearest folder above that has
one, else from the default. An option on the command line goes before all of them. A `.env` holds lines like `NAME=value`; names
that are not settings are passed over. A `.env` that another account but root owns, or that everybody or a shared group may
write, is passed over as a whole, and a sentence on stderr says so.

Without `DATABASE_URL`, libpq's own variables (`PGHOST`, `PGSERVICE`, `PGPASSFILE`, …) mean what they mean to psql."""


def write() -> str:
    """The page."""
    rows = [
        (
            f"`{setting.name}`",
            f"`{setting.default}`" if setting.default else "",
            setting.help + (" Never shown." if setting.secret else ""),
        )
        for setting in SETTINGS
    ]
    return page(
        "Settings",
        "repository/write_settings.py, from tooling/stage1/settings.py",
        _INTRODUCTION,
        table(("name", "default", "meaning"), rows),
    )

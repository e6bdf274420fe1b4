"""Finds the SQL that belongs to this package: inside it in a wheel, at the top of the checkout in an editable install."""

from pathlib import Path

from stage1.errors import FileUnusable

_PACKAGE = Path(__file__).resolve().parent
_CHECKOUT = _PACKAGE.parent.parent


def migrations_folder() -> Path:
    """The folder with the numbered migrations and their seal."""
    return _folder("migrations")


def sql_folder() -> Path:
    """The folder with functions, views, checks, roles and smoke tests."""
    return _folder("sql")


def _folder(name: str) -> Path:
    for parent in (_PACKAGE, _CHECKOUT):
        if (parent / name).is_dir():
            return parent / name
    raise FileUnusable(f"The folder {name}/ of stage1 is missing beside {_PACKAGE}.", hint="Install the package again.")

"""How a file that is not whole is refused: which file, what was found where, what was expected, what to do.

May import errors.
"""

from pathlib import Path

from stage1.errors import FileDamaged

_FETCH_AGAIN = "Fetch the file again, and compare its sha256 with the one in the job's manifest.json."


def damaged(path: Path | str, found: str, expected: str, hint: str = _FETCH_AGAIN) -> FileDamaged:
    """The refusal; `found` goes on after the file's name, `expected` after 'Expected'."""
    return FileDamaged(f"{path} {found}.", detail=f"Expected {expected}.", hint=hint)

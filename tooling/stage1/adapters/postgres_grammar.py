"""PostgreSQL's own grammar (that of version 17, by pgparse), as a tree of plain values.

The only module that imports pgparse. Refuses what the grammar refuses, and what the binding would read in part. A text of
many thousand levels may end the process: whoever calls bounds what stands outside of its strings.
"""

from typing import Any

import pgparse  # type: ignore[import-not-found] # it ships no types


class GrammarError(ValueError):
    """The text is not what PostgreSQL's grammar knows; its message says where."""


def parse(text: str) -> list[dict[str, Any]]:
    """The statements of a text, each a dictionary of one node."""
    if "\0" in text:
        raise GrammarError("it holds a NUL byte")  # the binding reads up to it and says nothing
    try:
        return [item["stmt"] for item in pgparse.parse(text)]
    except pgparse.PGQueryError as problem:
        raise GrammarError(f"{problem.message} (character {problem.position})") from None
    except RecursionError:
        raise GrammarError("it is nested too deeply") from None
    except UnicodeEncodeError:
        raise GrammarError("it holds half a character") from None

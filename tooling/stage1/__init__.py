"""stage1 keeps market datasets in PostgreSQL: SQL decides, this package carries bytes, files and answers."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stage1.operations.read_bars import read_bars

__version__ = "0.1.0"
__all__ = ["__version__", "read_bars"]


def __getattr__(name: str) -> Any:
    """Imports pandas and pyarrow for those alone who read bars."""
    if name != "read_bars":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from stage1.extras import needs

    with needs("frames"):
        from stage1.operations.read_bars import read_bars
    return read_bars

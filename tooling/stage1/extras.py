"""Optional dependencies: what is not installed becomes a sentence that names the extra to install."""

from collections.abc import Iterator
from contextlib import contextmanager

from stage1.errors import ExtraMissing

# extra of pyproject.toml -> the modules that it brings
_MODULES = {
    "replay": ("pgparse",),
    "vendor": ("databento_dbn", "numpy"),
    "fetch": ("databento", "requests", "urllib3"),
    "frames": ("numpy", "pandas", "pyarrow"),
}


@contextmanager
def needs(extra: str) -> Iterator[None]:
    """Imports inside the block may need an extra: `with needs("vendor"): from stage1.operations import ingest`."""
    try:
        yield
    except ModuleNotFoundError as problem:
        if (problem.name or "").split(".")[0] not in _MODULES[extra]:
            raise
        raise ExtraMissing(
            f"The Python package {problem.name} is not installed.", hint=f"Install the extra: pip install 'stage1[{extra}]'"
        ) from None

"""Optional dependencies: what is not installed becomes a sentence that names the extra to install."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

from stage1.errors import ExtraMissing

# extra of pyproject.toml -> the modules that it brings
_MODULES = {
    "replay": ("pgparse",),
    "vendor": ("databento_dbn", "numpy"),
    "fetch": ("databento", "requests", "urllib3"),
    "frames": ("numpy", "pandas", "pyarrow"),
    "server": ("fastapi", "httptools", "prometheus_client", "psycopg_pool", "pydantic", "starlette", "uvicorn", "uvloop"),
}


def require(extra: str) -> None:
    """Refuses to begin what would miss an extra later; imports nothing."""
    for module in _MODULES[extra]:
        if find_spec(module) is None:
            raise _missing(module, extra)


@contextmanager
def needs(extra: str) -> Iterator[None]:
    """Imports inside the block may need an extra: `with needs("vendor"): from stage1.operations import ingest`."""
    try:
        yield
    except ModuleNotFoundError as problem:
        if (problem.name or "").split(".")[0] not in _MODULES[extra]:
            raise
        raise _missing(problem.name or "", extra) from None


def _missing(module: str, extra: str) -> ExtraMissing:
    return ExtraMissing(
        f"The Python package {module} is not installed.", hint=f"Install the extra: pip install 'stage1[{extra}]'"
    )

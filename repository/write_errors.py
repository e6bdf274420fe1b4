"""docs/reference/errors.md: the error table, from errors.py."""

from repository.markdown import page, table
from stage1 import errors

_INTRODUCTION = """\
Each refusal has a private SQLSTATE of class `S1`, a Python exception, an exit code and an HTTP status. SQL raises the code, so
psql and JDBC see it as they see PostgreSQL's own; a command prints it in brackets behind the message, and calls an argument
`dataset` that a function calls `p_dataset`:

```text
error: dataset was 'nope'; there is no dataset of that slug or id. [S1C02]
```

The REST server's problems carry it as `code`, and the Python client raises the same exceptions.

`S1A` is about arguments, `S1C` about the catalog, `S1I` about loaded files, `S1V` about the vendor, `S1R` about the replay,
`S1B` about backups, `S1E` about versioned examples, `S1X` about experiments, `S1T` about tokens, `S1H` about requests over HTTP,
`S1M` about migrations, deploy and the embedded server. What to do about each `S1M` stands in
[recover from a refused migration](../how-to/recover-from-a-refused-migration.md)."""

_UNCODED = """\
Errors without a code of ours: PostgreSQL, the operating system or the command line said something that these exceptions put
into words."""

_STANDARD = """\
A whole class is its first two characters. A SQLSTATE that stands neither here nor above is a bug of stage1 (`Unexpected`)."""


def write() -> str:
    """The page."""
    known = errors.all_errors()
    coded = [
        (f"`{kind.sqlstate}`", f"`{kind.__name__}`", _meaning(kind), str(int(kind.exit_code)), str(kind.http_status))
        for kind in known
        if kind.sqlstate
    ]
    uncoded = [
        (f"`{kind.__name__}`", _meaning(kind), str(int(kind.exit_code)), str(kind.http_status))
        for kind in known
        if not kind.sqlstate
    ]
    exits = [(str(int(code)), f"`{code.name}`", meaning) for code, meaning in errors.EXIT_CODE_MEANINGS.items()]
    standard = [(f"`{code}`", f"`{kind.__name__}`") for code, kind in sorted(errors._BY_STANDARD_SQLSTATE.items())]
    return page(
        "Errors and exit codes",
        "repository/write_errors.py, from tooling/stage1/errors.py",
        _INTRODUCTION,
        "## Exit codes",
        table(("code", "name", "meaning"), exits),
        "## Errors with a code",
        table(("SQLSTATE", "exception", "meaning", "exit code", "HTTP status"), coded),
        "## Other errors",
        _UNCODED,
        table(("exception", "meaning", "exit code", "HTTP status"), uncoded),
        "## PostgreSQL's own codes",
        _STANDARD,
        table(("SQLSTATE", "exception"), standard),
    )


def _meaning(kind: type[errors.Stage1Error]) -> str:
    return " ".join((kind.__doc__ or "").split())

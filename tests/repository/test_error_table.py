"""Do SQL, Python and the documentation name the same errors, and does each have somebody who raises it?"""

import re

from stage1 import errors
from tests.repository.sources import ROOT, files, name_of

_CODE = re.compile(r"\bS1[A-Z]\d\d\b")
CODED = {kind.sqlstate: kind for kind in errors.all_errors() if kind.sqlstate}


def _raised_by_sql() -> dict[str, str]:
    """Each code that SQL raises, with a file that does."""
    found = {}
    for path in [*files(".sql", below="sql"), *files(".sql", below="migrations")]:
        text = re.sub(r"--.*", "", path.read_text(encoding="utf-8"))
        found |= {
            code: name_of(path)
            for code in re.findall(r"errcode\s*=\s*'(S1\w+)'|sqlstate\s+'(S1\w+)'", text)
            for code in code
            if code
        }
    return found


def _python() -> str:
    sources = [path for path in files(".py", below="tooling") if path.name != "errors.py"]
    return "\n".join(path.read_text(encoding="utf-8") for path in sources)


def test_codes_are_used_once_and_well_formed() -> None:
    codes = [kind.sqlstate for kind in errors.all_errors() if kind.sqlstate]
    assert len(codes) == len(set(codes))
    assert all(_CODE.fullmatch(code) for code in codes)


def test_every_code_of_sql_stands_in_the_table() -> None:
    unknown = {code: where for code, where in _raised_by_sql().items() if code not in CODED}
    assert not unknown, f"not in errors.py: {unknown}"


def test_every_code_that_sql_mentions_stands_in_the_table() -> None:
    for path in [*files(".sql", below="sql"), *files(".sql", below="migrations")]:
        unknown = set(_CODE.findall(path.read_text(encoding="utf-8"))) - set(CODED)
        assert not unknown, f"{name_of(path)}: {sorted(unknown)}"


def test_every_error_is_raised_somewhere() -> None:
    raised, python = _raised_by_sql(), _python()
    standard = set(errors._BY_STANDARD_SQLSTATE.values())
    idle = [
        kind.__name__
        for kind in errors.all_errors()
        if kind.sqlstate not in raised and kind not in standard and not re.search(rf"\b{kind.__name__}\b", python)
    ]
    assert not idle, f"nobody raises {idle}"


def test_every_error_of_the_table_is_on_its_page_and_no_other() -> None:
    page = (ROOT / "docs" / "reference" / "errors.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `(S1\w+)` \|", page, re.MULTILINE)) == set(CODED)


def test_every_error_has_a_sentence_and_fitting_codes() -> None:
    for kind in errors.all_errors():
        assert (kind.__doc__ or "").strip().endswith("."), f"{kind.__name__}: the docstring is its message, a sentence"
        assert kind.http_status in range(400, 600), kind.__name__
        assert kind.exit_code is not errors.ExitCode.DONE, kind.__name__


def test_a_code_finds_its_exception_again() -> None:
    for code, kind in CODED.items():
        assert errors.from_sqlstate(code) is kind
    assert errors.from_sqlstate("XX000") is errors.Unexpected

"""Does each file of sql/ hold one object, named like it, explained, and safe from the caller's search_path?"""

import re
from pathlib import Path

import pytest

from stage1.database.object_files import ObjectFile, read_bookkeeping, read_deployed
from tests.repository.sources import ROOT, files, name_of

SQL = ROOT / "sql"
DEPLOYED = read_deployed(SQL)
OBJECTS = [*read_bookkeeping(SQL), *DEPLOYED]
IDS = [name_of(file.path) for file in OBJECTS]

_LONGEST = 200
_CREATE = re.compile(r"^\s*create\s+(?:or\s+replace\s+)?(\w+)", re.MULTILINE | re.IGNORECASE)
_BODY = re.compile(r"(\$\w*\$).*?\1", re.DOTALL)


def _outside_bodies(text: str) -> str:
    return re.sub(r"--.*", "", _BODY.sub("''", text))


@pytest.mark.parametrize("file", OBJECTS, ids=IDS)
def test_a_file_creates_one_object_of_its_name(file: ObjectFile) -> None:
    assert file.path.stem == file.bare_name
    assert len(_CREATE.findall(_outside_bodies(file.text))) == 1, "one `create` a file"
    assert file.name.count(".") == (0 if file.kind == "schema" else 1), "the name is qualified"


@pytest.mark.parametrize("file", DEPLOYED, ids=[name_of(file.path) for file in DEPLOYED])
def test_a_deployed_file_can_be_run_again(file: ObjectFile) -> None:
    assert f"create or replace {file.kind} {file.name}" in file.text


@pytest.mark.parametrize("file", OBJECTS, ids=IDS)
def test_a_file_begins_with_its_purpose(file: ObjectFile) -> None:
    first = file.text.splitlines()[0]
    assert re.fullmatch(r"-- [A-Z].{15,}", first), (
        f"the first line is {first!r}; a comment that says what the object is was expected"
    )


@pytest.mark.parametrize("file", OBJECTS, ids=IDS)
def test_a_file_comments_its_object_with_a_sentence(file: ObjectFile) -> None:
    comments = re.findall(
        rf"^comment on {file.kind} {re.escape(file.name)}\b[^;]*?\bis\s+'((?:[^']|'')+)';", file.text, re.MULTILINE | re.DOTALL
    )
    assert len(comments) == 1, f"one `comment on {file.kind} {file.name}` was expected"
    assert re.match(r"[A-Z]", comments[0]), "a comment is a sentence"
    assert comments[0].endswith("."), "a comment is a sentence"


@pytest.mark.parametrize("file", OBJECTS, ids=IDS)
def test_a_file_is_short(file: ObjectFile) -> None:
    assert len(file.text.splitlines()) < _LONGEST


FUNCTIONS = [file for file in OBJECTS if file.kind in ("function", "procedure")]


_BY_THE_OWNER = {file.bare_name for file in FUNCTIONS if re.search(r"^  security definer$", file.text, re.MULTILINE)}


def _run_by_the_owner() -> set[str]:
    """The definer functions and what they call, which runs with the owner's rights, too."""
    bodies = {file.bare_name: re.sub(r"--.*|'(?:[^']|'')*'", "", file.text.partition("$function$")[2]) for file in FUNCTIONS}
    found, waiting = set(_BY_THE_OWNER), list(_BY_THE_OWNER)
    while waiting:
        called = {name for name in bodies if re.search(rf"\b{name}\(", bodies[waiting[-1]])} - found
        waiting[-1:] = called
        found |= called
    return found


_FINDS_NO_TYPES_OF_ITS_CALLER = _run_by_the_owner()


@pytest.mark.parametrize("file", FUNCTIONS, ids=[name_of(file.path) for file in FUNCTIONS])
def test_a_function_pins_its_search_path(file: ObjectFile) -> None:
    """What the owner runs finds types in pg_catalog before those that its caller made in pg_temp; the others qualify all.

    A body that is parsed at its creation looks nothing up later, and may leave it out:
    pinned, it is never put in place of its call.
    """
    head, parsed, _ = file.text.partition("$function$")[0].partition("begin atomic")
    path = "pg_catalog, pg_temp" if file.bare_name in _FINDS_NO_TYPES_OF_ITS_CALLER else "''"
    found = re.findall(r"^  set search_path = (.*)$", head, re.MULTILINE)
    assert found == [path] or (parsed and not found), f"`set search_path = {path}` was expected"


@pytest.mark.parametrize("file", FUNCTIONS, ids=[name_of(file.path) for file in FUNCTIONS])
def test_parameters_begin_with_p_and_stand_one_a_line(file: ObjectFile) -> None:
    head = file.text[file.text.index("create or replace") :].partition("\n  returns ")[0].partition("\n")[2]
    lines = [line.strip() for line in head.splitlines() if line.strip() not in ("", ")")]
    bad = [line for line in lines if not re.fullmatch(r"p_\w+\s+[^,(]+(\([^)]*\))?[^,]*,?", line)]
    assert not bad, f"a parameter a line, its name begins with p_: {bad}"


@pytest.mark.parametrize("file", FUNCTIONS, ids=[name_of(file.path) for file in FUNCTIONS])
def test_the_header_names_the_errors_that_the_body_raises(file: ObjectFile) -> None:
    header, _, body = file.text.partition("create or replace")
    raised = set(re.findall(r"errcode = '(S1\w+)'", body))
    assert raised <= set(re.findall(r"\bS1[A-Z]\d\d\b", header)), f"raised: {sorted(raised)}; the header says otherwise"


def test_a_definer_function_says_why() -> None:
    for file in FUNCTIONS:
        if "security definer" in _outside_bodies(file.text).lower():
            header = file.text.partition("create or replace")[0].lower()
            assert "definer" in header, f"{name_of(file.path)}: the header gives the reason for `security definer`"


CHECKS = [file for file in DEPLOYED if file.path.parent.name == "validation"]


@pytest.mark.parametrize("file", CHECKS, ids=[file.bare_name for file in CHECKS])
def test_a_check_names_itself_and_a_severity(file: ObjectFile) -> None:
    assert f"'{file.bare_name}' as check_name" in file.text
    assert re.search(r"'(error|warning)' as severity", file.text)


@pytest.mark.parametrize("path", [*files(".sql", below="sql"), *files(".sql", below="migrations")], ids=name_of)
def test_what_is_sent_to_a_server_is_ascii(path: Path) -> None:
    """A database in LATIN1 or SQL_ASCII cannot take a text with other letters, not even in a comment."""
    assert path.read_text(encoding="utf-8").isascii()


@pytest.mark.parametrize("path", files(".sql", below="sql"), ids=name_of)
def test_keywords_are_lower_case(path: Path) -> None:
    text = re.sub(r"--.*|'(?:[^']|'')*'", "", path.read_text(encoding="utf-8"))
    loud = re.findall(r"\b(?:SELECT|INSERT|UPDATE|DELETE|CREATE|FUNCTION|RETURNS|BEGIN|FROM|WHERE|ON CONFLICT)\b", text)
    assert not loud, sorted(set(loud))


def test_every_sql_file_lies_where_something_reads_it() -> None:
    read = {file.path for file in OBJECTS} | {
        path for name in ("smoke", "queries", "sqlite") for path in (SQL / name).glob("*.sql")
    }
    lost = [name_of(path) for path in files(".sql", below="sql") if path not in read and path != SQL / "roles.sql"]
    assert not lost, lost


@pytest.mark.parametrize("path", sorted([*(SQL / "queries").glob("*.sql"), *(SQL / "sqlite").glob("*.sql")]), ids=name_of)
def test_every_query_is_asked(path: Path) -> None:
    package = "".join(source.read_text(encoding="utf-8") for source in files(".py", below="tooling"))
    assert f'"{path.stem}"' in package, f"nothing asks {name_of(path)}"


def test_run_all_runs_every_smoke_script() -> None:
    included = re.findall(r"^\\ir (\S+)$", (SQL / "smoke" / "run_all.sql").read_text(encoding="utf-8"), re.MULTILINE)
    assert included == sorted(path.name for path in (SQL / "smoke").glob("[0-9]*.sql"))

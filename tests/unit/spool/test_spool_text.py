"""Is a spool file split as PostgreSQL's lexer would, wherever it is read in two, and is the unfinished rest found?"""

import io
import random

import pytest

from stage1.adapters.postgres_grammar import GrammarError, parse
from stage1.model.spool_text import KEPT_OF_TOO_LARGE, LINE_MODE, MAX_STATEMENT, Splitter, Statement, bare_bytes

_LINES = LINE_MODE + b"\n"

# A text, its statements, and the rest that is not finished; {} marks no place, the texts are looked up in the file.
FREE: list[tuple[bytes, list[bytes], bytes]] = [
    (b"", [], b""),
    (b" \t\r\n\f\v", [], b""),
    (b"select 1;", [b"select 1"], b""),
    (b"a;b ;\r\nc", [b"a", b"b "], b"c"),
    (b";; ;a;;", [b"a"], b""),
    (b"\xef\xbb\xbfa;", [b"a"], b""),
    (b"\xef\xbb", [], b"\xef\xbb"),
    (b"-- no;\na;", [b"a"], b""),
    (b"-- no;\ra;", [b"a"], b""),
    (b"a;-- may go on", [b"a"], b""),
    (b"a;\n-- one\n-- two", [b"a"], b""),
    (b"a;--", [b"a"], b""),
    (b"a;-- no\n/* open", [b"a"], b"/* open"),
    (b"a; b -- no", [b"a"], b"b -- no"),
    (b"a;-- ends\n  ", [b"a"], b""),
    (b"a -- ;\n b;", [b"a -- ;\n b"], b""),
    (b"/* ; /* ; */ ; */ a;", [b"a"], b""),
    (b"a/**/;/*/ ; */b;", [b"a/**/", b"b"], b""),
    (b"a;/* no /* end */ ;", [b"a"], b"/* no /* end */ ;"),
    (b"a - b; c -;-", [b"a - b", b"c -"], b"-"),
    (b"a / b; c /;/", [b"a / b", b"c /"], b"/"),
    (b"';';a;", [b"';'", b"a"], b""),
    (b"'it''s;';a;", [b"'it''s;'", b"a"], b""),
    (b"'\\';a;", [b"'\\'", b"a"], b""),
    (b"a;';", [b"a"], b"';"),
    (b"E'\\';';a;", [b"E'\\';'", b"a"], b""),
    (b"x=e'\\\\';a;", [b"x=e'\\\\'", b"a"], b""),
    (b"e'a'';\\';';a;", [b"e'a'';\\';'", b"a"], b""),
    (b"E'a'\n'\\';';b;", [b"E'a'\n'\\';'", b"b"], b""),
    (b"E'a' -- c;\n  -- d\n '\\';';b;", [b"E'a' -- c;\n  -- d\n '\\';'", b"b"], b""),
    (b"E'a' '\\';b;", [b"E'a' '\\'", b"b"], b""),
    (b"E'a' -- c;\n;b;", [b"E'a' -- c;\n", b"b"], b""),
    (b"typE'\\';a;", [b"typE'\\'", b"a"], b""),
    (b"U&'\\0041;';a;", [b"U&'\\0041;'", b"a"], b""),
    (b"B'1;'; x'f;';", [b"B'1;'", b"x'f;'"], b""),
    (b'"a;""b";c;', [b'"a;""b"', b"c"], b""),
    (b'U&"a;";c;', [b'U&"a;"', b"c"], b""),
    (b"$$;$$;a;", [b"$$;$$", b"a"], b""),
    (b"$t$;$$;$u$;$t$;a;", [b"$t$;$$;$u$;$t$", b"a"], b""),
    ("$ö1$;'$ö1$;a;".encode(), ["$ö1$;'$ö1$".encode(), b"a"], b""),
    (b"a$b$;c;", [b"a$b$", b"c"], b""),
    ("ä$b$;c;".encode(), ["ä$b$".encode(), b"c"], b""),
    (b"$1;$2a;$ $;", [b"$1", b"$2a", b"$ $"], b""),
    (b"a;$t$;$t", [b"a"], b"$t$;$t"),
    (b"a;e", [b"a"], b"e"),
    (b"a'b", [], b"a'b"),
    (b"begin;a;b;commit;", [b"begin", b"a", b"b", b"commit"], b""),
    ("'ünï;';\U0001f600;".encode(), ["'ünï;'".encode(), "\U0001f600".encode()], b""),
    (LINE_MODE + b" \n';\n';a;", [b"';\n'", b"a"], b""),
    (LINE_MODE[:-1], [], b""),
]

# A text below the first line, its records (True where torn), and the rest.
RECORDS: list[tuple[bytes, list[tuple[bytes, bool]], bytes]] = [
    (b"", [], b""),
    (b"a;\nb;\n", [(b"a", False), (b"b", False)], b""),
    (b"  a ;  -- why\r\n\n \n-- c;\n/* d */\nb;\n", [(b"a ", False), (b"b", False)], b""),
    (b"a;\nb;", [(b"a", False)], b"b;"),
    (b"a;\n -- no", [(b"a", False)], b""),
    (b"a;\n/* b */", [(b"a", False)], b"/* b */"),
    (b"a;\n  b", [(b"a", False)], b"b"),
    (b"insert ('\nb;\n", [(b"insert ('", True), (b"b", False)], b""),
    (b"insert ('a;\n');\nb;\n", [(b"insert ('a;", True), (b"');", True), (b"b", False)], b""),
    (b" a\nb;\n", [(b"a", True), (b"b", False)], b""),
    (b"a;b;\nc;\n", [(b"a;b;", True), (b"c", False)], b""),
    (b"a; b\nc;\n", [(b"a; b", True), (b"c", False)], b""),
    (b"/* a;\n*/ b;\nc;\n", [(b"/* a;", True), (b"*/ b", False), (b"c", False)], b""),
    (b"a $$;\n$$;\n", [(b"a $$;", True), (b"$$;", True)], b""),
    (b"E'a'\n'\\';\n", [(b"E'a'", True), (b"'\\'", False)], b""),
    (b";\n;;\n", [], b""),
]


def split(text: bytes, chunk: int = 1 << 20) -> tuple[list[Statement], int, int]:
    splitter = Splitter(io.BytesIO(text), chunk)
    return list(splitter), splitter.tail, splitter.end


@pytest.mark.parametrize(("text", "expected", "rest"), FREE, ids=[repr(text)[:50] for text, _, _ in FREE])
def test_statements_end_where_postgresql_ends_them(text: bytes, expected: list[bytes], rest: bytes) -> None:
    whole = split(text)
    found, tail, end = whole
    assert [statement.text for statement in found] == expected
    assert text[tail:] == rest
    assert end == len(text)
    for statement in found:
        assert text[statement.position : statement.end] == statement.text + b";"
    for chunk in range(1, len(text)):
        assert split(text, chunk) == whole, f"read by {chunk} bytes"


@pytest.mark.parametrize(("text", "expected", "rest"), RECORDS, ids=[repr(text)[:50] for text, _, _ in RECORDS])
@pytest.mark.parametrize("first", [_LINES, b"\xef\xbb\xbf" + LINE_MODE + b"\r\n"])
def test_what_is_torn_ends_with_its_line(first: bytes, text: bytes, expected: list[tuple[bytes, bool]], rest: bytes) -> None:
    found, tail, end = split(first + text)
    assert [(statement.text, statement.torn) for statement in found] == expected
    assert (first + text)[tail:] == rest
    assert end == len(first + text)
    for statement in found:
        assert (first + text)[statement.position :].startswith(statement.text)


@pytest.mark.parametrize(
    "text",
    [text for text, _, _ in FREE] + [_LINES + text for text, _, _ in RECORDS],
    ids=[repr(text)[:50] for text, _, _ in FREE] + [repr(text)[:50] for text, _, _ in RECORDS],
)
def test_a_file_that_grows_comes_to_what_the_whole_file_is(text: bytes) -> None:
    whole, _, _ = split(text)
    for size in range(len(text)):
        # Once its first line is whole, the form of a file stays.
        if LINE_MODE.startswith(text[:size].rstrip(b"\r")) or size <= 3:
            continue
        before, rest, _ = split(text[:size])
        assert before == whole[: len(before)]
        assert all(rest <= later.position for later in whole[len(before) :])


class _Growing(io.BytesIO):
    """A file to which a client appends once its end was seen."""

    def __init__(self, text: bytes, more: bytes) -> None:
        super().__init__(text)
        self._more = more

    def readline(self, size: int | None = -1, /) -> bytes:
        line = super().readline(size)
        if self._more and not line.endswith(b"\n") and self.tell() == len(self.getvalue()):
            at = self.tell()
            self.write(self._more)
            self.seek(at)
            self._more = b""
        return line


def test_a_line_that_is_finished_while_it_is_read_is_left_for_the_next_look() -> None:
    file = _Growing(_LINES + b"a;\n  insert", b" b;\nc;\n")
    splitter = Splitter(file)
    assert [statement.text for statement in splitter] == [b"a"]
    assert file.getvalue()[splitter.tail :] == b"insert b;\nc;\n"
    assert splitter.end == len(_LINES + b"a;\n  insert")
    assert [statement.text for statement in Splitter(file)] == [b"a", b"insert b", b"c"]


@pytest.mark.parametrize("inside", [b"'%s'", b"a%s", b"x /* %s */", b"x -- %s\r", b"$$%s$$", b"E'%s'"])
@pytest.mark.parametrize("first", [b"", _LINES])
def test_a_statement_that_is_too_large_is_told_and_passed_over(first: bytes, inside: bytes) -> None:
    fitting = inside % (b"x" * (MAX_STATEMENT - len(inside) + 2))
    assert [statement.text == fitting for statement in split(first + fitting + b";\n")[0]] == [True]
    large = b"x " + inside % (b"x" * (2 * MAX_STATEMENT))
    found, tail, end = split(first + b"a;\n" + large + b";\nb;\n")
    assert [statement.too_large for statement in found] == [False, True, False]
    assert found[1].position == len(first) + 3
    assert found[1].text == large[:KEPT_OF_TOO_LARGE]
    assert found[2].text == b"b"
    assert tail == end


def test_statements_are_known_by_their_text() -> None:
    one, two, three = split(b"a; a;b;")[0]
    assert one.sha256 == two.sha256 != three.sha256
    assert len(one.sha256) == 32


@pytest.mark.parametrize(
    ("text", "count"), [(b"", 0), (b"a = 1", 6), (b"'aaaa' b", 4), (b"/* aa */b", 2), (b"E'a\\'a'b", 4), (b"$a$ aaa $a$", 4)]
)
def test_what_stands_outside_of_strings_is_counted(text: bytes, count: int) -> None:
    assert bare_bytes(text) == count


_TOKENS = [
    *(
        "'a;'",
        "'it''s;'",
        "'\\'",
        "E'\\';'",
        "e'\\\\'",
        "E'a'\n'\\';'",
        "E'a' -- ';\n  '\\';'",
        "U&'\\0041;'",
        "B'1'",
        "X'f'",
        "N'n;'",
    ),
    *(
        "$$;'$$",
        "$t$;$$;$t$",
        "$\u00f6$;$\u00f6$",
        '"a;""b"',
        'U&"a;"',
        "a$b$",
        "a$",
        "$1",
        "\u00e4$b$",
        "typE",
        "1",
        "1.5e3",
        ".5",
    ),
    *("-- ;'\n", "/* ; ' */", "/* /* ; */ */", "/**/", "/*/ ; */", "--\r", "\r\n", "\t\v\f", " ", "\n"),
    *(",", "+", "-", "/", "*", "::text", "(", ")", ";", ";select ", "; select 1;"),
]


@pytest.mark.parametrize("seed", range(10))
def test_what_the_grammar_accepts_as_a_whole_is_split_as_it_does(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - the same texts on every run
    compared = 0
    for _ in range(1500):
        text = "select " + "".join(chance.choice(_TOKENS) for _ in range(chance.randrange(1, 9))) + "\n;"
        try:
            expected = len(parse(text))
        except GrammarError:
            continue
        found, tail, end = split(text.encode(), chunk=chance.randrange(1, 9))
        assert [len(parse(statement.text.decode())) for statement in found] == [1] * expected, repr(text)
        assert tail == end
        compared += expected > 1
    assert compared > 20

"""Splits a spool file into its statements, as PostgreSQL's own lexer would, and says where the unfinished rest begins.

Owns the two forms of a spool file: the free one, in which a statement ends at its semicolon, and the one whose first line is
`LINE_MODE`, in which each line is one record. Positions are offsets in bytes. Imports nothing of ours. Refuses nothing: what
is no statement is handed on, marked, for the grammar to refuse. Reads on in steps, and holds one statement at a time.
"""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

# The first line of a file whose lines are records: what a client that died left torn ends with its line.
LINE_MODE = b"-- stage1 spool 1: one statement per line"

MAX_STATEMENT = 16 * 1024 * 1024
KEPT_OF_TOO_LARGE = 64 * 1024  # bytes of a larger one that are handed on, to know it by
_CHUNK = 1024 * 1024
_LONGEST_LINE = MAX_STATEMENT + len(b";\r\n")
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_BLANK = b" \t\n\r\f\v"

_BLANKS = re.compile(rb"[ \t\n\r\f\v]*")
# What neither ends a statement nor begins a quote or comment: an identifier is taken whole, since `a$b$` quotes nothing and
# `type'x\'` is no E string; one that reaches the end of what was read may go on behind it, and is left for later.
# The repetitions have a limit, so that they need no memory for each; possessive ones match wrongly before Python 3.11.5.
_HARMLESS = re.compile(
    rb"""(?: [^A-Za-z_\x80-\xff;'"$/-]+
           | (?![eE]')[A-Za-z_\x80-\xff][A-Za-z0-9_$\x80-\xff]*(?=[^A-Za-z0-9_$\x80-\xff]) ){1,500}""",
    re.VERBOSE,
)
_IN_ESCAPE_STRING = re.compile(rb"(?:[^'\\]+|\\.){1,500}", re.DOTALL)
_DOLLAR_QUOTE = re.compile(rb"\$(?:[A-Za-z_\x80-\xff][A-Za-z0-9_\x80-\xff]*)?\$")
_DOLLAR_QUOTE_BEGUN = re.compile(rb"\$(?:[A-Za-z_\x80-\xff][A-Za-z0-9_\x80-\xff]*)?\Z")
_COMMENT_EDGE = re.compile(rb"/\*|\*/")
_LINE_END = re.compile(rb"[\r\n]")


@dataclass(frozen=True)
class Statement:
    """One statement of a spool file: from its first byte that is neither blank nor comment to its semicolon."""

    position: int
    end: int  # just behind the semicolon, or behind the line of a torn record
    text: bytes  # without the semicolon
    too_large: bool = False  # `text` is only its beginning
    torn: bool = False  # a line that is not exactly one statement

    @property
    def sha256(self) -> bytes:
        """What the statement is known by beside its position."""
        return hashlib.sha256(self.text).digest()


class Splitter:
    """The statements of a buffered file.

    After the last one `tail` is where text begins that is not finished yet, or the file's end, and `end` is the file's end.
    """

    def __init__(self, file: BinaryIO, chunk: int = _CHUNK) -> None:
        self._file, self._chunk = file, chunk
        file.seek(0)
        first = file.readline(len(_BYTE_ORDER_MARK + LINE_MODE) + 2)
        mark = len(_BYTE_ORDER_MARK) if first.startswith(_BYTE_ORDER_MARK) else 0
        self.by_lines = first[mark:] in (LINE_MODE + b"\n", LINE_MODE + b"\r\n")
        self.tail = self.end = mark

    def __iter__(self) -> Iterator[Statement]:
        self._file.seek(self.end)
        return self._records() if self.by_lines else self._free()

    def _free(self) -> Iterator[Statement]:
        lexer = _Lexer(self.end)
        while chunk := self._file.read(self._chunk):
            self.end += len(chunk)
            yield from lexer.feed(chunk)
        self.tail = lexer.tail

    def _records(self) -> Iterator[Statement]:
        while line := self._file.readline(_LONGEST_LINE):
            begin, rest = self.end, line
            self.end += len(line)
            # What follows a shorter line without its end was written after that was read: it is for the next look.
            while len(line) == _LONGEST_LINE and not rest.endswith(b"\n") and (rest := self._file.readline(self._chunk)):
                self.end += len(rest)
            self.tail = begin + len(line) - len(line.lstrip(_BLANK))
            if not rest.endswith(b"\n"):
                # The line may still be written; a comment is none the worse for it.
                self.tail = self.end if line.lstrip(_BLANK).startswith(b"--") else self.tail
                return
            yield from _record(line, begin, self.end, self.tail)
            self.tail = self.end


def bare_bytes(text: bytes) -> int:
    """How much of a statement stands outside of its strings and comments: what the grammar makes a tree of."""
    lexer = _Lexer(0)
    for _ in lexer.feed(text + b"\n"):
        pass
    return lexer.bare


def _record(line: bytes, begin: int, end: int, first: int) -> Iterator[Statement]:
    if begin + len(line) < end:
        yield Statement(first, end, line.lstrip(_BLANK)[:KEPT_OF_TOO_LARGE], too_large=True)
        return
    lexer = _Lexer(begin)
    found = list(lexer.feed(line))
    if len(found) <= 1 and lexer.tail == end:
        yield from found
    else:
        yield Statement(first, end, line.strip(_BLANK), torn=True)


class _Lexer:
    """Finds the statements of a text that comes piece by piece.

    Each `_in_...` takes one step through what it is named for, or returns False where only the next piece can tell.
    """

    def __init__(self, offset: int) -> None:
        self._offset = offset  # of the first byte of _data in the file
        self._data = b""
        self._at = 0  # up to where _data is understood
        self._start: int | None = None  # in _data, of the statement that is being read; below 0 once it is too large
        self._head = b""  # the beginning of one that is too large
        self._comment: int | None = None  # in the file, of a comment that stands before a statement
        self.bare = 0  # bytes outside of strings and comments
        self._depth = 0  # of comments in comments
        self._closing = b""  # what ends the quote that is being read
        self._found: Statement | None = None
        self._step = self._in_plain

    @property
    def tail(self) -> int:
        """Where in the file the text begins that belongs to no finished statement; a line comment ends with the file, too."""
        if self._start is not None:
            return self._offset + self._start
        return self._offset + self._at if self._comment is None or self._step == self._in_line_comment else self._comment

    def feed(self, chunk: bytes) -> Iterator[Statement]:
        """The statements that end in the next piece of the file."""
        self._forget()
        self._data += chunk
        while self._at < len(self._data) and self._step():
            if self._found:
                yield self._found
                self._found = None

    def _forget(self) -> None:
        # Behind a statement, and within one that is too large, what was read is not needed any more.
        keep = self._at
        if self._start is not None:
            if not self._head and self._at - self._start > MAX_STATEMENT:
                self._head = self._data[self._start : self._start + KEPT_OF_TOO_LARGE]
            keep = self._at if self._head else self._start
            self._start -= keep
        self._data = self._data[keep:]
        self._offset += keep
        self._at -= keep

    def _take(self, semicolon: int) -> None:
        if self._start is not None:
            too_large = semicolon - self._start > MAX_STATEMENT
            until = self._start + KEPT_OF_TOO_LARGE if too_large else semicolon
            text = self._head or self._data[self._start : until]
            self._found = Statement(self._offset + self._start, self._offset + semicolon + 1, text, too_large)
        self._start, self._head = None, b""

    def _may_wait(self) -> bool:
        # No name and no gap is that long: it is taken as it is, and the grammar refuses what it belongs to.
        return len(self._data) - self._at <= MAX_STATEMENT

    def _in_plain(self) -> bool:
        data = self._data
        at = _end(_BLANKS if self._start is None else _HARMLESS, data, self._at)
        if at > self._at:
            self.bare += at - self._at if self._start is not None else 0
            self._at = at
            return True
        byte, pair = data[at : at + 1], data[at : at + 2]
        if len(pair) == 1 and byte in b"-/":
            return False
        if pair in (b"--", b"/*"):
            self._comment = self._offset + at if self._start is None else None
            self._at += 2
            self._depth = 1
            self._step = self._in_line_comment if pair == b"--" else self._in_comment
            return True
        if byte == b";":
            self._at += 1
            self._take(at)
            return True
        if self._start is None:
            self._start = at
            return True
        return self._into_token(byte, pair)

    def _into_token(self, byte: bytes, pair: bytes) -> bool:
        width = 1
        if byte in b"'\"":
            self._closing, self._step = byte, self._in_quote
        elif pair in (b"e'", b"E'"):
            width, self._step = 2, self._in_escape_string
        elif byte == b"$":
            if quote := _DOLLAR_QUOTE.match(self._data, self._at):
                self._closing, self._step = quote.group(), self._in_quote
                width = len(self._closing)
            elif _DOLLAR_QUOTE_BEGUN.match(self._data, self._at) and self._may_wait():
                return False
        elif byte not in b"-/":  # a word that reaches the end of the piece
            if self._may_wait():
                return False
            width = len(self._data) - self._at
        self._at += width
        self.bare += width
        return True

    def _in_quote(self) -> bool:
        # A doubled quote ends one string and begins the next: that comes to the same end.
        at = self._data.find(self._closing, self._at)
        if at < 0:
            self._at = max(self._at, len(self._data) - len(self._closing) + 1)
            return False
        self._at = at + len(self._closing)
        self._step = self._in_plain
        return True

    def _in_escape_string(self) -> bool:
        at = _end(_IN_ESCAPE_STRING, self._data, self._at)
        if at == self._at:
            if self._data[at : at + 1] != b"'":
                return False  # half of an escape
            at += 1
            self._step = self._behind_escape_string
        self._at = at
        return True

    def _behind_escape_string(self) -> bool:
        # A string goes on behind blanks with a line end among them; an E string goes on as one, with backslashes that escape.
        data, at, goes_on = self._data, self._at, True
        while at < len(data):
            if data[at : at + 1] == b"'" and goes_on:
                self._at, self._step = at + 1, self._in_escape_string
                return True
            is_comment = data.startswith(b"--", at)
            end = _LINE_END.search(data, at) if is_comment else None
            gap = _end(_BLANKS, data, end.start() if end else at)
            if is_comment and not end:
                break
            if gap == at:
                if data[at : at + 2] == b"-":
                    break
                self._step = self._in_plain
                return True
            goes_on = (goes_on and at != self._at) or bool(_LINE_END.search(data, at, gap))
            at = gap
        if self._may_wait():
            return False
        self._step = self._in_plain
        return True

    def _in_line_comment(self) -> bool:
        end = _LINE_END.search(self._data, self._at)
        self._at = end.end() if end else len(self._data)
        return self._comment_ended() if end else False

    def _in_comment(self) -> bool:
        edge = _COMMENT_EDGE.search(self._data, self._at)
        if not edge:
            # A star or slash at the end may be half of an edge.
            self._at = max(self._at, len(self._data) - 1)
            return False
        self._at = edge.end()
        self._depth += 1 if edge.group() == b"/*" else -1
        return self._depth > 0 or self._comment_ended()

    def _comment_ended(self) -> bool:
        self._comment, self._step = None, self._in_plain
        return True


def _end(pattern: re.Pattern[bytes], data: bytes, at: int) -> int:
    match = pattern.match(data, at)
    return match.end() if match else at

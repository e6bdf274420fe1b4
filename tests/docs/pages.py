"""The pages of the documentation, and the fenced blocks in them."""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

_FENCE = re.compile(r"^(?P<fence>`{3,})(?P<language>\w*)\n(?P<text>.*?)^(?P=fence)$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A fenced block and the line of the page it begins at."""

    page: Path
    line: int
    language: str
    text: str


@dataclass(frozen=True)
class Step:
    """A command of a console block and what the page shows of its output."""

    where: str
    command: str
    expected: str


def all_pages() -> list[Path]:
    """Every page that people read: those at the top, those of docs/, and the README of a folder."""
    folders = (page for page in sorted(ROOT.glob("[a-z]*/**/README.md")) if "node_modules" not in page.parts)
    return [*sorted(ROOT.glob("*.md")), *folders, *sorted((ROOT / "docs").rglob("*.md"))]


def blocks(page: Path) -> list[Block]:
    """The fenced blocks of a page."""
    text = page.read_text(encoding="utf-8")
    return [
        Block(page, text.count("\n", 0, match.start()) + 1, match["language"], match["text"]) for match in _FENCE.finditer(text)
    ]


def steps(page: Path) -> list[Step]:
    """The commands of a page's console blocks: `$ ` begins one, `> ` goes on with it, the rest is its output."""
    found: list[Step] = []
    for block in blocks(page):
        if block.language != "console":
            continue
        for number, line in enumerate(block.text.splitlines(), start=block.line + 1):
            if line.startswith("$ "):
                found.append(Step(f"{page.name}:{number}", line[2:], ""))
            elif line.startswith("> "):
                last = found[-1]
                found[-1] = Step(last.where, f"{last.command}\n{line[2:]}", last.expected)
            else:
                last = found[-1]
                found[-1] = Step(last.where, last.command, f"{last.expected}{line.rstrip()}\n")
    return found


def pattern_of(expected: str) -> re.Pattern[str]:
    """What a page shows, as a pattern: `…` is anything on its line, alone on a line it is any number of lines."""

    def line_of(line: str) -> str:
        return r"(?:.*\n)*?" if line.strip() == "…" else ".*".join(re.escape(piece) for piece in line.split("…")) + r"\n"

    return re.compile("".join(line_of(line) for line in expected.splitlines()))


def shown_stage1_commands(page: Path) -> list[tuple[str, list[str]]]:
    """The stage1 commands in a page's console and sh blocks, each with where it stands."""
    found = []
    lines = [(step.where, step.command) for step in steps(page)]
    for block in blocks(page):
        if block.language == "sh":
            joined = re.sub(r"\\\n\s*", " ", block.text)
            lines += [(f"{page.name}:{block.line}", line) for line in joined.splitlines()]
    for where, line in lines:
        for words in _simple_commands(line):
            while words and re.match(r"[A-Z_]+=", words[0]):
                words = words[1:]
            if words and words[0].rpartition("/")[2] == "stage1":
                found.append((where, words[1:]))
    return found


def _simple_commands(line: str) -> list[list[str]]:
    lexer = shlex.shlex(line.replace("\\\n", " "), posix=True, punctuation_chars=";|&<>")
    lexer.whitespace_split = True
    commands: list[list[str]] = [[]]
    for word in lexer:
        if word and set(word) <= set(";|&"):
            commands.append([])
        else:
            commands[-1].append(word)
    return [
        words[: next((place for place, word in enumerate(words) if set(word) <= set("<>")), len(words))] for words in commands
    ]

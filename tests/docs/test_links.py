"""Does every link, make target and path that a page names lead somewhere?"""

import re
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, all_pages

PAGES = all_pages()
IDS = [str(page.relative_to(ROOT)) for page in PAGES]

_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_FOLDERS = ("migrations", "sql", "tooling", "tests", "docs", "examples", "repository", "benchmarks", "backups")


def _prose(page: Path) -> str:
    return re.sub(r"^(`{3,}).*?^\1$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)


def _anchors(page: Path) -> set[str]:
    titles = re.findall(r"^#+ (.*)$", _prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_links_resolve(page: Path) -> None:
    for link in _LINK.findall(_prose(page)):
        if "://" in link:
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.exists(), f"{link} leads nowhere"
        assert target.is_relative_to(ROOT), f"{link} leads out of the repository"
        if anchor:
            assert anchor in _anchors(target), f"{link}: there is no such heading"


def _make_targets() -> set[str]:
    return set(re.findall(r"^([a-z/-]+):.*## ", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_make_targets_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    named = re.findall(r"`make ([^`\n]+)`", text) + re.findall(r"^(?:\$ )?make (.+)$", text, re.MULTILINE)
    for words in named:
        targets = [word for word in re.split(r"[#|;&]", words)[0].split() if "=" not in word]
        unknown = [target for target in targets if target not in _make_targets()]
        assert not unknown, f"make {words}: there is no target {unknown}"


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_named_paths_exist(page: Path) -> None:
    if page.name == "CHANGELOG.md":
        return  # it names what was
    for path in re.findall(rf"`((?:{'|'.join(_FOLDERS)})/[\w./-]*)`", _prose(page)):
        assert "NNNN" in path or (ROOT / path).exists(), f"{path} is not there"


def test_every_page_can_be_reached() -> None:
    reached: set[Path] = set()
    waiting = [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in reached or page.suffix != ".md" or not page.is_file():
            continue
        reached.add(page)
        links = [link.partition("#")[0] for link in _LINK.findall(_prose(page)) if "://" not in link]
        waiting += [(page.parent / link).resolve() for link in links if link]
    lost = [str(page.relative_to(ROOT)) for page in PAGES if page not in reached and page.is_relative_to(ROOT / "docs")]
    assert not lost, f"no page links to {lost}"


def test_decisions_are_numbered_without_gaps_and_have_their_parts() -> None:
    decisions = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    assert [int(path.name[:4]) for path in decisions] == list(range(1, len(decisions) + 1))
    for path in decisions:
        text = path.read_text(encoding="utf-8").lower()
        missing = [part for part in ("context", "decision", "consequence") if part not in text]
        assert not missing, f"{path.name} lacks {missing}"

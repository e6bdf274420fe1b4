"""Does the Python of the how-to pages about the client run, block by block, as a reader would run it?"""

import pytest

from tests.docs.pages import ROOT, blocks
from tests.plugins.served import Served


@pytest.mark.parametrize("name", ["version-examples.md", "run-experiments.md"])
def test_the_python_of_a_page_runs(name: str, served: Served, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    pytest.importorskip("pandas")
    monkeypatch.setenv("STAGE1_SERVER", served.url)
    monkeypatch.delenv("STAGE1_TOKEN", raising=False)
    page = ROOT / "docs" / "how-to" / name
    names: dict[str, object] = {}
    found = [block for block in blocks(page) if block.language == "python"]
    for block in found:
        exec(compile("\n" * block.line + block.text, str(page), "exec"), names)  # noqa: S102 - a page of our own
    names["client"].close()  # type: ignore[attr-defined]
    said = capsys.readouterr().out
    if name == "version-examples.md":
        assert said.startswith("1 2 new, 0 changed, 0 unchanged, 0 deleted, 0 restored\n1 new, 1 changed, 1 unchanged, 0 deleted")
        assert "{'new': 1, 'changed': 1, 'deleted': 0, 'unchanged': 1}" in said
        assert (names["third"].sequence, len(names["latest"])) == (3, 3)  # type: ignore[attr-defined, arg-type]
    else:
        assert "30 of 30 succeeded, 0 failed, 0 missing" in said
        assert "runs 60 of 60" in said
        assert "is a bet" in str(names["experiment"])
        assert names["changed"] == []

"""Do the stories of `examples/` run with one command each, and do both languages tell the same?"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from stage1 import settings as settings_module
from stage1.database.embedded import EmbeddedServer
from tests.docs.pages import ROOT, blocks
from tests.plugins.node import NodePackage

# One process has the folder in which the demo's bars are made once.
pytestmark = [pytest.mark.xdist_group("examples"), pytest.mark.timeout(700)]

_PATIENCE = 300  # for what hangs: the demo and two servers share a few cores with other tests
_INSTALLED = (".venv/.tool-installed", "client/typescript/node_modules/.installed", "client/typescript/dist/.built")
# A server and a database that are not meant.
_OTHERS = {"STAGE1_SERVER": "http://127.0.0.1:1", "STAGE1_TOKEN": "", "DATABASE_URL": "host=none.invalid"}
_VERSIONS = [
    ", version 1: 65 new, 0 changed, 0 unchanged, 0 deleted, 0 restored",
    "the same once more: still version 1, 0 new, 0 changed, 65 unchanged, 0 deleted, 0 restored",
    ", version 2: 65 new, 12 changed, 53 unchanged, 0 deleted, 0 restored",
    "version 2: 130 examples, ",
    "version 1: 65 examples, ",
]
_CONTENTS = """
    select count(*), count(distinct content) from (
      select (
        select string_agg(source_id || content_hash, ',' order by source_id)
        from public.fn_dataset_examples(dataset_slug, sequence::text, null)
      ) as content
      from public.dataset_version_list
    ) as contents"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A clone of the repository, as somebody has it; an embedded server that was started in it is gone at the end."""
    if shutil.which("make") is None:
        pytest.skip("make is not installed")
    tmp_path = tmp_path_factory.mktemp("clone")
    for path in ROOT.iterdir():
        if path.name not in (".stage1", ".venv", ".git", "data"):
            (tmp_path / path.name).symlink_to(path)
    (tmp_path / ".venv").symlink_to(sys.prefix)
    yield tmp_path
    EmbeddedServer(tmp_path, settings_module.load(environment={}, start=tmp_path), throwaway=True).destroy()


def _run(folder: Path, *command: str) -> str:
    # What is installed already is not installed again by a test.
    flags = " ".join(["--no-print-directory", *(f"--old-file={path}" for path in _INSTALLED)])
    ended = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "MAKEFLAGS": flags, **_OTHERS},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_PATIENCE,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def _story(output: str) -> list[str]:
    """What does not differ from run to run."""
    found = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "ID", output)
    found = re.sub(r"opening-range-[a-z]+-[0-9-]+", "NAME", found)
    return [line for line in found.splitlines() if not line.startswith("  time  ")]


def _tells(output: str) -> list[str]:
    """The story, whose versions go on as they should."""
    places = [output.find(wanted) for wanted in _VERSIONS]
    assert -1 not in places and places == sorted(places), output
    assert output.count("  right ") == output.count("  gain ") == 3
    assert "130 of 130 succeeded" not in output and "65 of 65 succeeded, 0 failed, 0 missing" in output
    return _story(output)


def _command(language: str) -> list[str]:
    block = blocks(ROOT / "examples" / language / "README.md")[0]
    assert block.language == "sh"
    return block.text.split()


@pytest.fixture(scope="module")
def python_story(folder: Path) -> list[str]:
    """In an empty folder: the demo's bars are made first."""
    return _tells(_run(folder, *_command("python")))


def test_python_tells_its_story_again_with_versions_of_its_own(folder: Path, python_story: list[str]) -> None:
    assert _tells(_run(folder, *_command("python"))) == python_story


def test_typescript_tells_the_same(folder: Path, python_story: list[str], typescript_package: NodePackage) -> None:
    assert _tells(_run(folder, *_command("typescript"))) == python_story
    # Both made the same two versions, to the last digit.
    query = ["psql", "--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--command", _CONTENTS]
    versions, contents = _run(folder, sys.executable, "-m", "stage1", "--embedded", "--quiet", *query).strip().split("|")
    assert (int(versions) >= 4, contents) == (True, "2")


def test_the_story_in_typescript_has_the_types_it_says(typescript_package: NodePackage) -> None:
    ended = typescript_package.tool("tsc", "--noEmit", "--project", "../../examples/typescript")
    assert ended.returncode == 0, ended.stdout

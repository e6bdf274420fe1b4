"""Does the TypeScript package hold what it says: types, lint, tests with and without a server, its size, its README?"""

import json
import os
import re
from pathlib import Path

import pytest

from tests.docs.pages import blocks
from tests.plugins.node import NodePackage
from tests.plugins.served import Served

_MOST_AT_FIRST = 30_000
_MOST_IN_ALL = 42_000


def test_the_types_of_the_api_are_current(typescript_package: NodePackage, tmp_path: Path) -> None:
    written = tmp_path / "openapi.ts"
    typescript_package.tool("openapi-typescript", "../../docs/reference/openapi.json", "--output", str(written))
    kept = typescript_package.folder / "src" / "generated" / "openapi.ts"
    is_current = written.read_text(encoding="utf-8") == kept.read_text(encoding="utf-8")
    assert is_current, "stale; run `make generate`"


def test_the_unit_tests_pass(typescript_package: NodePackage) -> None:
    ended = typescript_package.tool("vitest", "run", "--dir", "tests/unit")
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_it_does_what_it_says_on_a_server(typescript_package: NodePackage, served: Served) -> None:
    ended = typescript_package.tool("vitest", "run", "--dir", "tests/integration", env={"STAGE1_SERVER": served.url})
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_a_page_has_little_to_load(typescript_package: NodePackage) -> None:
    """What runs experiments is a part of its own, which comes when it is first used."""
    found = json.loads(typescript_package.run("size.mjs").stdout)
    assert 10_000 < found["first"] < _MOST_AT_FIRST
    assert found["first"] < found["all"] < _MOST_IN_ALL


def test_it_is_packed_without_tests_and_sources(typescript_package: NodePackage) -> None:
    about = json.loads((typescript_package.folder / "package.json").read_text(encoding="utf-8"))
    assert about["files"] == ["dist", "README.md"]
    assert not about.get("dependencies"), "what a user installs brings nothing along"
    named = [about["types"], about["exports"]["."]["default"], *about["imports"]["#sha256"].values()]
    assert all((typescript_package.folder / name).is_file() for name in named)


@pytest.mark.parametrize("page", ["client/typescript/README.md", "docs/how-to/use-typescript.md"])
def test_the_snippets_of_a_page_run(page: str, typescript_package: NodePackage, served: Served) -> None:
    """As one program, in their order, with the types that a user gets, as a reader would run them."""
    root = typescript_package.folder.parents[1]
    found = [block for block in blocks(root / page) if block.language == "ts"]
    # Beside what is built, so that the package finds itself under its own name.
    program = typescript_package.folder / "dist" / f"{re.sub('[^a-z]', '-', page)}{os.getpid()}.ts"
    compiled = program.with_suffix(".js")
    program.write_text("\n".join(block.text for block in found), encoding="utf-8")
    try:
        options = ("--strict", "--target", "es2022", "--module", "nodenext", "--types", "node")
        ended = typescript_package.tool("tsc", *options, f"dist/{program.name}")
        assert ended.returncode == 0, ended.stdout
        said = typescript_package.run(str(compiled), env={"STAGE1_SERVER": served.url}).stdout
    finally:
        program.unlink()
        compiled.unlink(missing_ok=True)
    expected = [line for block in found for line in re.findall(r"^.*console\.log\(.*// (.*)$", block.text, re.MULTILINE)]
    assert expected and [line for line in said.splitlines() if line in expected] == expected

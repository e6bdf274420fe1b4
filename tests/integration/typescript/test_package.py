"""Does the TypeScript package hold what it says: types, lint, tests with and without a server, its size, its README?"""

import json
import os
import re
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

from tests.docs.pages import blocks
from tests.plugins.node import NodePackage
from tests.plugins.served import Served

# Limits for what hangs: vitest, tsc and npm share a few cores with other tests.
pytestmark = pytest.mark.timeout(300)

_PATIENCE = 240
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


@pytest.fixture(scope="module")
def project(typescript_package: NodePackage, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project of a user's, into which the package is installed as npm packs it: from sources, beside an older build."""
    folder = tmp_path_factory.mktemp("packed")
    for name in ("package.json", ".npmrc", "tsconfig.json", "README.md"):
        shutil.copy(typescript_package.folder / name, folder)
    shutil.copytree(typescript_package.folder / "src", folder / "src")
    (folder / "node_modules").symlink_to(typescript_package.folder / "node_modules")
    (folder / "dist").mkdir()
    (folder / "dist" / "gone.js").write_text("gone")
    environment = {**os.environ, "npm_config_cache": str(folder / "cache"), "npm_config_offline": "true"}
    packing = ["npm", "pack", "--loglevel=error"]
    ended = subprocess.run(packing, cwd=folder, env=environment, capture_output=True, text=True, timeout=_PATIENCE)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    user = tmp_path_factory.mktemp("user")
    with tarfile.open(next(folder.glob("*.tgz"))) as packed:
        for member in packed:
            path = user / "node_modules" / "@stage1" / "client" / Path(member.name).relative_to("package")
            path.parent.mkdir(parents=True, exist_ok=True)
            content = packed.extractfile(member)
            assert content, f"{member.name} is no file"
            path.write_bytes(content.read())
    for name in ("@types", "undici-types"):
        (user / "node_modules" / name).symlink_to(typescript_package.folder / "node_modules" / name)
    (user / "package.json").write_text('{"type": "module"}')
    return user


def _compiled(typescript_package: NodePackage, program: Path, *more: str) -> None:
    options = ("--target", "es2022", "--module", "nodenext", "--types", "node", "--strict")
    ended = typescript_package.tool("tsc", *options, *more, str(program))
    assert ended.returncode == 0, ended.stdout


def test_it_is_packed_whole_and_without_more(typescript_package: NodePackage, project: Path) -> None:
    packed = project / "node_modules" / "@stage1" / "client"
    sources = [path.relative_to(typescript_package.folder / "src") for path in (typescript_package.folder / "src").rglob("*.ts")]
    built = {f"dist/{path.with_suffix(suffix).as_posix()}" for path in sources for suffix in (".js", ".d.ts")}
    found = {path.relative_to(packed).as_posix() for path in packed.rglob("*") if path.is_file()}
    assert found == built | {"README.md", "package.json"}
    about = json.loads((packed / "package.json").read_text(encoding="utf-8"))
    assert not about.get("dependencies"), "what a user installs brings nothing along"
    assert {about["types"][2:], *(name[2:] for name in about["imports"]["#sha256"].values())} <= found


def test_a_strict_project_may_call_what_is_right_and_nothing_else(typescript_package: NodePackage, project: Path) -> None:
    shutil.copy(typescript_package.folder / "tests" / "strict_user.ts", project)
    # The package's own types are read as well.
    strictest = ("--exactOptionalPropertyTypes", "--noUncheckedIndexedAccess", "--skipLibCheck", "false")
    _compiled(typescript_package, project / "strict_user.ts", *strictest)


@pytest.mark.parametrize("page", ["client/typescript/README.md", "docs/how-to/use-typescript.md"])
def test_the_snippets_of_a_page_run(page: str, typescript_package: NodePackage, project: Path, served: Served) -> None:
    """As one program, in their order, with the types that a user gets, as a reader would run them."""
    found = [block for block in blocks(typescript_package.folder.parents[1] / page) if block.language == "ts"]
    program = project / f"{Path(page).stem}.ts"
    program.write_text("\n".join(block.text for block in found), encoding="utf-8")
    _compiled(typescript_package, program, "--skipLibCheck")
    said = typescript_package.run(str(program.with_suffix(".js")), env={"STAGE1_SERVER": served.url}).stdout
    expected = [line for block in found for line in re.findall(r"^.*console\.log\(.*// (.*)$", block.text, re.MULTILINE)]
    assert expected and [line for line in said.splitlines() if line in expected] == expected

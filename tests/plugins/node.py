"""The TypeScript package, built, and Node to run programs with it; whoever needs it is left out, saying so, where it is missing.

`REQUIRE_NODE=1` turns leaving out into failing: what CI sets. The build is that of `make`: `dist/`, made again where a
source is newer.
"""

import fcntl
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "client" / "typescript"
_OLDEST = 20
_PATIENCE = 240  # for what hangs: cores are shared with other tests


@dataclass(frozen=True)
class NodePackage:
    """The package's folder and the program that runs it."""

    folder: Path
    node: str

    def run(
        self,
        *arguments: str,
        given: str | bytes | None = None,
        env: Mapping[str, str] | None = None,
        timeout: float = _PATIENCE,
        check: bool = True,
    ) -> "subprocess.CompletedProcess[str]":
        """`node ...` in the package's folder."""
        ended = subprocess.run(
            [self.node, *arguments],
            cwd=self.folder,
            input=given.decode() if isinstance(given, bytes) else given,
            env={**os.environ, "NO_COLOR": "1", "STAGE1_TOKEN": "", **(env or {})},
            capture_output=True,
            encoding="utf-8",
            timeout=timeout,
            check=False,
        )
        assert not check or ended.returncode == 0, f"{ended.stdout}\n{ended.stderr}"
        return ended

    def tool(self, name: str, *arguments: str, env: Mapping[str, str] | None = None) -> "subprocess.CompletedProcess[str]":
        """A development tool of the package, such as vitest or tsc."""
        return self.run(f"node_modules/.bin/{name}", *arguments, env=env, check=False)


def missing() -> str:
    """Why nothing of TypeScript can be run here; empty where it can."""
    node = shutil.which("node")
    if node is None:
        return "Node is not found"
    said = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=_PATIENCE, check=True).stdout
    if int(said.lstrip("v").split(".")[0]) < _OLDEST:
        return f"Node is {said.strip()}; {_OLDEST} or later is needed"
    if not (PACKAGE / "node_modules" / ".bin" / "tsc").exists():
        return "client/typescript/node_modules is not there: run `make typescript`"
    return ""


@pytest.fixture(scope="session")
def typescript_package() -> NodePackage:
    """The package, built."""
    if reason := missing():
        if os.environ.get("REQUIRE_NODE") == "1":
            pytest.fail(f"{reason}, and REQUIRE_NODE=1 says that it must be there")
        pytest.skip(f"TypeScript is left out: {reason}")
    found = NodePackage(PACKAGE, str(shutil.which("node")))
    built = PACKAGE / "dist" / ".built"
    with (PACKAGE / "node_modules" / ".building").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        sources = [*(PACKAGE / "src").rglob("*.ts"), PACKAGE / "tsconfig.json", PACKAGE / "package.json"]
        if not built.exists() or built.stat().st_mtime < max(path.stat().st_mtime for path in sources):
            ended = found.tool("tsc")
            assert ended.returncode == 0, ended.stdout
            built.touch()
    return found

"""Can every mirror serve what the TypeScript client is built with, and does installing it run nobody's scripts?"""

import json
import re

from tests.repository.sources import ROOT

_PACKAGE = ROOT / "client" / "typescript"
_EXACT = re.compile(r"\d+\.\d+\.\d+")


def test_the_lock_file_says_what_and_never_where() -> None:
    lock = json.loads((_PACKAGE / "package-lock.json").read_text(encoding="utf-8"))
    about = json.loads((_PACKAGE / "package.json").read_text(encoding="utf-8"))
    assert lock["packages"][""]["devDependencies"] == about["devDependencies"], "stale; run `npm install` in client/typescript"
    packages = {name: each for name, each in lock["packages"].items() if name}
    assert [name for name, each in packages.items() if {"resolved", "link"} & set(each)] == []
    assert [name for name, each in packages.items() if not each["integrity"].startswith("sha512-")] == []
    assert [name for name, each in packages.items() if not each.get("dev")] == [], "a user installs the client alone"


def test_the_lock_file_is_whole_for_every_platform() -> None:
    """What a mirror had not, npm leaves out without a word, and then refuses to install anywhere."""
    lock = json.loads((_PACKAGE / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    wanted = {name for each in lock.values() for name in each.get("optionalDependencies", {})}
    assert wanted
    assert [name for name in sorted(wanted) if not any(place.endswith(f"node_modules/{name}") for place in lock)] == []


def test_versions_are_exact_and_npm_keeps_them_so() -> None:
    about = json.loads((_PACKAGE / "package.json").read_text(encoding="utf-8"))
    assert [name for name, version in about["devDependencies"].items() if not _EXACT.fullmatch(version)] == []
    kept = (_PACKAGE / ".npmrc").read_text(encoding="utf-8").splitlines()
    assert {"omit-lockfile-registry-resolved=true", "save-exact=true"} <= set(kept)
    assert not any("registry=" in line or "_auth" in line for line in kept if line != "omit-lockfile-registry-resolved=true")


def test_the_package_and_the_tool_have_one_version() -> None:
    about = json.loads((_PACKAGE / "package.json").read_text(encoding="utf-8"))
    found = re.search(r'^__version__ = "(.*)"$', (ROOT / "tooling/stage1/__init__.py").read_text(encoding="utf-8"), re.MULTILINE)
    assert found and about["version"] == found[1]

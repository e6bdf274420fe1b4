"""Which files are meant by what a person names: each once, none silently passed over?"""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stage1.errors import FileUnusable, Stage1Error, UsageRefused
from stage1.operations.ingest_files import find_files

Put = Callable[..., None]


@pytest.fixture
def put(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Put:
    """Makes empty files, in a folder that is the current one."""
    monkeypatch.chdir(tmp_path)

    def make(*names: str) -> None:
        for name in names:
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()

    return make


def found(*given: str) -> list[str]:
    said: list[str] = []
    paths = [str(path) for path in find_files(given, said.append)]
    assert said == []
    return paths


def test_each_is_found_once_in_the_order_given_and_in_folders_by_name(put: Put) -> None:
    put("f/2.dbn.zst", "f/1.dbn", "f/a/b/3.dbn", "f/x.dbn.part", "f/manifest.txt", "0.dbn")
    assert found("f") == ["f/1.dbn", "f/2.dbn.zst", "f/a/b/3.dbn"]
    assert found("f/2.dbn.zst", "f", "*.dbn", "./f/1.dbn") == ["f/2.dbn.zst", "f/1.dbn", "f/a/b/3.dbn", "0.dbn"]
    assert found("f/**/*.dbn") == ["f/1.dbn", "f/a/b/3.dbn"]


def test_linked_folders_are_entered_once_and_loops_end(put: Put) -> None:
    put("f/a/1.dbn", "elsewhere/2.dbn")
    Path("f/up").symlink_to(Path("f").absolute())
    Path("f/year").symlink_to(Path("elsewhere").absolute())
    Path("f/again").symlink_to("year")
    Path("elsewhere/back").symlink_to(Path("f").absolute())
    assert found("f") == ["f/a/1.dbn", "f/again/2.dbn"]


@pytest.mark.parametrize("target", ["gone.dbn", "lost.dbn"])
def test_a_link_to_nowhere_is_a_file_that_cannot_be_loaded(put: Put, target: str) -> None:
    put("f/1.dbn")
    Path("f/lost.dbn").symlink_to(target)
    assert found("f") == ["f/1.dbn", "f/lost.dbn"]


def test_a_pipe_and_a_folder_of_such_a_name_are_no_files(put: Put) -> None:
    put("f/1.dbn", "f/folder.dbn/2.dbn")
    os.mkfifo("f/pipe.dbn")
    assert found("f") == ["f/1.dbn", "f/folder.dbn/2.dbn"]


@pytest.mark.parametrize(
    ("name", "kind", "sentence"),
    [
        ("", UsageRefused, "An empty name was given."),
        ("nowhere.dbn", FileUnusable, "nowhere.dbn does not exist."),
        ("*.dbn", UsageRefused, "No file is like *.dbn."),
        (".", UsageRefused, ". holds no DBN file."),
        ("x" * 256, FileUnusable, f"{'x' * 255}... cannot be read: File name too long."),
        ("ä" * 128, FileUnusable, f"{'ä' * 128} cannot be read: File name too long."),
        ("a\0b", FileUnusable, "a\0b does not exist."),
        ("readme/1.dbn", FileUnusable, "readme/1.dbn does not exist."),
    ],
)
def test_a_name_that_names_nothing_is_refused(put: Put, name: str, kind: type[Stage1Error], sentence: str) -> None:
    put("readme")
    with pytest.raises(kind) as problem:
        find_files([name], print)
    assert problem.value.message == sentence
    assert problem.value.hint


def test_a_folder_that_cannot_be_read_is_named(put: Put, monkeypatch: pytest.MonkeyPatch) -> None:
    put("f/1.dbn", "f/secret/2.dbn")
    scandir = os.scandir

    def refusing(path: Any) -> Any:  # root may read everything
        if str(path).endswith("secret"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)
    with pytest.raises(FileUnusable) as problem:
        find_files(["f"], print)
    assert problem.value.message == "f/secret cannot be read: Permission denied."


def test_what_manifests_announce_and_their_folders_have_not_is_said(put: Put) -> None:
    put("f/1.dbn", "f/a/2.dbn.zst", "f/b/3.dbn")
    absent = [f"{number}.dbn.zst" for number in range(20, 32)]
    files = [{"filename": name} for name in ("2.dbn.zst", "condition.json", *absent)]
    Path("f/a/manifest.json").write_text(json.dumps({"files": ["x", {"filename": 1}, *files]}))
    Path("f/b/manifest.json").write_text("of something else")
    Path("f/manifest.json").write_text(json.dumps({"files": [{"filename": "1.dbn"}]}))
    said: list[str] = []
    assert len(find_files(["f"], said.append)) == 3
    assert said == [f"warning: f/a/manifest.json announces what is not beside it: {', '.join(absent[:10])} and 2 more"]

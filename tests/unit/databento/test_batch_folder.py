"""Is what lies beside a file found, believed where it names the file, and refused where it is broken?"""

import json
from pathlib import Path
from typing import Any

import pytest

from stage1.adapters.databento.batch_folder import Announced, announced, check
from stage1.errors import CountMismatch

HASH = "ab" * 32


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "glbx-mdp3-2023.ohlcv-1m.dbn.zst"


def manifest(path: Path, *files: Any, **more: Any) -> Path:
    found = path.parent / "manifest.json"
    found.write_text(json.dumps({"job_id": "GLBX-1", "files": list(files), **more}))
    return found


def entry(path: Path, **values: Any) -> dict[str, Any]:
    return {"filename": path.name, "size": 12, "hash": f"sha256:{HASH}", "urls": {"https": "x"}, **values}


def test_a_file_alone_is_announced_by_nobody(path: Path) -> None:
    assert announced(path) == Announced()
    assert announced(Path("absent/file.dbn")) == Announced()
    check(Announced(), path, HASH, 1, 2)


def test_a_symbology_is_found_by_itself(path: Path) -> None:
    symbology = path.parent / "symbology.json"
    symbology.mkdir()
    assert announced(path) == Announced()
    symbology.rmdir()
    symbology.touch()
    assert announced(path) == Announced(symbology=symbology)


def test_a_manifest_announces_the_files_that_it_names(path: Path) -> None:
    other = {"filename": "condition.json", "size": "?", "hash": 7}
    found = manifest(path, "x", None, other, entry(path), more={"a": 1})
    assert announced(path) == Announced(HASH, 12, None, None, found)
    (path.parent / "symbology.json").touch()
    manifest(path, entry(path, hash=f"sha256:{HASH.upper()}", record_count=0))
    assert announced(path) == Announced(HASH, 12, 0, path.parent / "symbology.json", found)
    manifest(path, {"filename": path.name})
    assert announced(path) == Announced(None, None, None, path.parent / "symbology.json", found)


@pytest.mark.parametrize(
    "content", ["{}", '{"files": null}', '{"files": {"filename": 1}}', '{"files": [{"filename": "other.dbn"}]}']
)
def test_a_manifest_that_does_not_name_the_file_announces_nothing(content: str, path: Path) -> None:
    (path.parent / "manifest.json").write_text(content)
    (path.parent / "symbology.json").touch()
    assert announced(path) == Announced(), "the symbology is of the same other download"


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[]", b'"x"', b"[" * 100_000])
def test_a_broken_manifest_is_named(content: bytes, path: Path) -> None:
    (path.parent / "manifest.json").write_bytes(content)
    with pytest.raises(CountMismatch, match=r"manifest\.json (is not JSON|holds JSON that is no object)") as refusal:
        announced(path)
    assert "manifest.json of the job again" in refusal.value.hint


@pytest.mark.parametrize(
    "values",
    [{"size": "12"}, {"size": -1}, {"size": True}, {"size": 1.5}, {"record_count": "many"}, {"hash": HASH}, {"hash": 5},
     {"hash": "sha256:abc"}, {"hash": "md5:" + "a" * 32}],
    ids=str,
)  # fmt: skip
def test_what_it_says_of_the_file_has_to_be_of_its_form(values: dict[str, Any], path: Path) -> None:
    manifest(path, entry(path, **values))
    with pytest.raises(CountMismatch, match=f"for the {next(iter(values))} of glbx"):
        announced(path)


def test_a_file_is_compared_with_what_was_announced(path: Path) -> None:
    known = Announced(HASH, 12, 3, None, Path("manifest.json"))
    check(known, path, HASH, 12, 3)
    for found, sentence, expected in (
        ((HASH, 11, 3), "bytes: 11", "bytes: 12"),
        ((HASH, 12, 4), "records: 4", "records: 3"),
        (("cd" * 32, 12, 3), f"sha256: {'cd' * 32}", f"sha256: {HASH}"),
        (("cd" * 32, 11, 0), "bytes: 11; records: 0; sha256", "bytes: 12"),
    ):
        with pytest.raises(CountMismatch) as refusal:
            check(known, path, *found)
        assert sentence in refusal.value.message
        assert str(path) in refusal.value.message
        assert "manifest.json" in refusal.value.message
        assert expected in refusal.value.detail

"""Is a file of the spool what it is known by, wherever it lies and whoever touched it?"""

from pathlib import Path

import pytest

from stage1 import errors
from stage1.operations.spool_files import finish, opened, peek
from stage1.operations.spool_places import APPEND_FILE
from tests.unit.spool.spool_folder import claimed, settings_of, write


def test_a_whole_file_that_was_edited_is_told_and_the_others_go_on(spool: Path) -> None:
    for name in ("a", "b"):
        write(spool / "new" / f"{name}.sql", f"{name};")
    first, _ = claimed(spool)
    write(first.path, "a, edited;")
    settings = settings_of(spool)
    for edited, other in (claimed(spool), peek([spool], settings), peek([first.path] * 2, settings)):
        assert f"The bytes of {first.path} are not those that were claimed" in edited.problem
        assert edited.problem.endswith(".")
        with pytest.raises(errors.SpoolEdited, match="not those that were claimed"), opened(edited):
            pytest.fail("it was opened")
        if other.path != first.path:
            with opened(other) as reading:
                assert (other.problem, reading.read()) == ("", b"b;")
    write(first.path, "a;")
    assert claimed(spool)[0] == first
    kept = finish(first)
    write(kept, "a, edited;")
    assert peek([kept], settings)[0].problem


def test_a_claimed_append_file_keeps_its_id_wherever_it_is_moved(spool: Path, tmp_path: Path) -> None:
    write(spool / APPEND_FILE)
    [file] = claimed(spool)
    beside = file.path.rename(tmp_path / file.path.name)
    assert [(found.identity, found.is_append) for found in claimed(spool, beside)] == [(file.identity, True)]
    for place in (spool / "new", spool):
        beside.rename(place / beside.name)
        assert [found.identity for found in peek([spool], settings_of(spool))] == [file.identity]
        assert claimed(spool) == [file], "under its own name"
        file.path.rename(beside)


def test_what_is_opened_is_what_was_claimed(spool: Path, tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        write(spool / "new" / f"{name}.sql", f"{name};")
    files = claimed(spool)
    with opened(files[0]) as reading:
        assert reading.read() == b"a;"
    write(files[0].path, "x;")
    files[1].path.rename(tmp_path / "target")
    files[1].path.symlink_to(tmp_path / "target")
    files[2].path.unlink()
    refusals = ((errors.SpoolEdited, "was sha256:"), (errors.SpoolRefused, "symbolic link"), (errors.FileUnusable, "is gone"))
    for file, (error, why) in zip(files, refusals, strict=True):
        with pytest.raises(error, match=why), opened(file):
            pytest.fail("it was opened")

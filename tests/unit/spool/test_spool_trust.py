"""Is what somebody else may have written refused, before anything is moved?"""

import os
from pathlib import Path

import pytest

from stage1 import errors
from stage1.operations.spool_files import claim, locked, peek
from stage1.operations.spool_places import APPEND_FILE
from tests.unit.spool.spool_folder import claimed, settings_of, silent, write


def _link(path: Path) -> None:
    target = path.with_name("target")
    path.rename(target)
    path.symlink_to(target)


def _fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path, 0o600)


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir(mode=0o700)


def _stranger(path: Path) -> None:
    os.chown(path, 12345, -1)


SPOILED = {
    "a link": (_link, "symbolic link"),
    "a pipe": (_fifo, "no plain file"),
    "a folder": (_folder, "no plain file"),
    "for all": (lambda path: path.chmod(0o602), "everybody may write it"),
    "for a group": (lambda path: (os.chown(path, -1, 12345), path.chmod(0o660)), "its group may write it"),
    "another's": (_stranger, "belongs to user 12345"),
}


PLACES = [APPEND_FILE, "a.sql", "new/a.sql", "work/a.sql", "done/a.sql"]
SPOILED_PLACES = [(how, where) for how in SPOILED for where in [*PLACES, "../beside.sql"]]
SPOILED_PLACES.remove(("a folder", "../beside.sql"))  # a folder that is named is a spool


@pytest.mark.parametrize(("how", "where"), SPOILED_PLACES)
def test_a_file_that_somebody_else_may_have_written_is_refused(spool: Path, how: str, where: str) -> None:
    spoil, why = SPOILED[how]
    if how in ("another's", "for a group") and os.geteuid() != 0:
        pytest.skip("only root can give a file away")
    for folder in ("work", "done"):
        (spool / folder).mkdir(mode=0o700)
    good = write(spool / "new" / "good.sql")
    path = write(spool / where)
    spoil(path)
    others = [path] if path.parent == spool / ".." else []
    for look in (claim, lambda places, settings, _: peek(places, settings)):
        with pytest.raises(errors.SpoolRefused, match=why) as refusal:
            look([spool, *others], settings_of(spool), silent)
        assert path.name in refusal.value.message
        assert good.exists(), "nothing is moved before all is looked at"


@pytest.mark.parametrize("where", [".", "new", "work", "done"])
def test_a_folder_into_which_others_may_write_is_refused(spool: Path, tmp_path: Path, where: str) -> None:
    write(spool / "new" / "good.sql")
    folder = spool / where
    folder.mkdir(exist_ok=True)
    folder.chmod(0o777)
    for attempt in (lambda: claimed(spool), lambda: locked([spool]).__enter__()):
        with pytest.raises(errors.SpoolRefused, match="everybody may write it"):
            attempt()
    folder.chmod(0o700)
    moved = folder.rename(tmp_path / "moved")
    (spool / where if where != "." else spool).symlink_to(moved)
    with pytest.raises(errors.SpoolRefused, match="symbolic link"):
        claimed(spool)


@pytest.mark.parametrize(("mode", "why"), [(0o777, "folder .*shared cannot be trusted: everybody"), (0o1777, ""), (0o755, "")])
def test_a_file_beside_the_spool_lies_where_nobody_else_can_exchange_it(spool: Path, tmp_path: Path, mode: int, why: str) -> None:
    folder = tmp_path / "shared"
    folder.mkdir()
    path = write(folder / "mine.sql")
    folder.chmod(mode)
    for look in (claimed, lambda place, file: peek([place, file], settings_of(place))):
        if why:
            with pytest.raises(errors.SpoolRefused, match=why):
                look(spool, path)
        else:
            assert [file.path for file in look(spool, path)] == [path]


def test_a_shared_folder_of_a_stranger_is_refused_though_files_stay_their_owners(spool: Path, tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give a folder away")
    folder = tmp_path / "shared"
    folder.mkdir()
    path = write(folder / "mine.sql")
    os.chown(folder, 12345, -1)
    folder.chmod(0o1777)
    with pytest.raises(errors.SpoolRefused, match="belongs to user 12345"):
        claimed(spool, path)

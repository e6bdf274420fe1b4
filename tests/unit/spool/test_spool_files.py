"""Is nothing of a spool lost or taken twice, whoever writes while it is claimed?"""

import fcntl
import hashlib
import os
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from stage1 import clock, errors
from stage1.model.spool_text import LINE_MODE, Splitter
from stage1.operations.spool_files import SpoolFile, claim, finish, locked, opened, peek, pending_files, purge
from stage1.operations.spool_places import APPEND_FILE
from tests.unit.spool.spool_folder import APPENDED, claimed, files_below, settings_of, write


def test_what_waits_is_claimed_in_order_and_then_put_away(spool: Path) -> None:
    write(spool / APPEND_FILE, APPENDED)
    write(spool / "new" / "b.sql", "b;")
    write(spool / "a.sql", "a;")
    write(spool / "new" / ".c.sql", "unfinished")
    write(spool / "new" / "d.sql.part", "unfinished")
    said: list[str] = []
    found = claim([spool], settings_of(spool), said.append)
    assert [file.is_append for file in found] == [True, False, False]
    assert [file.path.read_text() for file in found] == [APPENDED, "a;", "b;"]
    assert found[0].identity == f"append:{found[0].path.stem.removeprefix('append-')}"
    assert found[1].identity == f"sha256:{hashlib.sha256(b'a;').hexdigest()}"
    assert all(file.path.parent == spool / "work" and file.moves for file in found)
    assert [file.path.stat().st_mode & 0o777 for file in found] == [0o600] * 3
    assert (spool / "work").stat().st_mode & 0o777 == 0o700
    assert found[0].path.name in said[0]
    assert claimed(spool) == found, "until they are finished, they are there again"

    kept = [finish(file) for file in found]
    assert all(path.parent == spool / "done" for path in kept)
    assert (spool / "done").stat().st_mode & 0o777 == 0o700
    assert claimed(spool) == [SpoolFile(kept[0], found[0].identity, found[0].name, is_append=True, moves=True)]
    assert finish(claimed(spool)[0]) == kept[0]
    assert files_below(spool) == sorted([*(f"done/{path.name}" for path in kept), "new/.c.sql", "new/d.sql.part"])


@pytest.mark.parametrize("text", ["", " \n\t\n", LINE_MODE.decode(), LINE_MODE.decode()[:9], LINE_MODE.decode() + "\n \n"])
def test_an_append_file_in_which_nothing_stands_is_left(spool: Path, text: str) -> None:
    write(spool / APPEND_FILE, text)
    assert claimed(spool) == []
    assert pending_files(settings_of(spool)) == []
    assert files_below(spool) == [APPEND_FILE]


def test_two_files_of_one_name_or_one_content_are_both_kept(spool: Path) -> None:
    for text in ("a;", "a;", "b;"):
        write(spool / "new" / "same.sql", text)
        write(spool / "same.sql", "c;")
        claimed(spool)
    found = claimed(spool)
    assert sorted(file.path.read_text() for file in found) == ["a;", "a;", "b;", "c;", "c;", "c;"]
    assert len({file.identity for file in found}) == 3
    for file in found:
        finish(file)
    write(spool / "new" / "same.sql", "a;")
    finish(claimed(spool)[0])
    assert len(files_below(spool / "done")) == 7


@pytest.mark.parametrize("name", ["x" * 251 + ".sql", "ü" * 125 + ".sql", "append-daily-00000001.sql", "append.sql"])
def test_a_name_is_kept_as_far_as_it_can_be_and_never_taken_for_an_id(spool: Path, name: str) -> None:
    write(spool / "new" / name)
    for _ in range(2):
        [file] = claimed(spool)
        assert file.path.name.startswith(name.removesuffix(".sql")[:50])
        assert file.identity.startswith("sha256:")
    assert finish(file).parent.name == "done"
    assert claimed(spool) == []


def test_a_name_that_is_no_text_can_be_told(spool: Path) -> None:
    write(Path(os.fsdecode(os.fsencode(spool / "new") + b"/\xff.sql")))
    [file] = claimed(spool)
    assert file.name.startswith("\\xff")
    assert finish(file).exists()


def test_a_file_beside_the_spool_is_read_where_it_lies(spool: Path, tmp_path: Path) -> None:
    other = write(tmp_path / "exports.sql", "x;")
    (tmp_path / "work").mkdir()
    second = write(tmp_path / "work" / "mine.sql", "y;")
    found = claimed(spool, other, second)
    assert [(file.path, file.moves, file.is_append) for file in found] == [(other, False, False), (second, False, False)]
    assert [finish(file) for file in found] == [other, second]
    assert files_below(tmp_path) == ["exports.sql", "work/mine.sql"]


@pytest.mark.parametrize("named", [APPEND_FILE, "inserts.sql"])
def test_an_append_file_alone_can_be_the_spool(tmp_path: Path, named: str) -> None:
    place = write(tmp_path / named, APPENDED)
    stranger = write(tmp_path / "stranger.sql")
    assert pending_files(settings_of(place)) == [place]
    [file] = claimed(place)
    assert file.is_append
    assert file.path.parent == tmp_path / "work"
    assert pending_files(settings_of(place)) == [file.path]
    assert claimed(place) == [file], "the next run finds it though there is no append file"
    [by_name] = peek([file.path], settings_of(tmp_path / "no"))
    assert (by_name.identity, by_name.moves) == (file.identity, False), "one that was claimed keeps its id"
    finish(file)
    assert pending_files(settings_of(place)) == []
    assert stranger.exists()


@pytest.mark.parametrize("named", ["no-spool", "no-spool/inserts.sql", f"no-spool/{APPEND_FILE}"])
def test_a_run_on_a_spool_that_does_not_exist_is_refused_and_nothing_waits_there(tmp_path: Path, named: str) -> None:
    place, settings = tmp_path / named, settings_of(tmp_path / named)
    assert pending_files(settings) == purge([place], 30, {}, settings) == []
    for look in (lambda: claimed(place), lambda: peek([place], settings), lambda: locked([place], settings).__enter__()):
        with pytest.raises(errors.FileUnusable, match=f"There is no spool {tmp_path}/no-spool") as refusal:
            look()
        assert "STAGE1_SPOOL" in refusal.value.hint
    assert not (tmp_path / "no-spool").exists()


@pytest.mark.parametrize("named", ["inserts.sql", APPEND_FILE])
def test_an_append_file_that_does_not_exist_yet_is_empty_and_another_place_is_an_error(tmp_path: Path, named: str) -> None:
    place = tmp_path / named
    with locked([place], settings_of(place)):
        assert claimed(place) == peek([place], settings_of(place)) == []
    with pytest.raises(errors.FileUnusable, match="no file or folder"):
        claimed(place, tmp_path / "no-spool")


def test_a_look_moves_nothing(spool: Path) -> None:
    write(spool / APPEND_FILE, APPENDED)
    write(spool / "new" / "b.sql")
    before = files_below(spool)
    assert [(file.path.name, file.is_append) for file in peek([spool], settings_of(spool))] == [
        (APPEND_FILE, True),
        ("b.sql", False),
    ]
    assert pending_files(settings_of(spool)) == [spool / APPEND_FILE, spool / "new" / "b.sql"]
    assert files_below(spool) == before


def test_the_names_of_claims_sort_by_time(spool: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    moment = datetime(2026, 11, 20, 3, 15, 0, 999_990, tzinfo=UTC)
    texts = []
    for number in range(20):
        monkeypatch.setattr(clock, "now", lambda at=number: moment + timedelta(microseconds=at))
        texts.append(write(spool / APPEND_FILE, f"{APPENDED}{number};\n").read_text())
        claimed(spool)
    assert [file.path.read_text() for file in claimed(spool)] == texts


def test_every_record_is_found_once_while_clients_write(spool: Path) -> None:
    count, path = 300, spool / APPEND_FILE

    def client(who: int) -> None:
        for number in range(count):
            while True:
                with os.fdopen(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "ab") as file:
                    fcntl.flock(file, fcntl.LOCK_EX)
                    try:
                        if os.path.samestat(path.stat(), os.fstat(file.fileno())):
                            file.write(f"client {who} record {number};\n".encode())
                            break
                    except FileNotFoundError:
                        continue

    clients = [threading.Thread(target=client, args=(who,)) for who in range(3)]
    for thread in clients:
        thread.start()
    deadline = clock.monotonic() + 60
    while any(thread.is_alive() for thread in clients) and clock.monotonic() < deadline:
        for file in claimed(spool)[-1:]:
            finish(file)
    found = []
    for file in claimed(spool):
        with opened(file) as reading:
            found += [statement.text.decode() for statement in Splitter(reading)]
    assert sorted(found) == sorted(f"client {who} record {number}" for who in range(3) for number in range(count))


def test_what_comes_through_an_open_descriptor_is_seen_in_work_and_in_done(spool: Path) -> None:
    with write(spool / APPEND_FILE).open("a") as client:
        [file] = claimed(spool)
        client.write("b;\n")
        client.flush()
        assert claimed(spool)[0].path.read_text() == "a;\nb;\n"
        finish(file)
        client.write("c;\n")
        client.flush()
        [again] = claimed(spool)
        assert again.identity == file.identity
        assert again.path.read_text() == "a;\nb;\nc;\n"


def test_a_client_that_writes_is_waited_for_and_one_that_hangs_is_not(spool: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(spool / APPEND_FILE)
    client = os.open(path, os.O_RDWR | os.O_APPEND)
    fcntl.flock(client, fcntl.LOCK_EX)
    polls = []

    def end_of_the_record(seconds: float) -> None:
        polls.append(seconds)
        os.write(client, b"b;\n")
        fcntl.flock(client, fcntl.LOCK_UN)

    monkeypatch.setattr(clock, "pause", end_of_the_record)
    [file] = claimed(spool)
    assert file.path.read_text() == "a;\nb;\n"
    assert len(polls) == 1
    os.close(client)

    client = os.open(write(path), os.O_RDWR)
    fcntl.flock(client, fcntl.LOCK_EX)
    started = clock.monotonic()
    monkeypatch.setattr(clock, "pause", lambda _: monkeypatch.setattr(clock, "monotonic", lambda: started + 3600))
    with pytest.raises(errors.LockHeld, match=APPEND_FILE):
        claimed(spool)
    assert path.exists()
    os.close(client)


def test_a_file_that_was_exchanged_while_its_lock_was_waited_for_is_not_mistaken(
    spool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(spool / APPEND_FILE, "old;\n")
    client = os.open(path, os.O_RDWR)
    fcntl.flock(client, fcntl.LOCK_EX)

    def exchange(_: float) -> None:
        path.rename(spool / "elsewhere")
        write(path, "new;\n")
        fcntl.flock(client, fcntl.LOCK_UN)

    monkeypatch.setattr(clock, "pause", exchange)
    [file] = claimed(spool)
    assert file.path.read_text() == "new;\n"
    os.close(client)


def test_one_run_at_a_time(spool: Path, tmp_path: Path) -> None:
    with (
        locked([spool, spool / APPEND_FILE, tmp_path / "spool"], settings_of(spool)),
        pytest.raises(errors.LockHeld, match="Another replay"),
        locked([spool], settings_of(spool)),
    ):
        pytest.fail("two runs at once")
    with locked([spool]):
        pass


def test_a_copy_of_a_claim_is_not_replayed_as_another_file(spool: Path) -> None:
    write(spool / APPEND_FILE)
    [file] = claimed(spool)
    (spool / "done").mkdir(mode=0o700)
    write(spool / "done" / file.path.name)
    with pytest.raises(errors.SpoolRefused, match="exists already"):
        finish(file)
    assert file.path.exists()


@pytest.mark.parametrize("point", ["replay: append file claimed", "replay: file moved to work", "replay: file moved to done"])
def test_a_run_that_is_killed_loses_no_file(spool: Path, point: str) -> None:
    write(spool / APPEND_FILE, APPENDED)
    write(spool / "new" / "b.sql", "b;")
    program = (
        "import sys; from pathlib import Path; from stage1.settings import Settings\n"
        "from stage1.operations.spool_files import claim, finish\n"
        "for file in claim([Path(sys.argv[1])], Settings({}), print): finish(file)\n"
    )
    killed = subprocess.run(
        [sys.executable, "-c", program, spool], env={**os.environ, "STAGE1_KILL_AT": point}, check=False, timeout=60
    )
    assert killed.returncode == -9
    found = claimed(spool)
    assert [file.path.read_text() for file in found] == [APPENDED, "b;"]
    assert len({file.identity for file in found}) == 2

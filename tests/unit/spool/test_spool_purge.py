"""Is only that deleted of a spool which nobody needs any more?"""

import fcntl
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from stage1 import clock
from stage1.operations.spool_files import finish, purge
from stage1.operations.spool_places import APPEND_FILE
from tests.unit.spool.spool_folder import claimed, files_below, settings_of, write


def purged(spool: Path, known: dict[str, int], monkeypatch: pytest.MonkeyPatch, days: float = 31) -> list[str]:
    later = datetime.now(UTC) + timedelta(days=days)
    monkeypatch.setattr(clock, "now", lambda: later)
    return [path.name for path in purge([spool], 30, known, settings_of(spool))]


@pytest.mark.parametrize("is_append", [True, False])
def test_only_what_is_old_known_and_read_to_its_end_is_deleted(
    spool: Path, monkeypatch: pytest.MonkeyPatch, *, is_append: bool
) -> None:
    write(spool / (APPEND_FILE if is_append else "new/a.sql"))
    [file] = claimed(spool)
    known = {file.identity: 3}
    assert purged(spool, known, monkeypatch) == [], "it lies in work/"
    path = finish(file)
    assert purged(spool, {}, monkeypatch) == [], "nobody knows it"
    assert purged(spool, known, monkeypatch, days=29) == [], "it is young"
    assert purged(spool, {file.identity: 2}, monkeypatch) == [], "it is longer than what was read of it"
    assert path.exists()
    assert purged(spool, known, monkeypatch) == [path.name]
    assert files_below(spool) == []


@pytest.mark.skipif(not hasattr(fcntl, "F_SETLEASE"), reason="this system has no leases")
def test_an_append_file_that_a_client_has_open_is_not_deleted(spool: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(spool / APPEND_FILE)
    [file] = claimed(spool)
    path = finish(file)
    writer = "import sys; file = open(sys.argv[1], 'a'); print(flush=True); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", writer, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as client:
        assert client.stdin is not None
        assert client.stdout is not None
        client.stdout.readline()
        assert purged(spool, {file.identity: 3}, monkeypatch) == []
        client.stdin.close()
        client.wait(timeout=30)
    assert purged(spool, {file.identity: 3}, monkeypatch) == [path.name]

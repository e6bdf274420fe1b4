"""Does long work say how far it is: in one line of a terminal, now and then elsewhere, never when told to be quiet?"""

import io
import threading
from pathlib import Path

import pytest

from stage1 import clock
from stage1.cli import progress as module
from stage1.cli.progress import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def moment(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, which the test moves on."""
    now = [100.0]
    monkeypatch.setattr(clock, "monotonic", lambda: now[0])
    return now


def show(stream: io.StringIO, moment: list[float], monkeypatch: pytest.MonkeyPatch, *, quiet: bool = False) -> str:
    monkeypatch.setattr(module.sys, "stderr", stream)
    with Progress(quiet=quiet) as progress:
        progress.show("loaded", 0, 4_000_000)
        for second in range(1, 61):
            moment[0] += 1
            progress.show("loaded", second * 50_000, 4_000_000)
    return stream.getvalue()


def test_a_terminal_has_one_line_that_is_written_over_and_taken_away(moment, monkeypatch):
    said = show(Terminal(), moment, monkeypatch)
    assert "\n" not in said
    assert said.count("\r") == 61
    assert "loaded 2,000,000 of 4,000,000 records, 50,000 a second, 40 s left" in said
    assert said.endswith("\r\x1b[K")


def test_a_log_has_a_line_every_half_minute(moment, monkeypatch):
    said = show(io.StringIO(), moment, monkeypatch)
    assert said.splitlines() == [
        "loaded 1,500,000 of 4,000,000 records, 50,000 a second, 50 s left",
        "loaded 3,000,000 of 4,000,000 records, 50,000 a second, 20 s left",
    ]


def test_quiet_is_quiet(moment, monkeypatch):
    assert show(Terminal(), moment, monkeypatch, quiet=True) == ""


def test_what_is_not_known_yet_is_not_said(moment, monkeypatch):
    stream = Terminal()
    monkeypatch.setattr(module.sys, "stderr", stream)
    with Progress(quiet=False) as progress:
        moment[0] += 1
        progress.show("checked", 1_000, 0)
    assert "checked 1,000 records, 1,000 a second\r" in stream.getvalue().replace("\x1b[K", "")


def test_several_files_are_told_apart_and_counted_together(moment, monkeypatch):
    stream = Terminal()
    monkeypatch.setattr(module.sys, "stderr", stream)
    with Progress(quiet=False, files=3) as progress:
        one, two, three = (progress.of(Path(name)) for name in "123")

        def line():
            return stream.getvalue().split("\x1b[K")[-1]

        one("checked", 0, 0)
        two("checked", 0, 0)
        moment[0] += 10
        one("checked", 500, 0)
        moment[0] += 1
        two("checked", 600, 0)
        assert line() == "checked 1,100 records, 100 a second, 0 of 3 files"
        one("loaded", 0, 1_000)
        moment[0] += 10
        one("loaded", 500, 1_000)
        assert line() == "checked 600 records, loaded 500 of 1,000 records, 50 a second, 0 of 3 files"
        two("loaded", 0, 2_000)
        moment[0] += 10
        one("loaded", 1_000, 1_000)
        assert line() == "loaded 1,000 of 3,000 records, 50 a second, 0 of 3 files"
        progress.finish(Path("1"))
        three("loaded", 0, 3_000)
        moment[0] += 10
        two("loaded", 2_000, 2_000)
        assert line() == "loaded 2,000 of 5,000 records, 100 a second, 1 of 3 files, 30 s left"


def test_a_file_that_begins_does_not_set_the_clock_of_the_others_back(moment, monkeypatch):
    stream = Terminal()
    monkeypatch.setattr(module.sys, "stderr", stream)
    with Progress(quiet=False, files=2) as progress:
        progress.of(Path("1"))("loaded", 0, 10_000)
        moment[0] += 100
        progress.of(Path("2"))("loaded", 0, 10_000)
        moment[0] += 1
        progress.of(Path("1"))("loaded", 1_010, 10_000)
    assert "loaded 1,010 of 20,000 records, 10 a second, 0 of 2 files, " in stream.getvalue()


def test_nobody_writes_into_the_line_while_others_talk(moment, monkeypatch):
    stream = Terminal()
    monkeypatch.setattr(module.sys, "stderr", stream)
    progress = Progress(quiet=False)
    moment[0] += 1
    progress.show("loaded", 1, 0)
    before = stream.getvalue()
    moment[0] += 1
    worker = threading.Thread(target=progress.show, args=("loaded", 2, 0))
    with progress.aside():
        worker.start()
        worker.join(0.1)
        assert stream.getvalue() == before + "\r\x1b[K"
        assert worker.is_alive()
    worker.join()
    assert "loaded 2 records" in stream.getvalue()

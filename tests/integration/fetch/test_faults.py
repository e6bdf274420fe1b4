"""Every fault on the way: the run ends with the right sentence and exit code, keeps what is whole, and a second one finishes."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest

from stage1 import clock
from stage1.operations import fetch_segments
from tests.plugins.fetched_files import QUARTER, QUARTER_FOLDER, tree
from tests.standin import faults
from tests.standin.faults import Fault, Gate

FOR_EVER = float("inf")
FEBRUARY = f"{QUARTER_FOLDER}/TRADES.segments/20230201-20230301.dbn.zst"
HELD = {f"{QUARTER_FOLDER}/TRADES.segments/{name}" for name in ("plan.json", "20230101-20230201.dbn.zst")}


def closed(fault: Fault) -> Fault:
    """The same, with nothing that tells where the body ends but the close of the connection."""

    def change(answer: faults.Answer) -> None:
        fault.change(answer)
        answer.framing = "close"

    return replace(fault, name=f"{fault.name}, closed", change=change)


@dataclass(frozen=True)
class Bad:
    """A fault that stays: how the run ends, what it says, and whether it may pass at the next try."""

    fault: Callable[[], Fault]
    exit_code: int
    words: str
    passes: bool = False


def passing(fault: Callable[[], Fault], words: str) -> Bad:
    """One that is tried again, and in the end the vendor is not available."""
    return Bad(fault, 4, rf"{words}.*\(tried 3 times\)", passes=True)


BAD = {
    "cut before the first byte": passing(lambda: faults.cut(0), "cut in the middle"),
    "cut in the magic": passing(lambda: faults.cut(3), "cut in the middle"),
    "cut in the first bytes": passing(lambda: faults.cut(9), "cut in the middle"),
    "cut in a chunk": passing(lambda: faults.cut(1_000), "cut in the middle"),
    "reset": passing(lambda: faults.cut(1_000, reset=True), "cut in the middle"),
    "cut at the last byte": passing(lambda: faults.cut(-1), "cut in the middle"),
    "no last chunk": passing(lambda: faults.cut(-4), "cut in the middle"),
    "cut with a length": passing(lambda: faults.cut(-1, "length"), "cut in the middle"),
    "cut with a length, nothing": passing(lambda: faults.cut(0, "length"), "cut in the middle"),
    "closed early": passing(lambda: faults.cut(-1, "close"), "not whole .*is cut short"),
    "closed in the magic": passing(lambda: faults.cut(3, "close"), "not whole .*is cut short"),
    "closed in the first block": passing(lambda: faults.cut(7, "close"), "not whole .*is cut short"),
    "closed between frames": passing(
        lambda: closed(faults.shortened()), r"not whole \(\d+ records arrived, and the vendor counts"
    ),
    "nothing": passing(faults.nothing, "not whole .*is empty"),
    "garbage": passing(faults.garbage, "not whole .*HTML"),
    "JSON": passing(lambda: faults.garbage(b'{"detail": "Gateway"}'), "not whole .*JSON"),
    "a byte that may begin a frame": passing(lambda: faults.garbage(b"\x28"), "not whole .*is cut short"),
    "zeros": passing(lambda: faults.garbage(bytes(4_096)), "not whole .*zero bytes"),
    "altered": passing(faults.altered, "not whole .*is altered"),
    "a longer range": passing(lambda: faults.instead(start="2023-01-01", end="2023-04-01"), "received outside of the range"),
    "429": passing(lambda: faults.too_many(0), "429"),
    "500": passing(faults.failed, "500"),
    "502": passing(lambda: faults.failed(502, "<html>"), "502"),
    "503": passing(lambda: faults.failed(503, ""), "503"),
    "504": passing(lambda: faults.failed(504, "Gateway Time-out"), "gateway timed out"),
    "429 for long": Bad(lambda: faults.too_many(7_200), 4, "asks to wait 7,200 seconds"),
    "429 until late": Bad(lambda: faults.too_many(datetime.now(UTC) + timedelta(hours=2)), 4, r"asks to wait 7,[12]\d\d seconds"),
    "shortened": Bad(faults.shortened, 3, r"\d+ records arrived, and the vendor counts \d+"),
    "header only": Bad(faults.header_only, 3, r"0 records arrived, and the vendor counts"),
    "a shorter range": Bad(lambda: faults.instead(start="2023-02-10"), 3, "the vendor counts"),
    "quotes": Bad(lambda: faults.instead(schema="tbbo"), 3, "something else"),
    "another symbol": Bad(lambda: faults.instead(symbols="MSFT"), 3, "something else: trades of MSFT"),
    "another dataset": Bad(lambda: faults.instead(dataset="EQUS.MINI"), 3, r"something else: .*EQUS\.MINI"),
    "with a limit": Bad(lambda: faults.instead(limit="5"), 3, "something else"),
    "redirected": Bad(lambda: faults.redirected("http://127.0.0.1:9/"), 3, "It is not followed"),
    "400": Bad(lambda: faults.refused(400, "bad", "Told why."), 3, "(?s)HTTP status 400.*Told why"),
    "401": Bad(lambda: faults.refused(401, "auth_authentication_failed"), 4, "does not accept the key"),
    "402": Bad(lambda: faults.refused(402, "account_insufficient_funds"), 4, "does not allow"),
    "403": Bad(lambda: faults.refused(403, "license_not_found_unauthorized"), 4, "does not allow"),
    "404": Bad(lambda: faults.failed(404, "Not Found"), 3, "HTTP status 404"),
    "422 of a subscription": Bad(lambda: faults.refused(422, "dataset_unavailable_range"), 4, "another subscription"),
    "422 of a symbol": Bad(lambda: faults.refused(422, "symbology_invalid_request"), 1, "knows no symbol"),
    "422 after the end": Bad(lambda: faults.refused(422, "data_end_after_available_end"), 3, "end at an unknown time"),
    "422 of something new": Bad(lambda: faults.refused(422, "told_nowhere", "Told why."), 3, "(?s)HTTP status 422.*Told why"),
}
PASSING = [name for name, bad in BAD.items() if bad.passes]


@pytest.mark.parametrize("name", BAD)
def test_a_fault_that_stays_and_a_second_run(name, fetch, vendor, data, twin):
    bad = BAD[name]
    vendor.faults.add(bad.fault(), start="2023-02", times=FOR_EVER)
    ended = fetch(*QUARTER, exit_code=bad.exit_code)
    assert re.search(bad.words, ended.stderr), ended.stderr
    assert "Traceback" not in ended.stderr
    assert set(tree(data)) == HELD
    vendor.faults.clear()
    asked = len(vendor.journal.downloads())
    fetch(*QUARTER)
    assert tree(data) == twin(*QUARTER)
    assert [entry.form["start"][:7] for entry in vendor.journal.downloads()[asked:]] == ["2023-02", "2023-03"]
    assert vendor.journal.asked_twice() == []


@pytest.mark.parametrize("name", PASSING)
def test_a_fault_that_passes(name, fetch, vendor, data, twin):
    vendor.faults.add(BAD[name].fault(), start="2023-02", times=2)
    ended = fetch(*QUARTER)
    assert vendor.faults.left() == []
    assert ended.stderr.count("next try in 0.0 s") == 2
    assert tree(data) == twin(*QUARTER)
    assert vendor.journal.asked_twice() == []


@pytest.mark.parametrize("framing", ["length", "close"])
def test_other_framings_of_the_whole_answer(framing, fetch, vendor, data, twin):
    vendor.faults.add(faults.framed(framing), times=FOR_EVER)
    fetch(*QUARTER)
    assert tree(data) == twin(*QUARTER)


@pytest.mark.parametrize(("fault", "words"), [(faults.stalled, "does not answer in time"), (faults.slow, "stopped sending")])
def test_a_vendor_that_stands_still(fault, words, fetch, vendor, data, twin):
    gate = Gate()
    gate.let(0 if fault is faults.stalled else 700)
    vendor.faults.add(fault(gate), start="2023-02", times=FOR_EVER)
    ended = fetch(*QUARTER, exit_code=4, STAGE1_VENDOR_TIMEOUT="0.2", STAGE1_VENDOR_RETRIES="0")
    assert f"{words} (tried once)" in ended.stderr or f"{words} in the middle (tried once)" in ended.stderr
    assert set(tree(data)) == HELD
    gate.open()
    vendor.faults.clear()
    fetch(*QUARTER)
    assert tree(data) == twin(*QUARTER)


@pytest.mark.parametrize("wait", [1, datetime(2023, 6, 1, 12, 0, 1, tzinfo=UTC)])
def test_the_vendor_is_given_the_time_that_it_asks_for(wait, fetch, vendor, data, twin, monkeypatch):
    waited: list[float] = []
    monkeypatch.setattr(clock, "pause", waited.append)
    monkeypatch.setattr(clock, "now", lambda: datetime(2023, 6, 1, 12, tzinfo=UTC))
    vendor.faults.add(faults.too_many(wait), start="2023-02")
    vendor.faults.add(faults.too_many(wait), "metadata.get_cost", start="2023-02")
    fetch(*QUARTER)
    assert waited == [1.0, 1.0]
    assert tree(data) == twin(*QUARTER)


def test_what_the_vendor_warns_of_is_said(fetch, vendor):
    vendor.faults.add(faults.warned("BentoWarning: this ends soon", "and that"), start="2023-02")
    ended = fetch(*QUARTER)
    assert "the vendor warns: BentoWarning: this ends soon" in ended.stderr
    assert "the vendor warns: and that" in ended.stderr


QUESTIONS = [
    "metadata.get_dataset_range",
    "metadata.get_dataset_condition",
    "symbology.resolve",
    "metadata.get_record_count",
    "metadata.get_cost",
]
NO_ANSWERS = (b"null", b'{"start": 5}', b'["x"]', b'"x"', b"NaN", b"-1")


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize(
    ("fault", "exit_code", "words"),
    [
        (faults.failed(500), 4, r"HTTP status 500\).*\(tried 2 times\)"),
        (faults.too_many(), 4, r"HTTP status 429\).*\(tried 2 times\)"),
        (faults.cut(1, "length"), 4, r"\(tried 2 times\)"),
        (faults.garbage(), 4, r"no JSON \(tried 2 times\)"),
        (faults.refused(401, "auth_authentication_failed"), 4, "does not accept the key"),
        (faults.refused(400, "bad"), 3, "HTTP status 400"),
        *((faults.garbage(body), 3, "with something that is no answer") for body in NO_ANSWERS),
        (faults.garbage(b"[" * 50_000), 3, "with something that is no answer"),
    ],
    ids=lambda value: str(value)[:30] if isinstance(value, str) else None,
)
def test_a_question_that_is_not_answered_leaves_nothing(question, fault, exit_code, words, fetch, vendor, data):
    vendor.faults.add(fault, question, times=FOR_EVER)
    ended = fetch(*QUARTER, exit_code=exit_code, STAGE1_VENDOR_RETRIES="1")
    assert re.search(words, ended.stderr), ended.stderr
    assert not data.exists()
    assert vendor.journal.downloads() == []


def test_an_interrupt_while_what_has_arrived_is_flushed_costs_nothing(fetch, vendor, data, twin, monkeypatch):
    real, flushed = fetch_segments.os.fsync, []

    def fsync(descriptor):
        flushed.append(descriptor)
        if len(flushed) == 5:
            raise KeyboardInterrupt
        real(descriptor)

    with monkeypatch.context() as patch:
        patch.setattr(fetch_segments.os, "fsync", fsync)
        fetch(*QUARTER, exit_code=5)
    fetch(*QUARTER)
    assert tree(data) == twin(*QUARTER)
    assert vendor.journal.asked_twice() == []
    assert len(vendor.journal.downloads()) == 3


@pytest.mark.parametrize(
    "interval",
    [
        *(
            f'"d0": "2023-01-01", "d1": "2023-04-01", "s": {number}'
            for number in ('"x"', '"-1"', "5", '"1.5"', '"4294967296"', "[1]")
        ),
        '"d0": "2023-01-01", "d1": "2023-01-01", "s": "7"',
        '"d0": "2023-01-01", "d1": "never", "s": "7"',
        '"d0": "2023-01-01", "s": "7"',
    ],
)
def test_an_instrument_that_is_none_is_refused_before_anything_is_paid(interval, fetch, vendor, data):
    body = f'{{"result": {{"AAPL": [{{{interval}}}]}}}}'.encode()
    vendor.faults.add(faults.garbage(body), "symbology.resolve", times=FOR_EVER)
    assert "with something that is no answer" in fetch(*QUARTER, exit_code=3).stderr
    assert vendor.journal.downloads() == []
    assert not data.exists()

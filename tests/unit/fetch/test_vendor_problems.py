"""What every answer of the vendor means, and how long it is waited for; nothing here waits in earnest."""

from datetime import UTC, datetime

import pytest

from stage1 import clock
from stage1.adapters.databento import vendor_problems
from stage1.adapters.databento.vendor_problems import LONGEST_WAIT, Passing, Patience, refusal
from stage1.errors import UsageRefused, VendorDenied, VendorHasNone, VendorRefused, VendorUnavailable

NOW = datetime(2023, 6, 1, 12, tzinfo=UTC)
ENDS = {"available_start": "2018-05-01T00:00:00Z", "available_end": "2023-06-01T00:00:00Z"}


@pytest.fixture
def waits(monkeypatch):
    """How long was waited."""
    waited: list[float] = []
    monkeypatch.setattr(clock, "pause", waited.append)
    monkeypatch.setattr(clock, "now", lambda: NOW)
    return waited


def said(case, message="Told why.", **payload):
    return {"detail": {"case": case, "message": message, "status_code": 422, "docs": "x", "payload": payload}}


@pytest.mark.parametrize(
    ("status", "document", "kind", "words"),
    [
        (401, said("auth_authentication_failed"), VendorDenied, "does not accept the key"),
        (402, said("account_insufficient_funds"), VendorDenied, "does not allow WHAT"),
        (403, said("license_not_found_unauthorized"), VendorDenied, "does not allow WHAT"),
        (422, said("data_start_before_available_start", **ENDS), VendorRefused, "begin at 2018-05-01"),
        (422, said("data_end_after_available_end", **ENDS), VendorRefused, "end at 2023-06-01"),
        (422, said("data_start_after_available_end", **ENDS), VendorHasNone, "end at 2023-06-01"),
        (422, said("data_start_after_available_end"), VendorHasNone, "end at an unknown time"),
        (422, said("data_time_range_start_on_or_after_end"), VendorRefused, "ends before it begins"),
        (422, said("dataset_unavailable_range"), VendorDenied, "another subscription"),
        (422, said("symbology_invalid_request"), VendorHasNone, "knows no symbol of WHAT"),
        (422, said("something_new"), VendorRefused, "HTTP status 422"),
        (422, said("symbology_invalid_request", request="{x}", self="y"), VendorHasNone, "knows no symbol of WHAT"),
        (400, {"detail": "Told why."}, VendorRefused, "HTTP status 400"),
        (404, None, VendorRefused, "HTTP status 404"),
        (409, {"detail": ["x"]}, VendorRefused, "HTTP status 409"),
        (418, {"detail": {"case": None, "message": None, "payload": "x"}}, VendorRefused, "HTTP status 418"),
        (422, ["detail"], VendorRefused, "HTTP status 422"),
    ],
)
def test_refusals(status, document, kind, words):
    found = refusal(status, {}, document, "Told why.", "WHAT")
    assert type(found) is kind
    assert words in found.message
    if isinstance(document, dict) and "Told why." in str(document):
        assert found.detail == "The vendor says: Told why."


def test_what_the_vendor_says_is_one_line_that_can_be_shown():
    found = refusal(
        422, {}, said("data_end_after_available_end", "a\x1b[31m\nb" + "c" * 9_999, available_end="x\x1b[2J\ny"), "", "WHAT"
    )
    for text in (found.message, found.detail):
        assert "\x1b" not in text
        assert "\n" not in text
        assert len(text) < 500


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 520, 599])
def test_what_may_pass(status):
    found = refusal(status, {}, None, "", "WHAT")
    assert isinstance(found, Passing)
    assert found.wait is None
    assert "HTTP status" in found.reason


@pytest.mark.parametrize(
    ("header", "wait"),
    [
        ("7", 7.0),
        ("0.5", 0.5),
        ("-3", 0.0),
        ("Thu, 01 Jun 2023 12:00:30 GMT", 30.0),
        ("Thu, 01 Jun 2023 14:00:30 +0200", 30.0),
        ("Thu, 01 Jun 2023 12:00:30 -0000", 30.0),
        ("Thu, 01 Jun 2023 11:00:00 GMT", 0.0),
        ("", None),
        ("soon", None),
        ("nan", None),
        ("Thu, 01 Jun 99999999999999999999 12:00:30 GMT", None),
        ("Thu, 99 Jun 2023 12:00:30 GMT", None),
    ],
)
def test_when_to_come_again(header, wait, waits):
    assert refusal(429, {"Retry-After": header}, None, "", "WHAT").wait == wait


# -- patience -----------------------------------------------------------------------------------------------------------------


def failing(times, problem):
    """Work that fails so often."""
    left = [problem] * times

    def work():
        if left:
            raise left.pop()
        return "done"

    return work


def test_waits_become_longer_and_are_never_the_same_for_all(waits, monkeypatch):
    shares = []
    monkeypatch.setattr(vendor_problems.random, "uniform", lambda low, high: shares.append((low, high)) or 1.0)
    talk: list[str] = []
    assert Patience(4, 0.5, talk.append).until_done("WHAT", failing(4, Passing("it failed"))) == "done"
    assert waits == [0.5, 1.0, 2.0, 4.0]
    assert shares == [(0.5, 1)] * 4
    assert talk[0] == "WHAT: it failed; next try in 0.5 s (1 of 4)"
    assert len(talk) == 4


@pytest.mark.parametrize("retries", [8, 2_000])
@pytest.mark.parametrize("backoff", [0.0, 1.0, 2_000_000.0])
def test_many_tries_end_as_few_do(retries, backoff, waits):
    with pytest.raises(VendorUnavailable, match=rf"it failed \(tried {retries + 1} times\)"):
        Patience(retries, backoff, lambda _: None).until_done("WHAT", failing(9_999, Passing("it failed")))
    assert len(waits) == retries
    assert max(waits) <= LONGEST_WAIT


def test_no_tries_but_one(waits):
    with pytest.raises(VendorUnavailable, match=r"\(tried once\)"):
        Patience(0, 1, lambda _: None).until_done("WHAT", failing(1, Passing("it failed", 1_000)))
    assert waits == []


@pytest.mark.parametrize("wait", [LONGEST_WAIT, LONGEST_WAIT + 1, float("inf")])
def test_the_vendors_own_wait(wait, waits):
    patience = Patience(2, 1, lambda _: None)
    if wait <= LONGEST_WAIT:
        assert patience.until_done("WHAT", failing(1, Passing("it failed", wait))) == "done"
        assert waits == [wait]
    else:
        with pytest.raises(VendorUnavailable, match=r"asks to wait (121|inf) seconds"):
            patience.until_done("WHAT", failing(1, Passing("it failed", wait)))
        assert waits == []


def test_what_does_not_pass_is_not_tried_again(waits):
    with pytest.raises(UsageRefused):
        Patience(5, 1, lambda _: None).until_done("WHAT", failing(1, UsageRefused("no")))
    assert waits == []

"""Whose key goes where, what may be spent, and what a run that must not write leaves."""

import os
import pty
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from stage1 import faults as kill_points
from tests.plugins.fetched_files import MARKET, QUARTER, QUARTER_FOLDER, environment, small_vendor, tree
from tests.standin import faults
from tests.standin.faults import LIMIT
from tests.standin.market import Market
from tests.standin.vendor import KEY

FOR_EVER = float("inf")
EXPENSIVE = 2.0**30  # dollars for 1 GiB: a record of trades costs 48


def everywhere(folder: Path) -> bytes:
    """All that a run left behind, and the names of it."""
    found = sorted(folder.rglob("*"))
    return b"".join(str(path).encode() + (path.read_bytes() if path.is_file() else b"") for path in found)


@pytest.mark.parametrize(
    "key", ["", "db-short", f"{KEY} ", f'"{KEY}"', KEY.replace("db-", "xx-"), f"{KEY}x", KEY[:-1] + "\u00e4", KEY[:-1] + "\n"]
)
def test_a_key_that_cannot_be_one(key, fetch, vendor, data):
    ended = fetch(*QUARTER, exit_code=2, DATABENTO_API_KEY=key)
    assert ("is not set" if not key else "is no key") in ended.stderr
    assert "StandIn" not in ended.said
    assert vendor.journal.entries() == []
    assert not data.exists()


def test_a_key_that_is_not_the_right_one_is_never_shown(fetch, vendor, data, tmp_path):
    wrong = KEY[:-3] + "xyz"
    ended = fetch(*QUARTER, "--verbose", exit_code=4, DATABENTO_API_KEY=wrong)
    assert "does not accept the key" in ended.stderr
    assert wrong not in ended.said
    assert [entry.authorised for entry in vendor.journal.entries()] == [False]
    assert not data.exists()
    assert wrong.encode() not in everywhere(tmp_path)


@pytest.mark.parametrize("symbols", ["AAPL", "AAPL,MSFT"])
@pytest.mark.parametrize("endpoint", ["metadata.get_record_count", "timeseries.get_range"])
def test_a_vendor_that_repeats_the_key(endpoint, symbols, fetch, vendor, tmp_path):
    vendor.faults.add(faults.refused(422, "odd", f"No {vendor.key} here."), endpoint, times=FOR_EVER)
    ended = fetch(*QUARTER, "--symbol", symbols, exit_code=3 if symbols == "AAPL" else 1)
    assert "No *** here." in ended.stderr
    assert vendor.key not in ended.said
    assert vendor.key.encode() not in everywhere(tmp_path)


def test_a_warning_that_repeats_the_key(fetch, vendor, tmp_path):
    vendor.faults.add(faults.warned(f"Rotate {vendor.key}."))
    ended = fetch(*QUARTER)
    assert "the vendor warns: Rotate" in ended.stderr
    assert vendor.key not in ended.said
    assert vendor.key.encode() not in everywhere(tmp_path)


def test_a_bug_does_not_show_the_key(fetch, vendor, tmp_path, monkeypatch):
    def bug(point: str) -> None:
        raise RuntimeError(f"{point} with {vendor.key}")

    monkeypatch.setattr(kill_points, "reach", bug)
    ended = fetch(*QUARTER, exit_code=70)
    assert vendor.key not in ended.said
    assert vendor.key.encode() not in everywhere(tmp_path)
    assert list(tmp_path.glob("stage1-bug-*.txt"))


@pytest.mark.parametrize(
    ("gateway", "words"),
    [
        ("http://hist.databento.com", "would send the key in clear"),
        ("http://127.0.0.1.example.org", "would send the key in clear"),
        ("http://0.0.0.0:1", "would send the key in clear"),
        ("ftp://127.0.0.1", "is no gateway"),
        ("127.0.0.1:80", "is no gateway"),
        ("https://", "is no gateway"),
        ("https://user:secret@hist.databento.com", "is no gateway"),
        ("https://:secret@hist.databento.com", "is no gateway"),
        ("http://127.0.0.1\\@hist.databento.com", "is no gateway"),
        ("http://127.0.0.1\\.databento.com", "would send the key in clear"),
        ("http://127.0.0.1:99999", "is no gateway"),
        ("https://hist.databento.com/?x=1", "is no gateway"),
    ],
)
def test_a_gateway_to_which_no_key_goes(gateway, words, fetch, data):
    ended = fetch(*QUARTER, exit_code=2, DATABENTO_GATEWAY=gateway)
    assert words in ended.stderr
    assert "secret" not in ended.stderr
    assert not data.exists()


def test_nobody_listens(fetch, vendor, data):
    with small_vendor() as other:
        nobody = other.address
    ended = fetch(*QUARTER, exit_code=4, DATABENTO_GATEWAY=nobody, STAGE1_VENDOR_RETRIES="1")
    assert "the vendor cannot be reached (tried 2 times)" in ended.stderr
    assert not data.exists()


@pytest.mark.parametrize("endpoint", ["timeseries.get_range", "metadata.get_dataset_range", "metadata.get_record_count"])
def test_nobody_else_gets_the_key(endpoint, fetch, vendor):
    with small_vendor() as stranger:
        vendor.faults.add(faults.redirected(f"{stranger.address}/v0/{endpoint}"), endpoint, times=FOR_EVER)
        fetch(*QUARTER, exit_code=4 if endpoint == "metadata.get_dataset_range" else 3)
        assert not [entry for entry in stranger.journal.entries() if entry.authorised]


def test_a_timeout_of_nothing(fetch, vendor):
    assert "STAGE1_VENDOR_TIMEOUT" in fetch(*QUARTER, exit_code=2, STAGE1_VENDOR_TIMEOUT="0").stderr
    assert vendor.journal.entries() == []


def test_more_than_it_may_cost_is_refused_in_a_pipe(fetch, vendor, data, twin):
    vendor.service.dollars_a_gib = EXPENSIVE
    ended = fetch(*QUARTER, exit_code=3)
    [total] = [line for line in ended.stderr.splitlines() if line.startswith("to fetch: ")]
    count, dollars = (
        int(total.split()[2].replace(",", "")),
        Decimal(total.partition("$")[2].partition(" ")[0].replace(",", "").rstrip(",")),
    )
    assert dollars == count * 48
    assert f"--max-cost {dollars:.0f}" in ended.stderr
    assert vendor.journal.downloads() == []
    assert not data.exists()
    assert "allows $9.99" in fetch(*QUARTER, exit_code=3, STAGE1_MAX_COST="9.99").stderr
    fetch(*QUARTER, "--max-cost", str(dollars - 1), exit_code=3)
    assert vendor.journal.downloads() == []
    [row] = fetch(*QUARTER, "--max-cost", f"{dollars:.0f}").json
    assert Decimal(row["dollars"]) == dollars


@pytest.mark.parametrize("amount", ["-1", "nan", "inf", "ten"])
def test_amounts_that_are_none(amount, fetch, vendor):
    fetch(*QUARTER, "--max-cost", amount, exit_code=2)
    fetch(*QUARTER, exit_code=2, STAGE1_MAX_COST=amount)
    assert vendor.journal.entries() == []


@pytest.mark.parametrize(("answer", "exit_code", "downloads"), [("y", 0, 3), ("n", 3, 0), ("", 3, 0)])
def test_a_person_is_asked(answer, exit_code, downloads, vendor, tmp_path):
    vendor.service.dollars_a_gib = EXPENSIVE
    person, terminal = pty.openpty()
    try:
        command = [sys.executable, "-m", "stage1", "fetch", *QUARTER, "--max-cost", "5"]
        env = {**os.environ, **environment(vendor, tmp_path / "data")}
        process = subprocess.Popen(command, cwd=tmp_path, env=env, stdin=terminal, stderr=terminal, stdout=subprocess.PIPE)
        os.close(terminal)
        try:
            said = b""
            while b"[y/N]" not in said:
                said += os.read(person, 4096)
            os.write(person, f"{answer}\n".encode())
            process.communicate(timeout=LIMIT)
        finally:
            if process.poll() is None:
                process.kill()
                process.communicate()
    finally:
        os.close(person)
    assert b"--max-cost allows $5.00. Fetch it?" in said.replace(b"\r\n", b"")
    assert process.returncode == exit_code
    assert len(vendor.journal.downloads()) == downloads


def test_dry_runs_at_every_stage(fetch, vendor, data, monkeypatch):
    [planned] = fetch(*QUARTER, "--dry-run").json
    assert (planned["status"], planned["requests"], data.exists()) == ("planned", 3, False)
    fault = vendor.faults.add(faults.refused(422, "odd"), start="2023-02")
    fetch(*QUARTER, exit_code=3)
    assert fault.name not in vendor.faults.left()
    final = next(data.rglob("20230101-20230201.dbn.zst"))
    final.rename(final.with_name(f"{final.name}.part"))
    states = tree(data)
    downloads = len(vendor.journal.downloads())
    assert fetch(*QUARTER, "--dry-run").json[0]["requests"] == 2
    assert tree(data) == states
    [fetched] = fetch(*QUARTER).json
    assert fetched["requests"] == 2
    states = tree(data)
    assert fetch(*QUARTER, "--dry-run").json[0]["status"] == "whole"
    assert fetch(*QUARTER, "--dry-run", "--force").json[0]["requests"] == 3
    assert tree(data) == states
    assert len(vendor.journal.downloads()) == downloads + 2
    assert not list(data.rglob("*.part"))


def test_force_fetches_again_and_keeps_the_old_file_until_then(fetch, vendor, data, twin):
    fetch(*QUARTER)
    name = f"{QUARTER_FOLDER}/TRADES.dbn.zst"
    old = tree(data)[name]
    vendor.service.market = Market(**MARKET, seed=2)
    vendor.faults.add(faults.refused(403, "license_not_found_unauthorized"), start="2023-02")
    vendor.journal.clear()
    fetch(*QUARTER, "--force", exit_code=4)
    assert tree(data)[name] == old
    interrupted = tree(data)
    assert fetch(*QUARTER, DATABENTO_API_KEY="").json[0]["status"] == "whole"
    assert tree(data) == interrupted
    fetch(*QUARTER, "--force")
    assert [entry.form["start"][:7] for entry in vendor.journal.downloads()] == ["2023-01", "2023-02", "2023-02", "2023-03"]
    new = tree(data)
    assert set(new) == set(twin(*QUARTER))
    assert new[name] != old
    fetch(*QUARTER)
    assert tree(data) == new
    assert len(vendor.journal.downloads()) == 4


def test_several_symbols_years_and_products_have_one_total(fetch, vendor, data):
    arguments = ("--symbol", "AAPL,MSFT", "--years", "2022-2023", "--products", "TRADES")
    ended = fetch(*arguments)
    assert ended.stderr.count("to fetch: ") == 1
    assert "for 4 files" in ended.stderr
    assert "in 48 requests" in ended.stderr
    assert [(row["symbol"], row["period"], row["status"]) for row in ended.json] == [
        (symbol, year, "fetched") for symbol in ("AAPL", "MSFT") for year in ("2022", "2023")
    ]
    assert vendor.journal.asked_twice() == []
    asked = len(vendor.journal.entries())
    again = fetch(*arguments, DATABENTO_API_KEY="", DATABENTO_GATEWAY="http://127.0.0.1:9")
    assert {row["status"] for row in again.json} == {"whole"}
    assert len(vendor.journal.entries()) == asked

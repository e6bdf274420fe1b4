"""`stage1 datasets` as people and scripts use it: what is stored is what was given, digit for digit."""

import json
import os

import pytest

from stage1.errors import ExitCode

UPSERT = ("datasets", "upsert", "A", "--ohlcv", "o", "--indicators", "i")
# As given, and as jsonb holds it: numeric has every digit, no exponent and no negative zero.
NUMBERS = {
    "12345678901234567890.123456789": "12345678901234567890.123456789",
    "123456789012345678901234567890": "123456789012345678901234567890",
    "0.100000000000000000000000000001": "0.100000000000000000000000000001",
    "1.50": "1.50",
    "1e400": "1" + "0" * 400,
    "1e-30": "0." + "0" * 29 + "1",
    "1e5000": "1" + "0" * 5000,
    "-0.0": "0.0",
    "9" * 5000: "9" * 5000,
}


def test_datasets_by_hand(run_cli, database):
    made = run_cli(
        "datasets",
        "upsert",
        "AAPL-2023-1m",
        "--ohlcv",
        "o",
        "--indicators",
        "i",
        "--ohlcv-first",
        "2023-01-03",
        "--ohlcv-last",
        "2023-01-31T21:00:00Z",
        "--metadata",
        '{"desk": "ü"}',
        database=database,
    )
    assert made.exit_code == 0, made.stderr
    assert made.json["ohlcv_first_ts"] == "2023-01-03T00:00:00+00:00"
    assert made.json["metadata"]["desk"] == "ü"
    again = run_cli("datasets", "upsert", "AAPL-2023-1m", "--ohlcv", "o2", "--indicators", "i", database=database)
    assert again.json["dataset_id"] == made.json["dataset_id"]
    assert run_cli("datasets", "show", made.json["dataset_id"], database=database).json["ohlcv_measurement"] == "o2"
    assert [row["dataset_slug"] for row in run_cli("datasets", "list", database=database).json] == ["AAPL-2023-1m"]
    assert run_cli("datasets", "list", "--offset", "1", database=database).json == []
    inverted = run_cli(
        "datasets",
        "upsert",
        "B",
        "--ohlcv",
        "o",
        "--indicators",
        "i",
        "--ohlcv-first",
        "2023-02-01",
        "--ohlcv-last",
        "2023-01-01",
        database=database,
    )
    assert inverted.exit_code == 3
    assert "[S1A03]" in inverted.stderr
    taken = run_cli(
        "datasets",
        "upsert",
        "AAPL-2023-1m",
        "--ohlcv",
        "o",
        "--indicators",
        "i",
        "--id",
        "10000000-0000-4000-8000-000000000009",
        database=database,
    )
    assert "[S1C01]" in taken.stderr


@pytest.mark.parametrize("number", NUMBERS, ids=lambda number: number[:40])
def test_a_number_in_metadata_keeps_every_digit(run_cli, database, number):
    made = run_cli(*UPSERT, "--metadata", f'{{"a": {number}}}', database=database)
    assert made.exit_code == 0, made.stderr
    written = f'{{"a": {NUMBERS[number]}}}'
    assert database.value("select metadata::text from public.stage1_datasets") == written
    for output_format in ("json", "table", "csv"):
        shown = run_cli("datasets", "show", "A", "--format", output_format, database=database).stdout
        assert written in shown.replace('""', '"')


def test_a_key_given_twice_is_refused(run_cli, database):
    found = run_cli(*UPSERT, "--metadata", '{"a": 1, "a": 2}', database=database)
    assert found.exit_code == ExitCode.USAGE
    assert 'the key "a" is given twice' in found.stderr
    assert database.value("select count(*) from public.stage1_datasets") == 0


def test_values_that_are_too_large_are_refused_and_no_bug(run_cli, database):
    deep = '{"a":' * 15_000 + "1" + "}" * 15_000
    database.rows("alter table public.stage1_datasets add unique (metadata)")
    for arguments in (
        ("datasets", "upsert", "x" * 8192, *UPSERT[3:]),
        (*UPSERT, "--symbol", "x" * 8192),
        (*UPSERT, "--metadata", json.dumps({str(n): os.urandom(9).hex() for n in range(3000)})),
        (*UPSERT, "--metadata", '{"a": 1e200000}'),
    ):
        found = run_cli(*arguments, database=database)
        assert found.exit_code == ExitCode.REFUSED, found.stderr
    assert run_cli(*UPSERT, "--metadata", deep, database=database).exit_code == ExitCode.USAGE


def test_a_row_count_is_not_negative_and_its_help_is_short(run_cli, database):
    for name in ("--ohlcv-rows", "--indicator-rows"):
        found = run_cli(*UPSERT, name, "-1", database=database)
        assert found.exit_code == ExitCode.USAGE
        assert name in found.stderr
    for command in ("list", "upsert"):
        assert "<=" not in run_cli("datasets", command, "--help").stdout
    assert "stored as unknown" in run_cli("datasets", "upsert", "--help").stdout


def test_a_role_that_may_not_is_told_which_may(own_server, run_cli):
    trading = own_server.new_database("trading")
    assert run_cli("migrate", database=trading).exit_code == 0
    found = run_cli(*UPSERT, database=own_server.as_role("stage1_readonly", trading))
    assert found.exit_code == ExitCode.CANNOT_NOW
    assert "grant stage1_owner to" in found.stderr

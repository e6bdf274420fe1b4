"""`stage1 ingests` and `stage1 stats`: what was loaded, what there is, and how a load is taken back."""

import pytest

from stage1.errors import ExitCode

STATS = ["row_count", "min_ts", "max_ts", "latest_close", "latest_ts", "symbol", "timeframe", "vendor"]


@pytest.fixture
def loaded(database):
    """Two loads of one symbol, the second of which rewrote a bar of the first; and one that failed."""
    with database.connect() as connection:
        connection.execute("select stage1_internal.ensure_bar_partitions('2024-02-29Z', '2024-02-29Z')")
        connection.execute(
            """
            insert into public.data_ingest_runs
              (vendor, dataset, file_name, file_sha256, status, error, finished_at, started_at, row_count, inserted_count,
               updated_count, changed_count, loaded_at)
            values
              ('databento', 'GLBX.MDP3', 'first.dbn.zst', repeat('a', 64), 'success', null, now(), '2024-03-01Z', 3, 3, 0, 0,
               '2024-03-01Z'),
              ('databento', 'GLBX.MDP3', 'second.dbn.zst', repeat('b', 64), 'success', null, now(), '2024-03-02Z', 3, 2, 1, 1,
               '2024-03-02Z'),
              ('databento', null, 'bad.dbn.zst', repeat('c', 64), 'failed', 'cut short', now(), '2024-03-03Z', 0, 0, 0, 0, null);
            insert into public.market_bars_ohlcv_1m
              (symbol, ts, ts_ms, open, high, low, close, volume, ingestion_run_id, created_at)
            select 'ESH4', t, extract(epoch from t) * 1000, 5000.25, 5010, 5000, trim_scale(5000 + n * 0.5), n,
              case when n < 3 then 1 else 2 end,
              case when n < 4 then timestamptz '2024-03-01Z' else timestamptz '2024-03-02Z' end
            from generate_series(1, 5) as n, lateral (select timestamptz '2024-02-29 14:29Z' + n * interval '1 minute') as m (t);
            insert into public.data_ingest_symbols
              (ingest_id, symbol, row_count, inserted_count, updated_count, changed_count, first_ts, last_ts, version)
            values
              (1, 'ESH4', 3, 3, 0, 0, '2024-02-29 14:30Z', '2024-02-29 14:32Z', 1),
              (2, 'ESH4', 3, 2, 1, 1, '2024-02-29 14:32Z', '2024-02-29 14:34Z', 2);
            insert into public.market_bar_symbols
              (symbol, vendor, dataset, origin, bar_count, first_ts, last_ts, latest_close, version)
            values
              ('ESH4', 'databento', 'GLBX.MDP3', 'vendor', 5, '2024-02-29 14:30Z', '2024-02-29 14:34Z', 5002.5, 2)
            """
        )
    return database


def test_loads_are_listed_newest_first(loaded, run_cli):
    found = run_cli("ingests", "list", database=loaded).json
    assert [row["file_name"] for row in found] == ["bad.dbn.zst", "second.dbn.zst", "first.dbn.zst"]
    for options, ids in (
        (["--status", "failed"], [3]),
        (["--status", "success", "--limit", "1"], [2]),
        (["--offset", "2"], [1]),
        (["--status", "running"], []),
    ):
        assert [row["id"] for row in run_cli("ingests", "list", *options, database=loaded).json] == ids
    table = run_cli("ingests", "list", "--format", "table", database=loaded).stdout
    assert "second.dbn.zst" in table
    assert "b" * 64 not in table
    assert max(map(len, table.splitlines())) <= 120
    assert "b" * 64 in run_cli("ingests", "list", "--format", "table", "-v", database=loaded).stdout
    assert run_cli("ingests", "list", "--limit", "0", database=loaded).exit_code == ExitCode.REFUSED
    assert run_cli("ingests", "list", "--status", "gone", database=loaded).exit_code == ExitCode.USAGE


def test_one_load_is_shown_with_its_symbols(loaded, run_cli):
    found = run_cli("ingests", "show", "2", database=loaded).json
    assert (found["file_sha256"], found["changed_count"], found["details"]) == ("b" * 64, 1, {})
    assert [(row["symbol"], row["inserted_count"]) for row in found["symbols"]] == [("ESH4", 2)]
    assert run_cli("ingests", "show", "3", database=loaded).json["error"] == "cut short"
    assert "cut short" in run_cli("ingests", "show", "3", "--format", "table", database=loaded).stdout


def test_undo_removes_what_a_load_still_owns_and_keeps_its_row(loaded, run_cli):
    undone = run_cli("ingests", "undo", "2", database=loaded)
    assert undone.exit_code == 0
    assert undone.json["removed_count"] == 3
    assert undone.json["details"]["removed_rewritten"] == 1
    assert undone.json["undone_at"] is not None
    assert "3 bars of ingest 2 are removed" in undone.stderr
    assert "1 of them had replaced earlier ones" in undone.stderr
    stats = run_cli("stats", "ESH4", database=loaded).json
    assert (stats["row_count"], stats["latest_close"], stats["max_ts"]) == (2, "5001", "2024-02-29T14:31:00+00:00")
    again = run_cli("ingests", "undo", "2", database=loaded)
    assert again.json == undone.json
    assert "1 of them" not in run_cli("ingests", "undo", "1", database=loaded).stderr
    assert run_cli("stats", database=loaded).exit_code == ExitCode.ANSWER_IS_NO
    assert len(run_cli("ingests", "list", database=loaded).json) == 3


@pytest.mark.parametrize("command", ["show", "undo"])
def test_a_load_that_is_not_there_is_an_answer(database, run_cli, command):
    for number in ("7", str(2**63 - 1)):
        found = run_cli("ingests", command, number, database=database)
        assert found.exit_code == ExitCode.ANSWER_IS_NO
        assert "[S1I07]" in found.stderr
    for number in ("x", "0", str(2**63)):
        assert run_cli("ingests", command, number, database=database).exit_code == ExitCode.USAGE


def test_stats_have_the_form_that_clients_know(loaded, run_cli):
    found = run_cli("stats", "ESH4", database=loaded)
    assert found.exit_code == 0
    assert list(found.json) == STATS
    assert found.json == {
        "row_count": 5,
        "min_ts": "2024-02-29T14:30:00+00:00",
        "max_ts": "2024-02-29T14:34:00+00:00",
        "latest_close": "5002.5",
        "latest_ts": "2024-02-29T14:34:00+00:00",
        "symbol": "ESH4",
        "timeframe": "1m",
        "vendor": "databento",
    }
    assert run_cli("stats", database=loaded).json == [found.json]
    assert "5002.5" in run_cli("stats", "--format", "table", database=loaded).stdout


def test_stats_of_nothing_say_so(database, run_cli):
    found = run_cli("stats", "CME_MINI:MNQ1!", database=database)
    assert found.exit_code == ExitCode.ANSWER_IS_NO
    assert found.json == {
        **dict.fromkeys(STATS),
        "row_count": 0,
        "symbol": "CME_MINI:MNQ1!",
        "timeframe": "1m",
        "vendor": "databento",
        "message": "No data ingested yet",
    }
    assert "`stage1 ingest FILE`" in found.stderr
    every = run_cli("stats", database=database)
    assert (every.exit_code, every.json) == (ExitCode.ANSWER_IS_NO, [])
    assert "`stage1 ingest FILE`" in every.stderr
    assert run_cli("stats", "", database=database).exit_code == ExitCode.REFUSED

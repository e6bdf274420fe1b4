"""Does a file become bars exactly once, with an audit row that says what happened?"""

import hashlib
import json
from datetime import UTC, date, datetime, timedelta

import databento
import numpy as np
import pytest

from tests.plugins import dbn_files, loaded_bars
from tests.plugins.dbn_files import Header, records, write
from tests.plugins.loaded_bars import bars, counts, expected, findings, runs, summaries


def test_a_file_is_loaded_with_everything_that_is_known_of_it(ingest, database, tmp_path):
    made = records(5_000)
    path = write(tmp_path / "es.dbn.zst", made)
    [answer] = ingest(path)
    assert answer["status"] == "loaded"
    assert counts(answer) == (5_000, 5_000, 0, 0, 0)
    assert bars(database) == expected(made, "ESH3")
    [run] = runs(database)
    assert (run["status"], run["vendor"], run["dataset"], run["origin"]) == ("success", "databento", "GLBX.MDP3", "vendor")
    assert (run["file_name"], run["file_bytes"]) == ("es.dbn.zst", path.stat().st_size)
    assert (run["min_ts"], run["max_ts"]) == (datetime(2023, 1, 3, 14, 30, tzinfo=UTC), datetime(2023, 1, 7, 1, 49, tzinfo=UTC))
    assert run["started_at"] <= run["finished_at"]
    [summary] = summaries(database)
    assert (summary["symbol"], summary["bar_count"], summary["latest_close"]) == ("ESH3", 5_000, expected(made, "ESH3")[-1][5])
    assert database.rows("select distinct vendor, schema, ingestion_run_id from public.market_bars_ohlcv_1m") == [
        {"vendor": "databento", "schema": "ohlcv-1m", "ingestion_run_id": run["id"]}
    ]
    assert findings(database) == []


@pytest.mark.parametrize("version", [1, 2, 3])
@pytest.mark.parametrize("name", ["es.dbn", "es.dbn.zst"])
def test_every_version_of_the_format(ingest, database, tmp_path, version, name):
    made = records(300)
    ingest(write(tmp_path / name, made, Header(version=version)))
    assert bars(database) == expected(made, "ESH3")


def test_the_same_file_again_changes_nothing(ingest, database, tmp_path):
    path = write(tmp_path / "es.dbn.zst", records(1_000))
    ingest(path)
    before = database.rows("select *, xmin from public.market_bars_ohlcv_1m order by ts")
    [answer] = ingest(path)
    assert (answer["status"], counts(answer)) == ("unchanged", (1_000, 0, 1_000, 0, 0))
    assert database.rows("select *, xmin from public.market_bars_ohlcv_1m order by ts") == before
    assert runs(database)[1]["repeats_ingest_id"] == runs(database)[0]["id"]


def test_the_same_bars_from_another_file_change_nothing(ingest, database, tmp_path):
    made = records(100_000)
    ingest(write(tmp_path / "es.dbn.zst", made))
    before = database.rows("select sum(hashtext(b::text)) as hash, max(xmin::text::bigint) from public.market_bars_ohlcv_1m b")
    [answer] = ingest(write(tmp_path / "again.dbn", made))
    assert (answer["status"], counts(answer)) == ("loaded", (100_000, 0, 100_000, 0, 0))
    assert (
        database.rows("select sum(hashtext(b::text)) as hash, max(xmin::text::bigint) from public.market_bars_ohlcv_1m b")
        == before
    )
    assert findings(database) == []


def test_overlap_and_correction_are_counted_apart(ingest, database, tmp_path):
    first = records(1_000)
    ingest(write(tmp_path / "first.dbn.zst", first))
    second = records(1_000, start=datetime(2023, 1, 3, 14, 30, tzinfo=UTC) + timedelta(minutes=900))
    second[:100] = first[900:]
    second["volume"][:7] += 1
    [answer] = ingest(write(tmp_path / "second.dbn.zst", second))
    assert counts(answer) == (1_000, 900, 100, 7, 0)
    assert bars(database) == expected(np.concatenate([first[:900], second]), "ESH3")
    owned = database.rows("select ingestion_run_id as id, count(*) as n from public.market_bars_ohlcv_1m group by 1 order by 1")
    assert [row["n"] for row in owned] == [993, 907]
    assert findings(database) == []


def test_many_symbols_and_years_in_one_file(ingest, database, tmp_path):
    names = {f"S{number:03}": number for number in range(1, 51)}
    made = records(150_000, start=datetime(2023, 12, 31, 0, 0, tzinfo=UTC), instruments=list(names.values()))
    header = Header(
        end=datetime(2025, 1, 1, tzinfo=UTC),
        mappings={name: [(date(2023, 1, 1), date(2025, 1, 1), number)] for name, number in names.items()},
    )
    [answer] = ingest(write(tmp_path / "many.dbn.zst", made, header, frames=7))
    assert counts(answer) == (150_000, 150_000, 0, 0, 0)
    assert bars(database) == expected(made, {number: name for name, number in names.items()})
    assert len(summaries(database)) == 50
    assert database.value("select count(*) from public.data_ingest_symbols") == 50
    assert findings(database) == []


def test_an_instrument_id_that_is_given_to_another_symbol_follows_the_date(ingest, database, tmp_path):
    made = np.concatenate([records(60, start=datetime(2023, 3, day, 12, 0, tzinfo=UTC), seed=day) for day in (1, 2)])
    header = Header(mappings={"AAA": [(date(2023, 3, 1), date(2023, 3, 2), 7)], "BBB": [(date(2023, 3, 2), date(2023, 3, 3), 7)]})
    ingest(write(tmp_path / "reused.dbn.zst", made, header))
    assert bars(database) == expected(made[:60], "AAA") + expected(made[60:], "BBB")


def test_an_instrument_that_has_a_name_on_some_days_alone_is_one_for_a_label(ingest, database, tmp_path):
    made = records(3_000)
    header = Header(mappings={"PM": [(date(2023, 1, 4), date(2023, 2, 1), 7)]})
    path = write(tmp_path / "late.dbn", made, header)
    ingest(path, exit_code=3)
    ingest(path, "--symbol", "PM")
    assert bars(database) == expected(made, "PM")


def test_symbols_that_were_not_found_and_a_limit_that_was_reached_are_warnings_of_the_audit_row(ingest, database, tmp_path):
    header = Header(limit=100, not_found=("NOPE",), partial=("HALF",))
    ingest(write(tmp_path / "es.dbn", records(100), header))
    [run] = runs(database)
    said = " ".join(run["warnings"])
    for word in ("limited to 100 records", "NOPE", "HALF"):
        assert word in said


def test_extreme_prices_and_volumes_are_exact(ingest, database, tmp_path):
    made = records(5)
    prices = [-37_630_000_000, 0, 2**63 - 2, -(2**63 - 2), 1]
    for name in ("open", "high", "low", "close"):
        made[name] = prices
    made["volume"] = [0, 1, 2**63, 2**64 - 1, 2**64 - 2]
    ingest(write(tmp_path / "extreme.dbn", made))
    assert bars(database) == expected(made, "ESH3")


def test_a_label_a_publisher_and_a_limit(ingest, database, tmp_path):
    made = np.concatenate([records(50, publisher=1), records(50, publisher=2)])[np.arange(100).reshape(2, 50).T.ravel()]
    made["open"] = made["close"]
    made["high"] = made["low"] = made["close"]
    path = write(tmp_path / "two.dbn.zst", made)
    [answer] = ingest(path, "--symbol", "CME_MINI:MNQ1!", "--publisher", "2", "--limit", "20", "--dataset", "XNAS.BASIC")
    assert counts(answer)[:2] == (10, 10)
    assert bars(database) == expected(made[made["publisher_id"] == 2][:10], "CME_MINI:MNQ1!")
    [run] = runs(database)
    assert (run["whole"], run["dataset"]) == (False, "XNAS.BASIC")
    assert any("--limit" in warning for warning in run["warnings"])


def test_a_part_of_a_file_is_no_reason_to_pass_the_whole_over(ingest, database, tmp_path):
    path = write(tmp_path / "es.dbn.zst", records(100))
    ingest(path, "--limit", "10")
    [answer] = ingest(path)
    assert (answer["status"], counts(answer)) == ("loaded", (100, 90, 10, 0, 0))


def test_what_is_announced_is_compared_before_a_file_is_passed_over(ingest, database, tmp_path):
    path = write(tmp_path / "es.dbn.zst", records(100))
    ingest(path)
    ingest(path, "--expect-records", "101", exit_code=3)
    [answer] = ingest(path, "--expect-records", "100")
    assert counts(answer) == (100, 0, 100, 0, 0)
    entry = {"filename": path.name, "size": path.stat().st_size + 1}
    (tmp_path / "manifest.json").write_text(json.dumps({"files": [entry]}))
    ingest(path, exit_code=3)
    entry["size"] -= 1
    (tmp_path / "manifest.json").write_text(json.dumps({"files": [entry]}))
    [answer] = ingest(path)
    assert answer["status"] == "unchanged"
    (tmp_path / "manifest.json").write_text(json.dumps({"files": [entry | {"record_count": 101}]}))
    ingest(path, exit_code=3)
    assert [run["status"] for run in runs(database)] == ["success", "failed", "success", "failed", "success", "failed"]


def test_what_another_load_changed_since_is_brought_back(ingest, database, tmp_path):
    first = records(100)
    path = write(tmp_path / "es.dbn.zst", first)
    ingest(path)
    other = records(10)
    other["volume"] += 5
    ingest(write(tmp_path / "correction.dbn.zst", other))
    [answer] = ingest(path)
    assert (answer["status"], counts(answer)) == ("loaded", (100, 0, 100, 10, 0))
    assert bars(database) == expected(first, "ESH3")


def test_a_later_month_is_no_reason_to_load_an_earlier_one_again(ingest, tmp_path):
    january = write(tmp_path / "january.dbn.zst", records(100))
    february = write(tmp_path / "february.dbn.zst", records(100, start=datetime(2023, 2, 1, tzinfo=UTC)))
    ingest(january, february)
    assert [answer["status"] for answer in ingest(january, february)] == ["unchanged", "unchanged"]


def test_a_folder_of_a_batch_job_brings_its_own_symbols_and_hashes(ingest, database, tmp_path):
    job = tmp_path / "job"
    job.mkdir()
    made = records(100)
    path = write(job / "glbx-mdp3-20230103.ohlcv-1m.dbn.zst", made, Header(mappings={}))
    (job / "symbology.json").write_text(
        json.dumps(
            {
                "result": {"ESH3": [{"d0": "2023-01-01", "d1": "2023-02-01", "s": "7"}]},
                "stype_in": "raw_symbol",
                "stype_out": "instrument_id",
                "partial": [],
                "not_found": [],
            }
        )
    )
    data = path.read_bytes()
    entry = {"filename": path.name, "size": len(data), "hash": f"sha256:{hashlib.sha256(data).hexdigest()}"}
    (job / "manifest.json").write_text(json.dumps({"job_id": "GLBX-1", "files": [entry]}))
    ingest(job)
    assert bars(database) == expected(made, "ESH3")
    entry["hash"] = "sha256:" + "0" * 64
    (job / "manifest.json").write_text(json.dumps({"job_id": "GLBX-1", "files": [entry]}))
    path.write_bytes(write(tmp_path / "other.dbn.zst", records(99), Header(mappings={})).read_bytes())
    ingest(job, exit_code=3)
    assert len(bars(database)) == 100


def test_quarantine_keeps_the_bad_rows_with_their_reasons(ingest, database, tmp_path):
    made = records(1_000)
    made["high"][500] = made["low"][500] - 1
    made["close"][700] = 2**63 - 1
    path = write(tmp_path / "bad.dbn.zst", made)
    ingest(path, exit_code=3)
    assert bars(database) == []
    [answer] = ingest(path, "--on-bad-rows", "quarantine")
    assert counts(answer) == (1_000, 998, 0, 0, 2)
    assert bars(database) == expected(np.delete(made, [500, 700]), "ESH3")
    rejects = database.rows("select position, reason, symbol, record from public.data_ingest_rejects order by position")
    assert [(row["position"], row["symbol"], bytes(row["record"])) for row in rejects] == [
        (500, "ESH3", made[500].tobytes()),
        (700, "ESH3", made[700].tobytes()),
    ]
    assert [row["reason"] for row in rejects] == ["high_below", "undefined_price"]
    assert findings(database) == []


@dbn_files.needs_real_files
def test_every_real_file_loads_by_its_own_symbols(ingest, database):
    for name, symbol in (("GLBX.MDP3", "ESH1"), ("XNAS.ITCH", "NVDA"), ("EQUS.MINI", "QQQ")):
        [path] = dbn_files.real_files(f"databento-python/{name}/*ohlcv-1m*")
        made = databento.DBNStore.from_bytes(path.read_bytes()).to_ndarray()
        ingest(path)
        assert [row for row in bars(database) if row[0] == symbol] == expected(made, symbol)
    assert [(row["symbol"], row["dataset"]) for row in summaries(database)] == [
        ("ESH1", "GLBX.MDP3"),
        ("NVDA", "XNAS.ITCH"),
        ("QQQ", "EQUS.MINI"),
    ]


@dbn_files.needs_real_files
def test_every_real_file_loads_as_the_vendors_client_reads_it(ingest, database):
    for path in dbn_files.real_files("**/*ohlcv-1m*.dbn*"):
        if path.suffix == ".dbz":
            continue
        [answer] = ingest(path, "--symbol", path.stem + path.parent.name)
        made = databento.DBNStore.from_bytes(path.read_bytes()).to_ndarray()
        found = [row for row in loaded_bars.bars(database) if row[0] == path.stem + path.parent.name]
        assert found == expected(made, path.stem + path.parent.name)
        assert any("limit" in warning for warning in answer["warnings"])

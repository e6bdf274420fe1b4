"""Is what should not be loaded refused with one sentence, and does it leave nothing but its audit row?"""

from datetime import UTC, date, datetime

import pytest

from tests.plugins import dbn_files
from tests.plugins.dbn_files import Header, records, write
from tests.plugins.fingerprints import fingerprint, same
from tests.plugins.loaded_bars import bars, expected, findings, runs, summaries
from tests.unit.databento.damaged import DAMAGED

_NO_BARS = ("public.data_ingest_runs", "SELECT pg_catalog.setval")


def without_audit(lines):
    return [line for line in lines if not line.startswith(_NO_BARS)]


def test_every_kind_of_damage_is_refused_and_leaves_its_audit_row_alone(run_cli, database, tmp_path):
    kinds = [kind for kind in DAMAGED if kind.error.exit_code == 3]
    assert len(kinds) > 20
    before = without_audit(fingerprint(database, with_times=True))
    paths = []
    for number, kind in enumerate(kinds):
        folder = tmp_path / str(number)
        folder.mkdir()
        paths.append(kind.make(folder))
    found = run_cli("ingest", *map(str, paths), database=database)
    assert found.exit_code == 3, found.stderr
    for kind, path, answer in zip(kinds, paths, found.json["files"], strict=True):
        assert answer["status"] == "failed", kind.name
        assert answer["error"]["code"] == kind.error.sqlstate, (kind.name, answer["error"])
        said = " ".join(answer["error"][part] for part in ("message", "detail", "hint"))
        assert kind.word in said, (kind.name, said)
        assert path.name in said, said
    same(without_audit(fingerprint(database, with_times=True)), before)
    audit = runs(database)
    assert len(audit) == len(kinds)
    assert {run["status"] for run in audit} == {"failed"}
    assert all(run["error"] and run["finished_at"] and run["file_sha256"] for run in audit)


def _rows(change):
    made = records(100)
    change(made)
    return made


def _set(field, at, value):
    return _rows(lambda made: made[field].__setitem__(at, value))


BAD_ROWS = {
    "undefined price": (_set("open", 7, 2**63 - 1), {}, "undefined", "S1I03"),
    "undefined time": (_set("ts_event", 7, 2**64 - 1), {}, "time", "S1I03"),
    "high below low": (_set("high", 7, 1), {}, "high", "S1I03"),
    "low above open": (_set("low", 7, 10**15), {}, "low", "S1I03"),
    "out of order": (records(100)[::-1].copy(), {}, "order", "S1I03"),
    "not on a minute": (_rows(lambda made: made["ts_event"].__iadd__(1)), {}, "minute", "S1I03"),
    "duplicates that differ": (_rows(lambda made: made["ts_event"].__setitem__(8, made["ts_event"][7])), {}, "minute", "S1I03"),
    "several publishers": (
        _rows(lambda made: (made["ts_event"].__setitem__(8, made["ts_event"][7]), made["publisher_id"].__setitem__(8, 2))),
        {},
        "--publisher",
        "S1I03",
    ),
    "out of the file's own span": (records(100), {"start": datetime(2023, 2, 1, tzinfo=UTC)}, "2023-01-03", "S1I03"),
    "no bars": (records(0), {}, "no bars", "S1I03"),
    "unmapped id": (_set("instrument_id", 7, 99), {}, "99", "S1I04"),
    "ambiguous id": (
        records(100),
        {"mappings": {name: [(date(2023, 1, 1), date(2024, 1, 1), 7)] for name in ("AAA", "BBB")}},
        "several symbols",
        "S1I04",
    ),
}


@pytest.mark.parametrize("name", BAD_ROWS)
def test_bad_rows_are_refused_with_the_first_of_them(run_cli, database, tmp_path, name):
    made, header, word, code = BAD_ROWS[name]
    path = write(tmp_path / "es.dbn.zst", made, Header(**header))
    found = run_cli("ingest", str(path), database=database)
    assert (found.exit_code, found.stdout) == (3, "")
    assert f"[{code}]" in found.stderr
    assert word in found.stderr
    assert "es.dbn.zst" in found.stderr
    assert "Traceback" not in found.stderr
    assert bars(database) == summaries(database) == []
    [run] = runs(database)
    assert run["status"] == "failed"


@dbn_files.needs_real_files
def test_every_real_file_of_another_schema_says_what_to_do_instead(ingest, database):
    others = [path for path in dbn_files.real_files() if "ohlcv-1m" not in path.name or path.suffix == ".dbz"]
    assert len(others) > 50
    answers = ingest(*others, exit_code=3)
    for path, answer in zip(others, answers, strict=True):
        whole = ".frag" not in path.name and path.suffix != ".dbz"
        assert answer["error"]["code"] == ("S1I02" if whole else "S1I01"), (path, answer["error"])
        assert answer["error"]["hint"], path
        if whole:
            schema = path.name.split(".")[1]
            assert schema in answer["error"]["message"], (path, answer["error"])
    assert bars(database) == []


def test_an_expected_count_that_differs(ingest, database, tmp_path):
    path = write(tmp_path / "es.dbn.zst", records(100))
    ingest(path, "--expect-records", "101", exit_code=3)
    assert "101" in runs(database)[0]["error"]
    [answer] = ingest(path, "--expect-records", "100")
    assert answer["status"] == "loaded"


def test_bars_of_another_vendor_dataset_do_not_replace_silently(run_cli, ingest, database, tmp_path):
    made = records(100)
    ingest(write(tmp_path / "first.dbn.zst", made))
    other = records(100, seed=2)
    path = write(tmp_path / "second.dbn.zst", other, Header(dataset="XNAS.ITCH"))
    found = run_cli("ingest", str(path), database=database)
    assert found.exit_code == 3
    for word in ("S1I06", "ESH3", "GLBX.MDP3", "XNAS.ITCH", "--symbol", "--replace-origin"):
        assert word in found.stderr
    assert bars(database) == expected(made, "ESH3")
    ingest(path, "--symbol", "ESH3.XNAS")
    [answer] = ingest(path, "--replace-origin")
    assert answer["changed_count"] == 100
    assert [(row["symbol"], row["dataset"]) for row in summaries(database)] == [
        ("ESH3", "XNAS.ITCH"),
        ("ESH3.XNAS", "XNAS.ITCH"),
    ]
    assert [row for row in findings(database) if row["check_view"] != "public.failed_ingests"] == []


def test_several_instruments_have_no_one_label(run_cli, database, tmp_path):
    path = write(tmp_path / "es.dbn.zst", records(100, instruments=(7, 8)))
    found = run_cli("ingest", str(path), "--symbol", "ES", database=database)
    assert found.exit_code == 3
    assert "S1I04" in found.stderr


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["nowhere.dbn"], "does not exist"),
        (["*.dbn.zst"], "No file is like"),
        (["."], "holds no DBN file"),
        ([""], "name"),
        (["/dev/null"], "is a device"),
        (["{file}", "--symbol", ""], "--symbol '' is no name"),
        (["{file}", "--limit", "0"], "'--limit'"),
        (["{file}", "--jobs", "0"], "'--jobs'"),
        (["{file}", "--symbology", "nowhere.json"], "nowhere.json"),
    ],
)
def test_a_usage_that_cannot_be_meant_writes_nothing(run_cli, database, tmp_path, arguments, word):
    path = write(tmp_path / "es.dbn", records(10))
    empty = tmp_path / "empty"
    empty.mkdir()
    found = run_cli("ingest", *(each.replace("{file}", str(path)) for each in arguments), database=database, cwd=empty)
    assert found.exit_code in (2, 3, 4), found.said
    assert word in found.stderr
    assert "Traceback" not in found.stderr
    assert runs(database) == bars(database) == []


def test_a_dry_run_needs_no_database_and_writes_nothing(run_cli, tmp_path):
    path = write(tmp_path / "es.dbn.zst", records(1_000))
    nowhere = {"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/nowhere"}
    found = run_cli("ingest", str(path), "--dry-run", env=nowhere)
    assert found.exit_code == 0, found.stderr
    [answer] = found.json["files"]
    assert (answer["status"], answer["row_count"], answer["ingest_id"]) == ("proven", 1_000, None)
    assert "database" not in found.stderr
    table = run_cli("ingest", str(path), "--dry-run", "--format", "table", env=nowhere)
    assert "DRY RUN COMPLETE - No database changes made\n" in table.stdout
    assert "Would process: 1,000 bars\nTime range: 2023-01-03 14:30:00+00:00 to 2023-01-04 07:09:00+00:00\n" in table.stdout


def test_the_final_report(run_cli, database, tmp_path):
    path = write(tmp_path / "es.dbn.zst", records(50_000))
    found = run_cli("ingest", str(path), "--format", "table", database=database)
    for line in ("INGESTION COMPLETE", "Run ID: 1", "Total bars: 50,000", "Inserted: 50,000", "Updated: 0"):
        assert f"\n{line}\n" in found.stdout
    again = run_cli("ingest", str(path), "--format", "table", database=database)
    for line in ("Run ID: 2", "Total bars: 50,000", "Inserted: 0", "Updated: 50,000"):
        assert f"\n{line}\n" in again.stdout


def test_a_database_that_was_not_migrated_is_named(run_cli, empty_database, tmp_path):
    path = write(tmp_path / "es.dbn", records(10))
    found = run_cli("ingest", str(path), database=empty_database)
    assert found.exit_code == 4
    assert "stage1 migrate" in found.stderr

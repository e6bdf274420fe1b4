"""Are many files independent of each other, and are the right ones found?"""

import json
import shutil
import signal

import pytest

from tests.plugins.dbn_files import records, symbols, write
from tests.plugins.loaded_bars import bars, expected, runs


def test_one_that_fails_does_not_stop_the_others(run_cli, database, tmp_path):
    good = write(tmp_path / "1.dbn.zst", records(100))
    bad = tmp_path / "2.dbn.zst"
    bad.write_bytes(good.read_bytes()[:-5])
    other = write(tmp_path / "3.dbn.zst", records(100, instruments=(8,)), symbols(NQH3=8))
    found = run_cli("ingest", str(tmp_path), database=database)
    assert found.exit_code == 1
    assert [file["status"] for file in found.json["files"]] == ["loaded", "failed", "loaded"]
    totals = {"files": 3, "loaded": 2, "failed": 1, "row_count": 200, "inserted_count": 200}
    assert totals.items() <= found.json["totals"].items()
    assert "2.dbn.zst" in found.stderr
    assert len(bars(database)) == 200
    assert [run["status"] for run in runs(database)] == ["success", "failed", "success"]
    assert bad.exists()
    assert other.exists()


def test_several_at_once_give_what_one_after_the_other_gives(run_cli, database, tmp_path):
    names = [f"S{number}" for number in range(6)]
    made = {name: records(20_000, instruments=(number + 1,), seed=number) for number, name in enumerate(names)}
    for number, name in enumerate(names):
        write(tmp_path / f"{name}.dbn.zst", made[name], symbols(**{name: number + 1}))
    found = run_cli("ingest", str(tmp_path / "*.dbn.zst"), "--jobs", "3", database=database)
    assert found.exit_code == 0, found.stderr
    assert [file["file"].split("/")[-1] for file in found.json["files"]] == [f"{name}.dbn.zst" for name in names]
    assert bars(database) == [row for name in names for row in expected(made[name], name)]


def test_files_are_found_once_each_in_folders_and_patterns(run_cli, tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    for name in ("2.dbn.zst", "1.dbn", "a/b/3.dbn.zst"):
        write(tmp_path / name, records(10))
    shutil.copy(tmp_path / "1.dbn", tmp_path / "unfinished.dbn.part")
    (tmp_path / "manifest.json").write_text('{"files": []}')
    found = run_cli("ingest", str(tmp_path), str(tmp_path / "*.dbn"), str(tmp_path / "1.dbn"), "--dry-run")
    assert found.exit_code == 0, found.stderr
    assert [file["file"].removeprefix(f"{tmp_path}/") for file in found.json["files"]] == ["1.dbn", "2.dbn.zst", "a/b/3.dbn.zst"]


def test_a_server_that_is_gone_ends_it_at_the_first(run_cli, tmp_path):
    for number in range(3):
        write(tmp_path / f"{number}.dbn", records(10, seed=number))
    found = run_cli("ingest", str(tmp_path), env={"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/nowhere"})
    assert found.exit_code == 4
    assert [file["status"] for file in found.json["files"]] == ["failed", "not tried", "not tried"]


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_an_interruption_reaches_who_waits_and_what_was_done_is_named(
    start_cli, database, tmp_path, wait_until_somebody_is_blocked, jobs
):
    done = write(tmp_path / "0.dbn", records(10, instruments=(8,)), symbols(NQH3=8))
    for number in range(1, 5):
        write(tmp_path / f"{number}.dbn", records(10, seed=number))
    with database.connect(autocommit=False) as holder:
        holder.execute(
            "insert into public.market_bar_symbols (symbol, vendor, dataset, origin, bar_count, version)"
            " values ('ESH3', 'databento', 'GLBX.MDP3', 'vendor', 0, 0)"
        )
        process = start_cli("ingest", str(tmp_path), "--jobs", jobs, database=database)
        wait_until_somebody_is_blocked(database, int(jobs))
        process.send_signal(signal.SIGINT)
        answer, said = process.communicate(timeout=30)
        holder.rollback()
    assert process.returncode == 5, said
    found = json.loads(answer)
    at_work = int(jobs)
    statuses = ["loaded", *["interrupted"] * at_work, *["not tried"] * (4 - at_work)]
    assert [file["status"] for file in found["files"]] == statuses
    assert found["files"][0]["file"] == str(done)
    assert found["totals"]["inserted_count"] == 10
    assert "Traceback" not in said
    assert {row[0] for row in bars(database)} == {"NQH3"}
    audited = sorted((run["status"], run["error"]) for run in runs(database) if run["status"] != "success")
    assert audited == [("failed", "interrupted")] * at_work


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_bug_met_by_one_file_is_no_reason_to_stop_the_others(run_cli, package, tmp_path, jobs):
    module = package.path / "stage1" / "operations" / "prove_file.py"
    broken = "raise RuntimeError('broken by hunter22x')"
    module.write_text(
        f"{module.read_text()}\n\n_prove = prove\n\n\ndef prove(path, *rest):\n"
        f"    if path.name == '2.dbn':\n        {broken}\n    return _prove(path, *rest)\n"
    )
    (tmp_path / "files").mkdir()
    for number in range(1, 5):
        write(tmp_path / "files" / f"{number}.dbn", records(10, seed=number))
    url = "postgresql://u:hunter22x@127.0.0.1:1/d"
    arguments = ("--database", url, "ingest", str(tmp_path / "files"), "--dry-run", "--jobs", jobs)
    found = run_cli(*arguments, package=package.path)
    assert found.exit_code == 70, found.said
    assert [file["status"] for file in found.json["files"]] == ["proven", "failed", "proven", "proven"]
    assert "2.dbn" in found.json["files"][1]["error"]["message"]
    [kept] = tmp_path.glob("stage1-bug-*.txt")
    assert str(kept) in found.stderr
    assert f"{broken.split('(')[0].removeprefix('raise ')}: broken by" in kept.read_text()
    assert "in prove" in kept.read_text()
    assert "hunter22x" not in found.said


@pytest.mark.parametrize(
    ("name", "code", "word"),
    [("", 2, "An empty name was given."), ("x" * 300 + ".dbn", 4, "File name too long"), ("x\ty.dbn", 4, "does not exist")],
)
def test_a_name_that_names_nothing_is_refused_before_anything_is_read(run_cli, tmp_path, name, code, word):
    write(tmp_path / "es.dbn", records(10))
    found = run_cli("ingest", name, "--dry-run")
    assert found.exit_code == code, found.said
    assert word in found.stderr
    assert found.stdout == ""
    assert not list(tmp_path.glob("stage1-bug-*"))


def test_what_a_manifest_announces_and_its_folder_has_not_is_said(run_cli, tmp_path):
    path = write(tmp_path / "a.dbn", records(10))
    files = [{"filename": name} for name in (path.name, "b.dbn.zst", "condition.json")]
    (tmp_path / "manifest.json").write_text(json.dumps({"files": files}))
    found = run_cli("ingest", str(tmp_path), "--dry-run")
    assert found.exit_code == 0, found.stderr
    assert f"warning: {tmp_path}/manifest.json announces what is not beside it: b.dbn.zst\n" in found.stderr

"""Are many files independent of each other, and are the right ones found?"""

import shutil

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

"""The commands around a replay: rehearsal, retry, status, purge, and what a restore needs."""

import json

from tests.integration.replay.spools import PENDING, counts, dataset, letters, make_spool, measurements, names_in, run_of, slugs


def test_a_dry_run_claims_nothing_and_writes_nothing(replay, database, tmp_path):
    spool = make_spool(tmp_path, dataset("a") + "TRUNCATE stage1_datasets;\n", one=dataset("b"))
    before = sorted((path.name, path.read_bytes()) for path in spool.rglob("*.sql"))
    found = replay("--dry-run", exit_code=1)
    assert counts(found.json) == (2, 0, 0, 1)
    [refused] = found.json["refused"]
    assert (refused["position"], refused["statement"]) == (len(dataset("a")), "TRUNCATE stage1_datasets")
    assert sorted((path.name, path.read_bytes()) for path in spool.rglob("*.sql")) == before
    assert slugs(database) == []
    assert database.value("select count(*) from stage1_internal.replay_runs") == 0


def test_dead_letters_are_tried_again_and_noted(run_cli, replay, database, tmp_path):
    make_spool(tmp_path, run_of("a", "p1") + "VACUUM;\n")
    replay(exit_code=1)
    database.rows("update stage1_internal.replay_statements set status = 'dead' where status = 'waiting'")
    database.load(write(tmp_path / "parent.sql", dataset("a")))
    again = run_cli("replay", "retry", database=database)
    assert again.exit_code == 1, again.said
    assert counts(again.json) == (1, 0, 0, 1), "VACUUM is judged again, and refused again"
    assert measurements(database) == ["p1"]
    assert run_cli("replay", "purge", "--letters", database=database).exit_code == 2
    noted = run_cli("replay", "purge", "--letters", "--yes", database=database)
    assert noted.json["letters_noted"] == 1
    assert letters(database) == []
    assert run_cli("replay", "retry", database=database).exit_code == 0
    missing = run_cli("replay", "retry", "append:1", database=database)
    assert missing.exit_code == 1
    assert "[S1R04]" in missing.stderr


def write(path, text):
    path.write_text(text)
    return path


def test_status_tells_the_morning(run_cli, replay, database, tmp_path):
    env = {"STAGE1_SPOOL": str(tmp_path / "spool")}
    never = run_cli("replay", "status", "--max-age", "26h", database=database, env=env)
    assert never.exit_code == 1
    assert "no replay was ever done" in never.stderr
    make_spool(tmp_path, dataset("a") + "VACUUM;\n")
    replay(exit_code=1)
    make_spool(tmp_path, dataset("b"))
    found = run_cli("replay", "status", "--max-age", "26h", database=database, env=env)
    assert found.exit_code == 0, found.said
    assert (found.json["run"]["dead_count"], found.json["run"]["applied_count"]) == (1, 1)
    assert found.json["files"] == [str(tmp_path / "spool" / PENDING)]
    [letter] = found.json["letters"]
    assert (letter["statement"], letter["status"]) == ("VACUUM", "dead")
    database.rows("update stage1_internal.replay_runs set finished_at = now() - interval '27 hours'")
    late = run_cli("replay", "status", "--max-age", "26h", database=database, env=env)
    assert late.exit_code == 1
    assert "27.0 h ago" in late.stderr


def test_done_files_replay_into_a_restored_database(run_cli, replay, database, new_database, tmp_path):
    """After a restore of last night's backup, what was replayed since is still in done/, with its identity."""
    spool = make_spool(tmp_path, dataset("a") + dataset("b"), one=dataset("c"))
    replay()
    restored = new_database()
    assert run_cli("migrate", "--without-backup", database=restored).exit_code == 0
    done = [str(path) for path in (spool / "done").iterdir()]
    for expected in ((3, 0, 0, 0), (0, 0, 0, 0)):
        found = run_cli("replay", "run", *done, database=restored)
        assert found.exit_code == 0, found.said
        assert counts(found.json) == expected
    assert slugs(restored) == ["a", "b", "c"]


def test_files_that_were_done_long_ago_are_deleted(run_cli, replay, database, tmp_path):
    spool = make_spool(tmp_path, dataset("a"), one=dataset("b"))
    replay()
    (spool / "done" / "somebody's.txt").write_text("not ours")
    env = {"STAGE1_SPOOL": str(spool)}
    assert run_cli("replay", "purge", database=database, env=env).json["files_deleted"] == []
    purged = run_cli("replay", "purge", database=database, env={**env, "STAGE1_SPOOL_KEEP": "0"})
    assert purged.exit_code == 0, purged.said
    assert (len(purged.json["files_deleted"]), purged.json["statements_compacted"]) == (2, 2)
    assert names_in(spool / "done") == ["somebody's.txt"]
    make_spool(tmp_path, resubmitted=dataset("b"))
    assert [file["state"] for file in replay().json["files"]] == ["known"]
    assert slugs(database) == ["a", "b"]


def test_the_answer_as_a_table(replay, tmp_path):
    make_spool(tmp_path, dataset("a") + "VACUUM;\n")
    found = replay("--format", "table", exit_code=1)
    assert "files" in found.stdout
    assert "1 statements applied" in found.stderr
    assert "1 dead letters" in found.stderr
    assert json.dumps("VACUUM") not in found.stderr

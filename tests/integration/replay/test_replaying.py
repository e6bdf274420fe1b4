"""`stage1 replay run`: every statement once, in order, or a letter with its reason."""

import pytest

from tests.integration.replay.spools import PENDING, counts, dataset, letters, make_spool, measurements, names_in, run_of, slugs


def test_an_append_file_and_whole_files_are_replayed_and_put_away(replay, database, tmp_path):
    spool = make_spool(tmp_path, dataset("a") + dataset("b"), one=dataset("c"), two="BEGIN;\n" + dataset("d") + "COMMIT;\n")
    found = replay()
    assert counts(found.json) == (4, 0, 0, 0)
    assert slugs(database) == ["a", "b", "c", "d"]
    assert not (spool / PENDING).exists()
    assert names_in(spool / "work") == names_in(spool / "new") == []
    assert len(names_in(spool / "done")) == 3
    again = replay()
    assert counts(again.json) == (0, 0, 0, 0)


def test_the_same_file_submitted_again_is_known(replay, database, tmp_path):
    text = dataset("a") + dataset("b")
    make_spool(tmp_path, one=text)
    replay()
    make_spool(tmp_path, under_another_name=text)
    found = replay()
    assert [file["state"] for file in found.json["files"] if "another" in file["file"]] == ["known"]
    assert slugs(database) == ["a", "b"]
    assert database.value("select count(*) from stage1_internal.replay_statements") == 2


def test_two_equal_plain_inserts_are_both_real(replay, database, tmp_path):
    statement = "INSERT INTO simulation_runs (questdb_namespace) VALUES ('again');\n"
    make_spool(tmp_path, statement * 2)
    found = replay()
    assert counts(found.json) == (2, 0, 0, 0)
    make_spool(tmp_path, statement * 2)
    assert counts(replay().json) == (2, 0, 0, 0), "another night's append file is another file"
    assert database.value("select count(*) from public.simulation_runs") == 4


def test_what_waits_for_a_parent_is_applied_behind_the_file(replay, database, tmp_path):
    make_spool(tmp_path, run_of("a", "p1") + dataset("a") + run_of("later", "p2"))
    found = replay()
    assert counts(found.json) == (2, 0, 1, 0)
    assert measurements(database) == ["p1"]
    [(status, reason)] = letters(database)
    assert status == "waiting"
    assert "stage1_datasets" in reason
    make_spool(tmp_path, dataset("later"))
    assert counts(replay().json) == (2, 0, 0, 0)
    assert measurements(database) == ["p1", "p2"]
    assert letters(database) == []


def test_a_parent_that_never_comes_is_a_dead_letter_after_some_nights(replay, database, tmp_path):
    make_spool(tmp_path, run_of("never", "p1"))
    replay()
    database.rows("update stage1_internal.replay_statements set first_tried_at = now() - interval '3 days'")
    assert counts(replay().json)[2:] == (1, 0)
    found = replay(env={"STAGE1_REPLAY_PATIENCE": "2"}, exit_code=1)
    assert counts(found.json)[2:] == (0, 1)
    [(status, reason)] = letters(database)
    assert status == "dead"
    assert "has waited since" in reason


def test_refused_statements_are_letters_and_the_others_are_applied(replay, database, tmp_path):
    make_spool(tmp_path, dataset("a") + "DROP TABLE stage1_datasets;\n" + dataset("b") + dataset("a") + dataset("c"))
    found = replay(exit_code=1)
    assert counts(found.json) == (3, 0, 0, 2)
    assert slugs(database) == ["a", "b", "c"]
    (_, dropped), (_, repeated) = letters(database)
    assert "DROP" in dropped or "not allowed" in dropped
    assert "duplicate key" in repeated
    assert counts(replay().json) == (0, 0, 0, 0), "a letter is no reason to fail every night"


def test_a_transaction_is_applied_as_a_whole_or_not_at_all(replay, database, tmp_path):
    whole = "BEGIN;\n" + dataset("a") + dataset("b") + "COMMIT;\n"
    broken = "BEGIN;\n" + dataset("c") + dataset("a") + "COMMIT;\n"
    refused = "BEGIN;\n" + dataset("d") + "DELETE FROM stage1_datasets;\nCOMMIT;\n"
    withdrawn = "BEGIN;\n" + dataset("e") + "ROLLBACK;\n"
    make_spool(tmp_path, whole + broken + refused + withdrawn + dataset("f"))
    found = replay(exit_code=1)
    assert counts(found.json) == (3, 0, 0, 4)
    assert slugs(database) == ["a", "b", "f"]
    assert any("another statement of its transaction" in reason for _, reason in letters(database))


@pytest.mark.long
def test_a_statement_that_no_memory_holds_is_a_letter_and_the_others_go_on(replay, database, tmp_path):
    numbers = ",".join(["1e131071"] * 8_500)
    huge = f"INSERT INTO simulation_runs (serialized_config) VALUES ('{{{numbers}}}'::numeric[]);\n"
    make_spool(tmp_path, dataset("a") + huge + dataset("b"))
    assert counts(replay(exit_code=1).json) == (2, 0, 0, 1)
    assert slugs(database) == ["a", "b"]


def test_a_run_that_stops_says_what_it_applied(replay, database, tmp_path):
    plain = "".join(dataset(f"d{number:03}") for number in range(600))
    make_spool(tmp_path, plain)
    with database.connect(autocommit=False) as holder:
        holder.execute(
            "insert into public.stage1_datasets (dataset_id, dataset_slug, ohlcv_measurement, indicator_measurement)"
            " values (gen_random_uuid(), 'd550', '', '')"
        )
        replay(exit_code=4, env={"STAGE1_LOCK_TIMEOUT": "0.05"})
        holder.rollback()
    [run] = database.rows("select outcome, applied_count from stage1_internal.replay_runs")
    assert (run["outcome"], run["applied_count"]) == ("stopped", len(slugs(database)))
    assert run["applied_count"] >= 500
    assert counts(replay().json)[:2] == (600 - run["applied_count"], run["applied_count"])


def test_a_file_that_was_edited_is_left_and_the_others_go_on(replay, database, tmp_path):
    spool = make_spool(tmp_path, dataset("a") + dataset("b").rstrip(";\n"))
    replay()
    [claimed] = (spool / "work").iterdir()
    claimed.write_text(dataset("x") + dataset("b"))
    make_spool(tmp_path, dataset("c"))
    found = replay(exit_code=1)
    assert counts(found.json)[0] == 1
    assert {file["state"] for file in found.json["files"]} == {"left", "done"}
    assert "was left where it is" in found.stderr
    assert slugs(database) == ["a", "c"]
    assert names_in(spool / "work") == [claimed.name]
    [stopped] = database.rows("select * from public.replays_stopped")
    assert claimed.name in stopped["detail"]

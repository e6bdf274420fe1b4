"""What is not finished at the end of a spool file: it waits, is given up in the end, and is never guessed at."""

import os

from tests.integration.replay.spools import counts, dataset, letters, make_spool, names_in, slugs


def test_what_is_unfinished_stays_pending_and_is_applied_when_it_is_finished(replay, database, tmp_path):
    spool = make_spool(tmp_path, dataset("a") + dataset("b").rstrip(";\n"))
    found = replay()
    assert counts(found.json) == (1, 0, 0, 0)
    assert "no semicolon yet" in found.json["files"][0]["note"]
    [claimed] = (spool / "work").glob("append-*.sql")
    with claimed.open("a") as descriptor:  # the client's own, which followed the rename
        descriptor.write(";\n" + dataset("c") + "BEGIN;\n" + dataset("d"))
    found = replay()
    assert counts(found.json) == (2, 1, 0, 0)
    assert "no COMMIT yet" in found.json["files"][0]["note"]
    with claimed.open("a") as descriptor:
        descriptor.write("COMMIT;\n")
    assert counts(replay().json) == (1, 3, 0, 0)
    assert slugs(database) == ["a", "b", "c", "d"]
    [done] = (spool / "done").glob("append-*.sql")
    with done.open("a") as descriptor:
        descriptor.write(dataset("e"))
    assert counts(replay().json)[0] == 1
    assert slugs(database) == ["a", "b", "c", "d", "e"]
    assert counts(replay().json) == (0, 0, 0, 0)


def test_the_unfinished_end_of_a_whole_file_is_a_letter(replay, database, tmp_path):
    make_spool(tmp_path, one=dataset("a") + dataset("b").rstrip(";\n"), two=dataset("c") + "BEGIN;\n" + dataset("d"))
    found = replay(exit_code=1)
    assert counts(found.json) == (2, 0, 0, 2)
    assert slugs(database) == ["a", "c"]
    assert sorted(reason for _, reason in letters(database)) == [
        "the file ends before the COMMIT of its transaction",
        "the file ends before the semicolon of this statement",
    ]


def test_an_unfinished_end_that_nobody_goes_on_writing_is_a_letter_in_the_end(replay, database, tmp_path):
    spool = make_spool(tmp_path, dataset("a") + "BEGIN;\n" + dataset("b"))
    assert counts(replay().json) == (1, 0, 0, 0)
    [claimed] = (spool / "work").iterdir()
    os.utime(claimed, (1_600_000_000, 1_600_000_000))
    assert counts(replay(exit_code=1).json) == (0, 1, 0, 1)
    assert [reason for _, reason in letters(database)] == ["the file ends before the COMMIT of its transaction"]
    assert names_in(spool / "work") == []


def test_what_comes_after_a_transaction_was_given_up_is_a_letter_too(replay, database, tmp_path):
    spool = make_spool(tmp_path, "BEGIN;\n" + dataset("a"))
    replay()
    [claimed] = (spool / "work").iterdir()
    os.utime(claimed, (1_600_000_000, 1_600_000_000))
    replay(exit_code=1)
    [done] = (spool / "done").iterdir()
    with done.open("a") as descriptor:  # of a client that slept for a week
        descriptor.write(dataset("b") + "COMMIT;\n" + dataset("c"))
    assert counts(replay(exit_code=1).json) == (1, 1, 0, 1)
    assert slugs(database) == ["c"]
    assert [reason for _, reason in letters(database)][1:] == [
        "the transaction that it belongs to was given up before it was finished"
    ]


def test_what_is_unfinished_in_done_is_seen_and_given_up_in_the_end(replay, run_cli, database, tmp_path):
    spool = make_spool(tmp_path, dataset("a"))
    replay()
    [done] = (spool / "done").iterdir()
    with done.open("a") as descriptor:
        descriptor.write("BEGIN;\n" + dataset("b"))
    assert replay().json["files"][0]["state"] == "pending"
    status = run_cli("replay", "status", database=database, env={"STAGE1_SPOOL": str(spool)})
    assert status.json["run"]["open_spool_count"] == 1
    os.utime(done, (1_600_000_000, 1_600_000_000))
    assert counts(replay(exit_code=1).json)[3] == 1


def test_what_is_not_whole_is_never_tried_again(run_cli, replay, database, tmp_path):
    head = "-- stage1 spool 1: one statement per line\n"
    torn = dataset("torn").rstrip(";\n") + "\n"
    make_spool(tmp_path, one=head + torn + dataset("b"), two="BEGIN;\n" + dataset("c") + dataset("d").rstrip(";\n"))
    assert counts(replay(exit_code=1).json) == (1, 0, 0, 3)
    again = run_cli("replay", "retry", database=database)
    assert (again.exit_code, again.json["applied"]) == (0, 0), again.said
    assert "0 dead letters are tried again" in again.stderr
    assert slugs(database) == ["b"]


def test_a_second_begin_shows_that_the_first_unit_was_torn(replay, database, tmp_path):
    make_spool(tmp_path, "BEGIN;\n" + dataset("a") + "BEGIN;\n" + dataset("b") + "COMMIT;\n" + dataset("c"))
    assert counts(replay(exit_code=1).json) == (2, 0, 0, 1)
    assert slugs(database) == ["b", "c"]

"""What an upsert of examples makes of a dataset, what it answers, and what it refuses.

Inside it are check_version_request, locked_examples, remember_request, check_expected_version, check_staged_examples,
diff_staged_examples, make_example_changes and write_example_version; inside a restore is diff_with_version.
"""

import json
from pathlib import Path
from uuid import UUID

import psycopg
import pytest

from stage1.model.canonical_json import canonical_text
from tests.sql.bar_loads import row, value
from tests.sql.example_uploads import call, counts, held, latest, restore, stage, upsert

ID, NOBODY = UUID("aaaaaaaa-0000-4000-8000-000000000001"), UUID(int=1)
VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "canonical_json.json").read_text(encoding="utf-8"))["contents"]
WRITTEN = ("stage1_datasets", "dataset_versions", "dataset_examples", "dataset_example_revisions")


def written(db):
    """Every row of what an upsert writes, with the transactions that wrote it."""
    return [db.execute(f"select xmin::text, ctid, * from public.{table} order by ctid").fetchall() for table in WRITTEN]


def refusal(db, what):
    with pytest.raises(psycopg.Error) as found, db.transaction():
        what()
    assert found.value.diag.message_hint
    return found.value


def test_the_first_upsert_makes_the_dataset_and_its_first_version(db):
    answer = upsert(db, {"b": 2, "a": 1}, new_dataset_id=ID, description="first", created_by="ann", metadata='{"commit": "1f"}')
    made = row(db, "select * from public.dataset_version_list where dataset_id = %s", ID)
    assert answer == {
        "dataset_id": ID, "version_id": made["version_id"], "previous_version_id": None, "created_version": True,
        "created_dataset": True, "new_count": 2, "changed_count": 0, "unchanged_count": 0, "deleted_count": 0,
        "restored_count": 0,
    }  # fmt: skip
    shown = {"sequence": 1, "origin": "mirror", "description": "first", "created_by": "ann", "metadata": {"commit": "1f"}}
    assert shown.items() <= made.items() and made["example_count"] == 2 and made["tags"] == []
    found = row(db, "select * from public.dataset_catalog where dataset_id = %s", ID)
    assert (found["dataset_slug"], found["kind"], found["source"]) == ("set", "examples", "stage1")
    assert (found["version_count"], found["example_count"]) == (1, 2)
    assert held(db) == {"a": 1, "b": 2}
    assert upsert(db, {"c": 3}, name="other", new_dataset_id=ID)["dataset_id"] != ID, "an id that is taken is not needed"


@pytest.mark.parametrize(
    ("mode", "given", "expected", "then"),
    [
        ("merge", {"a": 1, "b": 2}, (0, 0, 2, 0, 0), {"a": 1, "b": 2}),
        ("merge", {"b": 5, "c": 3, "gone": 9}, (1, 1, 0, 0, 1), {"a": 1, "b": 5, "c": 3, "gone": 9}),
        ("merge", {"b": 2, "c": 3}, (1, 0, 1, 0, 0), {"a": 1, "b": 2, "c": 3}),
        ("merge", {}, (0, 0, 0, 0, 0), {"a": 1, "b": 2}),
        ("mirror", {"a": 1, "b": 2}, (0, 0, 2, 0, 0), {"a": 1, "b": 2}),
        ("mirror", {"b": 5, "gone": 9}, (0, 1, 0, 1, 1), {"b": 5, "gone": 9}),
        ("mirror", {"a": 1, "Z": 3, "\u00fc": 4}, (2, 0, 1, 1, 0), {"Z": 3, "a": 1, "\u00fc": 4}),
        ("mirror", {}, (0, 0, 0, 2, 0), {}),
    ],
)
@pytest.mark.parametrize("many", [0, 200])
def test_merge_and_mirror_count_and_keep_what_they_say(db, mode, given, expected, then, many):
    """With 200 others in a merge the staged ones are looked up one by one."""
    others = {f"other {n:03}": n for n in range(many)}
    upsert(db, {"a": 1, "b": 2, "gone": 9} | others)
    first = upsert(db, {"a": 1, "b": 2} | others)
    given = given | (others if mode == "mirror" else {})
    if mode == "mirror":
        expected = (expected[0], expected[1], expected[2] + many, *expected[3:])
    before = written(db)
    stage(db, given)
    asked = {"name": "set", "mode": mode, "allow_empty": True}
    planned = call(db, "plan_dataset_examples", **asked)
    stage(db, given)
    dry = call(db, "upsert_dataset_examples", **asked, dry_run=True)
    assert planned == dry and counts(dry) == expected and dry["version_id"] == first["version_id"]
    assert written(db)[1:] == before[1:], "neither wrote anything"
    answer = upsert(db, given, mode, allow_empty=True)
    assert counts(answer) == expected
    assert answer["created_version"] == dry["created_version"] == any(expected[:2] + expected[3:])
    assert held(db) == then | others
    assert latest(db)["example_count"] == len(then | others)
    if answer["created_version"]:
        assert answer["previous_version_id"] == first["version_id"]
        assert held(db, 2) == {"a": 1, "b": 2} | others, "what was is still there"
    else:
        assert answer["version_id"] == first["version_id"]
        assert written(db)[1:] == before[1:], "the same again writes nothing"


def test_a_restored_example_is_the_same_one_with_its_history(db):
    for number in (1, None, 2, None):
        upsert(db, {"a": number} if number else {}, allow_empty=True)
    restored = restore(db, 3, created_by="bob")
    history = db.execute("select * from public.fn_example_history('set', 'a')").fetchall()
    assert [(r["sequence"], r["kind"], r["output"] and r["output"]["answer"]) for r in history] == [
        (5, "CREATE", 2), (4, "DELETE", None), (3, "CREATE", 2), (2, "DELETE", None), (1, "CREATE", 1),
    ]  # fmt: skip
    assert history[0]["created_by"] == "bob" and history[0]["version_id"] == restored["version_id"]
    assert value(db, "select count(*) from public.dataset_examples") == 1
    third = call(db, "fn_find_dataset_version", dataset="set", version="3")["version_id"]
    assert (latest(db)["origin"], latest(db)["restored_from"]) == ("restore", third)
    again = restore(db, 3)
    assert not again["created_version"] and again["version_id"] == restored["version_id"] and counts(again) == (0, 0, 1, 0, 0)
    page = db.execute("select sequence from public.fn_example_history('set', 'a', 2, 4)").fetchall()
    assert [r["sequence"] for r in page] == [3, 2]
    assert refusal(db, lambda: call(db, "fn_example_history", dataset="set", source_id="b")).sqlstate == "S1E08"


def test_after_a_plan_only_needed_bodies_are_sent(db):
    upsert(db, {"a": 1, "b": 2, "gone": 3})
    upsert(db, {"a": 1, "b": 2})
    stage(db, [("a", None, 1), ("b", None, 7), ("gone", None, 3), ("new", None, 5)])
    plan = call(db, "plan_dataset_examples", name="set", mode="mirror")
    assert counts(plan) == (1, 1, 1, 0, 1)
    assert [r["id"] for r in db.execute("select * from public.needed_examples() as n (id)")] == ["b", "gone", "new"]
    sent = [("a", None, 1), ("b", 7), ("gone", 3), ("new", 5)]
    expected = plan["version_id"]
    with db.transaction(force_rollback=True):
        upsert(db, {"a": 8}, "merge")
        assert refusal(db, lambda: upsert(db, sent)).sqlstate == "S1E09"
        assert refusal(db, lambda: upsert(db, sent, expected_version_id=expected)).sqlstate == "S1E02"
    assert counts(upsert(db, sent, expected_version_id=expected)) == counts(plan)
    assert held(db) == {"a": 1, "b": 7, "gone": 3, "new": 5}


def test_the_same_request_is_answered_as_then_and_does_nothing(db):
    upsert(db, {"a": 1})
    before = latest(db)["version_id"]
    asked = {"request_key": "k", "expected_version_id": before}
    first = upsert(db, {"a": 2}, **asked)
    none = upsert(db, {"a": 2}, request_key="nothing")
    undone = restore(db, 1, request_key="restore")
    assert upsert(db, {"a": 2}, **asked) == first and first["created_version"]
    assert upsert(db, {"a": 3}, request_key="nothing") == none and counts(none) == (0, 0, 1, 0, 0)
    assert restore(db, 2, request_key="restore") == undone
    assert held(db) == {"a": 1} and latest(db)["sequence"] == 3
    made = upsert(db, {"a": 1}, name="other", request_key="k")
    assert made["created_dataset"], "a key is of one dataset"
    assert upsert(db, {"a": 1}, name="other", request_key="k") == made


def test_an_unexpected_version_is_refused_and_the_latest_is_named(db):
    first = upsert(db, {"a": 1})["version_id"]
    second = upsert(db, {"a": 2}, expected_version_id=first)["version_id"]
    for refused in (
        lambda: upsert(db, {"a": 3}, expected_version_id=first),
        lambda: upsert(db, {"a": 3}, expected_version_id=first, dry_run=True),
        lambda: restore(db, 1, expected_version_id=NOBODY),
    ):
        found = refusal(db, refused)
        assert (found.sqlstate, found.diag.message_detail) == ("S1E02", f"The latest version is {second}.")
    found = refusal(db, lambda: upsert(db, {"a": 3}, name="new", expected_version_id=first))
    assert (found.sqlstate, found.diag.message_detail) == ("S1E02", "There is no version yet.")
    assert value(db, "select count(*) from public.stage1_datasets") == 1


@pytest.mark.parametrize("vector", VECTORS, ids=[vector["name"] for vector in VECTORS])
def test_the_database_hashes_as_the_shared_vectors_say(db, vector):
    texts = json.loads(vector["canonical"])
    parts = [canonical_text(texts[name]) for name in ("input", "output", "metadata")]
    assert '{{"input":{0},"metadata":{2},"output":{1}}}'.format(*parts) == vector["canonical"]
    found = value(db, "select encode(stage1_internal.content_hash_v1(%s::json, %s::json, %s::json), 'hex')", *parts)
    assert found == vector["sha256"]
    given = json.dumps([{"source_id": "v", "content_hash": vector["sha256"]}])
    examples = given[:-2] + ', "input": {}, "output": {}, "metadata": {}}}]'.format(*parts)
    call(db, "upsert_dataset_examples", name="set", mode="merge", examples=examples)
    kept = row(db, "select input::text, output::text, metadata::text, content_hash from public.dataset_example_revisions")
    assert [kept["input"], kept["output"], kept["metadata"], kept["content_hash"].hex()] == [*parts, vector["sha256"]]


def test_a_first_merge_of_nothing_makes_an_empty_version(db):
    answer = upsert(db, {}, "merge")
    assert (answer["created_dataset"], answer["created_version"], latest(db)["example_count"]) == (True, True, 0)
    assert held(db) == {}
    assert not upsert(db, {}, "merge")["created_version"]


def test_a_dataset_with_versions_and_their_history_stays(db):
    dataset = upsert(db, {"a": 1})["dataset_id"]
    for statement in (
        "delete from public.stage1_datasets",
        "delete from public.dataset_versions",
        "delete from public.dataset_examples",
    ):
        with pytest.raises(psycopg.errors.ForeignKeyViolation), db.transaction():
            db.execute(statement)
    db.execute(
        "select public.upsert_stage1_dataset(%s, 'set', null, null, null, '', '', 0, 0, null, null, null, null, '{}')", [dataset]
    )
    assert value(db, "select kind from public.stage1_datasets") == "examples"
    assert counts(upsert(db, {"a": 1})) == (0, 0, 1, 0, 0)


def test_tags_name_versions_and_move(db):
    first = upsert(db, {"a": 1})["version_id"]
    second = upsert(db, {"a": 2})["version_id"]
    made = call(db, "tag_dataset_version", dataset="set", tag="baseline", version="1", updated_by="ann")
    assert (made["tag"], made["version_id"], made["sequence"], made["updated_by"]) == ("baseline", first, 1, "ann")
    assert held(db, "tag:baseline") == {"a": 1}
    same = call(db, "tag_dataset_version", dataset="set", tag="baseline", version="1", updated_by="bob")
    assert same == made, "nothing changed"
    call(db, "tag_dataset_version", dataset="set", tag="baseline", updated_by="bob")
    call(db, "tag_dataset_version", dataset="set", tag="a/b \u00fc")
    tags = db.execute("select tag, sequence from public.fn_list_dataset_tags('set')").fetchall()
    assert [tuple(tag.values()) for tag in tags] == [("a/b \u00fc", 2), ("baseline", 2)]
    assert latest(db)["tags"] == ["a/b \u00fc", "baseline"]
    assert value(db, "select public.untag_dataset_version('set', 'baseline')") == second
    assert refusal(db, lambda: call(db, "untag_dataset_version", dataset="set", tag="baseline")).sqlstate == "S1E07"
    assert refusal(db, lambda: held(db, "tag:baseline")).sqlstate == "S1E07"
    for tag in ("7", str(NOBODY).upper(), "Latest", "tag:x", " x", "x" * 256):
        assert refusal(db, lambda tag=tag: call(db, "tag_dataset_version", dataset="set", tag=tag)).sqlstate == "S1A02"
        with pytest.raises(psycopg.errors.CheckViolation), db.transaction():
            db.execute("insert into public.dataset_version_tags (dataset_id, tag, version_id, updated_by)"
                       " select dataset_id, %s, version_id, 'x' from public.dataset_versions limit 1", [tag])  # fmt: skip
    assert refusal(db, lambda: call(db, "tag_dataset_version", dataset="set", tag="")).sqlstate == "S1A01"


def test_the_catalog_and_the_lineage_show_versions(db):
    upsert(db, {"a": 1}, created_by="ann")
    upsert(db, {"a": 2, "b": 1}, created_by="ann")
    restore(db, 1, created_by="bob")
    traced = db.execute("select * from public.fn_trace_dataset('set')").fetchall()
    assert [(step["kind"], step["name"], step["came_from"]) for step in traced] == [
        ("dataset", "set", "stage1"), ("version", "version 1", "set"), ("version", "version 2", "version 1"),
        ("version", "version 3", "version 1"),
    ]  # fmt: skip
    assert traced[3]["detail"] == "restore by bob, 1 examples: 0 new, 1 changed, 1 deleted, 0 restored"
    assert traced[3]["version_id"] == latest(db)["version_id"]
    listed = db.execute("select sequence, previous_version_id from public.fn_list_dataset_versions('set', 2)").fetchall()
    assert [found["sequence"] for found in listed] == [3, 2] and listed[0]["previous_version_id"] is not None
    assert [v["sequence"] for v in db.execute("select * from public.fn_list_dataset_versions('set', 2, 2)")] == [1]

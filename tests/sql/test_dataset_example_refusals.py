"""What an upsert of examples refuses, who may do it, and what finds out that somebody went past the functions."""

import json
from uuid import UUID

import psycopg
import pytest

from tests.sql.bar_loads import value
from tests.sql.example_uploads import call, content, content_hash, held, restore, stage, upsert
from tests.sql.test_dataset_examples import refusal, written

ID, NOBODY = UUID("aaaaaaaa-0000-4000-8000-000000000001"), UUID(int=1)
EMPTY = b'{"input":{},"metadata":{},"output":{}}'
GOOD = '[{"source_id": "a", "input": {}}]'


@pytest.mark.parametrize(
    ("code", "given"),
    [
        ("S1A01", {"name": None}),
        ("S1A01", {"name": " "}),
        ("S1A02", {"dataset_id": NOBODY}),
        ("S1A02", {"name": "x" * 256}),
        ("S1A02", {"name": str(ID).upper()}),
        ("S1C02", {"name": None, "dataset_id": NOBODY}),
        ("S1E06", {"name": "a triplet"}),
        ("S1A01", {"mode": None}),
        ("S1A02", {"mode": "append"}),
        ("S1A02", {"metadata": "[]"}),
        ("S1A02", {"metadata": json.dumps({"a": "x" * 2**20})}),
        ("S1A02", {"metadata": '{"a": [%s1]}' % ("1e308," * 4_000)}),
        ("S1A02", {"request_key": ""}),
        ("S1A02", {"request_key": "x" * 256}),
        ("S1A01", {"examples": None}),
        ("S1A02", {"examples": "{}"}),
        ("S1E05", {"examples": "[]", "mode": "mirror"}),
        ("S1E05", {"examples": "[]", "mode": "mirror", "name": "set"}),
        ("S1E10", {"examples": "[1]"}),
        ("S1E10", {"examples": r'[{"source_id": "a", "input": {"b": "\u0000"}}]'}),
        ("S1E10", {"examples": r'[{"source_id": "a", "input": {"b": "\ud800"}}]'}),
        ("S1E10", {"examples": '[{"input": {}}]'}),
        ("S1E10", {"examples": '[{"source_id": "a"}]'}),
        ("S1E10", {"examples": json.dumps([{"source_id": "x" * 1025, "input": {}}])}),
        ("S1E10", {"examples": '[{"source_id": "a", "input": []}]'}),
        ("S1E10", {"examples": '[{"source_id": "a", "input": {}, "output": 1}]'}),
        ("S1E10", {"examples": '[{"source_id": "a", "input": {}, "metadata": null}]'}),
        ("S1E10", {"examples": '[{"source_id": "a", "output": {}, "content_hash": "%s"}]' % ("00" * 32)}),
        ("S1E10", {"examples": '[{"source_id": "a", "input": {}, "content_hash": "00"}]'}),
        ("S1E10", {"examples": '[{"source_id": "a", "input": {}, "content_hash": "xx"}]'}),
        ("S1E04", {"examples": '[{"source_id": "a", "input": {}, "content_hash": "%s"}]' % ("00" * 32)}),
        ("S1E03", {"examples": json.dumps([{"source_id": name, "input": {}} for name in "cabcabdd"])}),
        ("S1E09", {"examples": '[{"source_id": "a", "content_hash": "%s"}]' % ("00" * 32)}),
    ],
)
def test_what_makes_no_sense_is_refused_and_leaves_nothing(db, code, given):
    upsert(db, {"b": 2})
    db.execute("drop table pg_temp.staged_examples")
    db.execute(
        "insert into public.stage1_datasets (dataset_id, dataset_slug, ohlcv_measurement, indicator_measurement)"
        " values (%s, 'a triplet', 'o', 'i')",
        [ID],
    )
    before = written(db)
    found = refusal(db, lambda: call(db, "upsert_dataset_examples", **{"name": "new", "mode": "merge", "examples": GOOD} | given))
    assert found.sqlstate == code
    assert written(db) == before
    message = found.diag.message_primary
    if code == "S1E03":
        assert message.endswith("'a', 'b', 'c'."), "three of them are named"
    if code == "S1E04":
        assert "'a'" in message and "00" * 32 in message and value(db, "select encode(sha256(%s), 'hex')", EMPTY) in message


@pytest.mark.parametrize(
    ("damage", "check", "said"),
    [
        ("update public.dataset_examples set head_sequence = 1 where source_id = 'a'", "example_heads_differ", "set: a"),
        ("update public.dataset_examples set head_hash = null where source_id = 'b'", "example_heads_differ", "set: b"),
        ("delete from public.dataset_example_revisions where from_sequence = 2", "example_heads_differ", "set: a"),
        ("update public.dataset_versions set example_count = 5 where sequence = 2", "example_counts_differ", "set"),
        ("update public.dataset_examples set head_hash = null where source_id = 'b'", "example_counts_differ", "set"),
    ],
)
def test_what_was_done_past_the_functions_is_found(db, damage, check, said):
    upsert(db, {"a": 1, "b": 2, "c": 3})
    upsert(db, {"a": 9, "b": 2})
    for view in ("example_heads_differ", "example_counts_differ"):
        assert db.execute(f"select * from public.{view}").fetchall() == []
    db.execute(damage)
    assert said in [found["subject"] for found in db.execute(f"select * from public.{check}")]
    db.execute("update public.dataset_versions set created_at = now() - interval '4 days'")
    assert db.execute(f"select * from public.{check}").fetchall() == [], "it changed long ago"
    db.execute("set local stage1.recount = 'all'")
    assert said in [found["subject"] for found in db.execute(f"select * from public.{check}")]


def test_the_catalogs_role_uploads_by_the_functions_alone(db):
    db.execute("set local role stage1_app")
    upsert(db, {"a": 1})
    restore(db, 1)
    call(db, "tag_dataset_version", dataset="set", tag="t")
    assert held(db) == {"a": 1}
    stage(db, {"a": 2})
    for statement in (
        "insert into public.dataset_versions default values",
        "update public.dataset_examples set head_hash = null",
        "delete from public.dataset_example_revisions",
        "insert into public.dataset_version_tags select * from public.dataset_version_tags",
        "select * from pg_temp.staged_examples",
        "create trigger evil before insert on pg_temp.staged_examples"
        " for each row execute function suppress_redundant_updates_trigger()",
        "select stage1_internal.write_example_version(null, null, null, null, null, null, null, null)",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege), db.transaction():
            db.execute(statement.encode())
    db.execute("set local role stage1_readonly")
    assert held(db) == {"a": 1}
    assert db.execute("select * from public.example_heads_differ").fetchall() == []
    with pytest.raises(psycopg.errors.InsufficientPrivilege), db.transaction():
        stage(db, {"a": 2})


def test_a_staging_table_or_a_type_that_the_caller_made_runs_nothing_as_the_owner(db):
    db.execute("set local role stage1_app")
    db.execute(
        "create temporary table staged_examples (source_id text, input json, output json, metadata json, content_hash bytea)"
    )
    found = refusal(db, lambda: call(db, "upsert_dataset_examples", name="set", mode="merge"))
    assert found.sqlstate == "S1A01"
    db.execute("drop table pg_temp.staged_examples")
    db.execute(
        "create function pg_temp.evil(pg_catalog.text) returns boolean language plpgsql as"
        " $$ begin raise exception 'as %', current_user; end; $$"
    )
    for name in ("text", "uuid", "json", "jsonb", "timestamptz", "regclass", "bytea"):
        db.execute(f"create domain pg_temp.{name} as pg_catalog.{name} check (pg_temp.evil(value::pg_catalog.text))".encode())
    db.execute("select stage1_internal.stage_examples()")
    texts = [text.replace("'", "''") for text in content(1)]
    db.execute("insert into pg_temp.staged_examples values ('a', '{}', '{}', '{}')".format(*texts).encode())
    db.execute("select public.upsert_dataset_examples(p_name => 'set', p_mode => 'merge', p_request_key => 'k')")
    db.execute("select public.restore_dataset_version('set', 'as-of:2999-01-01T00:00:00Z')")
    db.execute("select public.tag_dataset_version('set', 't', '1')")
    db.execute("select public.untag_dataset_version('set', 't')")
    db.execute("set local role none")
    assert value(db, "select encode(head_hash, 'hex') from public.dataset_examples") == content_hash(1)


def test_what_the_caller_names_as_our_index_hides_no_repeated_source_id(db):
    upsert(db, {"a": 1})
    db.execute("set local role stage1_app")
    db.execute("create temporary view staged_examples_source_id as select 1 as nothing")
    stage(db, [("a", 1), ("a", 1), ("b", 2)])
    found = refusal(db, lambda: call(db, "upsert_dataset_examples", name="set", mode="merge"))
    assert found.sqlstate == "S1E03"
    stage(db, {"a": 1, "b": 2})
    for created in (True, False):
        assert call(db, "upsert_dataset_examples", name="set", mode="merge")["created_version"] is created


def test_a_table_of_somebody_else_under_our_name_or_with_our_index_is_named_and_left(empty_database, run_cli):
    empty_database.rows("create table public.dataset_versions (theirs integer)")
    empty_database.rows("create table public.theirs (source_id integer constraint dataset_examples_pkey primary key)")
    found = run_cli("migrate", database=empty_database)
    assert found.exit_code == 3 and "[S1M06]" in found.stderr
    assert "public.dataset_versions, public.theirs exists already" in found.stderr
    assert empty_database.value("select to_regclass('public.stage1_datasets') is null")

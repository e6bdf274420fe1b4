"""Which partitions ensure_bar_partitions makes, what they have, and what it refuses."""

import re
from datetime import UTC, datetime

import psycopg
import pytest

from tests.sql.bar_loads import value

ENSURE = "select stage1_internal.ensure_bar_partitions(%s, %s)"


def partitions(db):
    return [
        found["name"]
        for found in db.execute(
            "select inhrelid::pg_catalog.regclass::text as name from pg_catalog.pg_inherits"
            " where inhparent = 'public.market_bars_ohlcv_1m'::pg_catalog.regclass order by 1"
        )
    ]


def at(year, *rest):
    return datetime(year, *(rest or (1, 1)), tzinfo=UTC)


def test_the_years_that_are_needed_are_made_once(db):
    names = [f"stage1_internal.market_bars_ohlcv_1m_{year}" for year in range(2020, 2026)]
    assert value(db, ENSURE, at(2021, 12, 31, 23, 59, 59), at(2023)) == 3
    assert partitions(db) == names[1:4]
    assert value(db, ENSURE, at(2020), at(2025, 6, 1)) == 3
    assert partitions(db) == names
    assert value(db, ENSURE, at(2020), at(2025, 6, 1)) == 0


def test_years_are_those_of_utc_whatever_the_session_says(db):
    db.execute("set local timezone = 'America/New_York'")
    assert value(db, ENSURE, at(2023), at(2023, 12, 31, 23, 59)) == 1
    assert partitions(db) == ["stage1_internal.market_bars_ohlcv_1m_2023"]
    bound = "select pg_get_expr(c.relpartbound, c.oid) from pg_catalog.pg_class as c where c.relispartition and c.relkind = 'r'"
    db.execute("set local timezone = 'UTC'")
    assert value(db, bound) == "FOR VALUES FROM ('2023-01-01 00:00:00+00') TO ('2024-01-01 00:00:00+00')"


def test_a_partition_has_the_keys_of_its_parent_and_nobody_elses_rights(db):
    db.execute("alter default privileges for role stage1_owner grant insert, select on tables to stage1_app, public")
    db.execute(ENSURE, [at(2023), at(2023)])
    name = "stage1_internal.market_bars_ohlcv_1m_2023"
    access = value(
        db,
        "select array_agg(distinct a.grantee::regrole::text) from pg_catalog.pg_class as c"
        " cross join aclexplode(coalesce(c.relacl, acldefault('r', c.relowner))) as a where c.oid = %s::regclass",
        name,
    )
    assert access == ["stage1_owner"]
    assert db.execute("select * from stage1_internal.role_gaps").fetchall() == []
    assert value(db, "select obj_description(%s::regclass, 'pg_class')", name).startswith("The bars of 2023 (UTC)")
    indexes = db.execute(
        "select replace(pg_get_indexdef(i.indexrelid), '_2023', '') as text, p.inhparent is not null as attached"
        " from pg_catalog.pg_index as i left join pg_catalog.pg_inherits as p on p.inhrelid = i.indexrelid"
        " where i.indrelid = %s::regclass order by 1",
        [name],
    ).fetchall()
    assert [(found["attached"], found["text"].split(" USING ")[1]) for found in indexes] == [
        (True, "brin (ts) WITH (autosummarize='on')"),
        (True, "btree (symbol, ts)"),
    ]


def test_a_partition_that_was_detached_is_named_and_the_hint_attaches_it_again(refused, db):
    db.execute(ENSURE, [at(2023), at(2023)])
    db.execute("alter table public.market_bars_ohlcv_1m detach partition stage1_internal.market_bars_ohlcv_1m_2023")
    message = refused("S1I09", lambda: db.execute(ENSURE, [at(2022), at(2023)]))
    assert message.startswith("stage1_internal.market_bars_ohlcv_1m_2023 exists and is no partition of the bars")
    assert partitions(db) == []
    with pytest.raises(psycopg.Error) as problem, db.transaction():
        db.execute(ENSURE, [at(2023), at(2023)])
    attach, move = re.findall(r"alter table [^;]+;", problem.value.diag.message_hint)
    with db.transaction(force_rollback=True):
        db.execute(attach)
        assert value(db, ENSURE, at(2022), at(2023)) == 1
    db.execute(move)
    assert value(db, ENSURE, at(2022), at(2023)) == 2


@pytest.mark.parametrize(
    ("sqlstate", "first", "last"),
    [
        ("S1A01", None, at(2023)),
        ("S1A01", at(2023), None),
        ("S1A03", at(2023, 1, 2), at(2023)),
        ("S1A02", at(1969, 12, 31), at(2023)),
        ("S1A02", at(2023), at(2262)),
        ("S1A02", at(2023), "infinity"),
    ],
)
def test_a_span_without_ends_or_beyond_what_a_file_can_say_is_refused(refused, db, sqlstate, first, last):
    refused(sqlstate, lambda: db.execute(ENSURE, [first, last]))
    assert partitions(db) == []

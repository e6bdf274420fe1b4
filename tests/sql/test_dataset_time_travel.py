"""Is every version for ever what it was: against a plain dict, over some hundred random uploads and restores?"""

import random
from datetime import timedelta

import psycopg
import pytest

from tests.sql.example_uploads import call, content_hash, counts, held, latest, restore, stage, upsert

IDS = [*"abcdefgh", "Z", "\u00fc", "\U0001f600", "a ", "a\tb\\", "a" * 1024]
STEPS = 120


def difference(base, other):
    """What fn_diff_dataset_versions must say."""
    return {
        source_id: "new" if source_id not in base else "deleted" if source_id not in other else "changed"
        for source_id in sorted({*base, *other}, key=str.encode)
        if base.get(source_id) != other.get(source_id)
    }


def diffed(db, base, other, limit=1000):
    """The whole diff, read by pages."""
    found, after = {}, None
    while True:
        page = db.execute(
            "select * from public.fn_diff_dataset_versions('set', %s, %s, %s, %s)", [str(base), str(other), limit, after]
        ).fetchall()
        found |= {row["source_id"]: row for row in page}
        if len(page) < limit:
            return found
        after = page[-1]["source_id"]


@pytest.mark.parametrize("seed", range(3))
def test_every_version_is_for_ever_what_it_was(db, seed):
    chance = random.Random(seed)  # noqa: S311 - the same steps in every run are what is wanted
    versions = [{}]
    known = set()
    for _ in range(STEPS):
        now = versions[-1]
        given = {source_id: chance.randrange(4) for source_id in chance.sample(IDS, chance.randrange(len(IDS) + 1))}
        mode = chance.choice(["merge", "merge", "mirror", "restore"])
        if mode == "restore" and len(versions) == 1:
            continue
        if mode == "restore":
            goal = chance.randrange(1, len(versions))
            then = versions[goal]
        else:
            then = {**now, **given} if mode == "merge" else given
        changes = difference(now, then)
        expected = (
            sum(kind == "new" and source_id not in known for source_id, kind in changes.items()),
            list(changes.values()).count("changed"),
            sum(now.get(source_id) == number for source_id, number in (then if mode == "restore" else given).items()),
            list(changes.values()).count("deleted"),
            sum(kind == "new" and source_id in known for source_id, kind in changes.items()),
        )
        if mode == "restore":
            answer = restore(db, goal)
        else:
            # What is the same is sometimes given by its hash alone.
            rows = [
                (source_id, None, number) if now.get(source_id) == number and chance.random() < 0.3 else (source_id, number)
                for source_id, number in given.items()
            ]
            answer = upsert(db, rows, mode, allow_empty=True)
        assert counts(answer) == expected
        known |= set(then)
        if changes or len(versions) == 1:
            versions.append(then)
        assert answer["created_version"] == bool(changes) or len(versions) == 2
        found = latest(db)
        assert (found["sequence"], found["example_count"]) == (len(versions) - 1, len(then))
        assert found["version_id"] == answer["version_id"]

    for sequence, version in enumerate(versions[1:], start=1):
        assert held(db, sequence) == version
    for _ in range(40):
        base, other = chance.randrange(1, len(versions)), chance.randrange(1, len(versions))
        expected = difference(versions[base], versions[other])
        found = diffed(db, base, other, chance.choice([1, 3, 1000]))
        assert {source_id: row["change"] for source_id, row in found.items()} == expected
        for source_id, row in found.items():
            for side, version in (("base", versions[base]), ("other", versions[other])):
                number = version.get(source_id)
                assert row[f"{side}_hash"] == (None if number is None else content_hash(number))
                assert (row[f"{side}_sequence"] is None) == (number is None)
        summary = call(db, "fn_diff_dataset_versions_summary", dataset="set", base=str(base), other=str(other))
        kinds = list(expected.values())
        assert [summary[f"{kind}_count"] for kind in ("new", "changed", "deleted")] == [
            kinds.count(kind) for kind in ("new", "changed", "deleted")
        ]
        assert summary["unchanged_count"] == sum(versions[base].get(key) == number for key, number in versions[other].items())
    for check in ("example_heads_differ", "example_counts_differ"):
        assert db.execute(f"select * from public.{check}").fetchall() == []


def test_pages_are_the_whole_in_pieces(db):
    upsert(db, dict.fromkeys(IDS, 1))
    upsert(db, dict.fromkeys(IDS[::2], 2))
    for version, expected in (("1", sorted(IDS, key=str.encode)), ("latest", sorted(IDS[::2], key=str.encode))):
        found, after = [], None
        while page := db.execute("select * from public.fn_dataset_examples('set', %s, 3, %s)", [version, after]).fetchall():
            found += [row["source_id"] for row in page]
            after = found[-1]
        assert found == expected
    since = {row["source_id"]: row["since_sequence"] for row in db.execute("select * from public.fn_dataset_examples('set')")}
    assert set(since.values()) == {2}


def test_a_version_is_named_in_every_form(db):
    for number in (1, 2, 3):
        upsert(db, {"a": number})
    listed = db.execute("select * from public.fn_list_dataset_versions('set')").fetchall()
    second = listed[1]
    zone = "%Y-%m-%dT%H:%M:%S.%fZ"
    for text, number in (
        (None, 3),
        ("latest", 3),
        ("2", 2),
        (str(second["version_id"]).upper(), 2),
        (f"as-of:{second['created_at'].strftime(zone)}", 2),
        (f"as-of:{(second['created_at'] - timedelta(microseconds=1)).strftime(zone)}", 1),
        (f"as-of:{(second['created_at'] - timedelta(microseconds=1)).strftime(zone).replace('Z', '999Z')}", 1),
        ("as-of:2999-01-01T00:00:00+02:00", 3),
    ):
        assert held(db, text) == {"a": number}
        assert held(db, text, str(second["dataset_id"])) == {"a": number}
    upsert(db, {"a": 1}, name="other")
    foreign = str(latest(db, "other")["version_id"])
    for text, code in (
        ("0", "S1E01"),
        ("4", "S1E01"),
        ("00000000-0000-0000-0000-000000000000", "S1E01"),
        (foreign, "S1E01"),
        ("as-of:2001-01-01T00:00:00Z", "S1E01"),
        ("tag:none", "S1E07"),
        ("", "S1A02"),
        ("v2", "S1A02"),
        ("-1", "S1A02"),
        ("9" * 30, "S1A02"),
        ("as-of:2999-01-01T00:00:00", "S1A02"),
        ("as-of:2999-13-01T00:00:00Z", "S1A02"),
        ("as-of:yesterday", "S1A02"),
    ):
        for ask in (
            lambda text=text: held(db, text),
            lambda text=text: restore(db, text),
            lambda text=text: call(db, "fn_diff_dataset_versions_summary", dataset="set", base="1", other=text),
        ):
            with pytest.raises(psycopg.Error) as found, db.transaction():
                ask()
            assert (found.value.sqlstate, text) == (code, text)
    for ask in (lambda: held(db, name="nobody"), lambda: held(db, 1, "nobody")):
        with pytest.raises(psycopg.Error) as found, db.transaction():
            ask()
        assert found.value.sqlstate == "S1C02"


def test_an_unknown_version_of_an_empty_dataset_is_refused_too(db):
    upsert(db, {}, "merge")
    with pytest.raises(psycopg.Error) as found, db.transaction():
        held(db, 2)
    assert found.value.sqlstate == "S1E01"


def test_a_clock_that_goes_back_does_not_put_a_version_before_the_one_before(db):
    upsert(db, {"a": 1})
    db.execute("update public.dataset_versions set created_at = '2999-01-01T00:00:00Z'")
    upsert(db, {"a": 2})
    assert held(db, "as-of:2999-01-01T00:00:00Z") == {"a": 2}
    stage(db, {"a": 2})
    assert not call(db, "upsert_dataset_examples", name="set", mode="merge")["created_version"]

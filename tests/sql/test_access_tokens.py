"""Tokens of the REST server in SQL: what is refused, and when one is in force."""

import hashlib

import psycopg
import pytest
from psycopg.rows import DictRow

Db = psycopg.Connection[DictRow]

HASH = hashlib.sha256(b"of a test").digest()
CREATE = "select * from stage1_internal.create_access_token(%s, %s, %s, %s)"
REVOKE = "select * from stage1_internal.revoke_access_token(%s)"
CHECK = "select * from public.check_access_token(%s)"
ANY = "select public.any_access_token() as found"


def state(db: Db, name: str) -> str:
    [row] = db.execute("select state from stage1_internal.access_token_list where name = %s", [name]).fetchall()
    return str(row["state"])


def is_in_force(db: Db) -> bool:
    [found] = db.execute(ANY).fetchall()
    checked = db.execute(CHECK, [HASH]).fetchall()
    assert found["found"] == bool(checked)
    return bool(checked)


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ((None, "read", HASH, None), "S1A01"),
        (("  ", "read", HASH, None), "S1A01"),
        (("x" * 256, "read", HASH, None), "S1A02"),
        (("a\nb", "read", HASH, None), "S1A02"),
        ((" desk", "read", HASH, None), "S1A02"),
        (("x", None, HASH, None), "S1A02"),
        (("x", "admin", HASH, None), "S1A02"),
        (("x", "read", b"short", None), "S1A02"),
        (("x", "read", None, None), "S1A02"),
        (("x", "read", HASH, "2000-01-01"), "S1A02"),
    ],
)
def test_what_is_no_token(db: Db, given: tuple[object, ...], code: str) -> None:
    with pytest.raises(psycopg.Error) as refused:
        db.execute(CREATE, given)
    assert refused.value.sqlstate == code
    assert refused.value.diag.message_hint


def test_a_token_is_in_force_until_it_is_revoked_or_expires(db: Db) -> None:
    assert not is_in_force(db)
    [made] = db.execute(CREATE, ["desk", "write", HASH, None]).fetchall()
    assert (made["name"], made["permission"], made["state"]) == ("desk", "write", "in force")
    assert is_in_force(db)
    assert db.execute(CHECK, [hashlib.sha256(b"another").digest()]).fetchall() == []
    assert db.execute(CHECK, [None]).fetchall() == []
    db.execute("update stage1_internal.access_tokens set expires_at = now() + interval '1 hour'")
    assert is_in_force(db)
    db.execute("update stage1_internal.access_tokens set expires_at = now()")
    assert (is_in_force(db), state(db, "desk")) == (False, "expired")
    db.execute("update stage1_internal.access_tokens set expires_at = null")
    first, again = (db.execute(REVOKE, ["desk"]).fetchall() for _ in range(2))
    assert first == again
    assert (is_in_force(db), state(db, "desk")) == (False, "revoked")
    # What was written with it bears its name: no other token gets that.
    with pytest.raises(psycopg.Error) as refused:
        db.execute(CREATE, ["desk", "read", hashlib.sha256(b"new").digest(), None])
    assert refused.value.sqlstate == "S1T04"


@pytest.mark.parametrize(("name", "code"), [("nobody", "S1T03"), (None, "S1A01"), ("", "S1A01")])
def test_who_cannot_be_revoked(db: Db, name: str | None, code: str) -> None:
    with pytest.raises(psycopg.Error) as refused:
        db.execute(REVOKE, [name])
    assert refused.value.sqlstate == code


def test_a_use_is_noted_once_a_minute(db: Db) -> None:
    db.execute(CREATE, ["desk", "read", HASH, None])
    seen = []
    for _ in range(2):
        db.execute("select public.note_access_token_use(%s)", [HASH])
        seen += [row["last_used_at"] for row in db.execute("select last_used_at from stage1_internal.access_tokens")]
    assert seen[0] is not None
    assert seen[0] == seen[1]
    db.execute("update stage1_internal.access_tokens set last_used_at = last_used_at - interval '2 minutes'")
    db.execute("select public.note_access_token_use(%s)", [HASH])
    [row] = db.execute("select last_used_at from stage1_internal.access_tokens").fetchall()
    assert row["last_used_at"] > seen[0]

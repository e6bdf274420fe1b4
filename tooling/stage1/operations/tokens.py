"""Tokens of the REST server: made, listed, revoked and checked. The database has their sha256 only.

Owns the form of a token and the one moment in which it is known: when it is made.
"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from stage1 import clock
from stage1.database import calls
from stage1.database.connections import Purpose, connected
from stage1.database.targets import Target
from stage1.errors import ArgumentInvalid
from stage1.settings import Settings

Row = dict[str, Any]

_PREFIX = "stage1_"
_BYTES = 32


@dataclass(frozen=True)
class KnownToken:
    """A token that is in force."""

    name: str
    may_write: bool
    expires_at: datetime | None


def create_token(target: Target, settings: Settings, name: str, *, may_write: bool, days: float | None) -> tuple[str, Row]:
    """Makes a token; returns it, and what is known of it from now on."""
    if days is not None and not days > 0:  # nor is NaN
        raise ArgumentInvalid(f"expires was {days:g} days; a number above 0 was expected.")
    token = _PREFIX + secrets.token_urlsafe(_BYTES)
    with connected(target, settings, Purpose.WRITE) as connection:
        [row] = calls.rows(
            connection,
            "stage1_internal.create_access_token",
            p_name=name,
            p_permission="write" if may_write else "read",
            p_token_hash=hash_of(token),
            p_expires_at=None if days is None else clock.now() + timedelta(days=days),
        )
    return token, row


def list_tokens(target: Target, settings: Settings) -> list[Row]:
    """All tokens by name, whether in force or not; never the tokens themselves."""
    with connected(target, settings, Purpose.READ) as connection:
        return sorted(calls.view(connection, "stage1_internal.access_token_list"), key=lambda row: str(row["name"]))


def revoke_token(target: Target, settings: Settings, name: str) -> Row:
    """Ends a token; servers that run notice within seconds. Done again it changes nothing."""
    with connected(target, settings, Purpose.WRITE) as connection:
        [row] = calls.rows(connection, "stage1_internal.revoke_access_token", p_name=name)
    return row


def any_token_in_force(target: Target, settings: Settings) -> bool:
    """Whether whoever asks needs one."""
    with connected(target, settings, Purpose.READ) as connection:
        [row] = calls.rows(connection, "public.any_access_token")
    return bool(row["any_access_token"])


def check_token(target: Target, settings: Settings, token: str) -> KnownToken | None:
    """The token, where it is in force."""
    with connected(target, settings, Purpose.READ) as connection:
        found = calls.rows(connection, "public.check_access_token", p_token_hash=hash_of(token))
    return KnownToken(found[0]["name"], found[0]["permission"] == "write", found[0]["expires_at"]) if found else None


def note_use(target: Target, settings: Settings, token: str) -> None:
    """Notes that a token was used, at most once a minute."""
    with connected(target, settings, Purpose.SERVE) as connection:
        calls.rows(connection, "public.note_access_token_use", p_token_hash=hash_of(token))


def hash_of(token: str) -> bytes:
    """What the database knows of a token. A token is drawn at random from 2^256: it needs no salt, and no slow hash."""
    return hashlib.sha256(token.encode()).digest()

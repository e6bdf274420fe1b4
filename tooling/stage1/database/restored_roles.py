"""Brings the roles that a dump needs and the server lacks, from the roles.sql of its backup.

Owns the reading of pg_dumpall's lines: only those that make a role, give a new role its attributes, or make a new role a
member are understood, and nothing else of the file is ever executed. Imports calls and connections. Refuses to change a role
that exists, to make a superuser, and to give out the server's own powerful roles (pg_...).
"""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass

import psycopg

from stage1.database import calls
from stage1.database.connections import Connection, Purpose, limited
from stage1.database.restoring import unquoted
from stage1.errors import NotPermitted
from stage1.settings import Settings

_NAME = r'(?P<{}>"(?:[^"]|"")+"|[a-z_][a-z0-9_$]*)'
_ATTRIBUTE = (
    r"(?:NO)?(?:SUPERUSER|INHERIT|CREATEROLE|CREATEDB|LOGIN|REPLICATION|BYPASSRLS)"
    r"|CONNECTION LIMIT -?\d+|VALID UNTIL '[^'\\]*'"
)
_OPTION = r"ADMIN OPTION|(?:ADMIN|INHERIT|SET) (?:OPTION|TRUE|FALSE)"
_CREATE = re.compile(rf"CREATE ROLE {_NAME.format('role')};")
_ALTER = re.compile(rf"ALTER ROLE {_NAME.format('role')} WITH (?P<attributes>(?:{_ATTRIBUTE})(?: (?:{_ATTRIBUTE}))*);")
_GRANT = re.compile(
    rf"(?P<grant>GRANT {_NAME.format('role')} TO {_NAME.format('member')}(?: WITH (?:{_OPTION})(?:, (?:{_OPTION}))*)?)"
    rf"(?: GRANTED BY {_NAME.format('grantor')})?;"
)


_SET = re.compile(rf"\S+ ROLE {_NAME.format('role')} SET (?P<parameter>\S+) TO .*;")


@dataclass(frozen=True)
class RolePlan:
    """What of roles.sql is to be run, and what people have to know of it."""

    statements: tuple[str, ...]
    made: tuple[str, ...]
    logins: tuple[str, ...]  # made without a password
    superusers: tuple[str, ...]  # left out
    unknown: tuple[str, ...]  # wanted, and not in the file
    left_out: tuple[str, ...]  # memberships in the server's own roles, and in those that it lacks
    members: tuple[str, ...] = ()  # of made roles, which the server lacks
    settings: tuple[str, ...] = ()  # of made roles, which are left out: role and parameter


def plan(text: str, wanted: Collection[str], existing: Collection[str]) -> RolePlan:
    """What makes the wanted roles; `existing` are those of all others in the file that the server has."""
    lines = [line.strip() for line in text.splitlines()]
    described = {unquoted(match["role"]): match[0] for line in lines if (match := _CREATE.fullmatch(line))}
    attributes = {unquoted(match["role"]): match for line in lines if (match := _ALTER.fullmatch(line))}
    able = {name for name in wanted if name in described and name in attributes}
    superusers = {name for name in able if "SUPERUSER" in attributes[name]["attributes"].split()}
    made = sorted(able - superusers)
    statements = [described[name] for name in made] + [attributes[name][0] for name in made]
    left_out = []
    members: set[str] = set()
    present = {*existing, *made}
    for match in filter(None, map(_GRANT.fullmatch, lines)):
        role, member = unquoted(match["role"]), unquoted(match["member"])
        if not ({role, member} & set(made)):
            continue
        if role.startswith("pg_"):
            left_out.append(f"{match['grant']};")
        elif {role, member} <= present:
            # Who granted it there need not exist here.
            statements.append(f"{match['grant']};")
        elif role in present:
            members.add(member)
        else:
            left_out.append(f"{match['grant']};")
    set_there = [(unquoted(match["role"]), match["parameter"]) for line in lines if (match := _SET.fullmatch(line))]
    unset = tuple(f"{role} ({parameter})" for role, parameter in set_there if role in made)
    logins = tuple(name for name in made if "LOGIN" in attributes[name]["attributes"].split())
    unknown = tuple(sorted(set(wanted) - able))
    gone = tuple(sorted(members))
    return RolePlan(tuple(statements), tuple(made), logins, tuple(sorted(superusers)), unknown, tuple(left_out), gone, unset)


def names_in(text: str) -> list[str]:
    """Every role that the file makes or grants to."""
    found: set[str] = set()
    for line in text.splitlines():
        for form in (_CREATE, _GRANT):
            if match := form.fullmatch(line.strip()):
                found |= {unquoted(match[group]) for group in ("role", "member") if group in match.re.groupindex}
    return sorted(found)


def states(connection: Connection, names: Iterable[str]) -> list[dict[str, object]]:
    """Of each name: whether the server has the role (is_there), and whether this connection may act for it (may_act)."""
    return calls.query(connection, "roles_of_names", names=sorted(names))


def create(connection: Connection, settings: Settings, chosen: RolePlan) -> None:
    """Runs the plan, all of it or nothing."""
    try:
        with limited(connection, settings, Purpose.MIGRATE):
            for statement in chosen.statements:
                connection.execute(statement.encode())
    except psycopg.errors.InsufficientPrivilege as problem:
        raise NotPermitted(
            f"{connection.info.user} may not make the roles that the backup needs: {', '.join(chosen.made)}; nothing was done.",
            detail=f"PostgreSQL says: {problem.diag.message_primary}",
            hint="Run these as a superuser, then the command again: " + " ".join(chosen.statements),
        ) from None

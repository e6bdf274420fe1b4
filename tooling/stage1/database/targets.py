"""Which database a command works on, and how it is named to people.

Owns the precedence: --database, then DATABASE_URL, then libpq's own PG* and service files, then the embedded
PostgreSQL of the nearest folder upwards with a .stage1/. Refuses to fall back to the embedded one where a
command did not say that it is meant. Imports settings and errors; starts the embedded server, opens no connection.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path

import psycopg
from psycopg import conninfo

from stage1.errors import DatabaseNotConfigured, UsageRefused
from stage1.settings import Settings, working_directory

_LIBPQ_NAMES_A_SERVER = ("PGHOST", "PGHOSTADDR", "PGSERVICE", "PGDATABASE", "PGPORT", "PGUSER")

_REPLAY_ROLE = "stage1_replay"


class Embedded(Enum):
    """What a command may do with the embedded PostgreSQL when no database is named."""

    NEVER = "never"
    EXISTING = "existing"
    CREATE = "create"


@dataclass(frozen=True)
class Target:
    """One database: libpq's parameters (a password may be among them) and where they came from."""

    parameters: Mapping[str, str]
    origin: str
    is_embedded: bool = False
    notes: tuple[str, ...] = ()  # what had to be done to reach it

    def describe(self) -> str:
        """The database as people may read it: never with a password."""
        known = effective_parameters(self.parameters)
        hosts = (known.get("host") or known.get("hostaddr") or "the local socket").split(",")
        ports = (known.get("port") or "").split(",")
        # Several hosts have a port each, or one for all.
        ports = ports if len(ports) == len(hosts) else ports[:1] * len(hosts)
        host = ", ".join(
            f"{name}:{port}" if port and not name.startswith("/") else name for name, port in zip(hosts, ports, strict=True)
        )
        if "service" in self.parameters or (not self.parameters and os.environ.get("PGSERVICE")):
            host = f"service {self.parameters.get('service') or os.environ['PGSERVICE']}"
        name = known.get("dbname") or known.get("user") or "the default database"
        user = f" as {known['user']}" if known.get("user") else ""
        return f"{name} on {host}{user} ({self.origin})"

    def for_libpq(self) -> dict[str, str]:
        """The parameters, where a PGHOSTADDR of the environment cannot send a named host's connection elsewhere."""
        return {**({"hostaddr": ""} if "host" in self.parameters else {}), **self.parameters}

    def secrets(self, settings: Settings) -> tuple[str, ...]:
        """What must not be shown of it."""
        return (*settings.secrets(), self.parameters.get("password", ""), os.environ.get("PGPASSWORD", ""))


def effective_parameters(parameters: Mapping[str, str]) -> dict[str, str]:
    """The given parameters over those that libpq takes from the environment."""
    found: dict[str, str] = {}
    for option in psycopg.pq.Conninfo.get_defaults():
        keyword = option.keyword.decode()
        value = option.val.decode() if option.val is not None else None
        if keyword in parameters:
            found[keyword] = parameters[keyword]
        elif value is not None and option.envvar is not None and os.environ.get(option.envvar.decode()):
            found[keyword] = value
    return {**found, **parameters}


def resolve(settings: Settings, database: str | None, embedded: Embedded, *, embedded_is_meant: bool = False) -> Target:
    """Finds the database that is meant; starts the embedded one when it is that."""
    if embedded_is_meant:
        if database:
            raise UsageRefused("--database and --embedded name two databases.", hint="Give one of them.")
        return _embedded(settings, Embedded.EXISTING if embedded is Embedded.NEVER else embedded, working_directory())
    if database is not None and not database.strip():
        # An unset variable in a script must not mean another database.
        raise UsageRefused("--database is empty.", hint="Give a connection string, or leave the option out.")
    if database:
        return Target(_parse(database, "--database"), "from --database")
    if settings.text("DATABASE_URL"):
        return Target(_parse(settings.text("DATABASE_URL"), "DATABASE_URL"), "from DATABASE_URL")
    if any(os.environ.get(name) for name in _LIBPQ_NAMES_A_SERVER):
        return Target({}, "from libpq's PG* environment")
    return _embedded(settings, embedded, working_directory())


def resolve_for_replay(settings: Settings, database: str | None, *, embedded_is_meant: bool = False) -> Target:
    """The database as the replay reaches it: always as its own weak role, never as whom the database is named for.

    The password of another role is not handed on; libpq finds that of stage1_replay in the password file.
    """
    if database is None and not embedded_is_meant and settings.text("STAGE1_REPLAY_URL"):
        return Target(_parse(settings.text("STAGE1_REPLAY_URL"), "STAGE1_REPLAY_URL"), "from STAGE1_REPLAY_URL")
    target = resolve(settings, database, Embedded.NEVER, embedded_is_meant=embedded_is_meant)
    if effective_parameters(target.parameters).get("user") == _REPLAY_ROLE:
        return target
    return replace(target, parameters={**target.parameters, "user": _REPLAY_ROLE, "password": ""})


def resolve_for_serving(settings: Settings, database: str | None, *, embedded_is_meant: bool = False) -> Target:
    """The database as the REST server reaches it: by its own setting where there is one, since it needs less than an operator."""
    if database is None and not embedded_is_meant and settings.text("STAGE1_SERVE_URL"):
        return Target(_parse(settings.text("STAGE1_SERVE_URL"), "STAGE1_SERVE_URL"), "from STAGE1_SERVE_URL")
    return resolve(settings, database, Embedded.EXISTING, embedded_is_meant=embedded_is_meant)


def _embedded(settings: Settings, embedded: Embedded, start: Path) -> Target:
    from stage1.database.embedded import EmbeddedServer, find_project

    project = find_project(start)
    if embedded is Embedded.NEVER:
        found = f" The embedded PostgreSQL of {project} is not used by this command unless --embedded says so." if project else ""
        raise DatabaseNotConfigured(
            f"No database is named.{found}", hint="Give --database or set DATABASE_URL (or libpq's PG* variables)."
        )
    if project is None and embedded is Embedded.EXISTING:
        raise DatabaseNotConfigured(
            "No database is named, and no folder from here upwards has an embedded one (.stage1/).",
            hint="Give --database or set DATABASE_URL; or run `stage1 migrate` here to make an embedded PostgreSQL.",
        )
    project = project or start
    server = EmbeddedServer(project, settings)
    started = server.start()
    return Target(server.conninfo(), f"embedded PostgreSQL of {project}", is_embedded=True, notes=started.notes)


def _parse(text: str, source: str) -> dict[str, str]:
    try:
        parsed = {key: str(value) for key, value in conninfo.conninfo_to_dict(text).items() if value is not None}
    except (psycopg.Error, UnicodeError):
        # libpq quotes the text in its message, and with it the password.
        parsed = None
    # A password with a bare @ or / is cut there by libpq, and its rest would be shown as a host, port or database.
    if parsed is None or "@" in parsed.get("host", "") or re.search("[^0-9,]", parsed.get("port", "")):
        raise UsageRefused(
            f"{source} is not a PostgreSQL connection string.",
            hint="Expected postgresql://user@host:port/database (special characters as %XX) or 'host=… dbname=… user=…'.",
        )
    return parsed

"""Runs PostgreSQL's client programs on a target, without a secret in an argument list.

Owns how a target is handed to a child: it must reach the very database that psycopg reaches. Parameters go by the
environment, unless a service is in play: that would win over the environment, so they go by the connection string then.
Passwords never do.
"""

import os
from collections.abc import Mapping

import psycopg

from stage1.database.targets import Target

_SECRET = ("password", "sslpassword", "scram_client_key", "scram_server_key", "oauth_client_secret")


def environment(target: Target, base: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment in which a client program finds the target."""
    found = dict(os.environ if base is None else base)
    by_string = _goes_by_string(target, found)
    for option in psycopg.pq.Conninfo.get_defaults():
        keyword = option.keyword.decode()
        if keyword in target.parameters and option.envvar is not None and (keyword in _SECRET or not by_string):
            found[option.envvar.decode()] = target.parameters[keyword]
    if "host" in target.parameters and "hostaddr" not in target.parameters:
        found.pop("PGHOSTADDR", None)
    return found


def connection_string(target: Target, base: Mapping[str, str] | None = None) -> str:
    """What is left for the argument list: the parameters that have no environment variable, or all beside a service."""
    by_string = _goes_by_string(target, os.environ if base is None else base)
    known = {option.keyword.decode() for option in psycopg.pq.Conninfo.get_defaults() if option.envvar is not None}
    parameters = target.for_libpq() if by_string else target.parameters
    rest = {key: value for key, value in parameters.items() if key not in _SECRET and (by_string or key not in known)}
    return psycopg.conninfo.make_conninfo("", **rest)


def _goes_by_string(target: Target, environment_of_child: Mapping[str, str]) -> bool:
    return bool(target.parameters) and ("service" in target.parameters or "PGSERVICE" in environment_of_child)

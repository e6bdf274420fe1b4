"""Runs PostgreSQL's client programs on a target, without a secret in an argument list.

Every parameter of the connection that libpq can take from the environment goes there; what it cannot, goes into the
connection string, from which passwords are left out.
"""

import os
from collections.abc import Mapping

import psycopg

from stage1.database.targets import Target

_SECRET = ("password", "sslpassword", "scram_client_key", "scram_server_key", "oauth_client_secret")


def environment(target: Target, base: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment in which a client program finds the target."""
    found = dict(os.environ if base is None else base)
    for option in psycopg.pq.Conninfo.get_defaults():
        keyword = option.keyword.decode()
        if keyword in target.parameters and option.envvar is not None:
            found[option.envvar.decode()] = target.parameters[keyword]
    # A target that names a server must not be bent by a service of the caller's environment.
    if target.parameters and "service" not in target.parameters:
        found.pop("PGSERVICE", None)
    if "host" in target.parameters and "hostaddr" not in target.parameters:
        found.pop("PGHOSTADDR", None)
    return found


def connection_string(target: Target) -> str:
    """What is left for the argument list: the parameters that have no environment variable."""
    known = {option.keyword.decode() for option in psycopg.pq.Conninfo.get_defaults() if option.envvar is not None}
    rest = {key: value for key, value in target.parameters.items() if key not in known and key not in _SECRET}
    return psycopg.conninfo.make_conninfo("", **rest)

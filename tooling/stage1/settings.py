"""Every setting once: its name in the environment, its default and its help text.

A value comes from the environment, else from the `.env` file of the working directory or the nearest folder above that has one,
else from the default. Refuses to follow a `.env` that somebody else may have written. The generated reference
(docs/reference/settings.md) and the help texts are made from `SETTINGS`.
Imports nothing of ours but the errors.
"""

import grp
import math
import os
import pwd
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from stage1.errors import FileUnusable, UsageRefused


@dataclass(frozen=True)
class Setting:
    """One setting, as the reference shows it."""

    name: str
    default: str
    help: str
    secret: bool = False


SETTINGS: tuple[Setting, ...] = (
    Setting(
        "DATABASE_URL",
        "",
        "The database: a URL (postgresql://user@host:port/name) or libpq's key=value form. Without it libpq's own PG* "
        "variables and service files count, then the embedded PostgreSQL of the nearest folder with a .stage1/.",
        secret=True,
    ),
    Setting(
        "PG_BINDIR",
        "",
        "The folder with PostgreSQL's programs (postgres, initdb, pg_dump, psql), before all others that are found.",
    ),
    Setting("STAGE1_BACKUP_DIR", "backups", "Where backups are written; relative to the working directory."),
    Setting(
        "STAGE1_SPOOL",
        "spool",
        "The folder or append file into which offline clients write their inserts; `migrate` refuses to run past pending ones.",
    ),
    Setting(
        "STAGE1_REPLAY_URL",
        "",
        "The database as the weak role stage1_replay reaches it. Without it: the database of the command with the user "
        "stage1_replay, whose password libpq takes from ~/.pgpass.",
        secret=True,
    ),
    Setting(
        "STAGE1_REPLAY_PATIENCE",
        "7",
        "Days for which a statement of the spool whose parent row is missing is tried again, before it is a dead letter.",
    ),
    Setting("STAGE1_SPOOL_KEEP", "30", "Days for which `replay purge` keeps the spool files that are done."),
    Setting(
        "DATABENTO_API_KEY",
        "",
        "The key of the vendor's historical service; needed by `fetch` and `data` alone, and only where something is missing.",
        secret=True,
    ),
    Setting(
        "DATABENTO_GATEWAY",
        "https://hist.databento.com",
        "Where the vendor's historical service is; plain http is for a stand-in on this machine alone.",
    ),
    Setting(
        "STAGE1_DATA", "data", "The folder of raw files, derived bars and the offline catalog; relative to the working directory."
    ),
    Setting(
        "STAGE1_CATALOG",
        "",
        "The offline catalog, an SQLite file, for a machine without a database. Without it: catalog.sqlite in STAGE1_DATA.",
    ),
    Setting("STAGE1_VENDOR_DATASET", "XNAS.ITCH", "The vendor dataset of `fetch` and `data`, unless --dataset names another."),
    Setting(
        "STAGE1_MAX_COST",
        "10",
        "US dollars that one `fetch` or `data` may cost before it asks, or refuses where nobody can be asked.",
    ),
    Setting("STAGE1_VENDOR_TIMEOUT", "60", "Seconds that the vendor may take to answer, or to send the next piece of an answer."),
    Setting("STAGE1_VENDOR_RETRIES", "5", "How often a request to the vendor that failed for a passing reason is tried again."),
    Setting("STAGE1_VENDOR_BACKOFF", "1", "Seconds before the first of these tries; about twice as many before each next one."),
    Setting(
        "STAGE1_SERVE_URL",
        "",
        "The database as `serve` reaches it; the role stage1_app may do all that the server does. Without it: as every command.",
        secret=True,
    ),
    Setting("STAGE1_SERVE_HOST", "127.0.0.1", "The address on which `serve` listens; any but a loopback address needs tokens."),
    Setting("STAGE1_SERVE_PORT", "8321", "The port on which `serve` listens."),
    Setting(
        "STAGE1_ALLOWED_HOSTS",
        "",
        "Names, separated by commas, under which the server may be addressed besides its own; a request to another is refused.",
    ),
    Setting(
        "STAGE1_ALLOWED_ORIGINS",
        "",
        "Web pages whose scripts may ask the server: their origins, such as https://desk.example, separated by commas.",
    ),
    Setting("STAGE1_PUBLIC_STATS", "0", "1: the statistics of a symbol's bars may be read without a token."),
    Setting(
        "STAGE1_SYMBOL_ALIASES",
        "",
        "Names of symbols in addresses of the market data, such as mnq=CME_MINI:MNQ1!, separated by commas.",
    ),
    Setting(
        "STAGE1_MAX_BODY_MB", "1024", "The largest body that the server takes, in megabytes, after decompression four times that."
    ),
    Setting("STAGE1_REQUEST_TIMEOUT", "120", "Seconds that a request may take: to arrive, and again to be worked on."),
    Setting("STAGE1_POOL_SIZE", "10", "How many connections to the database the server holds at most."),
    Setting("STAGE1_SERVER", "http://127.0.0.1:8321", "Where the Python client finds the server."),
    Setting("STAGE1_TOKEN", "", "The token that the Python client shows to the server.", secret=True),
    Setting("STAGE1_CONNECT_TIMEOUT", "10", "Seconds to wait for a connection to the server."),
    Setting(
        "STAGE1_STATEMENT_TIMEOUT",
        "60",
        "Seconds that a reading statement may take; migrations and backups are not limited by it.",
    ),
    Setting(
        "STAGE1_LOCK_TIMEOUT",
        "5",
        "Seconds that a statement of a migration waits for a table lock before it gives way and tries again.",
    ),
    Setting(
        "STAGE1_LOAD_WAIT",
        "3600",
        "Seconds that the load of a file waits for another load of the same symbols, or of the same set of examples.",
    ),
    Setting("STAGE1_LOCK_RETRIES", "10", "How often a migration that met a busy table is tried again."),
    Setting("STAGE1_MIGRATION_WAIT", "600", "Seconds that `migrate` waits for another one that is running on the same database."),
)

# PostgreSQL counts its timeouts in milliseconds, in 32 bits.
_LARGEST = 2_147_483
_BY_NAME = {setting.name: setting for setting in SETTINGS}


@dataclass(frozen=True)
class Settings:
    """The values in force, where the `.env` among them lies, and what had to be passed over."""

    values: Mapping[str, str]
    env_file: Path | None = None
    notes: tuple[str, ...] = ()

    def text(self, name: str) -> str:
        """The value of a setting, or its default."""
        return self.values.get(name) or _BY_NAME[name].default

    def path(self, name: str) -> Path:
        """A setting that names a file or folder."""
        return Path(self.text(name)).expanduser()

    def seconds(self, name: str) -> float:
        """A setting that is a duration or a count: a number that is not negative."""
        return self._number(name)

    def count(self, name: str) -> int:
        """A setting that counts something; a part counts as a whole, since libpq takes 0 seconds for 'for ever'."""
        return math.ceil(self._number(name))

    def number(self, name: str) -> float:
        """A setting that is a quantity: a number that is not negative."""
        return self._number(name)

    def milliseconds(self, name: str) -> int:
        """A duration for PostgreSQL, to which 0 alone means 'for ever'."""
        return math.ceil(self._number(name) * 1000)

    def secrets(self) -> tuple[str, ...]:
        """The values that must never be shown."""
        return tuple(value for name, value in self.values.items() if value and name in _BY_NAME and _BY_NAME[name].secret)

    def _number(self, name: str) -> float:
        value = self.text(name)
        try:
            number = float(value)
        except ValueError:
            number = -1.0
        if not 0 <= number <= _LARGEST:
            raise UsageRefused(
                f"{name} was {value!r}; a number from 0 to {_LARGEST} was expected.", hint=f"{name}: {_BY_NAME[name].help}"
            )
        return number


def load(environment: Mapping[str, str] | None = None, start: Path | None = None) -> Settings:
    """Reads the settings: environment, then `.env`, then defaults (which `Settings.text` knows)."""
    environment = os.environ if environment is None else environment
    env_file = _nearest_env_file(start or working_directory())
    notes: tuple[str, ...] = ()
    distrust = env_file and (why_not_trusted(env_file.lstat()) or why_not_trusted(env_file.stat()))
    if distrust:
        # Whoever names the database or PostgreSQL's programs decides what runs here. A file further up is not taken instead:
        # it was not the one that counts.
        notes = (f"{env_file} is passed over: {distrust}; settings come from the environment alone.",)
        env_file = None
    values = {name: value for name, value in _read_env_file(env_file).items() if name in _BY_NAME}
    values.update({name: environment[name] for name in _BY_NAME if environment.get(name)})
    return Settings(values, env_file, notes)


def working_directory() -> Path:
    """Where the command runs."""
    try:
        return Path.cwd()
    except FileNotFoundError:
        raise FileUnusable("The working directory does not exist any more.", hint="Change to another folder.") from None


def _nearest_env_file(start: Path) -> Path | None:
    for folder in (start, *start.parents):
        candidate = folder / ".env"
        try:
            if candidate.is_file():
                return candidate
        except OSError:
            return None
    return None


def why_not_trusted(file: os.stat_result) -> str | None:
    """How somebody else may have written a file that decides what runs; None where only this user and root may have."""
    if file.st_uid not in (os.geteuid(), 0):
        return f"it belongs to {_account(file.st_uid)}"
    if stat.S_ISLNK(file.st_mode):
        return None  # a link has no mode of its own
    if file.st_mode & stat.S_IWOTH:
        return "everybody may write it (chmod go-w)"
    if file.st_mode & stat.S_IWGRP and not _is_private_group(file.st_gid, file.st_uid):
        return "its group may write it (chmod go-w)"
    return None


def _account(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"


def _is_private_group(gid: int, uid: int) -> bool:
    # Where each account has a group of its own name, the usual umask leaves files writable by that group.
    try:
        group = grp.getgrgid(gid)
    except KeyError:
        return False
    return group.gr_name == _account(uid) and set(group.gr_mem) <= {group.gr_name}


def _read_env_file(path: Path | None) -> dict[str, str]:
    if path is None:
        return {}
    from dotenv.parser import parse_stream  # 10 ms that only a project with a .env pays

    try:
        with path.open(encoding="utf-8-sig") as file:
            if why_not_trusted(os.fstat(file.fileno())):
                raise UsageRefused(f"{path} was exchanged while it was read.", hint="Look who may write into its folder.")
            lines = list(parse_stream(file))
    except (OSError, UnicodeDecodeError) as problem:
        reason = problem.strerror if isinstance(problem, OSError) else "it is not UTF-8"
        raise UsageRefused(f"{path} cannot be read: {reason}.", hint="Make it readable UTF-8 text, or take it away.") from problem
    for line in lines:
        # Passed over, such a line would silently mean another database. The line itself may hold a secret.
        named = next((name for name in _BY_NAME if line.error and name in line.original.string), None)
        if named:
            where = f"{path}, line {line.original.line}"
            raise UsageRefused(f"{where}: {named} is not written as NAME=value.", hint="Check its quotes.")
    return {line.key: line.value for line in lines if line.key is not None and line.value is not None}

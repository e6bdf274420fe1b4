"""Puts a backup in place of a database: restored beside it, proven, and then exchanged by name; the old one is kept.

Owns the order of the steps and what is refused before the first of them. Killed anywhere, the database is the old one or the
new one, whole; what is left over is cleared away by the next run. Refuses to begin without a word that it is meant.
"""

from dataclasses import dataclass, replace

from stage1 import clock, faults
from stage1.database import backup_folder, calls, restored_roles, scratch_databases, swapping
from stage1.database.backup_folder import ROLES, Backup, Verification
from stage1.database.connections import Purpose, connected
from stage1.database.scratch_databases import MAINTENANCE, Say, Scratch
from stage1.database.swapping import Old, Swapped
from stage1.database.targets import Target
from stage1.errors import LockHeld, NotPermitted, RestoreRefused, Stage1Error
from stage1.operations.restored_backup import Prepared, Restored, prepare, restored, roles_out_of_reach
from stage1.operations.verify_backup import database_name, record
from stage1.settings import Settings

WITHOUT_OWNERS = "--without-owners restores everything as this connection's own; `stage1 migrate` then sets roles and grants."


@dataclass(frozen=True)
class Wish:
    """What was asked for, as far as it decides what is refused."""

    replace: str
    is_meant: bool = False
    disconnect: bool = False
    without_owners: bool = False
    of_another: bool = False


@dataclass(frozen=True)
class RestoreReport:
    """What was put in place of what."""

    database: str
    backup: str
    tables: int
    rows: int
    old_database: str | None
    made_roles: tuple[str, ...]
    findings: tuple[str, ...]
    maintenance: str
    to_drop: tuple[str, ...]
    to_swap_back: tuple[str, ...]


def restore(name: str, target: Target, settings: Settings, wish: Wish, say: Say) -> RestoreReport:
    """Restores one backup and gives it the database's name."""
    backup = backup_folder.named(settings, name)
    _refuse_what_is_not_meant(backup, target, settings, wish)
    began = clock.monotonic()
    server = scratch_databases.server_of(target, settings)
    lock = scratch_databases.lock(server, settings, f"restore {wish.replace}")
    with backup_folder.in_use(backup), lock as held:
        if held is None:
            raise LockHeld(
                f"Another restore of {wish.replace} is running on this server.",
                hint="Wait for it to end, and look at what it did.",
            )
        old = swapping.read_old(server, settings, wish.replace, disconnect=wish.disconnect)
        prepared = prepare(backup, target, settings, say)
        properties = old or swapping.from_manifest(prepared.manifest.properties)
        if wish.without_owners:
            made: tuple[str, ...] = ()
            properties = replace(properties, owner="") if old is None else properties
        else:
            made = _bring_roles(prepared, properties, settings, say)
        tablespace = _tablespace(server, settings, properties.tablespace, say)
        encoding = prepared.manifest.properties.encoding
        if old and old.encoding != encoding:
            say(f"the old database has the encoding {old.encoding}, the backup has {encoding}, and the new one gets that")
        known: list[str] = []

        def try_properties(scratch: Scratch) -> None:
            # What is refused is known before hours are spent.
            with connected(server, settings, Purpose.MIGRATE) as connection:
                known.extend(swapping.give_properties(connection, settings, scratch.name, properties, only_try=True))
            for each in known:
                say(f"left out of the properties of the database: {each}")

        with restored(
            prepared,
            settings,
            say,
            "restore",
            with_owners=not wish.without_owners,
            tablespace=tablespace,
            before_it_is_filled=try_properties,
        ) as found:
            for remark in found.remarks:
                say(remark)
            try:
                swapped = _put_in_place(found, properties, known, old is not None, server, settings, wish, say)
            except Stage1Error as problem:
                _keep_what_is_proven(problem, found.scratch, server, settings, wish, say)
                raise
            faults.reach("restore: swapped")
    _keep_the_proof(prepared, found.findings, clock.monotonic() - began, target, settings, say)
    manifest = prepared.manifest
    return RestoreReport(
        wish.replace,
        backup.name,
        len(manifest.tables),
        manifest.rows,
        swapped.kept,
        made,
        found.findings,
        str(server.parameters["dbname"]),
        swapped.to_drop,
        swapped.to_swap_back,
    )


def _put_in_place(
    found: Restored,
    properties: Old,
    known: list[str],
    replaces: bool,
    server: Target,
    settings: Settings,
    wish: Wish,
    say: Say,
) -> Swapped:
    scratch = found.scratch.name
    swapping.analyze(found.scratch.target, settings)
    with connected(server, settings, Purpose.MIGRATE) as connection:
        for each in swapping.give_properties(connection, settings, scratch, properties):
            if each not in known:
                say(f"left out of the properties of the database: {each}")
        faults.reach("restore: properties given")
        return swapping.swap(connection, settings, wish.replace, scratch, say, replaces=replaces, disconnect=wish.disconnect)


def _keep_what_is_proven(
    problem: Stage1Error, scratch: Scratch, server: Target, settings: Settings, wish: Wish, say: Say
) -> None:
    """Says what the error cannot know: the work is not lost."""
    try:
        aside = swapping.set_aside(server, settings, wish.replace, scratch.name)
    except Stage1Error as second:
        say(f"what was restored could not be kept under another name, and is dropped: {second.message}")
        return
    statements = "\n".join(f"{statement};" for statement in aside.to_put_in_place)
    problem.detail = "\n".join(
        filter(
            None,
            (
                problem.detail,
                f"What was restored is proven, and is kept as {aside.name}. In the database {server.parameters['dbname']}, while "
                f"nobody is connected to {wish.replace}, this puts it in place:\n{statements}",
            ),
        )
    )


def _tablespace(server: Target, settings: Settings, name: str, say: Say) -> str:
    """Where the database was: nothing for the server's default, and where the server has no such tablespace."""
    if name in ("", "pg_default"):
        # To name it takes a right that one who may create databases need not have.
        return ""
    with connected(server, settings, Purpose.READ) as connection:
        if calls.query(connection, "tablespaces_missing", names=[name]):
            say(f"the server has no tablespace {name}, in which the database was; it is made in the default one")
            return ""
    return name


def _refuse_what_is_not_meant(backup: Backup, target: Target, settings: Settings, wish: Wish) -> None:
    named = database_name(target, settings)
    if wish.replace != named:
        raise RestoreRefused(
            f"--replace names {wish.replace}, the connection names {named}.",
            hint=f"Give the same name in both: --replace {named}, if that is the database that is to be replaced.",
        )
    if named in (*MAINTENANCE, "template0"):
        raise RestoreRefused(
            f"{named} is a database of the server itself, and is not replaced.", hint="Name another database with --database."
        )
    if backup.database != named and not wish.of_another:
        raise RestoreRefused(
            f"The backup is of the database {backup.database}, --replace names {named}.",
            hint="Choose a backup of that database (stage1 backup list); or say that it is meant, with --of-another.",
        )
    if not wish.is_meant:
        rows = f"{backup.manifest.rows} rows, " if backup.manifest else ""
        raise RestoreRefused(
            f"Nothing was done: without --yes a restore replaces nothing. It would put {backup.name} ({rows}"
            f"taken at {backup.taken_at:%Y-%m-%d %H:%M:%S} UTC) in place of {named}, which would be kept as "
            f"{named}_before_<time>.",
            hint="Say that it is meant: the same command with --yes.",
        )


def _bring_roles(prepared: Prepared, properties: Old, settings: Settings, say: Say) -> tuple[str, ...]:
    """Makes the roles that the dump needs and the server lacks."""
    try:
        text = (prepared.backup.path / ROLES).read_text(encoding="utf-8")
    except FileNotFoundError:
        text = ""
    with connected(prepared.server, settings, Purpose.MIGRATE) as connection:
        states = restored_roles.states(connection, {*prepared.needs.roles, properties.owner, *restored_roles.names_in(text)})
        existing = {str(row["role_name"]) for row in states if row["is_there"]}
        missing = prepared.needs.roles - existing
        wanted = missing | ({properties.owner} - existing)
        chosen = restored_roles.plan(text, wanted, existing)
        _refuse_missing(missing & {*chosen.superusers, *chosen.unknown}, prepared)
        restored_roles.create(connection, settings, chosen)
    if chosen.made:
        say(f"made the roles {', '.join(chosen.made)}")
    if chosen.logins:
        say(f"without a password, so that nobody can log in by one: {', '.join(chosen.logins)}; set it with \\password in psql")
    if chosen.superusers:
        say(f"superusers are not made: {', '.join(chosen.superusers)}")
    for statement in chosen.left_out:
        say(f"left out, a membership in a role of the server's own, or in one that it lacks: {statement}")
    if chosen.members:
        say(f"not made, though members of roles that were made: {', '.join(chosen.members)}")
    if chosen.settings:
        say(f"settings of roles that were made, left out: {', '.join(chosen.settings)}")
    weak = roles_out_of_reach(prepared, settings, properties.owner)
    if weak:
        raise NotPermitted(
            f"This connection may not act for the owners of what is in the backup: {', '.join(weak)}.",
            hint=f"Connect as a superuser, or let one grant it these roles. Or: {WITHOUT_OWNERS}",
        )
    return chosen.made


def _refuse_missing(missing: frozenset[str], prepared: Prepared) -> None:
    if not missing:
        return
    why = prepared.manifest.roles_problem or f"{ROLES} of the backup has none of them that may be made (superusers are not)"
    raise RestoreRefused(
        f"The backup needs roles that the server lacks: {', '.join(sorted(missing))}; nothing was done.",
        detail=f"{why.rstrip('.')}.",
        hint=f"Create them there. Or: {WITHOUT_OWNERS}",
    )


def _keep_the_proof(
    prepared: Prepared, findings: tuple[str, ...], seconds: float, target: Target, settings: Settings, say: Say
) -> None:
    proof = Verification(clock.now(), True, "", round(seconds, 3), prepared.server_version, findings)
    try:
        record(prepared.backup, proof, target, settings, say)
    except Stage1Error as problem:
        # The restore is done; a folder that is read only takes nothing from it.
        say(problem.message)

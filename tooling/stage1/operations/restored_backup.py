"""Restores a backup into a scratch database and proves that it is, table for table, what was backed up.

Owns the comparison and what counts as a difference. Both the verification and the restore go through it, so that nothing is
put in place that would not have been verified. Refuses nothing that is only a finding about the data.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from stage1 import faults
from stage1.database import calls, fingerprints, migrations, restored_roles, restoring, scratch_databases
from stage1.database.backup_folder import DUMP, Backup, check_files
from stage1.database.backup_manifest import Manifest
from stage1.database.checks import Snapshot
from stage1.database.connections import Connection, Purpose, connected, limited, translated
from stage1.database.scratch_databases import Say, Scratch
from stage1.database.targets import Target
from stage1.errors import BackupDamaged, ConnectionLost, NoSpace, NotPermitted, RestoreRefused, ServerExhausted, TimedOut
from stage1.settings import Settings

_NOT_THE_BACKUP = (ConnectionLost, NoSpace, NotPermitted, ServerExhausted, TimedOut)
# What they find is that time has passed since the backup.
_OF_THE_CLOCK = ("backup_overdue", "replay_overdue")
_SHOWN = 10


@dataclass(frozen=True)
class Prepared:
    """A backup whose files are whole, and what restoring it takes."""

    backup: Backup
    manifest: Manifest
    server: Target
    server_version: str
    pg_restore: Path
    needs: restoring.Needs


@dataclass
class Restored:
    """A scratch database that was proven to be the backup."""

    scratch: Scratch
    findings: tuple[str, ...] = ()
    remarks: list[str] = field(default_factory=list)


def prepare(backup: Backup, target: Target, settings: Settings, say: Say) -> Prepared:
    """Checks the files, finds the server and its pg_restore, and clears away what killed runs have left there."""
    check_files(backup)
    if backup.manifest is None:
        raise AssertionError("check_files refuses a backup without a manifest")
    server = scratch_databases.server_of(target, settings)
    with connected(server, settings, Purpose.READ) as connection:
        major = connection.info.server_version // 10000
        version = connection.info.parameter_status("server_version") or str(major)
    pg_restore = restoring.program_for(settings, major, backup.manifest.server_major)
    scratch_databases.drop_abandoned(server, settings, say)
    needs = restoring.needs_of(pg_restore, backup.path / DUMP)
    return Prepared(backup, backup.manifest, server, version.partition(" ")[0], pg_restore, needs)


@contextmanager
def restored(
    prepared: Prepared,
    settings: Settings,
    say: Say,
    purpose: str,
    *,
    with_owners: bool,
    tablespace: str = "",
    before_it_is_filled: Callable[[Scratch], None] = lambda _: None,
) -> Iterator[Restored]:
    """The backup in a scratch database, compared with its manifest; the database is gone at the end of the block."""
    manifest = prepared.manifest
    if not with_owners:
        _refuse_without_bound_roles(prepared, settings)
    made = scratch_databases.scratch_database(prepared.server, settings, manifest.properties, say, tablespace=tablespace)
    with made as scratch:
        faults.reach(f"{purpose}: database made")
        before_it_is_filled(scratch)
        say(f"restoring {prepared.backup.name} into {scratch.name}")
        found = Restored(scratch, remarks=list(scratch.remarks))
        with connected(prepared.server, settings, Purpose.READ) as connection:
            lacking = calls.query(connection, "tablespaces_missing", names=sorted(prepared.needs.tablespaces))
        if lacking:
            names = ", ".join(str(row["tablespace_name"]) for row in lacking)
            found.remarks.append(f"The server has no tablespace {names}; its tables are in the default one.")
        if prepared.needs.subscriptions:
            found.remarks.append(_of_subscriptions(prepared.needs.subscriptions))
        restoring.fill(
            prepared.pg_restore,
            prepared.backup.path / DUMP,
            scratch.target,
            settings,
            with_owners=with_owners,
            with_tablespaces=not lacking and purpose != "verify",
        )
        faults.reach(f"{purpose}: filled")
        say("comparing it with the manifest")
        with connected(scratch.target, settings, Purpose.LOCK) as connection:
            problems = _differences(connection, manifest)
            if problems:
                shown = "; ".join(problems[:_SHOWN]) + (f"; and {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else "")
                raise BackupDamaged(
                    f"{prepared.backup.name} is damaged: what was restored from it differs from its manifest.",
                    detail=f"Differences: {shown}.",
                    hint="Use another backup: stage1 backup list.",
                )
            found.findings = _findings(connection, settings, prepared.backup.name)
        faults.reach(f"{purpose}: compared")
        yield found


def roles_out_of_reach(prepared: Prepared, settings: Settings, owner: str = "") -> list[str]:
    """The roles that the dump needs and the server lacks, and those for which this connection may not act."""
    with connected(prepared.server, settings, Purpose.READ) as connection:
        found = restored_roles.states(connection, prepared.needs.roles | {owner})
    needed = [row for row in found if row["is_there"] or row["role_name"] in prepared.needs.roles]
    return [str(row["role_name"]) for row in needed if not row["may_act"]]


def _refuse_without_bound_roles(prepared: Prepared, settings: Settings) -> None:
    """Policies and user mappings name roles even in a restore without owners."""
    with connected(prepared.server, settings, Purpose.READ) as connection:
        found = restored_roles.states(connection, prepared.needs.bound)
    if lacking := [str(row["role_name"]) for row in found if not row["is_there"]]:
        raise RestoreRefused(
            f"{prepared.backup.name} could not be proven here: its policies or user mappings need roles that the server lacks: "
            f"{', '.join(lacking)}.",
            hint="Make these roles there (to prove it, without rights), or name another server with --database.",
        )


def _of_subscriptions(names: tuple[str, ...]) -> str:
    return (
        f"Subscriptions are left out: {', '.join(names)}. Their statements, to make them again, are in what "
        f"`zstd -dc {DUMP} | pg_restore --schema-only --file=-` writes in the backup's folder."
    )


def _differences(connection: Connection, manifest: Manifest) -> list[str]:
    with fingerprints.snapshot(connection):
        tables = {table.name: table for table in fingerprints.tables(connection)}
        facts = calls.query(connection, "backup_facts")[0]
        objects = json.loads(str(facts["objects"]))
        extensions = {str(row["name"]) for row in json.loads(str(facts["extensions"]))}
        ledger = calls.view(connection, migrations.LEDGER) if calls.exists(connection, migrations.LEDGER) else []
        invalid = [str(row["index_name"]) for row in calls.query(connection, "invalid_indexes")]
    expected = {table.name: table for table in manifest.tables}
    problems = [f"table {name} is missing" for name in sorted(expected.keys() - tables.keys())]
    problems += [f"table {name} does not belong to it" for name in sorted(tables.keys() - expected.keys())]
    for name in sorted(expected.keys() & tables.keys()):
        if tables[name].rows != expected[name].rows:
            problems.append(f"table {name} has {tables[name].rows} rows, not {expected[name].rows}")
        elif tables[name].fingerprint != expected[name].fingerprint:
            problems.append(f"table {name} has {tables[name].rows} rows as it should, but others")
    problems += [
        f"{objects.get(kind, 0)} {kind} instead of {manifest.objects.get(kind, 0)}"
        for kind in sorted(objects.keys() | manifest.objects.keys())
        if objects.get(kind, 0) != manifest.objects.get(kind, 0)
    ]
    named = {extension.name for extension in manifest.extensions}
    problems += [f"extension {name} is missing" for name in sorted(named - extensions)]
    problems += [f"extension {name} does not belong to it" for name in sorted(extensions - named)]
    applied = {(str(row["migration_id"]), str(row["sha256"])) for row in ledger}
    noted = {(migration.name, migration.sha256) for migration in manifest.migrations}
    problems += [f"migration {name} is missing, or another" for name, _ in sorted(noted - applied)]
    problems += [f"migration {name} does not belong to it" for name, _ in sorted(applied - noted)]
    head = max((name[:4] for name, _ in applied), default="none")
    if head != manifest.migration_head:
        problems.append(f"the newest migration is {head}, not {manifest.migration_head}")
    return problems + [f"index {name} is invalid" for name in invalid]


def _findings(connection: Connection, settings: Settings, name: str) -> tuple[str, ...]:
    """What the checks find in the data: it was so when it was backed up. A check that cannot run is the backup's fault."""
    if not calls.exists(connection, "stage1_internal.check_findings"):
        return ()
    with translated(), limited(connection, settings, Purpose.LOCK):
        # Everything is counted: what a validation of before found right says nothing about what was restored.
        snapshot = Snapshot(connection, settings, recount="all")
        answers = [snapshot.ask(check, 1) for check in snapshot.names() if check not in _OF_THE_CLOCK]
    for answer in answers:
        if answer.cause is not None and isinstance(answer.cause, _NOT_THE_BACKUP):
            raise answer.cause
        if answer.problem is not None:
            raise BackupDamaged(
                f"{name} is damaged: the check {answer.check} could not run on what was restored from it.",
                detail=answer.problem,
                hint="Use another backup: stage1 backup list.",
            )
    counts = [(each.errors, "errors", each.check) for each in answers]
    counts += [(each.warnings, "warnings", each.check) for each in answers]
    return tuple(f"{count} {kind} of {check}" for count, kind, check in counts if count)

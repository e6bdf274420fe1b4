"""Proves a backup by restoring it: into a scratch database, which is compared with the manifest and dropped.

Owns what a verification is and where its result is kept: beside the backup, and in the database whose backup it is. Refuses to
call a backup bad for what is the server's, the disk's or the connection's fault; nothing is recorded then.
"""

from contextlib import suppress

from stage1 import clock, faults
from stage1.database import backup_folder, backup_records, calls, clusters, scratch_databases
from stage1.database.backup_folder import Backup, Verification
from stage1.database.connections import Purpose, connected
from stage1.database.scratch_databases import Say
from stage1.database.targets import Target, effective_parameters
from stage1.errors import BackupDamaged, BackupNotFound, Stage1Error
from stage1.operations.restored_backup import prepare, restored, roles_out_of_reach
from stage1.settings import Settings

_VERIFICATION = "stage1_internal.record_verification"
_LONGEST_PROBLEM = 200


def newest(target: Target, settings: Settings) -> str:
    """The name of the newest backup of the target's database."""
    database = database_name(target, settings)
    identifier = None
    with suppress(Stage1Error), connected(scratch_databases.server_of(target, settings), settings, Purpose.READ) as connection:
        identifier = clusters.system_identifier(connection)
    for backup in backup_folder.found(settings):
        if backup.is_of(identifier, database):
            return backup.name
    raise BackupNotFound(
        f"There is no backup of {database} in {settings.path('STAGE1_BACKUP_DIR')}.",
        hint="Run `stage1 backup create`; or name the backup (stage1 backup list).",
    )


def verify_all(names: list[str], target: Target, settings: Settings, say: Say) -> list[tuple[Backup, Verification]]:
    """Verifies backups, each on its own; a name that there is none of is refused before the first."""
    backups = [backup_folder.named(settings, name) for name in names]
    found = []
    for backup in backups:
        with backup_folder.in_use(backup):
            found.append((backup, verify(backup, target, settings, say)))
    return found


def verify(backup: Backup, target: Target, settings: Settings, say: Say) -> Verification:
    """Verifies one backup and keeps what was found, good or bad."""
    began = clock.monotonic()
    problem, version = "", ""
    findings: tuple[str, ...] = ()
    try:
        prepared = prepare(backup, target, settings, say)
        version = prepared.server_version
        foreign = roles_out_of_reach(prepared, settings)
        with restored(prepared, settings, say, "verify", with_owners=not foreign) as found:
            # Without grants the checks would complain of them.
            findings = () if foreign else found.findings
            for remark in found.remarks:
                say(remark)
        if foreign:
            say(
                "Owners and grants were left out, and what the checks find is not told: the server lacks these roles, or this "
                f"connection may not act for them: {', '.join(foreign)}."
            )
    except BackupDamaged as damage:
        problem = " ".join(filter(None, (damage.message, damage.detail)))
    faults.reach("verify: scratch dropped")
    seconds = round(clock.monotonic() - began, 3)
    verification = Verification(clock.now(), not problem, problem, seconds, version, findings)
    try:
        record(backup, verification, target, settings, say)
    except Stage1Error as failure:
        # That it is bad is the greater news.
        if not problem:
            raise
        say(failure.message)
    return verification


def record(backup: Backup, verification: Verification, target: Target, settings: Settings, say: Say) -> None:
    """Keeps a verification: in the backup's folder, and in the target if that is the database that was backed up."""
    backup_folder.write_verification(backup.path, verification)
    faults.reach("verify: written")
    if backup.manifest is None:
        return
    try:
        with connected(target, settings, Purpose.WRITE) as connection:
            identifier = clusters.system_identifier(connection)
            if backup.is_of(identifier, connection.info.dbname) and calls.exists(connection, _VERIFICATION):
                # A backup does not know of itself: what was restored from it has to be told.
                backup_records.note(connection, backup)
                calls.rows(connection, _VERIFICATION, p_name=backup.name, p_problem=_short(verification) or None)
    except Stage1Error as problem:
        say(f"The database itself was not told: {problem.message}")


def _short(verification: Verification) -> str:
    """What a table that many may read is told of a problem; the rest is beside the backup."""
    return verification.problem.partition(" It says: ")[0].partition(" Differences: ")[0][:_LONGEST_PROBLEM]


def database_name(target: Target, settings: Settings) -> str:
    """The name of the database that a connection to the target would reach."""
    known = effective_parameters(target.parameters)
    if known.get("dbname"):
        return known["dbname"]
    # A service file or the user's name decides.
    with connected(target, settings, Purpose.READ) as connection:
        return connection.info.dbname

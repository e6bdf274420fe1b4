"""What a database knows of its own backups, for the checks that ask how old the newest one is.

Owns the call that notes a backup. Imports calls; refuses nothing: a database without our functions is not told.
"""

from stage1.database import calls
from stage1.database.backup_folder import Backup
from stage1.database.connections import Connection

_NOTE = "stage1_internal.record_backup"


def note(connection: Connection, backup: Backup) -> None:
    """Notes a backup, or notes it again; in a transaction that writes."""
    if backup.manifest is not None and calls.exists(connection, _NOTE):
        size, taken_at = backup.manifest.bytes, backup.manifest.taken_at
        calls.rows(connection, _NOTE, p_name=backup.name, p_taken_at=taken_at, p_byte_count=size)

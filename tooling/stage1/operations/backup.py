"""Backups of a whole database: one file and its checksum."""

from collections.abc import Callable

from stage1.database import dumps, migrations
from stage1.database.connections import Purpose, connected
from stage1.database.targets import Target
from stage1.settings import Settings


def create(target: Target, settings: Settings, say: Callable[[str], None]) -> dumps.Backup:
    """Takes a backup of the database now."""
    with connected(target, settings, Purpose.READ) as connection:
        head = migrations.applied_head(connection)
        database = connection.info.dbname
        major = connection.info.server_version // 10000
    return dumps.create(target, settings, database=database, major=major, head=head, say=say)


def listed(settings: Settings) -> list[dumps.Backup]:
    """The finished backups, newest first."""
    return dumps.listed(settings)

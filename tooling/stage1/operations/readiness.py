"""Is the database there, and is it the one that this version works with? Asked by whoever decides where requests go."""

from stage1 import resources
from stage1.database import calls
from stage1.database.connections import Purpose, connected
from stage1.database.migration_files import read_folder
from stage1.database.targets import Target
from stage1.errors import DatabaseNewer, HistoryChanged, NotMigrated
from stage1.settings import Settings


def check_ready(target: Target, settings: Settings) -> str:
    """The newest migration of a database that answers and is current; raises what is wrong with it otherwise."""
    with connected(target, settings, Purpose.READ) as connection:
        applied = {str(row["migration_id"]): row["sha256"] for row in calls.rows(connection, "public.fn_applied_migrations")}
    files = {file.id: file.sha256 for file in read_folder(resources.migrations_folder())}
    if unknown := sorted(applied.keys() - files.keys()):
        raise DatabaseNewer(
            f"The database has migrations that this version does not know: {', '.join(unknown)}.",
            hint="Install the stage1 that migrated it (pip install --upgrade stage1).",
        )
    if others := sorted(name for name, sha256 in applied.items() if files[name] != sha256):
        raise HistoryChanged(
            f"The database was migrated by other files than those of this version: {', '.join(others)}.",
            hint="Install the package again; `stage1 migrate --plan` says what differs.",
        )
    if pending := sorted(files.keys() - applied.keys()):
        raise NotMigrated(f"The database lacks migrations: {', '.join(pending)}.", hint="Run `stage1 migrate`.")
    return max(applied)

"""What the replay did and what waits; and the tidying up of what is done. Executes no statement of a client."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from stage1 import clock
from stage1.database import calls
from stage1.database.connections import Purpose, connected
from stage1.database.targets import Target
from stage1.operations import spool_files
from stage1.settings import Settings


@dataclass(frozen=True)
class ReplayStatus:
    """The last run, the files that wait, and the statements that were not applied."""

    run: dict[str, Any]
    files: list[Path]
    letters: list[dict[str, Any]]

    def older_than(self, max_age: timedelta) -> str:
        """The complaint where the last replay that was done is older than it may be; empty where it is not."""
        done = self.run["last_done_at"]
        if done is None:
            return "no replay was ever done on this database"
        age = clock.now() - done
        hours = age.total_seconds() / 3600
        return f"the last replay was done {hours:.1f} h ago, and at most {max_age} was allowed" if age > max_age else ""


def replay_status(target: Target, settings: Settings, limit: int) -> ReplayStatus:
    """Looks at the ledger and the spool of the settings; changes nothing."""
    with connected(target, settings, Purpose.READ) as connection:
        run = calls.rows(connection, "public.fn_replay_status")[0]
        letters = calls.rows(connection, "public.fn_list_replay_letters", p_limit=limit)
    return ReplayStatus(run, spool_files.pending_files(settings), letters)


def purge(target: Target, settings: Settings, *, letters: bool) -> dict[str, Any]:
    """Deletes files that were done long ago, compacts the ledger, and takes note of dead letters where that is meant."""
    keep = settings.seconds("STAGE1_SPOOL_KEEP")
    before = clock.now() - timedelta(days=keep)
    with connected(target, settings, Purpose.READ) as connection:
        spools = calls.rows(connection, "public.fn_list_replay_spools")
    # The file of a dead letter stays: it is the other copy of its text.
    replayed = {row["spool"]: row["replayed_to"] for row in spools if row["is_done"] and not row["has_letters"]}
    places = [settings.path("STAGE1_SPOOL")]
    with spool_files.locked(places):
        deleted = spool_files.purge(places, keep, replayed, settings)
    with connected(target, settings, Purpose.WRITE) as connection:
        compacted = calls.rows(connection, "stage1_internal.compact_replay_ledger", p_before=before)[0]
        noted = calls.rows(connection, "stage1_internal.discard_letters")[0]["discard_letters"] if letters else 0
    return {
        "files_deleted": [str(path) for path in deleted],
        "statements_compacted": compacted["compact_replay_ledger"],
        "letters_noted": noted,
    }

"""Whether a pg_dump that is silent waits behind another session: it sets no limit for most of the locks that it needs.

Owns how long that may last. Asks on a connection of its own; refuses nothing where the server cannot be asked.
"""

from stage1 import clock
from stage1.database import calls
from stage1.database.connections import Purpose, connected
from stage1.database.targets import Target
from stage1.errors import LockHeld, Stage1Error
from stage1.settings import Settings

SILENT_SECONDS = 5.0
BLOCKED_SECONDS = 60.0


class Patience:
    """What is known of the session of one pg_dump, which is told from others by its application_name."""

    def __init__(self, target: Target, settings: Settings, application_name: str) -> None:
        self._target, self._settings, self._application_name = target, settings, application_name
        self._ask_at = clock.monotonic() + SILENT_SECONDS
        self._blocked_since: float | None = None

    def heard(self) -> None:
        """Notes that pg_dump goes on."""
        self._ask_at = clock.monotonic() + SILENT_SECONDS
        self._blocked_since = None

    def check(self) -> None:
        """Raises when pg_dump has waited behind others for too long; asks only now and then."""
        now = clock.monotonic()
        if now < self._ask_at:
            return
        blockers = self._blockers()
        self._ask_at = clock.monotonic() + SILENT_SECONDS
        if not blockers:
            self._blocked_since = None
            return
        if self._blocked_since is None:
            self._blocked_since = now
        if now - self._blocked_since >= BLOCKED_SECONDS:
            others = ", ".join(f"pid {pid}" if pid else "a prepared transaction" for pid in blockers)
            raise LockHeld(
                f"pg_dump waited for more than {BLOCKED_SECONDS:g} seconds behind another session, {others}; nothing was kept.",
                hint="Let that session end its transaction, or end it (pg_terminate_backend), then run `stage1 backup create`.",
            )

    def _blockers(self) -> list[int]:
        try:
            with connected(self._target, self._settings, Purpose.READ) as connection:
                found = calls.query(connection, "dump_blockers", application_name=self._application_name)
        except Stage1Error:
            return []
        return [int(row["pid"]) for row in found]

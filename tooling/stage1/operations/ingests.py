"""The audit trail of loaded files: reads of it, and the undo of a load; each one call of a function of the database."""

import json
from datetime import datetime
from typing import Any

from stage1.database import calls
from stage1.database.connections import Purpose, connected, limited
from stage1.database.targets import Target
from stage1.settings import Settings

Row = dict[str, Any]

_MOST_SYMBOLS = 10_000  # of a page; more than this are in public.data_ingest_symbols


def list_ingests(target: Target, settings: Settings, limit: int, offset: int, status: str | None) -> list[Row]:
    """A page of the audit trail, the newest first."""
    with connected(target, settings, Purpose.READ) as connection:
        return calls.rows(connection, "public.fn_list_ingests", p_limit=limit, p_offset=offset, p_status=status)


def list_ingests_after(
    target: Target, settings: Settings, limit: int, started_at: datetime | str | None, ingest_id: int | None, status: str | None
) -> list[Row]:
    """The page of the audit trail that follows a row, the newest first; without one the first page."""
    with connected(target, settings, Purpose.READ) as connection:
        return calls.rows(
            connection,
            "public.fn_list_ingests_after",
            p_limit=limit,
            p_after_started_at=started_at,
            p_after_id=ingest_id,
            p_status=status,
        )


def show_ingest(target: Target, settings: Settings, ingest_id: int) -> Row:
    """One load with everything that is known of it: the row, and under `symbols` what it did to each of the first."""
    with connected(target, settings, Purpose.READ) as connection:
        [found] = calls.rows(connection, "public.fn_show_ingest", p_ingest_id=ingest_id)
        found["symbols"] = calls.rows(connection, "public.fn_ingest_symbols", p_ingest_id=ingest_id, p_limit=_MOST_SYMBOLS)
    return found


def undo_ingest(target: Target, settings: Settings, ingest_id: int) -> tuple[Row, int]:
    """Removes the bars that a load wrote and still owns; returns its row of the audit trail, which stays, and how many of
    the bars had replaced earlier ones."""
    with connected(target, settings, Purpose.LOAD) as connection, limited(connection, settings, Purpose.LOAD):
        [undone] = calls.rows(connection, "public.undo_ingest", p_ingest_id=ingest_id)
    return undone, json.loads(str(undone["details"])).get("removed_rewritten", 0)

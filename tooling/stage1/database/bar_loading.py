"""Loads bars: short transactions around the audit row, and one that carries the bars chunk by chunk.

Owns the order of the calls and the two COPY statements; what is inserted, changed or refused is decided by the functions
of sql/functions/ingest/. Imports psycopg through connections, and model; refuses to know files.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg.abc import Buffer

from stage1 import faults
from stage1.database import calls
from stage1.database.connections import Connection, Purpose, connect, limited, translated
from stage1.database.targets import Target
from stage1.errors import Stage1Error
from stage1.model.bar_rejects import RejectedRow
from stage1.settings import Settings

_STAGE_BARS = "copy pg_temp.staged_bars (symbol, minute, open, high, low, close, volume) from stdin (format binary)"
_STAGE_REJECTS = "copy pg_temp.staged_rejects (position, reason, symbol, ts, record) from stdin"

_CANCEL_SECONDS = 5.0  # that a server may take to answer a wish to cancel

Row = dict[str, Any]


@dataclass(frozen=True)
class IngestedFile:
    """What the audit row says of a file."""

    name: str
    sha256: str
    bytes: int
    options: dict[str, Any]
    vendor: str = "databento"
    dataset: str | None = None
    origin: str = "vendor"
    whole: bool = True
    warnings: Sequence[str] = ()
    details: dict[str, Any] | None = None


class Loader:
    """One connection that loads files, one after the other."""

    def __init__(self, connection: Connection, settings: Settings) -> None:
        self._connection = connection
        self._settings = settings
        self._cancelled = False

    def repeat(self, file: IngestedFile) -> Row | None:
        """The audit row of a file whose very bytes are loaded already and untouched since; None if there is work to do."""
        with self._transaction():
            found = calls.rows(
                self._connection,
                "stage1_internal.repeat_ingest",
                p_vendor=file.vendor,
                p_file_name=file.name,
                p_file_sha256=file.sha256,
                p_file_bytes=file.bytes,
                p_options=_json(file.options),
                p_details=_json(file.details or {}),
            )
        return found[0] if found else None

    def begin(self, file: IngestedFile) -> int:
        """Writes the audit row 'running' and returns its id."""
        with self._transaction():
            [row] = calls.rows(
                self._connection,
                "stage1_internal.begin_ingest",
                p_vendor=file.vendor,
                p_dataset=file.dataset,
                p_origin=file.origin,
                p_file_name=file.name,
                p_file_sha256=file.sha256,
                p_file_bytes=file.bytes,
                p_options=_json(file.options),
                p_whole=file.whole,
                p_warnings=_json(list(file.warnings)),
                p_details=_json(file.details or {}),
            )
        faults.reach("ingest: begun")
        return int(row["begin_ingest"])

    def fail(self, ingest_id: int, error: str) -> None:
        """Writes into the audit row that the load failed, and why; IngestState where it was committed after all."""
        # A load whose client is gone may hold its row for minutes: that is not waited for.
        with self._transaction(Purpose.WRITE):
            calls.rows(self._connection, "stage1_internal.fail_ingest", p_ingest_id=ingest_id, p_error=error)

    def show(self, ingest_id: int) -> Row:
        """The audit row."""
        with self._transaction(Purpose.READ):
            [row] = calls.rows(self._connection, "public.fn_show_ingest", p_ingest_id=ingest_id)
        return row

    def cancel(self) -> None:
        """Ends what runs on the connection now, and what would run next; another thread may call this."""
        self._cancelled = True
        with suppress(psycopg.Error):
            self._connection.cancel_safe(timeout=_CANCEL_SECONDS)

    def make_partitions(self, first: datetime, last: datetime) -> None:
        """Makes the partitions of a span, in a transaction of their own: no load holds their lock."""
        with self._transaction():
            calls.rows(self._connection, "stage1_internal.ensure_bar_partitions", p_first_ts=first, p_last_ts=last)
        faults.reach("ingest: partitions made")

    @contextmanager
    def load(self, ingest_id: int, symbols: Sequence[str], *, replace_origin: bool) -> Iterator["BarLoad"]:
        """The transaction of the bars; it is committed at the end of the block, or undone by what is raised in it."""
        with self._transaction():
            calls.rows(
                self._connection,
                "stage1_internal.open_bar_load",
                p_ingest_id=ingest_id,
                p_symbols=list(symbols),
                p_replace_origin=replace_origin,
            )
            faults.reach("ingest: symbols locked")
            yield BarLoad(self._connection, ingest_id)
            faults.reach("ingest: about to commit")
        faults.reach("ingest: committed")

    @contextmanager
    def _transaction(self, purpose: Purpose = Purpose.LOAD) -> Iterator[None]:
        try:
            with translated(), limited(self._connection, self._settings, purpose):
                yield
        except Stage1Error:
            if self._cancelled:
                raise KeyboardInterrupt from None
            raise


class BarLoad:
    """The open transaction of one file."""

    def __init__(self, connection: Connection, ingest_id: int) -> None:
        self._connection = connection
        self._ingest_id = ingest_id
        self._rejected = 0

    def add(self, message: Buffer) -> None:
        """Brings a chunk of bars, as BarEncoder writes it: no two of one symbol and minute, in this chunk or another."""
        with self._connection.cursor().copy(_STAGE_BARS) as copy:
            copy.write(message)
        faults.reach("ingest: chunk staged")
        calls.rows(self._connection, "stage1_internal.merge_staged_bars", p_ingest_id=self._ingest_id)
        faults.reach("ingest: chunk merged")

    def reject(self, rejected: Sequence[RejectedRow]) -> None:
        """Keeps rows that are not loaded."""
        if not rejected:
            return
        with self._connection.cursor().copy(_STAGE_REJECTS) as copy:
            for row in rejected:
                copy.write_row((row.position, row.reason, row.symbol, row.ts, row.record))
        self._rejected += len(rejected)

    def finish(self, details: dict[str, Any]) -> Row:
        """Brings summary and audit row to what was loaded, and returns the audit row."""
        [row] = calls.rows(
            self._connection,
            "stage1_internal.finish_bar_load",
            p_ingest_id=self._ingest_id,
            p_rejected_count=self._rejected,
            p_details=_json(details),
        )
        return row


@contextmanager
def loader(target: Target, settings: Settings, opened: Callable[[Loader], None] | None = None) -> Iterator[Loader]:
    """A loader on a connection of its own; `opened` is told of it."""
    connection = connect(target, settings, Purpose.LOAD)
    try:
        found = Loader(connection, settings)
        if opened is not None:
            opened(found)
        yield found
    finally:
        connection.close()


def _json(document: object) -> str:
    return json.dumps(document, ensure_ascii=False, sort_keys=True)

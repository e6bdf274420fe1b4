"""The one error table: SQLSTATE, exception, exit code and HTTP status of every refusal.

The docstring of an exception is its title in the generated reference and its message where none is given.
SQL raises the codes of class `S1` (`raise exception using errcode = 'S1A01'`); `from_sqlstate` finds the
exception again. A test proves that SQL, this table and docs/reference/errors.md name the same set.
"""

from enum import IntEnum
from typing import ClassVar


class ExitCode(IntEnum):
    """What a command tells the shell."""

    DONE = 0
    ANSWER_IS_NO = 1
    USAGE = 2
    REFUSED = 3
    CANNOT_NOW = 4
    INTERRUPTED = 5
    BUG = 70


EXIT_CODE_MEANINGS: dict[ExitCode, str] = {
    ExitCode.DONE: "done",
    ExitCode.ANSWER_IS_NO: "the answer is no, or some of many failed",
    ExitCode.USAGE: "the command line was not understood",
    ExitCode.REFUSED: "refused by a rule",
    ExitCode.CANNOT_NOW: (
        "cannot now: unreachable, wrong password, not permitted, read-only, disk full, or another run holds the lock"
    ),
    ExitCode.INTERRUPTED: "interrupted; what was done so far is kept and named",
    ExitCode.BUG: "a bug; the traceback's file is named",
}


class Stage1Error(Exception):
    """Something went wrong that stage1 can explain."""

    sqlstate: ClassVar[str | None] = None
    exit_code: ClassVar[ExitCode] = ExitCode.REFUSED
    http_status: ClassVar[int] = 500
    usual_hint: ClassVar[str] = ""

    def __init__(self, message: str = "", *, detail: str = "", hint: str = "") -> None:
        self.message = message or (type(self).__doc__ or "").strip()
        self.detail = detail
        self.hint = hint or self.usual_hint
        super().__init__(self.message)

    def __str__(self) -> str:
        return "\n".join(part for part in (self.message, self.detail, self.hint) if part)


# --- arguments ---------------------------------------------------------------------------------------------


class ArgumentMissing(Stage1Error):
    """A required argument is null or empty."""

    sqlstate = "S1A01"
    http_status = 422


class ArgumentInvalid(Stage1Error):
    """An argument is out of its range or not of its form."""

    sqlstate = "S1A02"
    http_status = 422


class SpanInverted(Stage1Error):
    """A span ends before it starts."""

    sqlstate = "S1A03"
    http_status = 422


# --- catalog -----------------------------------------------------------------------------------------------


class SlugTaken(Stage1Error):
    """The slug belongs to another dataset."""

    sqlstate = "S1C01"
    http_status = 409


class DatasetNotFound(Stage1Error):
    """There is no dataset of that name."""

    sqlstate = "S1C02"
    exit_code = ExitCode.ANSWER_IS_NO
    http_status = 404


# --- ingest ------------------------------------------------------------------------------------------------


class FileDamaged(Stage1Error):
    """The file is cut short, altered, or not a DBN file."""

    sqlstate = "S1I01"
    http_status = 422


class WrongSchema(Stage1Error):
    """The file holds something else than one-minute bars."""

    sqlstate = "S1I02"
    http_status = 422


class BadRows(Stage1Error):
    """Rows of the file break the rules for bars."""

    sqlstate = "S1I03"
    http_status = 422


class SymbolUnknown(Stage1Error):
    """The symbol of a row cannot be told."""

    sqlstate = "S1I04"
    http_status = 422


class CountMismatch(Stage1Error):
    """The file is not the one that was announced: another number of records, another size or another hash."""

    sqlstate = "S1I05"
    http_status = 422


class OriginConflict(Stage1Error):
    """The symbol holds bars of another vendor dataset or of another origin."""

    sqlstate = "S1I06"
    http_status = 409


class IngestNotFound(Stage1Error):
    """There is no ingest of that id."""

    sqlstate = "S1I07"
    exit_code = ExitCode.ANSWER_IS_NO
    http_status = 404


class IngestHasBars(Stage1Error):
    """An ingest that wrote bars cannot be deleted or renumbered."""

    sqlstate = "S1I08"
    http_status = 409


class IngestState(Stage1Error):
    """The ingest is not in a state that allows this."""

    sqlstate = "S1I09"
    http_status = 409


class FileChanged(Stage1Error):
    """The file changed while it was read."""

    sqlstate = "S1I10"
    http_status = 409


# --- vendor ------------------------------------------------------------------------------------------------


class VendorRefused(Stage1Error):
    """The vendor refused the request, or answered with something else than what was asked for."""

    sqlstate = "S1V01"
    http_status = 502


class VendorHasNone(Stage1Error):
    """The vendor has nothing of that symbol in that range."""

    sqlstate = "S1V02"
    exit_code = ExitCode.ANSWER_IS_NO
    http_status = 404


class CostRefused(Stage1Error):
    """The data would cost more than is allowed without asking."""

    sqlstate = "S1V03"
    http_status = 402


class RawFileConflict(Stage1Error):
    """The raw file in that place is of another vendor dataset, symbol or range."""

    sqlstate = "S1V04"
    http_status = 409


# --- replay ------------------------------------------------------------------------------------------------


class SpoolRefused(Stage1Error):
    """The spool cannot be trusted: somebody else may have written it, or it is no plain file or folder."""

    sqlstate = "S1R01"
    http_status = 409


class SpoolEdited(Stage1Error):
    """A spool file differs from what was replayed of it before."""

    sqlstate = "S1R02"
    http_status = 409


class ReplayRoleTooStrong(Stage1Error):
    """The role that replays may do more than the spool is allowed to."""

    sqlstate = "S1R03"
    http_status = 403


class LetterNotFound(Stage1Error):
    """There is no dead letter of that spool and position."""

    sqlstate = "S1R04"
    exit_code = ExitCode.ANSWER_IS_NO
    http_status = 404


class AlreadyReplayed(Stage1Error):
    """Another runner has replayed these statements meanwhile."""

    sqlstate = "S1R05"
    exit_code = ExitCode.CANNOT_NOW
    http_status = 409


# --- examples ----------------------------------------------------------------------------------------------


class VersionNotFound(Stage1Error):
    """The dataset has no such version."""

    sqlstate = "S1E01"
    exit_code = ExitCode.ANSWER_IS_NO
    http_status = 404


class VersionConflict(Stage1Error):
    """The latest version of the dataset is another than the expected one."""

    sqlstate = "S1E02"
    http_status = 409


class SourceIdRepeated(Stage1Error):
    """A source id is given more than once."""

    sqlstate = "S1E03"
    http_status = 422


class HashMismatch(Stage1Error):
    """A content hash is not that of the content."""

    sqlstate = "S1E04"
    http_status = 422


class EmptyMirror(Stage1Error):
    """A mirror of no examples would delete every example."""

    sqlstate = "S1E05"
    http_status = 409


class NotExamples(Stage1Error):
    """The dataset is of another kind than examples."""

    sqlstate = "S1E06"
    http_status = 409


class TagNotFound(Stage1Error):
    """The dataset has no such tag."""

    sqlstate = "S1E07"
    exit_code = ExitCode.ANSWER_IS_NO
    http_status = 404


class ExampleNotFound(Stage1Error):
    """The dataset never had an example of that source id."""

    sqlstate = "S1E08"
    exit_code = ExitCode.ANSWER_IS_NO
    http_status = 404


class BodyMissing(Stage1Error):
    """An example was given by its hash alone, and the dataset holds another content."""

    sqlstate = "S1E09"
    http_status = 409


class ContentRefused(Stage1Error):
    """The content is not JSON that every language reads alike, or not of the form that is asked for."""

    sqlstate = "S1E10"
    http_status = 422

    def __init__(
        self, message: str = "", *, detail: str = "", hint: str = "", pointer: str = "", line: int | None = None
    ) -> None:
        super().__init__(message, detail=detail, hint=hint)
        self.pointer = pointer
        self.line = line


# --- experiments -------------------------------------------------------------------------------------------


class ExperimentNotFound(Stage1Error):
    """There is no experiment of that id."""

    sqlstate = "S1X01"
    exit_code = ExitCode.ANSWER_IS_NO
    http_status = 404


class RunRecorded(Stage1Error):
    """A successful run of that example and repetition is recorded already, with another output."""

    sqlstate = "S1X02"
    http_status = 409


class RunNotExpected(Stage1Error):
    """The experiment has no run of that example and repetition."""

    sqlstate = "S1X03"
    http_status = 422


class RunNotFound(Stage1Error):
    """No successful run of that example and repetition is recorded."""

    sqlstate = "S1X04"
    http_status = 404


class ExperimentTaken(Stage1Error):
    """The id belongs to another experiment."""

    sqlstate = "S1X05"
    http_status = 409


class RunRepeated(Stage1Error):
    """A run, or an evaluation of it, is given more than once."""

    sqlstate = "S1X06"
    http_status = 422


class NotComparable(Stage1Error):
    """The experiments are of different datasets."""

    sqlstate = "S1X07"
    http_status = 409


# --- access over HTTP --------------------------------------------------------------------------------------


class TokenRequired(Stage1Error):
    """The request carries no token that is known and in force."""

    sqlstate = "S1T01"
    http_status = 401


class TokenTooWeak(Stage1Error):
    """The token may read, but not write."""

    sqlstate = "S1T02"
    http_status = 403


class TokenNotFound(Stage1Error):
    """There is no token of that name."""

    sqlstate = "S1T03"
    exit_code = ExitCode.ANSWER_IS_NO
    http_status = 404


class TokenNameTaken(Stage1Error):
    """There is a token of that name already."""

    sqlstate = "S1T04"
    http_status = 409


class BodyTooLarge(Stage1Error):
    """The body of the request is larger than the server takes."""

    sqlstate = "S1H01"
    http_status = 413


class MediaTypeUnsupported(Stage1Error):
    """The body of the request is of a kind that the server does not know."""

    sqlstate = "S1H02"
    http_status = 415


class HostRefused(Stage1Error):
    """The request was sent to a name that is not one of the server's."""

    sqlstate = "S1H03"
    http_status = 421


class BodyTooSlow(Stage1Error):
    """The body of the request did not arrive in time."""

    sqlstate = "S1H04"
    http_status = 408


class AnswerUnsupported(Stage1Error):
    """The answer is not there in any of the forms that the request accepts."""

    sqlstate = "S1H05"
    http_status = 406


class OriginRefused(Stage1Error):
    """The request was made by the script of a web page that is not allowed to ask the server."""

    sqlstate = "S1H06"
    http_status = 403


# --- backups -----------------------------------------------------------------------------------------------


class BackupDamaged(Stage1Error):
    """A backup is not what its manifest says, or what was restored from it is not."""

    sqlstate = "S1B01"
    exit_code = ExitCode.ANSWER_IS_NO
    http_status = 409


class BackupNotFound(Stage1Error):
    """There is no finished backup of that name."""

    sqlstate = "S1B02"
    exit_code = ExitCode.ANSWER_IS_NO
    http_status = 404


class RestoreRefused(Stage1Error):
    """The backup cannot be restored there, or not without a word that it is meant."""

    sqlstate = "S1B03"
    http_status = 409


class PruneRefused(Stage1Error):
    """The newest backup is not known to be good, so that no other is removed."""

    sqlstate = "S1B04"
    http_status = 409


# --- migrations and deploy ---------------------------------------------------------------------------------


class HistoryChanged(Stage1Error):
    """An applied migration is not the file that was applied."""

    sqlstate = "S1M01"
    http_status = 503


class HistoryMissing(Stage1Error):
    """A migration was applied whose file is gone."""

    sqlstate = "S1M02"
    http_status = 503


class DatabaseNewer(Stage1Error):
    """The database was migrated by a newer stage1 than this one."""

    sqlstate = "S1M03"
    http_status = 503


class HistoryOutOfOrder(Stage1Error):
    """A pending migration has a lower number than one that is applied."""

    sqlstate = "S1M04"
    http_status = 503


class HistoryUnsealed(Stage1Error):
    """The migration files are not the ones that migrations/checksums.txt seals."""

    sqlstate = "S1M05"
    http_status = 503


class AdoptionRefused(Stage1Error):
    """An existing table or view is not what stage1 needs, and cannot be made so without a decision."""

    sqlstate = "S1M06"
    http_status = 503


class DuplicateRows(Stage1Error):
    """Existing rows repeat what a unique constraint forbids."""

    sqlstate = "S1M07"
    http_status = 503


class ObjectInUse(Stage1Error):
    """An object that is not ours depends on one that has to be replaced."""

    sqlstate = "S1M08"
    http_status = 503


class SpoolPending(Stage1Error):
    """Offline inserts wait to be replayed before the schema may change."""

    sqlstate = "S1M09"
    http_status = 503


class ObjectFileInvalid(Stage1Error):
    """A file below sql/ or migrations/ breaks the rules of its folder, or PostgreSQL refused it."""

    sqlstate = "S1M10"
    http_status = 503


class ClusterRefused(Stage1Error):
    """The embedded cluster is not in a state that allows this."""

    sqlstate = "S1M11"
    http_status = 503


# --- cannot now --------------------------------------------------------------------------------------------


class DatabaseUnreachable(Stage1Error):
    """No connection to the database could be made."""

    exit_code = ExitCode.CANNOT_NOW
    http_status = 503


class DatabaseNotConfigured(Stage1Error):
    """No database is named: there is neither --database, nor DATABASE_URL, nor PG*, nor an embedded one."""

    exit_code = ExitCode.CANNOT_NOW
    http_status = 503


class NotPermitted(Stage1Error):
    """The database role may not do this."""

    exit_code = ExitCode.CANNOT_NOW
    http_status = 503
    usual_hint = (
        "Connect as a superuser, as the owner of the tables, or as a member of stage1_owner (`grant stage1_owner to <role>;`)."
    )


class ServerReadOnly(Stage1Error):
    """The server accepts reads only: it is a standby, or set to default_transaction_read_only."""

    exit_code = ExitCode.CANNOT_NOW
    http_status = 503


class NoSpace(Stage1Error):
    """A disk is full."""

    exit_code = ExitCode.CANNOT_NOW
    http_status = 507


class ServerExhausted(Stage1Error):
    """The server ran out of memory, locks or another resource."""

    exit_code = ExitCode.CANNOT_NOW
    http_status = 503


class LockHeld(Stage1Error):
    """Another run holds the lock."""

    exit_code = ExitCode.CANNOT_NOW
    http_status = 503


class TimedOut(Stage1Error):
    """The server ended a statement that took too long, or waited too long for a lock."""

    exit_code = ExitCode.CANNOT_NOW
    http_status = 503


class ConnectionLost(Stage1Error):
    """The server closed the connection; what was not committed is undone, run the command again."""

    exit_code = ExitCode.CANNOT_NOW
    http_status = 503


class NotMigrated(Stage1Error):
    """The database has no stage1 schema yet, or an older one; run `stage1 migrate`."""

    exit_code = ExitCode.CANNOT_NOW
    http_status = 503


class BinariesMissing(Stage1Error):
    """A PostgreSQL program that is needed here was not found."""

    exit_code = ExitCode.CANNOT_NOW
    http_status = 503


class ExtraMissing(Stage1Error):
    """An optional Python package that is needed here is not installed."""

    exit_code = ExitCode.CANNOT_NOW
    http_status = 503


class ServerNotStarted(Stage1Error):
    """The embedded PostgreSQL did not start."""

    exit_code = ExitCode.CANNOT_NOW
    http_status = 503


class AddressUnusable(Stage1Error):
    """The server cannot listen on that address."""

    exit_code = ExitCode.CANNOT_NOW
    http_status = 503


class BackupFailed(Stage1Error):
    """pg_dump did not finish; nothing was kept."""

    exit_code = ExitCode.CANNOT_NOW
    http_status = 503


class VendorUnavailable(Stage1Error):
    """The vendor could not be reached, or did not finish its answer, in several tries."""

    exit_code = ExitCode.CANNOT_NOW
    http_status = 503


class VendorDenied(Stage1Error):
    """The vendor does not accept the key, or the key may not do this."""

    exit_code = ExitCode.CANNOT_NOW
    http_status = 503


class FileUnusable(Stage1Error):
    """A file or folder cannot be read or written."""

    exit_code = ExitCode.CANNOT_NOW
    http_status = 503


class ValueTooLarge(Stage1Error):
    """A value is larger than PostgreSQL can store, index or read."""

    http_status = 422


class UsageRefused(Stage1Error):
    """The command was given values that it cannot understand."""

    exit_code = ExitCode.USAGE
    http_status = 400


class Unexpected(Stage1Error):
    """PostgreSQL answered with an error that stage1 does not know: a bug."""

    exit_code = ExitCode.BUG


def all_errors() -> list[type[Stage1Error]]:
    """Every error of the table, in the order in which it is written above."""
    return [kind for kind in globals().values() if isinstance(kind, type) and issubclass(kind, Stage1Error)][1:]


_BY_PRIVATE_SQLSTATE = {kind.sqlstate: kind for kind in all_errors() if kind.sqlstate}

# PostgreSQL's own codes, whole or by class (their first two characters).
_BY_STANDARD_SQLSTATE: dict[str, type[Stage1Error]] = {
    "08": ConnectionLost,
    "22": ArgumentInvalid,
    "25006": ServerReadOnly,
    "25P03": ConnectionLost,
    "25P04": TimedOut,
    "28": DatabaseUnreachable,
    "3D": DatabaseUnreachable,
    "3F000": NotMigrated,
    "40": TimedOut,
    "42501": NotPermitted,
    "42883": NotMigrated,
    "42P01": NotMigrated,
    "53100": NoSpace,
    "53300": DatabaseUnreachable,
    "53": ServerExhausted,
    "54": ValueTooLarge,
    "55P03": TimedOut,
    "57014": TimedOut,
    "57": ConnectionLost,
    "58": FileUnusable,
}


def from_sqlstate(sqlstate: str | None) -> type[Stage1Error]:
    """The exception that stands for a SQLSTATE; `Unexpected` for one that nobody foresaw."""
    code = sqlstate or ""
    return _BY_PRIVATE_SQLSTATE.get(code) or _BY_STANDARD_SQLSTATE.get(code) or _BY_STANDARD_SQLSTATE.get(code[:2], Unexpected)

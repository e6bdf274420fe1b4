"""The command `stage1`: the group of all commands, and the one boundary where errors become sentences and exit codes.

Commands are imported when they are used; `stage1 --help` reads their one-line helps from the table below, which a
test compares with the commands themselves.
"""

import errno
import importlib
import os
import signal
import sys
import tempfile
import traceback
from io import TextIOWrapper
from typing import NoReturn

import click

from stage1 import __version__
from stage1.cli import rendering
from stage1.cli.options import Application, Group, shared
from stage1.errors import ExitCode, FileUnusable, NoSpace, Stage1Error
from stage1.redaction import redact

# name of the command -> its one-line help; the module is cli/<name>.py, the command in it has the same name.
COMMANDS: dict[str, str] = {
    "migrate": "Bring the database to the schema of this version.",
    "status": "Answer whether all is well: migrations, objects, roles, checks, backups, disk.",
    "validate": "Ask the checks whether what the database holds is consistent.",
    "doctor": "Show what stage1 found on this machine, what is missing, and what to do.",
    "psql": "Open psql on the database, or run it with the given arguments.",
    "server": "Run the embedded PostgreSQL of this folder.",
    "backup": "Back the database up.",
    "replay": "Replay the inserts that offline clients left in the spool, each exactly once.",
    "data": "Make a dataset of a symbol and a year: fetch, derive, load, register. Prints its id.",
    "fetch": "Fetch raw trades and quotes from the vendor, each file whole and paid for once.",
    "derive": "Make one-minute bars of raw files that are in their place: Parquet, one file a month, and a manifest.",
    "ingest": "Load DBN files of one-minute bars into market_bars_ohlcv_1m, each whole or not at all.",
    "ingests": "List, show and undo the loads of files.",
    "stats": "Show the count, span and latest close of a symbol's bars, or of every symbol.",
    "bars": "Read the bars of a symbol, by time; prices are exact.",
    "datasets": "List, show, register and verify datasets.",
    "examples": "Keep versioned sets of examples, for experiments.",
    "experiments": "List, show and compare experiments on versioned examples.",
    "serve": "Serve datasets, experiments and bars over HTTP, until it is stopped.",
    "tokens": "Make, list and revoke the tokens of the REST server.",
    "completion": "Print the completion script of a shell.",
}


class LazyGroup(Group):
    """Finds its commands by name and imports only the one that is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """All commands, in the order in which people need them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """The command of that name."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"stage1.cli.{cmd_name}")
        command: click.Command = getattr(module, cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        """The list in --help, without importing any of them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.command(cls=LazyGroup, params=shared())
@click.version_option(__version__, prog_name="stage1", message="%(prog)s %(version)s")
@click.pass_context
def cli(context: click.Context) -> None:
    """Keep market datasets in PostgreSQL: exact, versioned, checked, backed up and traced.

    \b
    Examples:
        stage1 migrate                      bring the database up to date (makes one here if none is named)
        stage1 status                       is all well?
        stage1 datasets list --format json  the catalog, for a program

    Exit codes: 0 done, 1 the answer is no, 2 usage, 3 refused by a rule, 4 cannot now, 5 interrupted, 70 a bug.
    """
    context.ensure_object(Application)


def main() -> NoReturn:
    """Runs the command line and ends the process with its exit code."""
    _prepare_streams()
    # A service that is stopped is interrupted as a person's command is: partial files go, what is done is kept.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Runs one command line; the boundary in which every error becomes a sentence."""
    application = Application()
    stdout = sys.stdout
    try:
        wish = cli.main(args=arguments, prog_name="stage1", standalone_mode=False, obj=application)
        sys.stdout.flush()
        if isinstance(wish, int):
            return wish
    except SystemExit:
        # click ends so when it prints a help text into a closed pipe; it puts another stdout in place before.
        if sys.stdout is stdout:
            raise
        return ExitCode.DONE
    except click.exceptions.NoArgsIsHelpError as problem:
        rendering.say(problem.format_message())
        return ExitCode.USAGE
    except click.UsageError as problem:
        _say_usage(problem)
        return ExitCode.USAGE
    except click.ClickException as problem:
        rendering.say(f"error: {problem.format_message()}")
        return ExitCode.USAGE
    except (KeyboardInterrupt, click.Abort):
        rendering.say("interrupted; what was committed so far is kept, run the command again")
        return ExitCode.INTERRUPTED
    except (rendering.ReaderGone, BrokenPipeError):
        _give_up_stdout()
        return application.exit_code
    except Stage1Error as problem:
        return _explain(problem, application)
    except OSError as problem:
        if problem.errno in _DISK_FULL:
            _give_up_stdout()
            return _explain(NoSpace(detail=str(problem), hint="Free some space and run the command again."), application)
        if problem.errno in _NOT_OURS:
            return _explain(FileUnusable(detail=str(problem)), application)
        return _report_bug(problem, application)
    except Exception as problem:  # noqa: BLE001 - the boundary: nothing may pass it as a traceback
        return _report_bug(problem, application)
    return application.exit_code


_DISK_FULL = (errno.ENOSPC, errno.EDQUOT)
_NOT_OURS = (errno.EACCES, errno.EPERM, errno.EROFS, errno.EIO, errno.EMFILE, errno.ENFILE)


def _prepare_streams() -> None:
    # A closed stdin, stdout or stderr would be replaced by the first file or socket that is opened.
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(descriptor, True)  # psql writes there, too
    os.close(descriptor)
    sys.stdout = sys.stdout or open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - open as long as the process
    sys.stderr = sys.stderr or open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            # Whatever the locale: data is written as UTF-8, and no letter of it is a reason to fail.
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")


def _give_up_stdout() -> None:
    # Python flushes once more at the end and would complain again.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _say_usage(problem: click.UsageError) -> None:
    rendering.say(f"error: {problem.format_message().expandtabs(2)}")  # click lists choices behind tabs
    if problem.ctx is not None:
        rendering.say(f"Try '{problem.ctx.command_path} --help'.")


def _explain(problem: Stage1Error, application: Application) -> int:
    if problem.exit_code is ExitCode.BUG:
        return _report_bug(problem, application)
    application.complain(problem)
    return problem.exit_code


def _report_bug(problem: BaseException, application: Application) -> int:
    secrets = application.secrets()
    text = redact("".join(traceback.format_exception(problem)), secrets)
    try:
        with tempfile.NamedTemporaryFile("w", prefix="stage1-bug-", suffix=".txt", delete=False, encoding="utf-8") as file:
            file.write(f"stage1 {__version__}, Python {sys.version}\n\n{text}")
        where = f"the traceback is in {file.name}"
    except OSError:
        where = f"the traceback could not be kept:\n{text}"
    summary = redact(" ".join(str(problem).split()), secrets)
    rendering.say(f"error: a bug in stage1: {type(problem).__name__}: {summary}")
    rendering.say(f"  {where}; please report it.")
    return ExitCode.BUG

"""Does the runbook print what it shows? Each section is run from the state that it is about, on servers of the test's own."""

import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.docs.command_lines import parse
from tests.docs.pages import ROOT, Step, pattern_of, shown_stage1_commands, steps
from tests.docs.runbook_servers import Machine
from tests.plugins.databases import FIXTURES
from tests.plugins.own_servers import OwnServer

PAGE = ROOT / "docs" / "runbook.md"
INSTALL = "Fresh install"

_DATABASE = "stage1_trading"
_KEPT = "runbook_installed"

pytestmark = pytest.mark.xdist_group("own_server")


def _sections() -> dict[str, list[Step]]:
    """The page's commands under the title they stand below."""
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    titles = {number: line.removeprefix("## ") for number, line in enumerate(lines, start=1) if line.startswith("## ")}
    found: dict[str, list[Step]] = {}
    for step in steps(PAGE):
        number = int(step.where.rpartition(":")[2])
        found.setdefault(titles[max(at for at in titles if at < number)], []).append(step)
    return found


SECTIONS = _sections()

_RUN = "5f0c1a52-0000-4000-8000-0000000000{:02}"
_INSERT = "INSERT INTO public.walkforward_runs (run_id, dataset_id, status) VALUES ('{}', {}, 'done');\n"


def _spool(machine: Machine, name: str, *statements: str) -> None:
    path = machine.home / "spool" / name
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.write_text("".join(statements), encoding="utf-8")
    path.chmod(0o600)


def _quietly(machine: Machine, command: str) -> None:
    code, output = machine.run(Step("", command, ""))
    assert code == 0, f"$ {command}\n{output}"


def _bare(machine: Machine) -> None:
    machine.server.clear()
    machine.prepare()


def _installed(machine: Machine) -> None:
    """What the page's installation leaves; its last commands only look, and the database is made once for all sections."""
    machine.prepare()
    server = machine.server.database()
    found = [row["datname"] for row in server.rows("select datname from pg_database where not datistemplate")]
    is_kept = _KEPT in found
    if is_kept:
        for name in set(found) - {_KEPT, "postgres"}:
            server.rows(f'drop database "{name}" with (force)')
        server.rows(f"create database {_DATABASE} template {_KEPT}")
    else:
        machine.server.clear()
    for step in SECTIONS[INSTALL]:
        makes_database = step.command.startswith(("stage1 --database", "stage1 migrate"))
        only_looks = step.command.startswith(("stage1 replay", "stage1 validate", "stage1 status"))
        if not only_looks and not (makes_database and is_kept):
            _quietly(machine, step.command)
    if not is_kept:
        server.rows(f"create database {_KEPT} template {_DATABASE}")


def _stage_1_3(machine: Machine) -> None:
    """A Stage 1.3 deployment with a client of before, whose inserts wait."""
    _bare(machine)
    for step in SECTIONS[INSTALL]:
        if step.command.startswith(("cat ", "ln ", "stage1 --database", "mkdir ")):
            _quietly(machine, step.command)
    machine.server.database().rows("create role stage1_app login")
    machine.server.database(_DATABASE).load(FIXTURES / "old_deployment.sql")
    _spool(machine, "pending_postgres_inserts.sql", _INSERT.format(_RUN.format(1), "NULL"))


def _night(machine: Machine) -> None:
    _installed(machine)
    _spool(machine, "new/laptop.sql", _INSERT.format(_RUN.format(1), "NULL"))


def _backed_up(machine: Machine) -> None:
    _night(machine)
    _quietly(machine, "stage1 replay run && stage1 backup create && stage1 backup verify --newest")


def _replayed_since(machine: Machine) -> None:
    _backed_up(machine)
    _spool(machine, "pending_postgres_inserts.sql", _INSERT.format(_RUN.format(2), "NULL"))
    _quietly(machine, "stage1 replay run")


def _in_trouble(machine: Machine) -> None:
    """A statement that is refused, one whose parent is missing, one that is torn, and one that is still being written."""
    _installed(machine)
    _spool(machine, "pending_postgres_inserts.sql", _INSERT.format(_RUN.format(2), "NULL"), "INSERT INTO public.walk")
    _spool(machine, "new/a-refused.sql", "DELETE FROM public.walkforward_runs;\n")
    _spool(machine, "new/b-early.sql", _INSERT.format(_RUN.format(3), "'6f1d0c1e-0000-4000-8000-000000000001'"))
    _spool(machine, "new/c-torn.sql", _INSERT.format(_RUN.format(4), "NULL")[:-9])


STATES: dict[str, Callable[[Machine], None]] = {
    INSTALL: _bare,
    "Adopt a Stage 1.3 database": _stage_1_3,
    "Upgrade stage1": _installed,
    "The nightly jobs": _night,
    "The REST server": _installed,
    "The morning": _backed_up,
    "Restore drill": _backed_up,
    "A real restore": _replayed_since,
    "Replay trouble": _in_trouble,
    "Disk full": _backed_up,
    "Lost password": _installed,
    "Move to another server": _night,
}


@pytest.fixture
def machine(tmp_path: Path, shared_own_server: OwnServer, request: pytest.FixtureRequest) -> Machine:
    """The operator's machine, whose server the section's state clears; with another one where the section speaks of it."""
    section = request.getfixturevalue("section")
    needs_other = any(".example" in step.command for step in SECTIONS[section])
    return Machine(tmp_path, shared_own_server, request.getfixturevalue("doomed_server") if needs_other else None)


@pytest.mark.parametrize("section", STATES)
def test_a_section_prints_what_it_shows(section: str, machine: Machine) -> None:
    STATES[section](machine)
    for step in SECTIONS[section]:
        code, output = machine.run(step)
        assert code == 0, f"{step.where}: $ {step.command}\nended with {code}:\n{output}"
        wanted = machine.here(step.expected)
        assert pattern_of(wanted).fullmatch(output), (
            f"{step.where}: $ {step.command}\nthe page shows:\n{wanted}\nit printed:\n{output}"
        )


def test_every_section_with_commands_is_run() -> None:
    assert list(SECTIONS) == list(STATES)


# In blocks that are not run, and in sentences; a word like `stage1 server` alone names a group.
SHOWN = [
    *shown_stage1_commands(PAGE),
    *(("a sentence", shlex.split(text)[1:]) for text in re.findall(r"`(stage1 [^`…]+)`", PAGE.read_text(encoding="utf-8"))),
]


@pytest.mark.parametrize(("where", "arguments"), SHOWN, ids=[f"{where} {' '.join(words)}" for where, words in SHOWN])
def test_a_command_that_is_shown_is_understood(where: str, arguments: list[str]) -> None:
    parse(arguments)

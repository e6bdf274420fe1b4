"""Do the units, the runbook's crontab and the Containerfile say the same, and say it in words that stage1 understands?"""

import json
import re
import shlex
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from tests.docs.command_lines import parse
from tests.docs.pages import blocks, steps
from tests.repository.sources import ROOT

DEPLOYMENT = ROOT / "deployment"
RUNBOOK = ROOT / "docs" / "runbook.md"
SERVICES = sorted((DEPLOYMENT / "systemd").glob("*.service"))
TIMERS = sorted((DEPLOYMENT / "systemd").glob("*.timer"))
NIGHT = ("replay", "backup", "validate")

_PROGRAM = "/opt/stage1/bin/stage1"
_SECRET = re.compile(r"password=|PGPASSWORD|://[^\s/]*:[^\s/]*@", re.IGNORECASE)
_HARDENING = {
    "NoNewPrivileges": "true",
    "ProtectSystem": "strict",
    "ProtectHome": "true",
    "PrivateTmp": "true",
    "CapabilityBoundingSet": "",
    "UMask": "0077",
}
_INSTRUCTIONS = {"ARG", "FROM", "WORKDIR", "COPY", "RUN", "ENV", "USER", "EXPOSE", "VOLUME", "HEALTHCHECK", "ENTRYPOINT", "CMD"}


def _unit(path: Path) -> dict[str, list[str]]:
    """The settings of a unit, each with its values in their order."""
    found: dict[str, list[str]] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith(("#", "[")):
            name, _, value = line.partition("=")
            found.setdefault(name, []).append(value)
    return found


def _commands(path: Path) -> list[str]:
    """What a service runs, without the folder of the program."""
    lines = _unit(path)["ExecStart"]
    assert all(line.startswith(f"{_PROGRAM} ") for line in lines)
    return [line.removeprefix(f"{_PROGRAM} ") for line in lines]


def _prepared_folders() -> set[str]:
    """The folders that the runbook makes."""
    text = "".join(block.text for block in blocks(RUNBOOK) if block.language == "sh")
    lines = [line.split() for line in text.splitlines() if line.startswith("install -d ")]
    return {word for words in lines for word in words if word.startswith("/")}


def test_there_is_a_unit_for_each_job() -> None:
    assert [path.stem for path in SERVICES] == sorted(f"stage1-{name}" for name in (*NIGHT, "serve", "server"))
    assert [path.stem for path in TIMERS] == sorted(f"stage1-{name}" for name in NIGHT)


@pytest.mark.parametrize("path", SERVICES, ids=lambda path: path.name)
def test_a_service_is_weak_and_its_failures_show(path: Path) -> None:
    unit = _unit(path)
    assert unit["User"] == ["stage1"]
    assert {name: unit[name][-1] for name in _HARDENING} == _HARDENING
    # An exit code of 1 is a dead letter or a finding: somebody has to look.
    assert not {"SuccessExitStatus", "Environment"} & unit.keys()
    assert not any(line.startswith("-") for line in unit["ExecStart"])
    assert unit["EnvironmentFile"] == ["-/etc/stage1/environment"]
    assert {*unit["ReadWritePaths"][0].split(), *unit["WorkingDirectory"], "/etc/stage1"} <= _prepared_folders()
    for command in (*_commands(path), *(line.removeprefix(f"{_PROGRAM} ") for line in unit.get("ExecStop", []))):
        parse(shlex.split(command))


def test_no_file_of_the_deployment_holds_a_secret() -> None:
    for path in (*SERVICES, *TIMERS, DEPLOYMENT / "Containerfile", DEPLOYMENT / "README.md", RUNBOOK):
        assert not _SECRET.search(path.read_text(encoding="utf-8")), path


def test_the_jobs_of_a_night_follow_each_other() -> None:
    times = []
    for name in NIGHT:
        unit = _unit(DEPLOYMENT / "systemd" / f"stage1-{name}.timer")
        assert unit["Persistent"] == ["true"]
        assert unit["RandomizedDelaySec"]
        times.append(unit["OnCalendar"][0])
    assert times == sorted(times)
    assert "stage1-replay.service" in _unit(DEPLOYMENT / "systemd" / "stage1-backup.service")["After"][0]
    assert "stage1-backup.service" in _unit(DEPLOYMENT / "systemd" / "stage1-validate.service")["After"][0]


def test_units_crontab_and_the_commands_that_the_runbook_runs_are_the_same() -> None:
    services = [DEPLOYMENT / "systemd" / f"stage1-{name}.service" for name in NIGHT]
    chains = [" && ".join(f"stage1 {command}" for command in _commands(service)) for service in services]
    run = [step.command for step in steps(RUNBOOK)]
    assert [chain for chain in chains if chain not in run] == []
    [crontab] = [block.text.splitlines() for block in blocks(RUNBOOK) if block.language == "crontab"]
    jobs = [line for line in crontab if line[0].isdigit()]
    assert [re.findall(r"\{ \(?(stage1 .*?)\)? >", job) for job in jobs] == [[chain] for chain in chains]
    assert all("%" not in job for job in jobs), "cron takes a % for a line end"
    starts = [f"*-*-* {int(job.split()[1]):02}:{int(job.split()[0]):02}:00" for job in jobs]
    assert starts == [_unit(DEPLOYMENT / "systemd" / f"stage1-{name}.timer")["OnCalendar"][0] for name in NIGHT]


def test_systemd_understands_the_units(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    for path in (*SERVICES, *TIMERS):
        # The program is not installed where the tests run.
        (tmp_path / path.name).write_text(path.read_text(encoding="utf-8").replace(_PROGRAM, "/bin/true"), encoding="utf-8")
    names = [str(path) for path in sorted(tmp_path.iterdir())]
    found = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *names], capture_output=True, text=True, timeout=60, check=False
    )
    said = [line for line in (found.stdout + found.stderr).splitlines() if "stage1-" in line]
    assert (found.returncode, said) == (0, [])


def _container() -> list[tuple[str, str]]:
    """The instructions of the Containerfile."""
    lines = (DEPLOYMENT / "Containerfile").read_text(encoding="utf-8").splitlines()
    text = "\n".join(line for line in lines if line and not line.startswith("#"))
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in re.sub(r"\\\n\s*", "", text).splitlines())]


def test_the_image_is_built_from_files_that_are_there() -> None:
    instructions = _container()
    assert {word for word, _ in instructions} <= _INSTRUCTIONS
    admitted = {line[1:] for line in (DEPLOYMENT / ".containerignore").read_text().splitlines() if line.startswith("!")}
    sources = {name for word, rest in instructions if word == "COPY" and "--from" not in rest for name in rest.split()[:-1]}
    assert sources == admitted
    assert all((ROOT / name).exists() for name in sources)
    text = " ".join(rest for _, rest in instructions)
    [wanted] = re.findall(r"'\.\[([\w,]+)\]'", text)
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    assert set(wanted.split(",")) <= extras.keys()


def test_the_image_holds_nothing_of_the_build_and_is_not_root() -> None:
    instructions = _container()
    last = max(number for number, (word, _) in enumerate(instructions) if word == "FROM")
    final = instructions[last + 1 :]
    stages = [rest.split()[2] for word, rest in instructions[:last] if word == "FROM"]
    copied = [rest for word, rest in final if word == "COPY"]
    assert copied == [f"--from={stages[0]} /opt/stage1 /opt/stage1"]
    assert not [rest for word, rest in final if word == "RUN" and re.search(r"\b(pip|apt-get|apk|gcc)\b", rest)]
    users = [rest for word, rest in final if word == "USER"]
    assert users == ["stage1"]
    assert final.index(("USER", "stage1")) < [word for word, _ in final].index("ENTRYPOINT")
    words = dict(final)
    assert json.loads(words["ENTRYPOINT"]) == ["stage1"]
    # Without words it explains itself; the check of its health is a command.
    assert json.loads(words["CMD"]) == ["--help"]
    program, *arguments = json.loads(words["HEALTHCHECK"].partition("CMD ")[2])
    assert program == "stage1"
    parse(arguments)

"""`stage1 validate --prometheus`: the text is what its parser reads, and the file is whole, readable, or not touched."""

import re
import stat
from datetime import UTC, datetime

import pytest

from stage1.database import checks
from stage1.operations.prometheus import exposition
from stage1.operations.validate import ValidationReport
from tests.integration.test_validate_command import fail, warn

_LABEL = r'[a-z]+="(?:[^"\\\n]|\\[\\"n])*"'
_SAMPLE = re.compile(rf"(?P<name>[a-z0-9_]+)(?:\{{(?P<labels>{_LABEL}(?:,{_LABEL})*)\}})? (?P<number>\d+(?:\.\d+)?)")
_ESCAPES = {"\\\\": "\\", '\\"': '"', "\\n": "\n"}


def parsed(text):
    """The samples of an exposition, each in the group of its name, after its HELP and TYPE; {(name, labels): number}."""
    assert text.endswith("\n")
    samples, current, helped = {}, None, set()
    for line in text.splitlines():
        if line.startswith("# HELP "):
            current = line.split(" ")[2]
            assert current not in helped
            helped.add(current)
        elif line.startswith("# TYPE "):
            assert line == f"# TYPE {current} gauge"
        else:
            found = _SAMPLE.fullmatch(line)
            assert found and found["name"] == current, line
            pairs = re.findall(r'([a-z]+)="((?:[^"\\]|\\.)*)"', found["labels"] or "")
            labels = frozenset((name, re.sub(r"\\.", lambda m: _ESCAPES[m[0]], given)) for name, given in pairs)
            assert (current, labels) not in samples
            samples[current, labels] = float(found["number"])
    return samples


def findings_of(samples):
    found = {frozenset(labels): number for (name, labels), number in samples.items() if name == "stage1_validation_findings"}
    return {(dict(labels)["check"], dict(labels)["severity"]): number for labels, number in found.items()}


@pytest.mark.parametrize("where", ["-", "out/stage1.prom"])
def test_the_answer_for_prometheus(run_cli, database, tmp_path, where):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "stage1.prom").write_text("before")
    warn(database, 30)
    fail(database)
    found = run_cli("validate", "--prometheus", where, database=database)
    assert found.exit_code == 1
    path = tmp_path / "out" / "stage1.prom"
    samples = parsed(found.stdout if where == "-" else path.read_text())
    if where != "-":
        assert found.json["healthy"] is False
        assert stat.S_IMODE(path.stat().st_mode) == 0o644
        assert [file.name for file in path.parent.iterdir()] == ["stage1.prom"]
    names = {row["check_name"] for row in database.rows("select * from stage1_internal.checks()")}
    expected = {(name, severity): 0 for name in names for severity in ("error", "warning")}
    expected |= {("datasets_without_measurements", "warning"): 30, ("negative_counts", "error"): 1}
    assert findings_of(samples) == expected
    assert samples["stage1_validation_success", frozenset()] == 0
    timed = {dict(labels)["check"] for name, labels in samples if name == "stage1_validation_duration_seconds"}
    assert timed == names
    age = datetime.now(UTC).timestamp() - samples["stage1_validation_timestamp_seconds", frozenset()]
    assert 0 <= age < 60


def test_a_check_that_did_not_answer_has_no_count_and_a_label_is_escaped():
    name = 'a "b" \\ c\nd'
    moment = datetime(2024, 1, 2, tzinfo=UTC)
    report = ValidationReport(
        "db", moment, moment, False, True, "error", [checks.Answer(name), checks.Answer("slow", problem="p")]
    )
    samples = parsed(exposition(report))
    assert findings_of(samples) == {(name, "error"): 0, (name, "warning"): 0}
    assert samples["stage1_validation_answered", frozenset({("check", "slow")})] == 0
    assert samples["stage1_validation_success", frozenset()] == 0


def test_a_check_that_is_not_deployed_did_not_answer(run_cli, database):
    database.rows("drop view public.negative_counts")
    found = run_cli("validate", "--prometheus", "-", database=database)
    samples = parsed(found.stdout)
    assert found.exit_code == 1
    answered = {dict(labels)["check"]: number for (name, labels), number in samples.items() if name.endswith("_answered")}
    assert [check for check, number in answered.items() if number == 0] == ["negative_counts"]
    assert ("negative_counts", "error") not in findings_of(samples)
    assert samples["stage1_validation_success", frozenset()] == 0


@pytest.mark.parametrize("where", ["-", "stage1.prom"])
def test_a_part_does_not_take_the_place_of_the_whole(run_cli, database, tmp_path, where):
    (tmp_path / "stage1.prom").write_text("before")
    found = run_cli("validate", "--only", "negative_counts", "--prometheus", where, database=database)
    assert (found.exit_code, found.stdout) == (2, "")
    assert "--only asks a part of the checks" in found.stderr
    assert (tmp_path / "stage1.prom").read_text() == "before"
    assert database.value("select count(*) from stage1_internal.validation_runs") == 0


@pytest.mark.parametrize("where", ["nowhere/stage1.prom", "folder"])
def test_a_file_that_cannot_be_written(run_cli, database, tmp_path, where):
    (tmp_path / "folder").mkdir()
    found = run_cli("validate", "--prometheus", where, database=database)
    assert found.exit_code == 4
    assert f"{where} cannot be written: " in found.stderr
    assert not list(tmp_path.rglob("*.part"))

"""`stage1 examples`: a set of examples through its versions, as a person keeps it on the command line."""

import json
from pathlib import Path
from typing import Any

import pytest

from stage1.errors import ExitCode
from tests.plugins.command_line import CallResult, RunCli
from tests.plugins.databases import Database

NAME = "breakouts"
NOBODY = "6f1c0f0e-7d43-4b53-9b5e-0f6b7d0c1a2b"


class Examples:
    """The commands on one set."""

    def __init__(self, run_cli: RunCli, database: Database, folder: Path) -> None:
        self._run_cli, self._database, self._file = run_cli, database, folder / "examples.ndjson"

    def __call__(self, *arguments: str, **env: str) -> CallResult:
        """`stage1 examples ...`."""
        return self._run_cli("examples", *arguments, database=self._database, env=env)

    def upsert(self, contents: dict[str, int], *options: str) -> CallResult:
        """Upserts inputs by source id as a mirror."""
        lines = [json.dumps({"source_id": name, "input": {"n": n}}) + "\n" for name, n in contents.items()]
        return self.upsert_text("".join(lines), *options)

    def upsert_text(self, text: str, *options: str) -> CallResult:
        """Upserts the text of a file as a mirror."""
        self._file.write_text(text, encoding="utf-8")
        return self("upsert", NAME, str(self._file), "--mode", "mirror", *options)

    def held(self, version: str = "latest") -> dict[str, Any]:
        """What a version holds."""
        found = self("list", NAME, "--version", version)
        assert found.exit_code == ExitCode.DONE, found.stderr
        return {line["source_id"]: line["input"]["n"] for line in map(json.loads, found.stdout.splitlines())}


@pytest.fixture
def examples(run_cli: RunCli, database: Database, tmp_path: Path) -> Examples:
    """The commands on a set that has two versions."""
    found = Examples(run_cli, database, tmp_path)
    assert found.upsert({"a": 1, "b": 2}).exit_code == ExitCode.DONE
    assert found.upsert({"a": 1, "b": 3, "c": 4}, "--description", "corrected").exit_code == ExitCode.DONE
    return found


def test_versions_differences_and_history_are_shown(examples: Examples) -> None:
    versions = examples("versions", NAME).json
    assert [(row["sequence"], row["origin"], row["example_count"], row["description"]) for row in versions] == [
        (2, "mirror", 3, "corrected"),
        (1, "mirror", 2, None),
    ]
    assert examples.held("1") == {"a": 1, "b": 2} and examples.held() == {"a": 1, "b": 3, "c": 4}
    diff = examples("diff", NAME, "1")
    assert "1 new, 1 changed, 0 deleted, 1 unchanged" in diff.stderr
    assert [(row["source_id"], row["change"]) for row in diff.json] == [("b", "changed"), ("c", "new")]
    assert [(row["sequence"], row["kind"]) for row in examples("history", NAME, "b").json] == [(2, "PATCH"), (1, "CREATE")]
    assert len(examples("list", NAME, "--limit", "1").stdout.splitlines()) == 1


def test_what_is_listed_can_be_upserted_again(examples: Examples) -> None:
    again = examples.upsert_text(examples("list", NAME).stdout)
    assert "nothing to change, no version made (0 new, 0 changed, 3 unchanged, 0 deleted, 0 restored)" in again.stderr
    assert again.json["created_version"] is False


def test_a_set_is_known_by_its_id_too(examples: Examples, tmp_path: Path) -> None:
    (tmp_path / "more.ndjson").write_text('{"source_id":"d","input":{"n":5}}\n', encoding="utf-8")
    identifier = examples("versions", NAME, "--limit", "1").json[0]["dataset_id"]
    assert examples("upsert", identifier, str(tmp_path / "more.ndjson"), "--mode", "merge").json["new_count"] == 1
    assert examples.held() == {"a": 1, "b": 3, "c": 4, "d": 5}


def test_a_dry_run_says_what_would_be_and_writes_nothing(examples: Examples) -> None:
    dry = examples.upsert({"a": 1}, "--dry-run")
    assert f"{NAME}: would make a version (0 new, 0 changed, 1 unchanged, 2 deleted, 0 restored)" in dry.stderr
    assert "would make a version" in examples("restore", NAME, "1", "--dry-run").stderr
    assert len(examples("versions", NAME).json) == 2


def test_a_restore_makes_a_version_and_a_tag_names_one(examples: Examples) -> None:
    assert examples("tag", NAME, "reviewed", "2").json["sequence"] == 2
    assert examples("restore", NAME, "1", "--description", "no").exit_code == ExitCode.DONE
    assert examples.held() == examples.held("1") and examples.held("tag:reviewed") == {"a": 1, "b": 3, "c": 4}
    assert [(row["origin"], row["tags"]) for row in examples("versions", NAME, "--limit", "2").json] == [
        ("restore", []),
        ("mirror", ["reviewed"]),
    ]
    assert f"{NAME}: the tag reviewed is gone" in examples("tag", NAME, "reviewed", "--remove").stderr
    assert examples("list", NAME, "--version", "tag:reviewed").exit_code == ExitCode.ANSWER_IS_NO


def test_a_command_has_the_time_that_it_takes(examples: Examples, tmp_path: Path) -> None:
    """The limit of a request to the server is not one of a file that is long, or comes slowly."""
    (tmp_path / "more.ndjson").write_text('{"source_id":"d","input":{"n":5}}\n', encoding="utf-8")
    for arguments in (("upsert", NAME, "more.ndjson", "--mode", "merge"), ("restore", NAME, "1"), ("tag", NAME, "first", "1")):
        found = examples(*arguments, STAGE1_REQUEST_TIMEOUT="0.001")
        assert found.exit_code == ExitCode.DONE, found.stderr


def test_an_upsert_that_is_refused_changes_nothing(examples: Examples) -> None:
    given: list[tuple[str, tuple[str, ...], ExitCode, str]] = [
        ("", (), ExitCode.REFUSED, "[S1E05]"),
        ('{"source_id":"a","input":{}}\n' * 2, (), ExitCode.REFUSED, "more than once: 'a'. [S1E03]"),
        ('{"source_id":"a","input":{}}\n{"source_id":"b","input":[1]}\n', (), ExitCode.REFUSED, "line 2, /input: "),
        ('{"source_id":"a","input":{"n":12345678901234567890}}\n', (), ExitCode.REFUSED, "line 1, /input/n: "),
        ('{"source_id":"a","input":{}}\n', ("--expected-version", NOBODY), ExitCode.REFUSED, f"expected_version_id was {NOBODY}"),
        ('{"source_id":"a","input":{}}\n', ("--metadata", "[1]"), ExitCode.USAGE, "a JSON object was expected"),
    ]
    for text, options, code, said in given:
        refused = examples.upsert_text(text, *options)
        assert (refused.exit_code, said in refused.stderr) == (code, True), refused.stderr
    assert len(examples("versions", NAME).json) == 2


def test_an_empty_mirror_that_is_meant_deletes_everything(examples: Examples) -> None:
    assert examples.upsert({}, "--allow-empty").json["deleted_count"] == 3
    assert examples.held() == {}


def test_what_is_not_there_is_an_answer_and_nonsense_is_not(examples: Examples) -> None:
    given: list[tuple[tuple[str, ...], ExitCode, str]] = [
        (("versions", "gone"), ExitCode.ANSWER_IS_NO, "[S1C02]"),
        (("list", NAME, "--version", "9"), ExitCode.ANSWER_IS_NO, "[S1E01]"),
        (("diff", NAME, "hello"), ExitCode.REFUSED, "it names no version"),
        (("history", NAME, "gone"), ExitCode.ANSWER_IS_NO, "[S1E08]"),
        (("tag", NAME, "12"), ExitCode.REFUSED, "tag was '12'"),
        (("tag", NAME, "gone", "--remove"), ExitCode.ANSWER_IS_NO, "[S1E07]"),
        (("tag", NAME, "gone", "1", "--remove"), ExitCode.USAGE, "leave VERSION out"),
        (("upsert", "not \udcff", "/dev/null", "--mode", "merge"), ExitCode.REFUSED, "name is not UTF-8."),
        (("list", NAME, "--limit", "-1"), ExitCode.USAGE, "--limit"),
        (("upsert", NAME, "gone.ndjson", "--mode", "merge"), ExitCode.USAGE, "gone.ndjson"),
        (("upsert", NAME, "gone.ndjson"), ExitCode.USAGE, "  merge,\n  mirror"),
    ]
    for arguments, code, said in given:
        found = examples(*arguments)
        assert (found.exit_code, said in found.stderr) == (code, True), found.stderr

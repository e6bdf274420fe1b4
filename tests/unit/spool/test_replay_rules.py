"""Does the whitelist let through what a spool may hold, and nothing else, and say why?"""

import copy
import random
from typing import Any

import pytest

from stage1.adapters.postgres_grammar import GrammarError, parse
from stage1.model.replay_rules import MAX_BARE, Rules, Verdict, judge, judge_text
from stage1.model.spool_text import Statement
from tests.unit.spool.good_statements import GOOD_STATEMENTS, RULES
from tests.unit.spool.hostile_statements import HOSTILE_STATEMENTS


def verdict_on(text: str | bytes, rules: Rules = RULES) -> Verdict:
    raw = text.encode() if isinstance(text, str) else text
    return judge_text(Statement(0, len(raw) + 1, raw), rules, parse)


@pytest.mark.parametrize("text", GOOD_STATEMENTS)
def test_what_a_spool_may_hold_is_executed(text: str) -> None:
    assert verdict_on(text) == Verdict("execute")


@pytest.mark.parametrize(("text", "reason"), HOSTILE_STATEMENTS, ids=[text[:60] for text, _ in HOSTILE_STATEMENTS])
def test_everything_else_is_refused_with_its_reason(text: str, reason: str) -> None:
    verdict = verdict_on(text)
    assert verdict.kind == "refused"
    assert reason in verdict.reason
    assert verdict.reason.endswith(".")


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("begin", "begin"),
        ("BEGIN WORK", "begin"),
        ("start transaction", "begin"),
        ("commit", "commit"),
        ("end transaction", "commit"),
        ("rollback", "rollback"),
        ("abort", "rollback"),
    ],
)
def test_the_bounds_of_a_unit_are_told(text: str, kind: str) -> None:
    assert verdict_on(text).kind == kind


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        (Statement(0, 9, b"insert '", torn=True), "torn"),
        (Statement(0, 9, b"insert", too_large=True), "16,777,216 bytes"),
        (Statement(0, 9, b"insert \xff"), "0xff"),
    ],
)
def test_what_is_no_whole_text_is_refused(statement: Statement, reason: str) -> None:
    verdict = judge_text(statement, RULES, parse)
    assert verdict.kind == "refused"
    assert reason in verdict.reason


def test_a_long_string_is_no_long_tree() -> None:
    long = "it''s; -- " * MAX_BARE
    assert (
        verdict_on(f"insert into walkforward_runs (status) values (E'{long.replace(chr(39) * 2, chr(92) + chr(39))}')").kind
        == "execute"
    )


def test_what_is_not_in_the_rules_is_refused_and_what_is_there_is_named() -> None:
    insert = "insert into walkforward_runs (status) values ('x')"
    assert verdict_on(insert, Rules({("public", "walkforward_runs"): frozenset({"status"})}, frozenset())).kind == "execute"
    other = verdict_on(insert, Rules({("public", "walkforward_runs"): frozenset({"run_id"})}, frozenset()))
    assert "no column status" in other.reason
    assert "run_id" in other.reason
    none = verdict_on(insert, Rules({("public", "notes"): frozenset({"status"})}, frozenset()))
    assert "public.walkforward_runs is not open" in none.reason
    assert "public.notes" in none.reason


def _places(tree: Any) -> list[tuple[Any, Any]]:
    """Every place in a tree: its holder, and the key or index in it."""
    items = list(tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else [])
    return [(tree, key) for key, _ in items] + [place for _, value in items for place in _places(value)]


@pytest.mark.parametrize("text", GOOD_STATEMENTS)
def test_a_key_that_nobody_knows_is_refused_wherever_it_stands(text: str) -> None:
    whole = parse(text)
    nodes = [index for index, (holder, key) in enumerate(_places(whole)) if isinstance(holder[key], dict)]
    accepted = []
    for index in nodes:
        tree = copy.deepcopy(whole)
        holder, key = _places(tree)[index]
        holder[key]["someday"] = {"Expression": {}}
        if judge(tree, RULES).kind != "refused":
            accepted.append(key)
    # The inside of a constant and of a name is read, not followed.
    assert set(accepted) <= {"sval", "ival", "fval", "boolval", "bsval", "String", "Integer"}


@pytest.mark.parametrize("seed", range(10))
def test_a_tree_that_nobody_foresaw_is_judged_and_never_raises(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - the same mistakes on every run
    for text in GOOD_STATEMENTS:
        tree = parse(text)
        for _ in range(3):
            holder, key = chance.choice(_places(tree) or [({"": tree}, "")])
            match chance.randrange(4):
                case 0:
                    del holder[key]
                case 1:
                    holder[key] = chance.choice([None, 1, "text", [], {}, {"SubLink": {}}, [None], {"a": 1, "b": 2}])
                case 2 if isinstance(holder, dict):
                    holder[f"{key}s"] = holder.pop(key)
                case _:
                    other, place = chance.choice(_places(tree) or [({"": tree}, "")])
                    holder[key] = copy.deepcopy(other[place])
        assert judge(tree, RULES).kind in ("execute", "refused")


@pytest.mark.parametrize("seed", range(10))
def test_a_text_with_mistakes_is_judged_and_what_is_let_through_has_a_shape_that_is_known(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - the same mistakes on every run
    pieces = [";", "'", '"', "$$", "--", "/*", "*/", "(", ")", ",", "select", "excluded.", "::", "\\", "\0", "é", " returning * "]
    for text in GOOD_STATEMENTS:
        at = chance.randrange(len(text))
        mutated = text[:at] + chance.choice([*pieces, ""]) + text[at + chance.randrange(3) :]
        if verdict_on(mutated).kind == "execute":
            [node] = parse(mutated)
            assert set(node) == set(parse(text)[0])
            assert not {"SubLink", "ParamRef", "WithClause"} & {key for holder, key in _places(node) if isinstance(holder, dict)}


@pytest.mark.parametrize("text", ["selec 1", "select '\0'", "select '\ud800'", "select 1" + "+1" * 5000])
def test_what_the_grammar_refuses_is_one_error(text: str) -> None:
    with pytest.raises(GrammarError):
        parse(text)

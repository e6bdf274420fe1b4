"""Units: what stands between BEGIN and COMMIT is one, and shares its fate."""

import pytest

from stage1.model.replay_rules import Verdict
from stage1.model.replay_units import Grouping
from stage1.model.spool_text import Statement


def grouped(words, max_unit=1_000):
    """Units of words: B, C, R are BEGIN, COMMIT, ROLLBACK, x is refused, t is torn, the others are executed."""
    kinds = {"B": "begin", "C": "commit", "R": "rollback"}
    judged = []
    for position, word in enumerate(words.split()):
        kind = kinds.get(word, "refused" if word[0] in "xt" else "execute")
        statement = Statement(position, position + 1, word.encode(), torn=word == "t")
        judged.append((statement, Verdict(kind, "it is refused" if kind == "refused" else "")))
    grouping = Grouping(judged, max_unit)
    units = [
        (
            "".join("-" if unit.is_refused else "+") + ("!" if unit.is_final else ""),
            " ".join(each.text.decode() for each in unit.entries),
        )
        for unit in grouping
    ]
    return units, grouping


@pytest.mark.parametrize(
    ("words", "units"),
    [
        ("a b", [("+", "a"), ("+", "b")]),
        ("a x b", [("+", "a"), ("-", "x"), ("+", "b")]),
        ("B a b C c", [("+", "a b"), ("+", "c")]),
        ("B a x b C c", [("-", "a x b"), ("+", "c")]),
        ("B a R b", [("+", "b")]),
        ("C R a", [("+", "a")]),
        ("B C", []),
        ("B a B b C", [("-!", "a"), ("+", "b")]),
        ("B B a C", [("+", "a")]),
        ("t a", [("-!", "t"), ("+", "a")]),
    ],
)
def test_what_belongs_together(words, units):
    assert grouped(words)[0] == units


def test_an_open_unit_is_told_and_can_be_given_up():
    units, grouping = grouped("a B b c")
    assert units == [("+", "a")]
    assert grouping.open_at == 1
    given_up = grouping.unfinished("the end")
    assert [entry.refusal for entry in given_up.entries] == ["the end", "the end"]
    assert given_up.is_final
    assert grouped("B")[1].unfinished("the end") is None


def test_a_unit_that_is_too_large_comes_in_pieces_all_of_them_refused():
    units, _ = grouped("B aaaa bbbb cccc dd C e", max_unit=7)
    assert units == [("-!", "aaaa bbbb"), ("-!", "cccc dd"), ("+", "e")]


def test_what_is_no_utf_8_cannot_be_tried_again():
    statement = Statement(0, 5, b"\xff")
    [unit] = Grouping([(statement, Verdict("refused", "no UTF-8"))])
    assert unit.is_final
    assert unit.entries[0].readable == "\\xff"

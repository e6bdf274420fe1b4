"""The error table: every refusal has its code, exit code and message."""

import psycopg
import pytest

from stage1 import errors
from stage1.database.connections import translate
from stage1.errors import ExitCode, all_errors, from_sqlstate


def test_private_codes_are_unique_and_of_our_class():
    codes = [kind.sqlstate for kind in all_errors() if kind.sqlstate]
    assert len(codes) == len(set(codes))
    assert all(len(code) == 5 and code.startswith("S1") for code in codes)


def test_every_error_has_a_sentence_and_a_status():
    for kind in all_errors():
        assert (kind.__doc__ or "").rstrip().endswith((".", "bug.")), kind
        assert 400 <= kind.http_status < 600
        assert kind.exit_code in set(ExitCode) - {ExitCode.DONE}


def test_every_exit_code_has_a_meaning():
    assert set(errors.EXIT_CODE_MEANINGS) == set(ExitCode)


@pytest.mark.parametrize("kind", [kind for kind in all_errors() if kind.sqlstate])
def test_a_private_code_finds_its_error(kind):
    assert from_sqlstate(kind.sqlstate) is kind


@pytest.mark.parametrize(
    ("sqlstate", "kind"),
    [
        ("25006", errors.ServerReadOnly),
        ("28P01", errors.DatabaseUnreachable),
        ("3D000", errors.DatabaseUnreachable),
        ("42501", errors.NotPermitted),
        ("42P01", errors.NotMigrated),
        ("53100", errors.NoSpace),
        ("53200", errors.ServerExhausted),
        ("53300", errors.DatabaseUnreachable),
        ("55P03", errors.TimedOut),
        ("57014", errors.TimedOut),
        ("57P01", errors.ConnectionLost),
        ("25P03", errors.ConnectionLost),
        ("58030", errors.FileUnusable),
        ("22P05", errors.ArgumentInvalid),
        ("40P01", errors.TimedOut),
        ("XX000", errors.Unexpected),
        ("S1Z99", errors.Unexpected),
        ("", errors.Unexpected),
        (None, errors.Unexpected),
    ],
)
def test_what_postgresql_answers(sqlstate, kind):
    assert from_sqlstate(sqlstate) is kind


def test_a_lost_connection_without_a_code_is_no_bug():
    assert isinstance(translate(psycopg.OperationalError("the connection is lost")), errors.ConnectionLost)


def test_an_errors_text_is_redacted():
    shown = str(translate(psycopg.OperationalError("lost postgresql://u:hunter22@h/db")))
    assert "hunter22" not in shown


def test_an_error_says_message_detail_and_hint():
    assert str(errors.LockHeld("a", detail="b", hint="c")) == "a\nb\nc"
    assert str(errors.LockHeld()) == "Another run holds the lock."

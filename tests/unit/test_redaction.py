"""No password survives `redact`, wherever it stands; nothing else is hidden."""

import pytest

from stage1.redaction import passwords_in, redact

SECRET = "s3cr:t@/#%40?x"

LEAKS = [
    "postgresql://u:{}@h/db",
    "postgres://u:{}@h1:5432,h2:5433/db?sslmode=require",
    "postgresql+psycopg://:{}@/db",
    "could not connect to 'postgresql://u:{}@h/db', giving up",
    "postgresql://h/db?user=u&password={}",
    "host=h password={} user=u",
    "host=h password = '{}' user=u",
    "host=h password='it\\'s {}' user=u",
    'host=h password="{}"',
    "PGPASSWORD={} pg_dump",
    "STAGE1_DB_PASSWORD={}",
    "DATABENTO_API_KEY={}",
    '{{"user": "u", "password": "{}"}}',
    "{{'password': '{}'}}",
    "sslpassword={}",
    "Password: {}",
    "alter role u password '{}'",
]


@pytest.mark.parametrize("text", LEAKS)
def test_a_password_is_masked(text):
    shown = redact(text.format(SECRET))
    assert SECRET not in shown
    for part in ("s3cr", "t@", "#%40"):
        assert part not in shown
    assert "***" in shown


@pytest.mark.parametrize("text", LEAKS)
def test_masking_twice_is_masking_once(text):
    once = redact(text.format(SECRET))
    assert redact(once) == once


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://u@h:5432/db",
        "fe_sendauth: no password supplied",
        'FATAL:  password authentication failed for user "stage1"',
        "Check host, port, database, user and password (which belongs into ~/.pgpass)",
        "a function of type password",
        "select 1 as a, 2 as b; -- mail me@example.org",
        "table public.passwords has 3 rows",
    ],
)
def test_normal_text_stays(text):
    assert redact(text) == text


def test_what_surrounds_a_password_stays():
    assert redact("postgresql://u:p@h:5432/db and more") == "postgresql://u:***@h:5432/db and more"
    assert redact("host=h password='a b' user=u") == "host=h password='***' user=u"
    assert redact('{"password": "x", "host": "h"}') == '{"password": "***", "host": "h"}'


def test_a_known_secret_is_masked_wherever_it_stands():
    assert redact("user hunter22 is not hunter22", ("hunter22", "")) == "user *** is not ***"


def test_a_secret_that_contains_another_is_masked_whole():
    assert redact("longsecretlonger", ("longsecret", "longsecretlonger")) == "***"


def test_a_tiny_secret_does_not_eat_the_message():
    assert redact("password authentication failed", ("a",)) == "password authentication failed"


def test_the_passwords_of_a_connection_string_are_found_as_written_and_decoded():
    assert passwords_in("postgresql://u:p%40ss%2Fw@h/db") == ("p%40ss%2Fw", "p@ss/w")
    assert passwords_in("host=h password='a b'") == ("a b",)
    assert passwords_in("host=h user=u") == ()

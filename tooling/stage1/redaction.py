"""Keeps secrets out of everything that is printed, logged or raised.

Owns the patterns by which a password is recognised in a text. Whoever shows a text that came from outside
(libpq, a child process, a traceback) passes it through `redact` first.
"""

import re
from urllib.parse import unquote

_MASK = "***"
# A password may hold anything but white space, even @ : and / where somebody forgot to write them as %XX.
_IN_URL = re.compile(r"(?P<before>[a-z][a-z0-9+.-]*://[^:/@\s]*:)(?P<secret>\S*)(?=@)", re.IGNORECASE)
_IN_SETTING = re.compile(
    r"(?P<before>\b\w*(?:password|passwd|pwd|api_?key)(?P<end>[\"']?)\s*[=:]\s*)"
    r"(?P<secret>'(?:[^'\\]|\\.|'')*'|\"(?:[^\"\\]|\\.)*\"|[^\s\"']\S*)",
    re.IGNORECASE,
)
_IN_SQL = re.compile(r"(?P<before>\bpassword\s+)(?P<secret>'(?:[^']|'')*')", re.IGNORECASE)
_PATTERNS = (_IN_URL, _IN_SETTING, _IN_SQL)

# A shorter one would mask single letters of an innocent text and tell by that what it is.
_SHORTEST = 4


def redact(text: str, secrets: tuple[str, ...] = ()) -> str:
    """Returns the text with every password in it masked, and every given secret wherever it stands."""
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= _SHORTEST:
            text = text.replace(secret, _MASK)
    for pattern in _PATTERNS:
        text = pattern.sub(lambda match: match["before"] + _masked(match["secret"]), text)
    return text


def passwords_in(text: str) -> tuple[str, ...]:
    """The passwords that a connection string holds, as they stand there and decoded."""
    found = [match["secret"] for pattern in _PATTERNS for match in pattern.finditer(text)]
    bare = [secret[1:-1] if secret[:1] in ("'", '"') else secret for secret in found]
    return tuple(dict.fromkeys([*bare, *map(unquote, bare)]))


def _masked(secret: str) -> str:
    quote = secret[0] if secret[:1] in ("'", '"') else ""
    return f"{quote}{_MASK}{quote}"

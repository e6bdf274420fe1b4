"""Keeps secrets out of everything that is printed, logged or raised.

Owns the patterns by which a password is recognised in a text. Whoever shows a text that came from outside
(libpq, a child process, a traceback) passes it through `redact` first.
"""

import re

_MASK = "***"
_IN_URL = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]*://)(?P<user>[^:/@\s]*):(?P<secret>[^@\s]*(?:@[^@\s/]*)*)@", re.IGNORECASE)
_IN_CONNINFO = re.compile(
    r"(?P<key>\b(?:password|sslpassword|passwd|pwd|pgpassword|api_key|databento_api_key)\b\s*[=:]\s*)"
    r"(?P<secret>'(?:[^'\\]|\\.)*'|\"[^\"]*\"|[^\s&,;]+)",
    re.IGNORECASE,
)


def redact(text: str, secrets: tuple[str, ...] = ()) -> str:
    """Returns the text with every password in it masked, and every given secret wherever it stands."""
    text = _IN_URL.sub(lambda match: f"{match['scheme']}{match['user']}:{_MASK}@", text)
    text = _IN_CONNINFO.sub(lambda match: f"{match['key']}{_MASK}", text)
    for secret in secrets:
        if secret:
            text = text.replace(secret, _MASK)
    return text

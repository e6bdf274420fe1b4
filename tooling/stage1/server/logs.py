"""The server's log: one JSON object a line on stderr, without a secret.

Owns the fields of a line, and brings what libraries say into the same form.
"""

import json
import logging
import sys
from datetime import UTC, datetime

from stage1.redaction import redact
from stage1.settings import Settings

REQUESTS = "stage1.requests"
_FIELDS = ("request_id", "method", "route", "status", "milliseconds", "received", "sent", "caller")
# uvicorn says once more what we have said already, with the request's id.
_SAID_BY_US = "Exception in ASGI application"


class Line(logging.Formatter):
    """The form of a line."""

    def __init__(self, secrets: tuple[str, ...]) -> None:
        super().__init__()
        self._secrets = secrets

    def format(self, record: logging.LogRecord) -> str:
        """One record as one line."""
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
        }
        if record.name != REQUESTS:
            line |= {"logger": record.name, "message": redact(record.getMessage().strip(), self._secrets)}
        line |= {name: record.__dict__[name] for name in _FIELDS if name in record.__dict__}
        if record.exc_info:
            line["traceback"] = redact(self.formatException(record.exc_info), self._secrets)
        return json.dumps(line, ensure_ascii=False).encode("utf-8", "backslashreplace").decode()


def install(settings: Settings, secrets: tuple[str, ...] = ()) -> None:
    """Sends all logs of this process to stderr as lines of JSON."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Line((*settings.secrets(), *secrets)))
    handler.addFilter(lambda record: not record.getMessage().startswith(_SAID_BY_US))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    for name in ("stage1.server", REQUESTS):
        logging.getLogger(name).setLevel(logging.INFO)

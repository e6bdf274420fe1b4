"""How the vendor says no: `{"detail": {"case", "message", "status_code", "docs", "payload"}}`, `{"detail": text}`, or plain text.

The cases of ranges, keys and symbols are the vendor's, word for word where it is known; `invalid_parameter`, for what the
stand-in does not have, is its own.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime

_DOCS = "https://databento.com/docs/"


def moment(nanoseconds: int) -> str:
    """A moment as the vendor's JSON has it."""
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:09d}Z"


def _said(nanoseconds: int) -> str:
    return str(datetime.fromtimestamp(nanoseconds // 1_000_000_000, UTC))


class Refusal(Exception):
    """An answer that is not the data; without a case, the detail is the message alone."""

    def __init__(
        self,
        status: int,
        case: str,
        message: str,
        *,
        docs: str = "api-reference-historical",
        payload: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
        plain: bool = False,
    ) -> None:
        super().__init__(message)
        self.status, self.headers = status, dict(headers or {})
        told = {"case": case, "message": message, "status_code": status, "docs": _DOCS + docs, "payload": dict(payload or {})}
        detail = told if case else message
        self.body = message.encode() if plain else json.dumps({"detail": detail}).encode()
        self.headers["Content-Type"] = "text/plain" if plain else "application/json"


def wrong_key() -> Refusal:
    """No key, or not the one that is right."""
    return Refusal(401, "auth_authentication_failed", "Authentication failed.", docs="portal/api-keys")


def invalid(message: str) -> Refusal:
    """A parameter that is missing, or that the stand-in does not have."""
    return Refusal(422, "invalid_parameter", message)


def unresolved() -> Refusal:
    """No symbol of the request is anything on any session of the range."""
    message = "None of the symbols could be resolved"
    return Refusal(422, "symbology_invalid_request", message, docs="standards-and-conventions/symbology")


def check_order(start: int, end: int) -> None:
    """Raises the vendor's refusal of a range that holds nothing."""
    if start >= end:
        message = f"Invalid time range query, `start` {_said(start)} cannot be on or after `end` {_said(end)}."
        docs, payload = "standards-and-conventions/common-fields-enums-types", {"start": moment(start), "end": moment(end)}
        raise Refusal(422, "data_time_range_start_on_or_after_end", message, docs=docs, payload=payload)


def check_range(dataset: str, start: int, end: int, available_start: int, available_end: int) -> None:
    """Raises the vendor's refusal of a range outside what it has."""
    check_order(start, end)
    if start >= available_end:
        case = "data_start_after_available_end"
        message = (
            f"`start` in query ('{_said(start)}') was after the available end of dataset {dataset} "
            f"('{_said(available_end)}'). Try requesting with an earlier `start`."
        )
    elif end > available_end:
        case = "data_end_after_available_end"
        message = (
            f"The dataset {dataset} has data available up to '{_said(available_end)}'. The `end` in the query "
            f"('{_said(end)}') is after the available range. Try requesting with an earlier `end`."
        )
    elif start < available_start:
        case = "data_start_before_available_start"
        message = (
            f"`start` in query ('{_said(start)}') was before the available start of dataset {dataset} "
            f"('{_said(available_start)}'). Try requesting with a later `start`."
        )
    else:
        return
    spans = {"start": start, "end": end, "available_start": available_start, "available_end": available_end}
    payload = {"dataset": dataset, **{name: moment(value) for name, value in spans.items()}}
    raise Refusal(422, case, message, docs="api-reference-historical/basics/datasets", payload=payload)

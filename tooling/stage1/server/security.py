"""What no request passes: names that are not the server's, web pages that may not ask, callers without a token.

Owns the Host check and the rule for origins. A server on loopback is reached by every web page that its user opens: such a
page is known by its Host (where it made its own name point here) or by its Origin, and is refused whatever it asks for.
"""

from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from stage1.errors import ArgumentInvalid, HostRefused, OriginRefused, Stage1Error, UsageRefused
from stage1.server import problems
from stage1.server.access import Access
from stage1.settings import Settings

_LOOPBACK_NAMES = ("localhost",)
_HEADERS = "authorization, content-type, content-encoding, idempotency-key, x-request-id"
_EXPOSED = "x-request-id, retry-after"
_ALWAYS = (
    ("x-content-type-options", "nosniff"),
    ("cross-origin-resource-policy", "same-origin"),  # nor may a page embed an answer unseen
)
_PREFLIGHT_SECONDS = "600"


class OwnNames:
    """Under which names the server may be addressed, and which origins may ask."""

    def __init__(self, settings: Settings, host: str) -> None:
        self._hosts = {_bare(host), *(_host(name) for name in _listed(settings, "STAGE1_ALLOWED_HOSTS"))}
        self._origins = frozenset(_origin(given) for given in _listed(settings, "STAGE1_ALLOWED_ORIGINS"))
        address = _address(host)
        # An address is no name that a web page could make point here.
        self._takes_addresses = address is not None and address.is_unspecified

    def check_host(self, headers: Headers) -> None:
        """Refuses what was sent to another name: a page of that name may have been loaded before it was pointed here."""
        given = headers.getlist("host")
        if len(given) != 1 or not self._is_own(_without_port(given[0])):
            shown = given[0] if len(given) == 1 else f"{len(given)} names"
            raise HostRefused(
                f"The request was sent to {shown!r}, which is not a name of this server.",
                hint="STAGE1_ALLOWED_HOSTS has the names that are allowed besides its own.",
            )

    def allowed_origin(self, headers: Headers) -> str | None:
        """The other origin that asks and may; None where it is the server's own, or none is named."""
        given = headers.getlist("origin")
        if not given or (len(given) == 1 and given[0] in (f"http://{headers['host']}", f"https://{headers['host']}")):
            return None
        if len(given) > 1 or given[0] not in self._origins:
            raise OriginRefused(
                f"A web page of {given[0]!r} may not ask this server.",
                hint="STAGE1_ALLOWED_ORIGINS has the origins whose pages may.",
            )
        return given[0]

    def _is_own(self, name: str) -> bool:
        if name in self._hosts or name in _LOOPBACK_NAMES:
            return True
        address = _address(name)
        return address is not None and (address.is_loopback or self._takes_addresses)


class Guarding:
    """The middleware that lets requests in."""

    def __init__(self, app: ASGIApp, names: OwnNames, access: Access) -> None:
        self._app, self._names, self._access = app, names, access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        state = scope.setdefault("state", {})
        reply = _with_headers(send, None)
        try:
            self._names.check_host(headers)
            origin = self._names.allowed_origin(headers)
            reply = _with_headers(send, origin)
            if scope["method"] == "OPTIONS" and origin and "access-control-request-method" in headers:
                await _preflight()(scope, receive, reply)
                return
            _refuse_nul(scope)
            state["caller"] = await self._access.caller(scope["method"], scope["path"], headers)
        except Stage1Error as refusal:
            await problems.answer(refusal, scope)(scope, receive, reply)
            return
        await self._app(scope, receive, reply)


def _preflight() -> Response:
    return Response(
        status_code=204,
        headers={
            "access-control-allow-methods": "GET, POST, PUT, DELETE",
            "access-control-allow-headers": _HEADERS,
            "access-control-max-age": _PREFLIGHT_SECONDS,
        },
    )


def _with_headers(send: Send, origin: str | None) -> Send:
    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _ALWAYS:
                headers.setdefault(name, value)
            headers.setdefault("cache-control", "no-store")
            headers.add_vary_header("Origin")
            if origin is not None:
                headers["access-control-allow-origin"] = origin
                headers["access-control-expose-headers"] = _EXPOSED
        await send(message)

    return sent


def _refuse_nul(scope: Scope) -> None:
    if "\0" in scope["path"] or b"%00" in scope["query_string"]:
        raise ArgumentInvalid("The address holds U+0000, which PostgreSQL cannot store.", hint="Take the character out.")


def _listed(settings: Settings, name: str) -> list[str]:
    return [given.strip() for given in settings.text(name).split(",") if given.strip()]


def _origin(given: str) -> str:
    try:
        found = urlsplit(given)
    except ValueError:  # half an address in brackets
        found = urlsplit("")
    if found.scheme not in ("http", "https") or not found.netloc or found.path or found.query or found.fragment:
        raise UsageRefused(
            f"STAGE1_ALLOWED_ORIGINS has {given!r}; an origin such as https://desk.example was expected.",
            hint="An origin is a scheme, a host and, where it is not the usual one, a port; without a slash behind it.",
        )
    return f"{found.scheme}://{found.netloc}".lower()


def _host(given: str) -> str:
    if "/" in given or (":" in given and _address(given) is None):
        raise UsageRefused(
            f"STAGE1_ALLOWED_HOSTS has {given!r}; a name such as desk.example was expected.",
            hint="A name without a scheme and without a port: it is allowed with every port.",
        )
    return _bare(given)


def _bare(host: str) -> str:
    return host.strip().strip("[]").rstrip(".").lower()


def _without_port(host: str) -> str:
    if host.startswith("["):
        return _bare(host.partition("]")[0])
    name, _, port = host.rpartition(":")
    return _bare(name if name and port.isdecimal() else host)


def _address(name: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(_bare(name))
    except ValueError:
        return None

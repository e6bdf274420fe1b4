"""The vendor's address, the key for it and the patience with it, looked at before any request.

Owns what a key looks like and where it may be sent. Imports errors alone; refuses what cannot be right, and never shows the key.
"""

import ipaddress
import re
from urllib.parse import urlsplit

from stage1.errors import UsageRefused

_KEY = re.compile(r"db-[A-Za-z0-9]{29}")


def checked_key(key: str) -> str:
    """The key, if it can be one."""
    if not key:
        raise UsageRefused(
            "DATABENTO_API_KEY is not set, and something has to be asked of the vendor.",
            hint="Put the key into the environment or into .env; it is never given on the command line.",
        )
    if not _KEY.fullmatch(key):
        raise UsageRefused(
            "DATABENTO_API_KEY is no key: 32 characters that begin with db- were expected.",
            hint="Take it from the vendor's portal, without blanks or quotes around it.",
        )
    return key


def checked_gateway(gateway: str) -> str:
    """The gateway, if the key may be sent there."""
    parts = urlsplit(gateway)
    try:
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        host = ""
    if parts.scheme not in ("http", "https") or not host or "@" in parts.netloc or parts.query or parts.fragment:
        raise UsageRefused(
            "DATABENTO_GATEWAY is no gateway.", hint="Give https://host, such as the vendor's own, or leave it out."
        )
    if parts.scheme == "http" and not _is_loopback(host):
        raise UsageRefused(
            f"DATABENTO_GATEWAY is http://{host}, which would send the key in clear.",
            hint="Give https://, or a stand-in on 127.0.0.1.",
        )
    return gateway.rstrip("/")


def checked_timeout(seconds: float) -> float:
    """Seconds to wait, if they are some."""
    if seconds <= 0:
        raise UsageRefused(
            "STAGE1_VENDOR_TIMEOUT was 0; the vendor needs some time to answer.", hint="Give seconds, or leave it out."
        )
    return seconds


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"

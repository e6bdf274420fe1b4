"""What `stage1 fetch` is told in tests, and what it left in a data folder.

Everything is fetched from a stand-in with few trades a day; QUARTER is the smallest period that has several segments.
"""

from pathlib import Path
from typing import Any

import pytest
import zstandard

from stage1.cli import main
from tests.standin.market import Market
from tests.standin.vendor import Vendor

MARKET: dict[str, Any] = {"trades_a_day": 20}
QUARTER = ("--symbol", "AAPL", "--from", "2023-01-01", "--until", "2023-04-01", "--products", "TRADES")
QUARTER_FOLDER = "raw/databento/AAPL/2023-01-01_2023-04-01"
YEAR_FOLDER = "raw/databento/AAPL/2023"

_NOT_COMPARED = (".lock", ".known.json")  # times of change are in the second


def small_vendor(**market: Any) -> Vendor:
    """A stand-in, to be used as a context."""
    return Vendor(Market(**{**MARKET, **market}))


def environment(vendor: Vendor, data: Path) -> dict[str, str]:
    """The settings with which a command fetches from the stand-in; no proxy stands between them."""
    proxies = {name: "" for form in ("http_proxy", "https_proxy", "all_proxy") for name in (form, form.upper())}
    return {
        **proxies,
        "DATABENTO_API_KEY": vendor.key,
        "DATABENTO_GATEWAY": vendor.address,
        "STAGE1_DATA": str(data),
        "STAGE1_VENDOR_BACKOFF": "0",
        "STAGE1_VENDOR_RETRIES": "2",
        "STAGE1_VENDOR_TIMEOUT": "20",
    }


def fetch_here(vendor: Vendor, data: Path, *arguments: str, **env: str) -> int:
    """`stage1 fetch` in this process, which is faster than one of its own; its exit code."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {**environment(vendor, data), **env}.items():
            patch.setenv(name, value)
        return main.run(["fetch", *arguments])


def tree(data: Path) -> dict[str, bytes]:
    """All files that are compared, by their paths."""
    return {
        str(path.relative_to(data)): path.read_bytes()
        for path in sorted(data.rglob("*"))
        if path.is_file() and path.name not in _NOT_COMPARED
    }


def plain(compressed: bytes) -> bytes:
    """What all frames hold, each of which has to be whole and to have the right checksum."""
    content = b""
    while compressed:
        frame = zstandard.ZstdDecompressor().decompressobj()
        content += frame.decompress(compressed)
        assert frame.eof
        compressed = frame.unused_data
    return content


def records_in(path: Path) -> bytes:
    """The records of a DBN file, without its header."""
    content = plain(path.read_bytes()) if path.suffix == ".zst" else path.read_bytes()
    return content[8 + int.from_bytes(content[4:8], "little") :]

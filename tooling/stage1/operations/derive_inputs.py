"""The raw files of a derivation: what is known of each before it is read.

Owns what stands for a raw file, and how files are taken that lie in their place, with a record of their fetch or without one.
May import model, adapters and errors; nothing heavy, since this is asked when nothing is to be done, too. Refuses a file
that is not there.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from stage1.adapters.databento.whole_file import sha256_of
from stage1.errors import FileUnusable, UsageRefused
from stage1.model.periods import Period
from stage1.operations import bars_manifest, known_files
from stage1.operations.data_folder import PRODUCTS, DataFolder
from stage1.operations.fetch_records import read_record
from stage1.operations.raw_files import source_of


@dataclass(frozen=True)
class RawInput:
    """A raw file in its place, as it was fetched or looked at."""

    product: str
    path: Path
    sha256: str
    conditions: tuple[tuple[date, str], ...] = ()  # days that the vendor does not call available
    records: int | None = None  # where somebody counted them: for the progress alone


def in_order(inputs: Sequence[RawInput]) -> tuple[RawInput, ...]:
    """TRADES first; refuses what bars cannot be made of."""
    products = [each.product for each in inputs]
    require_products(products)
    return tuple(sorted(inputs, key=lambda each: list(PRODUCTS).index(each.product)))


def require_products(products: Sequence[str]) -> None:
    """Refuses products that are unknown, given twice, or without TRADES."""
    unknown = [product for product in products if product not in PRODUCTS]
    if unknown or len(set(products)) != len(products):
        raise UsageRefused(f"The products were {', '.join(products)}; each of {', '.join(PRODUCTS)} is expected once at most.")
    if "TRADES" not in products:
        raise UsageRefused(
            f"The products were {', '.join(products) or 'none'}; TRADES is expected among them.",
            hint="Bars are made of TRADES; TBBO adds the quotes.",
        )


def require_files(data: DataFolder, symbol: str, period: Period, products: Sequence[str]) -> None:
    """Refuses products of which there is no file."""
    require_products(products)
    for product in products:
        path = source_of(data, symbol, period, product)
        if not path.is_file():
            raise FileUnusable(f"{path} is missing.", hint=f"Run `stage1 fetch --symbol {symbol} {_range(period)}`.")


def in_place(data: DataFolder, symbol: str, period: Period, products: Sequence[str]) -> tuple[RawInput, ...]:
    """The raw files that lie where they belong; one that was not hashed before, or was touched since, is hashed now."""
    require_files(data, symbol, period, products)
    seen = bars_manifest.inputs_of(data.manifest(symbol, period))
    found = []
    for product in products:
        path = source_of(data, symbol, period, product)
        record = read_record(path.with_name(f"{product}.json"))
        sha256 = _sha256(path, record.sha256 if record else "", seen.get(data.written(path), ""))
        is_fetched = record is not None and record.sha256 == sha256
        found.append(RawInput(product, path, sha256, *((record.conditions, record.records) if record and is_fetched else ())))
    return tuple(found)


def _sha256(path: Path, *seen: str) -> str:
    for sha256 in seen:
        if known_files.is_known(path, sha256):
            return sha256
    before = path.stat()
    sha256, _ = sha256_of(path)
    known_files.remember(path, sha256, before)
    return sha256


def _range(period: Period) -> str:
    return f"--year {period.first.year}" if period.is_year else f"--from {period.first} --until {period.until}"

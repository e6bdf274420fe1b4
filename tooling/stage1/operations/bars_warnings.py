"""What a person should know of derived bars, out of their manifest: the same sentences whenever it is looked at.

Owns the sentences. Imports model alone, and so nothing heavy; refuses nothing.
"""

from collections.abc import Iterator
from typing import Any

from stage1.model.dataset_manifests import READY
from stage1.model.some_of import some_of


def warnings(manifest: dict[str, Any]) -> Iterator[str]:
    """What is doubtful, a sentence each."""
    counts = manifest["counts"]
    if not counts["bars"]:
        yield "There are no bars: no record of TRADES counts."
    for each in manifest["inputs"]:
        yield from _of_input(each, manifest)
    for product, figures in counts["products"].items():
        for flag, text in (("bad_ts_recv", "a doubtful ts_recv"), ("maybe_bad_book", "a doubtful book")):
            if figures["flagged"][flag]:
                yield f"{figures['flagged'][flag]:,} records of {product} have {text}, as the vendor says; they count."
        for reason, count in figures["passed_over"].items():
            if count and reason != "outside of the period":
                yield f"{count:,} records of {product} do not count: {reason}."
        if len(figures["publishers"]) > 1:
            numbers = ", ".join(map(str, figures["publishers"]))
            yield f"{product} is of several publishers ({numbers}), whose trades make one bar; the vendor gives a bar for each."
    for key, text in (
        ("minutes_without_quotes", "minutes have trades and no record of TBBO: their quotes are empty"),
        ("minutes_of_quotes_alone", "minutes of TBBO have no trade in TRADES: they give no bar"),
    ):
        if counts.get(key):
            yield f"{counts[key]:,} {text}."


def _of_input(each: dict[str, Any], manifest: dict[str, Any]) -> Iterator[str]:
    product = each["product"]
    if each["conditions"]:
        days = [f"{day['date']} ({day['condition']})" for day in each["conditions"]]
        yield f"The vendor has doubts about {product} on {some_of(days)}."
    if each["not_found"] or each["partial"]:
        yield f"The vendor found {manifest['symbol']} only on some of the days of {product}, or on none."
    if each["limit"] == each["records"]:
        yield f"The request of {product} was limited to {each['limit']:,} records, and the file has as many: there may be more."
    if manifest["status"] == READY and each["end"] is not None and each["end"][:10] < manifest["to_date"]:
        yield f"{product} ends at {each['end']}, before the period does."

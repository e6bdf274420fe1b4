"""What there is of each symbol, as its summary row says; never counted anew."""

from difflib import get_close_matches
from typing import Any

from stage1.database import calls
from stage1.database.bar_reading import BarSpan
from stage1.database.connections import Purpose, connected
from stage1.database.targets import Target
from stage1.settings import Settings

Row = dict[str, Any]

NO_BARS = "There are no bars in this database yet; `stage1 ingest FILE` loads some."
_SHOWN = 5


def of_symbol(target: Target, settings: Settings, symbol: str) -> Row:
    """The stats of one symbol; of one without bars with a message."""
    with connected(target, settings, Purpose.READ) as connection:
        [found] = calls.rows(connection, "public.fn_bar_stats", p_symbol=symbol)
    return _told(found)


def of_all(target: Target, settings: Settings) -> list[Row]:
    """The stats of every symbol that has bars."""
    with connected(target, settings, Purpose.READ) as connection:
        return [_told(row) for row in calls.rows(connection, "public.fn_list_bar_stats")]


def of_all_after(target: Target, settings: Settings, limit: int, symbol: str | None) -> list[Row]:
    """The page of the stats that follows a symbol; without one the first page."""
    with connected(target, settings, Purpose.READ) as connection:
        found = calls.rows(connection, "public.fn_list_bar_stats_after", p_limit=limit, p_after_symbol=symbol)
    return [_told(row) for row in found]


def origins(target: Target, settings: Settings) -> dict[str, tuple[str, str, str]]:
    """Vendor, vendor dataset and origin of the bars of every symbol that has some."""
    rows = (row for row in _summaries(target, settings) if row["bar_count"])
    return {str(row["symbol"]): (str(row["vendor"]), str(row["dataset"]), str(row["origin"])) for row in rows}


def known_of(target: Target, settings: Settings, symbol: str) -> dict[str, str]:
    """Where the bars of a symbol come from."""
    found = next((row for row in _summaries(target, settings) if row["symbol"] == symbol), {})
    return {name: str(found[name]) for name in ("vendor", "dataset", "origin") if name in found}


def why_none(target: Target, settings: Settings, span: BarSpan) -> str:
    """A sentence for somebody who asked for bars and got none: what there is."""
    everything = _summaries(target, settings)
    found = next((row for row in everything if row["symbol"] == span.symbol), None)
    if found is not None:
        return f"There are no bars of {span.symbol} in this span; its bars are from {found['first_ts']} to {found['last_ts']}."
    if not everything:
        return NO_BARS
    names = [str(row["symbol"]) for row in everything]
    like = _like(span.symbol, names)
    there = f"Symbols like it: {', '.join(like)}." if like else "`stage1 stats` lists what there is."
    return f"There are no bars of {span.symbol}. {there}"


def _summaries(target: Target, settings: Settings) -> list[Row]:
    with connected(target, settings, Purpose.READ) as connection:
        return calls.view(connection, "public.market_bar_symbols")


def _told(row: Row) -> Row:
    """Without the message, where there is nothing to say."""
    return {name: given for name, given in row.items() if name != "message" or given}


def _like(symbol: str, names: list[str]) -> list[str]:
    wanted = symbol.casefold()
    within = [name for name in names if wanted in name.casefold() or name.casefold() in wanted]
    folded = {name.casefold(): name for name in names}
    return list(dict.fromkeys([*within, *(folded[near] for near in get_close_matches(wanted, folded, _SHOWN))]))[:_SHOWN]

"""Other names of symbols, under which clients of the former endpoint ask: STAGE1_SYMBOL_ALIASES.

Owns the form of that setting. Refuses what cannot be read, before the server listens.
"""

from stage1.errors import UsageRefused
from stage1.settings import Settings

_SETTING = "STAGE1_SYMBOL_ALIASES"


class SymbolAliases:
    """Symbols by their aliases, whatever the case of these."""

    def __init__(self, symbols: dict[str, str]) -> None:
        self._symbols = {alias.casefold(): symbol for alias, symbol in symbols.items()}

    def symbol(self, name: str) -> str:
        """The symbol that a name means: the one whose alias it is, else the name itself."""
        return self._symbols.get(name.casefold(), name)


def symbol_aliases(settings: Settings) -> SymbolAliases:
    """The aliases of the settings."""
    found: dict[str, str] = {}
    for part in settings.text(_SETTING).split(","):
        if not part.strip():
            continue
        alias, sign, symbol = (piece.strip() for piece in part.partition("="))
        if not (alias and sign and symbol):
            raise _unreadable(f"holds {part.strip()!r}, which is not alias=symbol")
        if found.get(alias.casefold(), symbol) != symbol:
            raise _unreadable(f"gives {alias!r} two symbols, {found[alias.casefold()]!r} and {symbol!r}")
        found[alias.casefold()] = symbol
    return SymbolAliases(found)


def _unreadable(why: str) -> UsageRefused:
    return UsageRefused(f"{_SETTING} {why}.", hint=f"{_SETTING}: aliases such as mnq=CME_MINI:MNQ1!, separated by commas.")

"""Are symbols found by their aliases, and is a setting refused that cannot be read?"""

import pytest

from stage1.errors import UsageRefused
from stage1.server.aliases import symbol_aliases
from stage1.settings import Settings


def _settings(text: str) -> Settings:
    return Settings({"STAGE1_SYMBOL_ALIASES": text})


def test_an_alias_is_found_whatever_its_case() -> None:
    aliases = symbol_aliases(_settings(" mnq=CME_MINI:MNQ1! , ES = a=b,"))
    assert [aliases.symbol(name) for name in ("mnq", "MNQ", "es", "ESH3")] == ["CME_MINI:MNQ1!", "CME_MINI:MNQ1!", "a=b", "ESH3"]
    assert symbol_aliases(_settings("")).symbol("mnq") == "mnq"


@pytest.mark.parametrize("text", ["mnq", "mnq=", "=MNQ", "a=b,c", "a=b,A=c"])
def test_what_cannot_be_read_is_refused_by_name(text: str) -> None:
    with pytest.raises(UsageRefused, match="STAGE1_SYMBOL_ALIASES"):
        symbol_aliases(_settings(text))

"""A data folder of a test's own, and bars derived from what lies in it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stage1.operations import derive_inputs
from stage1.operations.data_folder import DataFolder
from stage1.operations.derive import Derived, derive
from tests.plugins.tick_files import SYMBOL, YEAR


@pytest.fixture
def data(tmp_path: Path) -> DataFolder:
    """Where the command looks by default."""
    return DataFolder(tmp_path / "data")


@pytest.fixture
def derived(data: DataFolder) -> Callable[..., Derived]:
    """`derived("TRADES", "TBBO")`: from the files that lie in their place."""

    def made(*products: str, symbol: str = SYMBOL, period: Any = YEAR, **choices: Any) -> Derived:
        return derive(data, symbol, period, derive_inputs.in_place(data, symbol, period, products or ("TRADES",)), **choices)

    return made

"""An empty spool for each test."""

from pathlib import Path

import pytest


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    folder = tmp_path / "spool"
    (folder / "new").mkdir(parents=True, mode=0o700)
    return folder

"""Small parts and a place for a file."""

import pytest

from stage1.operations import prove_file


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    """So that a few rows are several chunks."""
    monkeypatch.setattr(prove_file, "CHUNK", 7)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "bars.dbn.zst"

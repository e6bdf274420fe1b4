"""What a load may be asked to do, and which of it makes two loads of the same bytes the same."""

import json

import pytest

from stage1.errors import UsageRefused
from stage1.operations.ingest_options import IngestOptions
from tests.unit.proof.readings import QUARANTINE


def test_what_makes_two_loads_the_same(tmp_path):
    path = tmp_path / "bars.dbn.zst"
    same = IngestOptions().recorded(path)
    assert json.loads(json.dumps(same)) == same
    assert IngestOptions(expect_records=3, replace_origin=True).recorded(path) == same
    for other in (
        IngestOptions(symbol="A"),
        IngestOptions(dataset="B"),
        IngestOptions(limit=1),
        IngestOptions(publisher=1),
        QUARANTINE,
    ):
        assert other.recorded(path) != same  # fmt: skip
    (tmp_path / "manifest.json").write_text("{")
    assert IngestOptions().recorded(path) == same


@pytest.mark.parametrize(
    "given",
    [
        {"symbol": ""}, {"symbol": " A"}, {"symbol": "A\n"}, {"symbol": "A\x1b[31m"}, {"symbol": "\ud800"}, {"symbol": "é" * 128},
        {"dataset": ""}, {"dataset": "\0"}, {"limit": 0}, {"limit": -1}, {"expect_records": -1}, {"publisher": -1},
        {"publisher": 65_536}, {"on_bad_rows": "ignore"},
    ],
)  # fmt: skip
def test_options_that_make_no_sense_are_refused_before_any_file_is_opened(given):
    with pytest.raises(UsageRefused, match="--") as refused:
        IngestOptions(**given)
    assert refused.value.hint.startswith("Give ")

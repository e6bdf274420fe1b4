"""The second reading hands out exactly the file that was proven, or ends with FileChanged."""

import pytest

from stage1.errors import FileChanged, FileUnusable
from stage1.operations.ingest_options import IngestOptions
from stage1.operations.prove_file import prove
from tests.plugins.dbn_files import Header, records, write
from tests.unit.proof.readings import NOW


def other_bytes(path, bars):
    """The same bars, compressed in another way."""
    write(path, bars, level=19)


def other_bars(path, bars):
    bars["volume"][15] += 1
    write(path, bars)


def more_bars(path, bars):
    write(path, records(21))


def cut(path, bars):
    path.write_bytes(path.read_bytes()[:-1])


def other_records(path, bars):
    bars["rtype"][19] = 32
    write(path, bars)


def other_schema(path, bars):
    write(path, bars, Header(schema="trades"))


@pytest.mark.parametrize("change", [other_bytes, other_bars, more_bars, cut, other_records, other_schema])
@pytest.mark.parametrize("limit", [None, 3])
def test_a_file_that_changed_after_the_proof_never_ends_normally(path, change, limit):
    bars = records(20)
    proven = prove(write(path, bars), IngestOptions(limit=limit), NOW)
    assert sum(len(batch.bars) for batch in proven.batches()) == proven.row_count
    change(path, bars)
    with pytest.raises(FileChanged, match="changed after it was proven"):
        list(proven.batches())


def test_a_file_that_is_gone_after_the_proof(path):
    proven = prove(write(path, records(20)), IngestOptions(), NOW)
    path.unlink()
    with pytest.raises(FileUnusable):
        list(proven.batches())


def test_batches_can_be_left_in_the_middle(path):
    """A file handle that stays open would be a ResourceWarning, which is an error here."""
    proven = prove(write(path, records(20)), IngestOptions(), NOW)
    batches = proven.batches()
    assert len(next(batches).bars) == 7
    batches.close()

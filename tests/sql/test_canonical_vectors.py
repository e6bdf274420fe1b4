"""Does the database hash the shared vectors as every client does?"""

import hashlib
import json
from pathlib import Path

import pytest

_FILE = Path(__file__).parents[1] / "vectors" / "canonical_json.json"
_VECTORS = json.loads(_FILE.read_text(encoding="utf-8"))
_CANONICAL = [vector for vector in _VECTORS["texts"] if "canonical" in vector]


def _hash(db, *parts):
    asked = "select encode(stage1_internal.content_hash_v1(%s::json, %s::json, %s::json), 'hex') as hash"
    return db.execute(asked, parts).fetchone()["hash"]


@pytest.mark.parametrize("vector", _VECTORS["contents"], ids=lambda vector: vector["name"])
def test_a_content_has_its_hash(db, vector):
    whole = vector["canonical"]
    # The parts as they stand in the canonical text: JSON of one level, cut where the next name begins.
    given, metadata = whole.removeprefix('{"input":').rsplit(',"metadata":', 1)
    metadata, output = metadata.removesuffix("}").rsplit(',"output":', 1)
    assert _hash(db, given, output, metadata) == vector["sha256"]


def test_canonical_texts_have_their_hashes(db):
    """Stored as json and read again, each is the text that it was."""
    asked = "select encode(sha256(convert_to(%s::json::text, 'UTF8')), 'hex') as hash, %s::json::text as text"
    assert len(_CANONICAL) > 20
    for vector in _CANONICAL:
        found = db.execute(asked, (vector["canonical"], vector["canonical"])).fetchone()
        assert (found["hash"], found["text"]) == (vector["sha256"], vector["canonical"]), vector["name"]


def test_a_canonical_text_within_a_content_is_hashed_as_it_stands(db):
    """The database's own function, over every vector as a part of an example; the text around is the contract's."""
    for vector in _CANONICAL:
        part = f'{{"value":{vector["canonical"]}}}'
        expected = hashlib.sha256(f'{{"input":{part},"metadata":{{}},"output":{{}}}}'.encode()).hexdigest()
        assert _hash(db, part, "{}", "{}") == expected, vector["name"]

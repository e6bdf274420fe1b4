"""Do Python, TypeScript and the database hash 20,000 random documents alike? The nastiest that JSON allows; seeded."""

import json
import math
import random
import struct
from typing import Any

import psycopg
import pytest

from stage1.model.canonical_json import canonical_text, content_hash
from tests.plugins.node import NodePackage

_DOCUMENTS = 20_000
_PARTS = ("input", "output", "metadata")
_CHARACTERS = [
    *"abz019 _-~/e\"\\'{}[],:",
    *map(chr, range(1, 32)),
    *"\x7f\x80\u00e9e\u0301\u212b\u2028\u2029\ud7ff\ue000\ufb33\ufeff\uffff",
    *"\U00010000\U0001f600\U0010ffff",
]
_NAMES = [
    "",
    "__proto__",
    "constructor",
    "toString",
    "10",
    "9",
    "-1",
    "a",
    "A",
    "aa",
    "\u00e9",
    "e\u0301",
    "\uffff",
    "\U0001f600",
]
_NUMBERS = [
    0,
    -0.0,
    1.0,
    2**53 - 1,
    1 - 2**53,
    1e21,
    1e-6,
    1e-7,
    5e-324,
    1.7976931348623157e308,
    0.1,
    1 / 3,
    1e300,
    9007199254740991.0,
]


def _number(chance: random.Random) -> float:
    while True:
        kind = chance.randrange(5)
        if kind == 0:
            return chance.choice(_NUMBERS)
        if kind == 1:
            return chance.randrange(1 - 2**53, 2**53)
        if kind == 2:
            return round(chance.uniform(-1e6, 1e6), chance.randrange(9))
        (found,) = struct.unpack(">d", chance.randbytes(8))
        is_unsafe = math.isfinite(found) and found.is_integer() and 2**53 <= abs(found) < 1e21
        if math.isfinite(found) and not is_unsafe:
            return float(found)


def _text(chance: random.Random) -> str:
    return "".join(chance.choices(_CHARACTERS, k=chance.choice((0, 1, 3, 3, 8, 40))))


def _value(chance: random.Random, depth: int) -> Any:
    kind = chance.randrange(6 if depth < 6 else 4)
    if kind == 0:
        return chance.choice([None, True, False])
    if kind == 1:
        return _text(chance)
    if kind <= 3:
        return _number(chance)
    if kind == 4:
        return [_value(chance, depth + 1) for _ in range(chance.randrange(5))]
    return _object(chance, depth)


def _object(chance: random.Random, depth: int = 0) -> dict[str, Any]:
    names = (chance.choice(_NAMES) if chance.random() < 0.5 else _text(chance) for _ in range(chance.randrange(5)))
    return {name: _value(chance, depth + 1) for name in names}


@pytest.mark.timeout(300)
def test_three_hash_alike(typescript_package: NodePackage, db: psycopg.Connection[Any]) -> None:
    chance = random.Random(20230103)  # noqa: S311 - the same documents every time
    documents = [{part: _object(chance) for part in _PARTS} for _ in range(_DOCUMENTS)]
    expected = [content_hash(**document) for document in documents]
    # Every other one as bare UTF-8 and every other one with escapes: both are the same document.
    sent = "\n".join(json.dumps(document, ensure_ascii=bool(number % 2)) for number, document in enumerate(documents))
    by_node = typescript_package.run("tests/hash_documents.mjs", given=sent).stdout.split()
    db.execute("select stage1_internal.stage_examples()")
    with db.cursor().copy(b"copy pg_temp.staged_examples (source_id, input, output, metadata) from stdin") as copy:
        for number, document in enumerate(documents):
            copy.write_row((str(number), *(canonical_text(document[part]) for part in _PARTS)))
    hashed = (
        b"select encode(stage1_internal.content_hash_v1(input, output, metadata), 'hex') as hash"
        b" from pg_temp.staged_examples order by source_id::int"
    )
    by_database = [row["hash"] for row in db.execute(hashed)]
    for name, found in (("TypeScript", by_node), ("the database", by_database)):
        assert len(found) == _DOCUMENTS
        wrong = [number for number, hash_ in enumerate(found) if hash_ != expected[number]]
        assert not wrong, f"{name} differs in {len(wrong)}, first: {json.dumps(documents[wrong[0]])}"

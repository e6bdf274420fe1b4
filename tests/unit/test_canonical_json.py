"""Is the canonical text of a document the one of RFC 8785, and is refused what two programs would not read alike?

The vectors are shared by every language.
"""

import json
import struct
import subprocess
import sys
import time
from pathlib import Path

import pytest

from stage1.model.canonical_json import (
    MAX_DEPTH,
    NotCanonical,
    canonical_of_text,
    canonical_text,
    content_hash,
    content_text,
    parsed,
    sha256_hex,
)

_VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "canonical_json.json").read_text(encoding="utf-8"))


def _refusal(read, given):
    with pytest.raises(NotCanonical) as refused:
        read(given)
    assert refused.value.message.isascii()
    return str(refused.value.reason), refused.value.pointer


# --- the shared vectors ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("vector", _VECTORS["texts"], ids=lambda vector: vector["name"])
def test_a_text_has_its_canonical_form_or_its_refusal(vector):
    as_bytes = vector["text"].encode()
    if "refused" in vector:
        assert _refusal(canonical_of_text, vector["text"]) == (vector["refused"], vector["pointer"])
        assert _refusal(canonical_of_text, as_bytes) == (vector["refused"], vector["pointer"])
        assert _refusal(parsed, as_bytes) == (vector["refused"], vector["pointer"])
        if "seen_in" not in vector and len(vector["text"]) < 1_000:  # json.loads has no stack for the longest
            assert _refusal(canonical_text, json.loads(vector["text"])) == (vector["refused"], vector["pointer"])
        return
    assert canonical_of_text(vector["text"]) == canonical_of_text(as_bytes) == vector["canonical"]
    assert canonical_text(json.loads(vector["text"])) == vector["canonical"]
    assert canonical_of_text(vector["canonical"]) == vector["canonical"]
    assert sha256_hex(vector["canonical"]) == vector["sha256"]


@pytest.mark.parametrize("vector", _VECTORS["bytes"], ids=lambda vector: vector["name"])
def test_bytes_are_utf_8(vector):
    assert _refusal(canonical_of_text, bytes.fromhex(vector["hex"])) == (vector["refused"], vector["pointer"])


@pytest.mark.parametrize("vector", _VECTORS["numbers"], ids=lambda vector: vector["bits"])
def test_a_double_is_written_as_in_appendix_b(vector):
    (value,) = struct.unpack(">d", bytes.fromhex(vector["bits"]))
    if "refused" in vector:
        assert _refusal(canonical_text, {"a": [0, value]}) == (vector["refused"], "/a/1")
    else:
        assert canonical_text(value) == vector["canonical"]


@pytest.mark.parametrize("vector", _VECTORS["contents"], ids=lambda vector: vector["name"])
def test_the_content_of_an_example_has_its_hash(vector):
    parts = [vector.get(name) for name in ("input", "output", "metadata")]
    assert content_text(*parts) == vector["canonical"]
    assert content_hash(*parts) == vector["sha256"]


def test_a_text_of_python_may_hold_a_surrogate_as_it_is():
    assert _refusal(canonical_of_text, '{"a":["\ud800"]}') == ("lone_surrogate", "/a/0")


# --- depth, size and pointers --------------------------------------------------------------------------------------------


def _nested(kind, depth):
    value = kind()
    for _ in range(depth - 1):
        value = {"k": value} if kind is dict else [value]
    return value


@pytest.mark.parametrize(("kind", "step"), [(list, "/0"), (dict, "/k")])
def test_depth_is_counted_the_same_in_values_and_texts(kind, step):
    for limit in (1, 3, MAX_DEPTH):
        deepest, beyond = _nested(kind, limit), _nested(kind, limit + 1)
        assert canonical_text(deepest, max_depth=limit) == canonical_of_text(json.dumps(deepest), max_depth=limit)
        for read, given in ((canonical_text, beyond), (canonical_of_text, json.dumps(beyond))):
            assert _refusal(lambda given, read=read, limit=limit: read(given, max_depth=limit), given) == (
                "too_deep",
                step * limit,
            )


def test_a_list_within_itself_is_too_deep():
    endless = []
    endless.append(endless)
    assert _refusal(canonical_text, {"a": endless}) == ("too_deep", "/a" + "/0" * (MAX_DEPTH - 1))


@pytest.mark.parametrize(
    ("text", "refusal"),
    [
        ("[" * 3_000_000, "too_deep"),
        ('{"k":' * 1_000_000, "too_deep"),
        ("9" * 3_000_000, "number_overflow"),
        ("0." + "1" * 3_000_000, "inexact_number"),
        ("1e" + "9" * 3_000_000, "number_overflow"),
        ('"' + "\\ud800" * 500_000 + '"', "lone_surrogate"),
        ('"' + '\\"' * 1_000_000, "not_json"),
    ],
    ids=lambda given: str(given)[:8],
)
def test_megabytes_of_mischief_are_refused_at_once(text, refusal):
    assert _refusal(canonical_of_text, text)[0] == refusal


def test_many_siblings_are_not_depth():
    text = "[" + ",".join(['{"a":[]}'] * 50_000) + "]"
    assert canonical_of_text(text) == text


@pytest.mark.parametrize("bad", [float("nan"), 2**53, "\ud800", b"", {1: 2}])
def test_a_pointer_leads_to_the_place(bad):
    value = {"a/b": [0, {"~m": {"": [[], bad]}}], "ok": 1}
    _, pointer = _refusal(canonical_text, value)
    assert pointer == "/a~1b/1/~0m//1"


# --- cost ----------------------------------------------------------------------------------------------------------------


def test_a_client_imports_it_alone():
    program = "import sys; import stage1.model.canonical_json, stage1.model.example_lines; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    loaded = set(done.stdout.split())
    assert not loaded & {"numpy", "pandas", "psycopg", "click", "decimal", "uuid", "asyncio", "zstandard"}
    assert {name for name in loaded if name.startswith("stage1.") and not name.startswith("stage1.model")} == set()


def test_it_costs_little_more_than_the_encoder_alone():
    words = "the opening range broke upwards and held until noon; volume was above its mean of twenty days. "
    examples = [
        {
            "input": {"question": words * 2 + str(number), "context": words},
            "output": {"answer": words[: number % 90]},
            "metadata": {"number": number, "score": number / 7, "tags": ["a", "b"], "open": True},
        }
        for number in range(10_000)
    ]

    def seconds(work):
        begin = time.process_time()
        for example in examples:
            work(example)
        return time.process_time() - begin

    def bare(example):
        return json.dumps(example, sort_keys=True, ensure_ascii=False, separators=(",", ":"))

    # Taken in turns, so that a busy machine slows both.
    rounds = [(seconds(bare), seconds(lambda example: content_hash(**example))) for _ in range(3)]
    assert min(hashed for _, hashed in rounds) < 4 * min(encoded for encoded, _ in rounds)

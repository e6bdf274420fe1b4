"""Does a symbology.json take the place of the header, and is rubbish in one refused by its name?"""

import json
from pathlib import Path
from typing import Any

import pytest

from stage1.adapters.databento.symbology import Resolver
from stage1.errors import SymbolUnknown
from stage1.model.bars import UNMAPPED
from tests.unit.databento.test_symbology import BAD_NAMES, FEB, JAN, MAR, header, resolve


def document(folder: Path, content: Any) -> Path:
    path = folder / "symbology.json"
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return path


def test_a_symbology_file_replaces_the_header(tmp_path: Path) -> None:
    path = document(
        tmp_path,
        {
            "result": {
                "ESH3": [{"d0": "2023-01-01", "d1": "2023-02-01", "s": "7"}, {"d0": "2023-02-01", "d1": "2023-03-01", "s": ""}],
                "NONE": [],
            },
            "symbols": ["ESH3"],
            "stype_in": "raw_symbol",
            "stype_out": "instrument_id",
            "not_found": [],
            "partial": [],
            "status": 0,
        },
    )
    for given in (header({"OTHER": [(JAN, MAR, 7)]}), header({}, "continuous", "raw_symbol")):
        resolver = Resolver(given, path)
        assert resolver.names == ("ESH3",)
        assert resolve(resolver, (7, JAN), (7, FEB)) == ["ESH3", UNMAPPED]


def test_a_symbology_file_may_give_ids(tmp_path: Path) -> None:
    result = {"result": {"7": [{"d0": "2023-01-01", "d1": "2023-02-01", "s": "ESH3"}]}}
    path = document(tmp_path, {**result, "stype_in": "instrument_id", "stype_out": "raw_symbol"})
    assert resolve(Resolver(header({}), path), (7, JAN)) == ["ESH3"]
    assert resolve(Resolver(header({}, "instrument_id", "raw_symbol"), document(tmp_path, result)), (7, JAN)) == ["ESH3"]


DAY = {"d0": "2023-01-01", "d1": "2023-02-01"}


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"", "is not JSON"),
        (b"not json", "is not JSON"),
        (b"\xff\xfe{}", "is not JSON"),
        (b"[" * 100_000, "is not JSON"),
        ([], "no object"),
        (None, "no object"),
        ({}, "is not a symbology file"),
        ({"result": []}, "is not a symbology file"),
        ({"result": {"A": 5}}, "is not a symbology file"),
        ({"result": {"A": ["x"]}}, "is not a symbology file"),
        ({"result": {"A": [{"s": "7"}]}}, "is not a symbology file"),
        ({"result": {"A": [{**DAY, "d1": "soon", "s": "7"}]}}, "is not a symbology file"),
        ({"result": {"A": [{**DAY, "s": 7}]}}, "is not a symbology file"),
        ({"result": {"A": [{**DAY, "s": "seven"}]}}, "no instrument id"),
        ({"result": {"A": [{**DAY, "s": str(2**32)}]}}, "no instrument id"),
        ({"result": {"A": [{**DAY, "s": "-1"}]}}, "no instrument id"),
        ({"result": {"A": [{**DAY, "s": "\u0667"}]}}, "no instrument id"),
        ({"result": {"A": [{**DAY, "s": "7" * 5000}]}}, "is not a symbology file"),
        ({"result": {}, "stype_in": "parent", "stype_out": "raw_symbol"}, "from parent to raw_symbol"),
        ({"result": {}, "stype_in": ["x"], "stype_out": None}, "maps symbols from"),
    ],
)
def test_rubbish_in_a_symbology_file_is_refused(content: Any, word: str, tmp_path: Path) -> None:
    path = document(tmp_path, content)
    with pytest.raises(SymbolUnknown, match=word) as refusal:
        Resolver(header({"A": [(JAN, FEB, 7)]}), path)
    assert str(path) in refusal.value.message
    assert "--symbology" in refusal.value.hint
    assert Resolver(header({"A": [(JAN, FEB, 7)]}), path, label="X").names == ("X",)


@pytest.mark.parametrize("name", BAD_NAMES, ids=ascii)
def test_its_names_are_looked_at_too(name: str, tmp_path: Path) -> None:
    path = document(tmp_path, {"result": {name: [{**DAY, "s": "7"}]}})
    with pytest.raises(SymbolUnknown, match=r"symbology\.json names the symbol"):
        Resolver(header({}), path)

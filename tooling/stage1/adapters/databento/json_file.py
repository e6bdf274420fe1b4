"""The JSON files that lie beside the data of a batch download, read with a bound and refused with a sentence.

May import errors. What the documents mean is known to those who ask for them.
"""

import json
from pathlib import Path
from typing import Any

from stage1.adapters.databento.whole_file import open_whole
from stage1.errors import Stage1Error

MOST_BYTES = 1 << 28


def read_json(path: Path, refusal: type[Stage1Error], hint: str) -> dict[str, Any]:
    """The object that the file holds; `refusal` is raised where it is none, with what to do about it."""
    with open_whole(path) as source:
        encoded = source.read(MOST_BYTES + 1)
    if len(encoded) > MOST_BYTES:
        raise refusal(f"{path} has more than {MOST_BYTES:,} bytes.", detail="Expected a JSON file of the vendor's.", hint=hint)
    try:
        document = json.loads(encoded.decode("utf-8"))
    except (ValueError, RecursionError) as problem:
        raise refusal(f"{path} is not JSON ({problem}).", detail="Expected a JSON object in UTF-8.", hint=hint) from problem
    if not isinstance(document, dict):
        raise refusal(f"{path} holds JSON that is no object.", detail="Expected a JSON object, {...}, at its top.", hint=hint)
    return document

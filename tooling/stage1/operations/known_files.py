"""Which files were hashed before and have not been touched since: size and time of change decide, so that it takes no reading.

Owns the file `.known.json` of a folder. What it says is a memory, never a proof: where it is missing, broken or out of date, a
file is unknown, which costs a hash and nothing else. Imports nothing of ours but errors and whole writing.
"""

import json
import os
from contextlib import suppress
from pathlib import Path

from stage1.errors import Stage1Error
from stage1.operations.whole_writing import write_whole

_NAME = ".known.json"


def is_known(path: Path, sha256: str) -> bool:
    """Whether the file had this hash when it was last looked at, and has not been touched since."""
    try:
        known = json.loads((path.parent / _NAME).read_bytes())[path.name]
        stat = path.stat()
        return bool(known == [stat.st_size, stat.st_mtime_ns, sha256])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return False


def remember(path: Path, sha256: str, seen: os.stat_result) -> None:
    """Notes that the file had this hash when it was `seen`: before it was hashed, since it may have changed after.

    Where that cannot be written, a read-only folder or a full disk, it costs a hash each time.
    """
    memory = path.parent / _NAME
    try:
        known = json.loads(memory.read_bytes())
    except (OSError, ValueError, RecursionError):
        known = {}
    known = {name: fact for name, fact in known.items() if (path.parent / name).exists()} if isinstance(known, dict) else {}
    known[path.name] = [seen.st_size, seen.st_mtime_ns, sha256]
    with suppress(Stage1Error):
        write_whole(memory, json.dumps(known, indent=1, sort_keys=True).encode() + b"\n")

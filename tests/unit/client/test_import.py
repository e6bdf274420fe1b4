"""Is the client imported quickly, and without what only a server or a frame needs?"""

import subprocess
import sys

_HEAVY = ("pandas", "numpy", "pyarrow", "psycopg", "fastapi", "pydantic", "starlette", "click", "asyncio", "yoyo", "zstandard")
_LONGEST = 0.2
# What any client without dependencies imports takes a twentieth of a second; a machine that needs longer is a slow one.
_BARE = "dataclasses, datetime, email.utils, http.client, json, ssl, tempfile, threading, typing, urllib.parse, uuid"
_TIMES_BARE = 5

_PROGRAM = """
import sys, time
begun = time.process_time()
import {modules}
took = time.process_time() - begun
print(took, *(name for name in {heavy!r} if name in sys.modules))
"""


def imported(modules: str) -> float:
    """Seconds of the processor that an import took."""
    program = _PROGRAM.format(modules=modules, heavy=_HEAVY)
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True).stdout
    took, *heavy = said.split()
    assert heavy == []
    return float(took)


def test_an_import_is_light() -> None:
    found, bare = [], []
    for _ in range(3):
        found.append(imported("stage1.client"))
        bare.append(imported(_BARE))
    assert min(found) < max(_LONGEST, _TIMES_BARE * min(bare))

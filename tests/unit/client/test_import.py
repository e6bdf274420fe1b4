"""Is the client imported quickly, and without what only a server or a frame needs?"""

import subprocess
import sys

_HEAVY = ("pandas", "numpy", "pyarrow", "psycopg", "fastapi", "pydantic", "starlette", "click", "asyncio", "yoyo", "zstandard")
_LONGEST = 0.2

_PROGRAM = f"""
import sys, time
begun = time.process_time()
import stage1.client
stage1.client.Client
took = time.process_time() - begun
print(took, *(name for name in {_HEAVY!r} if name in sys.modules))
"""


def test_an_import_is_light() -> None:
    found = []
    for _ in range(3):
        said = subprocess.run([sys.executable, "-c", _PROGRAM], capture_output=True, text=True, timeout=60, check=True).stdout
        took, *heavy = said.split()
        assert heavy == []
        found.append(float(took))
    assert min(found) < _LONGEST

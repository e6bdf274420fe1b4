"""Named points at which a crash test can kill the process.

`reach(point)` does nothing unless STAGE1_KILL_AT names the point; then the process dies as if by `kill -9`.
Imports nothing of ours.
"""

import os
import signal


def reach(point: str) -> None:
    """Marks a point between two steps that must survive a crash."""
    if os.environ.get("STAGE1_KILL_AT") == point:
        os.kill(os.getpid(), signal.SIGKILL)

"""Makes a rename outlive a power cut. Imports nothing of ours."""

import os
from pathlib import Path


def flush_folder(folder: Path) -> None:
    """Brings the names in a folder to the disk: a file that was flushed and renamed may otherwise be lost with its name."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

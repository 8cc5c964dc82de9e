"""Where the tests' files are flushed at once.

Half of the time of a state under test is waiting for a disk. No test can tell memory from a disk: one that is killed
leaves what it wrote in the kernel's hands either way, and none pulls the plug.
"""

from __future__ import annotations

import os
from pathlib import Path

ENOUGH = 1 << 30
"""Bytes that must be free: a container's shared memory is 64 MB, unless somebody has asked for more. Some tests put
programs there, which a container forbids, too."""


def in_memory(folder: Path = Path("/dev/shm")) -> Path | None:
    """A folder whose files are in memory, where there is one with room and programs can be run from it."""
    if not os.access(folder, os.W_OK | os.X_OK):
        return None
    system = os.statvfs(folder)
    if system.f_flag & os.ST_NOEXEC or system.f_bavail * system.f_frsize < ENOUGH:
        return None
    return folder

"""A real file system that is read-only or full, under the state of one process.

The process runs in a mount namespace of its own (`unshare` of util-linux), where nobody else sees the mount, and root
is bound by it as everybody is. Where the machine allows no such namespace, there are only the simulated ones.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from functools import cache
from pathlib import Path

READ_ONLY = """\
mount --bind "$STATE" "$STATE" && mount -o remount,bind,ro "$STATE" || exit 99
exec "$@"
"""

SMALL = """\
cp -a "$STATE" "$STATE.before" && mount -t tmpfs -o "size=$SIZE,mode=700" small "$STATE" || exit 99
cp -a "$STATE.before/." "$STATE" || exit 99
"$@"
code=$?
cp -a "$STATE" "$STATE.after" || exit 99
case $code in 137 | 142) kill -$((code - 128)) $$ ;; esac
exit $code
"""


@cache
def available() -> bool:
    """Whether this machine lets us mount something that only one process sees."""
    if shutil.which("unshare") is None or shutil.which("mount") is None:
        return False
    return subprocess.run([*_apart(), "true"], capture_output=True, check=False).returncode == 0


def _apart() -> list[str]:
    own = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    return ["unshare", *own, "--mount"]


def read_only(command: list[str]) -> list[str]:
    """The command, in a place where the folder $STATE is mounted read-only."""
    return [*_apart(), "sh", "-c", READ_ONLY, "sh", *command]


def small(command: list[str]) -> list[str]:
    """The command, in a place where $STATE is a disk of $SIZE bytes; what it leaves is brought back by `bring_back`."""
    return [*_apart(), "sh", "-c", SMALL, "sh", *command]


def bring_back(state: Path) -> None:
    """Put what was left on the small disk in the place of the state."""
    before, after = (state.with_name(state.name + ending) for ending in (".before", ".after"))
    if after.exists():
        shutil.rmtree(state)
        after.rename(state)
    shutil.rmtree(before, ignore_errors=True)


def used(state: Path) -> int:
    """Bytes that the state's files take on a disk in memory, in whole pages; folders and further names take none."""
    sizes = {path.stat().st_ino: path.stat().st_size for path in state.rglob("*") if path.is_file()}
    return sum(-(-size // 4096) * 4096 for size in sizes.values())

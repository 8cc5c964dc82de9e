"""Which library is loaded for a warehouse: the one that the machine's owner installed for all, else that of the wheel.

The format and the place of a driver's manifest: https://arrow.apache.org/adbc/current/format/driver_manifests.html.
Only the folder of the system is looked at, and only what nobody but the system's owner can write (docs/adr/0024): a job
could set a variable, or write to a folder of its user's, for other reasons.
"""

from __future__ import annotations

import os
import platform
import stat
import sys
import tomllib
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from runner.disk.regular_files import read_regular
from runner.engine.segments.warehouse.driver_errors import CannotLogIn
from runner.quick_dataclass import dataclass
from runner.sources.warehouse import Driver

SYSTEM = Path("/Library/Application Support/ADBC/Drivers" if sys.platform == "darwin" else "/etc/adbc/drivers")
"""Where ADBC looks for the manifests that a system's owner installed for everybody."""

OWNER = 0
"""Who alone may write them: root."""

_MOST = 64 * 1024
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


@dataclass(frozen=True, slots=True)
class DriverLibrary:
    """A library to load: an absolute path, and the name of its first function, empty for the usual one."""

    path: str
    entrypoint: str = ""


def is_installed(driver: Driver) -> bool:
    """Whether there is a library for it: of the machine or of the wheel."""
    return os.path.lexists(_manifest(driver)) or find_spec(driver.package) is not None


def library_of(driver: Driver) -> DriverLibrary:
    """The library for it. Raises CannotLogIn where there is a manifest that cannot be followed: the wheel is no answer
    to that.
    """
    manifest = _manifest(driver)
    if os.path.lexists(manifest):
        return _of_machine(manifest)
    path = import_module(driver.package)._driver_path()
    if not Path(path).is_absolute():  # a name would have any library loaded that is called so (docs/adr/0024)
        raise CannotLogIn(f"the package {driver.package} has no library in it; install it again")
    return DriverLibrary(path)


def _manifest(driver: Driver) -> Path:
    """Where it would be: ADBC's name of the driver is in that of its package."""
    return SYSTEM / f"{driver.package.removeprefix('adbc_driver_')}.toml"


def _of_machine(manifest: Path) -> DriverLibrary:
    own = _only_theirs(manifest, manifest)
    try:
        written = tomllib.loads(read_regular(own, _MOST).decode())
    except (OSError, UnicodeError, tomllib.TOMLDecodeError):
        raise _unusable(manifest, "cannot be read as TOML") from None
    named: Any = written.get("Driver")
    shared = named.get("shared") if isinstance(named, dict) else None
    if isinstance(shared, dict):
        shared = shared.get(this_platform())
    if not isinstance(shared, str) or not Path(shared).is_absolute():
        raise _unusable(manifest, f"names no library by an absolute path for {this_platform()}")
    entrypoint = named.get("entrypoint", "")
    return DriverLibrary(str(_only_theirs(Path(shared), manifest)), str(entrypoint))


def this_platform() -> str:
    """How manifests call the machine: its system and its processor."""
    system = {"darwin": "macos"}.get(sys.platform, sys.platform)
    machine = platform.machine().lower()
    return f"{system}_{_ARCHITECTURES.get(machine, machine)}"


def _only_theirs(path: Path, manifest: Path) -> Path:
    """Where a path leads, which nobody but the owner can change. Raises CannotLogIn."""
    try:
        real = path.resolve(strict=True)
        for part in (real, *real.parents):
            status = part.stat()
            shared = stat.S_ISDIR(status.st_mode) and status.st_mode & stat.S_ISVTX
            open_to_others = status.st_mode & (stat.S_IWGRP | stat.S_IWOTH) and not shared
            if status.st_uid not in (0, OWNER) or open_to_others:
                raise _unusable(manifest, f"is or names what others than the system's owner can write ({part})")
    except OSError:
        raise _unusable(manifest, "is or names a file that is not there") from None
    return real


def _unusable(manifest: Path, why: str) -> CannotLogIn:
    return CannotLogIn(f"the machine's manifest of its driver, {manifest}, {why}; correct it or take it away")

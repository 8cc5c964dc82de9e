"""On what was measured: machine and versions."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from pathlib import Path

PACKAGES = ("duckdb", "requests", "typer", "pyyaml", "jinja2", "jsonschema", "uvicorn")


def description(*, alone: bool) -> tuple[str, ...]:
    """One line for the machine, one for versions, one for what else the machine had to do.

    `alone` says whether the environment holds nothing but what Headcount asks for.
    """
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    load = os.getloadavg()
    versions = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    return (
        f"Machine: {_processor()}, {os.cpu_count()} cores, {memory:.0f} GiB of memory, {platform.system()} "
        f"{platform.release()}",
        f"Versions: headcount {version('headcount')}, Python {platform.python_version()}, {versions}; "
        + ("in an environment without other packages" if alone else "among the developers' packages"),
        f"Load average of the machine at the end: {load[0]:.1f} (1 min), {load[2]:.1f} (15 min)",
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())

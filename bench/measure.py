"""Running a command in a process of its own: how long it took, how much CPU time, how much memory at its peak.

The kernel counts the memory of the process that started a command towards the command's peak. So this process stays
small: it imports no DuckDB and holds no data; whatever needs them runs as a command too.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

LONGEST = 3600
"""Seconds after which a command is given up."""


class CommandFailed(Exception):
    """A measured command ended with another exit code than it should."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What one run took: wall-clock and CPU seconds, and the resident memory at its peak in MB. `output` is what it
    wrote to standard output."""

    seconds: float
    cpu: float
    peak: float
    output: str = ""


@dataclass(frozen=True, slots=True)
class Costs:
    """Several runs of one command."""

    runs: tuple[Cost, ...]

    @property
    def seconds(self) -> float:
        return statistics.median(run.seconds for run in self.runs)

    @property
    def cpu(self) -> float:
        return statistics.median(run.cpu for run in self.runs)

    @property
    def peak(self) -> float:
        """The greatest of the peaks: a bound must hold every time."""
        return max(run.peak for run in self.runs)

    @property
    def spread(self) -> str:
        return f"{min(run.seconds for run in self.runs):.2f} to {max(run.seconds for run in self.runs):.2f}"


@dataclass(frozen=True, slots=True)
class Command:
    """A command to measure; `before` runs ahead of each measurement and is not measured."""

    arguments: Sequence[str]
    folder: Path
    environment: Mapping[str, str]
    before: Callable[[], None] | None = None
    codes: tuple[int, ...] = (0,)


def python(*arguments: str) -> tuple[str, ...]:
    return (sys.executable, *arguments)


def measured(command: Command) -> Cost:
    """Run it once; what others wrote is on the disk by then: it need not wait for that. Raises CommandFailed."""
    if command.before is not None:
        command.before()
    os.sync()
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        began = time.perf_counter()
        process = subprocess.Popen(
            command.arguments,
            cwd=command.folder,
            env=dict(command.environment),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
        )
        status, usage = _wait(process)
        seconds = time.perf_counter() - began
        out.seek(0)
        err.seek(0)
        output = out.read().decode(errors="replace")
        code = os.waitstatus_to_exitcode(status)
        if code not in command.codes:
            tail = (output + err.read().decode(errors="replace"))[-2000:]
            raise CommandFailed(f"{' '.join(command.arguments)} ended with {code}\n{tail}")
    return Cost(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, output)


def _wait(process: subprocess.Popen[bytes]) -> tuple[int, os.struct_rusage]:  # type: ignore[name-defined]
    """Wait for the process; its rusage covers what it and those that it waited for used."""
    timer = time.monotonic() + LONGEST
    while True:
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        if pid:
            process.returncode = os.waitstatus_to_exitcode(status)
            return status, usage
        if time.monotonic() > timer:
            process.kill()
        time.sleep(0.002)


def alternating(times: int, *commands: Command) -> tuple[Costs, ...]:
    """Run all commands in turn, A B A B, so that what else the machine does meets all of them alike."""
    runs: list[list[Cost]] = [[] for _ in commands]
    for _ in range(times):
        for command, found in zip(commands, runs, strict=True):
            found.append(measured(command))
    return tuple(Costs(tuple(found)) for found in runs)

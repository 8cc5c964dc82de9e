"""The process that binds and runs segments: bounded by the system, without secrets, one request after the other.

It ends with the process that asks it, however that one ends, and removes that one's temporary files when it was killed:
they hold wire forms of people.
"""

from __future__ import annotations

import math
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from typing import Any, BinaryIO

from runner.core.errors import SegmentError
from runner.core.findings import Finding
from runner.engine.segments.query_messages import (
    AdviceRequest,
    Begin,
    CheckRequest,
    Question,
    Request,
    SmallRequest,
    WriteRequest,
    answer_line,
    error_as_data,
    finding_as_data,
    receive,
)
from runner.engine.segments.segment_runner import SegmentRunner
from runner.object_stores.asked_objects import AskedObjects
from runner.object_stores.reach import reach_by
from runner.process_limits import bound_memory, keep_memory_private

_BEYOND = 10
"""Seconds after a request's time is up at which the system ends this process, if nothing else did."""

_REST = 0.5
"""Seconds between two reports of progress."""


def main() -> None:
    """Serve the requests of standard input until it ends."""
    keep_memory_private()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the process that asks decides
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    _mute()
    begin = receive(sys.stdin.buffer)
    if not isinstance(begin, Begin):
        os._exit(1)
    requests: SimpleQueue[Request] = SimpleQueue()
    threading.Thread(target=_serve_or_end, args=(begin, requests, answers), daemon=True).start()
    # A statement holds the thread that runs it, so this one listens for the end of the process that asks.
    while (request := receive(sys.stdin.buffer)) is not None:
        requests.put(request)
    _remove(begin.left_behind)
    os._exit(0)


def _mute() -> None:
    """Send what libraries print to nowhere: it could quote the data."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)


def _serve_or_end(begin: Begin, requests: SimpleQueue[Request], answers: BinaryIO) -> None:
    """Serve; a mistake of ours ends the process, so that nobody waits for its answer."""
    try:
        _serve(begin, requests, answers)
    finally:
        os._exit(1)


def _serve(begin: Begin, requests: SimpleQueue[Request], answers: BinaryIO) -> None:
    reach_by(AskedObjects(begin.sockets))
    runner = SegmentRunner(begin.limits, begin.folder)
    answers.write(answer_line(_ready(runner, begin)))
    while True:
        request = requests.get()
        if isinstance(request, Begin):
            continue
        signal.alarm(math.ceil(request.seconds) + _BEYOND)
        answer = _answer(runner, request, answers)
        signal.alarm(0)
        answers.write(answer_line(answer))


def _ready(runner: SegmentRunner, begin: Begin) -> dict[str, Any]:
    """Open DuckDB, and bound the process by what it says that the limits mean."""
    from runner.engine.duckdb.compiled import duckdb

    try:
        settings = "select current_setting('memory_limit'), current_setting('threads')"
        [(memory, threads)] = runner.parser().execute(settings).fetchall()
    except duckdb.Error:
        return {"unusable": begin.limits.memory}
    except OSError as error:
        return {"refused": error.strerror or "the operating system refused"}
    bound_memory(memory, threads)
    return {"ready": True}


def _answer(runner: SegmentRunner, request: Question, answers: BinaryIO) -> dict[str, Any]:
    try:
        if isinstance(request, SmallRequest):
            written = runner.write_small(request.small, request.sources, request.folder).items()
            return {"written": {place: [one.file, [*map(finding_as_data, one.warnings)]] for place, one in written}}
        findings = _carried_out(runner, request, partial(_report, answers, [0.0]))
        return {"findings": [finding_as_data(finding) for finding in findings]}
    except SegmentError as error:
        return {"error": error_as_data(error)}
    except MemoryError:
        return {"no_memory": True}
    except Exception as error:  # noqa: BLE001 (a fault of ours: its place is reported, never its words)
        import traceback

        frames = traceback.extract_tb(error.__traceback__)
        return {"fault": type(error).__name__, "at": [f"{frame.filename}:{frame.lineno}" for frame in frames][-5:]}


def _carried_out(
    runner: SegmentRunner,
    request: CheckRequest | AdviceRequest | WriteRequest,
    on_progress: Callable[[float], None],
) -> tuple[Finding, ...]:
    """Raises SegmentError."""
    if isinstance(request, CheckRequest):
        return runner.check(request.query, request.sources)
    if isinstance(request, AdviceRequest):
        return runner.advise(request.query)
    return runner.write(request.query, request.sources, request.rows, request.target, request.readable, on_progress)


def _report(answers: BinaryIO, last: list[float], percent: float) -> None:
    now = time.monotonic()
    if now - last[0] >= _REST:
        last[0] = now
        answers.write(answer_line({"progress": percent}))


def _remove(folder: Path) -> None:
    """Remove the folder, though a statement may still write into it: into a folder that is gone it cannot."""
    import shutil

    for _ in range(100):
        with suppress(OSError):
            shutil.rmtree(folder)
        if not folder.exists():
            return
        time.sleep(0.01)

"""Plots drawn by other processes while this one writes pages: of many audiences, drawing is most of the work.

The library that draws lets no other thread of its process go on meanwhile, so that threads alone gain nothing.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from queue import SimpleQueue

from runner.core.errors import HeadcountError
from runner.process_limits import clean_environment, own_python
from runner.reports.html.plots import Draw, Points, drawn, prepare

WORTH_IT = 30
"""Pages from which on other processes save more than they take to start: a second of CPU time each."""

MOST = 2
"""Processes that draw, at most: with more of them this one, which writes the pages, is the slowest."""

_MAIN = "from runner.reports.html.drawing_process import serve; serve()"


@contextmanager
def drawing(pages: int) -> Iterator[Draw]:
    """What draws the plots of so many pages; may be called from several threads. It gets ready while others work.

    It raises HeadcountError where another process ends before it has drawn.
    """
    if pages < WORTH_IT:
        yield drawn
        return
    with ExitStack() as stack:
        idle: SimpleQueue[subprocess.Popen[bytes]] = SimpleQueue()
        for _ in range(min(MOST, os.cpu_count() or 1)):
            idle.put(stack.enter_context(_process()))

        def draw(kind: str, points: Points) -> str:
            process = idle.get()
            try:
                return _asked(process, kind, points)
            finally:
                idle.put(process)

        yield draw


@contextmanager
def _process() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(  # noqa: S603 (this very Python)
        own_python(_MAIN),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=clean_environment(),
        start_new_session=True,  # a Ctrl-C at the terminal is for the process that asks
    ) as process:
        try:
            yield process
        finally:
            process.kill()
            if process.stdin is not None:
                with suppress(BrokenPipeError):  # what it did not read any more
                    process.stdin.close()


def _asked(process: subprocess.Popen[bytes], kind: str, points: Points) -> str:
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(json.dumps([kind, points]).encode() + b"\n")
        process.stdin.flush()
        answer = process.stdout.readline()
    except BrokenPipeError:
        answer = b""
    if not answer:
        raise HeadcountError("a process that draws the plots was killed", "run the report again")
    svg: str = json.loads(answer)
    return svg


def serve() -> None:
    """Draw what is asked for on the standard input, until it ends: a line of JSON for each plot, and one in answer."""
    prepare()
    for line in sys.stdin.buffer:
        kind, points = json.loads(line)
        sys.stdout.buffer.write(json.dumps(drawn(kind, points)).encode() + b"\n")
        sys.stdout.buffer.flush()

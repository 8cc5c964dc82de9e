"""Plots drawn by a second process beside this one: of many audiences, drawing is more than half of the work.

The library that draws lets no other thread of its process go on meanwhile, so that threads alone gain nothing.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Lock

from runner.core.errors import HeadcountError
from runner.process_limits import clean_environment
from runner.reports.html.plots import Draw, Points, drawn

WORTH_IT = 30
"""Pages from which on a second process saves more than it takes to start: a second of CPU time."""

_MAIN = "import sys; sys.path[:] = {path!r}; from runner.reports.html.drawing_process import serve; serve()"
"""Nothing is imported out of the current folder, unless this process does."""


@contextmanager
def drawing(pages: int) -> Iterator[Draw]:
    """What draws the plots of so many pages; may be called from several threads.

    It raises HeadcountError where the second process ends before it has drawn.
    """
    if pages < WORTH_IT:
        yield drawn
        return
    with subprocess.Popen(  # noqa: S603 (this very Python)
        [sys.executable, "-I", "-S", "-c", _MAIN.format(path=[entry for entry in sys.path if entry])],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=clean_environment(),
        start_new_session=True,  # a Ctrl-C at the terminal is for the process that asks
    ) as process:
        try:
            yield _Remote(process).draw
        finally:
            process.kill()
            if process.stdin is not None:
                with suppress(BrokenPipeError):  # what it did not read any more
                    process.stdin.close()


class _Remote:
    """Asks the second process, one plot after the other; a plot that would have to wait is drawn here."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self._turn = Lock()

    def draw(self, kind: str, points: Points) -> str:
        sink, source = self._process.stdin, self._process.stdout
        assert sink is not None
        assert source is not None
        if not self._turn.acquire(blocking=False):
            return drawn(kind, points)
        try:
            sink.write(json.dumps([kind, points]).encode() + b"\n")
            sink.flush()
            answer = source.readline()
        except BrokenPipeError:
            answer = b""
        finally:
            self._turn.release()
        if not answer:
            raise HeadcountError("the process that draws the plots was killed", "run the report again")
        svg: str = json.loads(answer)
        return svg


def serve() -> None:
    """Draw what is asked for on the standard input, until it ends: a line of JSON for each plot, and one in answer."""
    for line in sys.stdin.buffer:
        kind, points = json.loads(line)
        sys.stdout.buffer.write(json.dumps(drawn(kind, points)).encode() + b"\n")
        sys.stdout.buffer.flush()

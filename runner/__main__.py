"""The `headcount` command; `python -m runner` is the same."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress

from runner.interruption import interrupt

_INTERRUPTED = 130


def main() -> None:
    """Run the command line and exit with its code."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, lambda *_: interrupt())
    try:
        from runner.cli.app import run

        code = run()
    except KeyboardInterrupt:  # between two of our own try statements, or before the first
        sys.stderr.write("Interrupted.\n")
        code = _INTERRUPTED
    if code == _INTERRUPTED:
        _leave(code)
    raise SystemExit(code)


def _leave(code: int) -> None:
    """End at once. A call or a statement may be under way in a thread that nobody waits for any more: Python would end
    it in the middle of what is not Python, which the C++ of DuckDB answers by aborting the process."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)


if __name__ == "__main__":
    main()

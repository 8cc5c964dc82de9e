"""The `headcount` command; `python -m runner` is the same."""

from __future__ import annotations

import gc
import os
import signal
import sys
from pathlib import Path

from runner.interruption import interrupt
from runner.process_limits import keep_memory_private

_INTERRUPTED = 130


def main() -> None:
    """Run the command line and end the process with its code."""
    keep_memory_private()
    # Imports and documents make many values that stay: looking for garbage among them took a tenth of a short command.
    gc.set_threshold(200_000, 20, 50)
    heard = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if heard:
        signal.signal(signal.SIGINT, lambda *_: interrupt())
    # A program that starts others may give them no place to write to.
    sys.stdout, sys.stderr = (stream or Path(os.devnull).open("w") for stream in (sys.stdout, sys.stderr))  # noqa: SIM115
    try:
        try:
            from runner.cli.app import run

            code = run()
        except KeyboardInterrupt:  # between two of our own try statements, or before the first
            code = _INTERRUPTED
            if os.environ.get("HEADCOUNT_LOG") != "json":
                sys.stderr.write("Interrupted.\n")
        if heard:
            signal.signal(signal.SIGINT, lambda *_: os._exit(_INTERRUPTED))
    except KeyboardInterrupt:  # one more
        os._exit(_INTERRUPTED)
    _end(code)


def _end(code: int) -> None:
    """End at once: commands close what they opened, and taking the rest apart would take a tenth of a second more.

    After a second Ctrl-C a call or a statement may be under way in a thread that nobody waits for. Python would end it
    in the middle of what is not Python, which the C++ of DuckDB answers by aborting the process.
    """
    try:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
    except (OSError, ValueError):
        if code != _INTERRUPTED:
            raise SystemExit(code) from None  # Python reports it, and has a code for it
    os._exit(code)


if __name__ == "__main__":
    main()

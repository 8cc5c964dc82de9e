"""The `headcount` command; `python -m runner` is the same."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line and exit with its code."""
    try:
        from runner.cli.app import run

        code = run()
    except KeyboardInterrupt:  # between two of our own try statements, or before the first
        sys.stderr.write("Interrupted.\n")
        code = 130
    raise SystemExit(code)


if __name__ == "__main__":
    main()

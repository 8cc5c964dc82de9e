"""The `headcount` command; `python -m runner` is the same."""

from __future__ import annotations


def main() -> None:
    """Run the command line and exit with its code."""
    from runner.cli.app import run

    raise SystemExit(run())


if __name__ == "__main__":
    main()

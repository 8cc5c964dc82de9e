"""Counts with their noun; apart from the other words, for commands that load nothing else of the reports."""

from __future__ import annotations


def plural(count: int, one: str, many: str = "") -> str:
    """`1 segment`, `2 segments`, `1,200 people`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"

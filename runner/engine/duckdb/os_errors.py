"""What the machine refused or ran out of, as sentences: a full disk is neither damage nor a bad query."""

from __future__ import annotations

from pathlib import Path

ROOM = "free memory and space for temporary files, or raise HEADCOUNT_MEMORY_LIMIT"
"""What to do when DuckDB has neither memory nor space to spill to."""

_KNOWN = (
    "No space left on device",
    "Disk quota exceeded",
    "Too many open files",
    "Permission denied",
    "Read-only file system",
)


def reason(error: Exception) -> str:
    """The operating system's words where it is at fault, or nothing: DuckDB's own words may quote what it read."""
    if isinstance(error, OSError):
        return error.strerror or "the operating system refused"
    text = str(error)
    return next((known for known in _KNOWN if known in text), "")


def full(error: Exception) -> bool:
    """Whether a disk is full: only writing meets that, and segments write nothing but temporary files."""
    return reason(error) in _KNOWN[:2]


def temporary_folder(folder: Path, why: str) -> tuple[str, str]:
    """Message and hint for a folder for temporary files that is full or may not be used."""
    return f"the folder for temporary files {folder} cannot be used: {why}", _ELSEWHERE


_ELSEWHERE = "free space in it, or name a folder with more room in TMPDIR"

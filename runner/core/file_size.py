"""How much a file holds, as a person reads it: a small file is never "0.0 MB"."""

from __future__ import annotations


def file_size(count: int) -> str:
    """So many bytes in the unit that suits them: `640 bytes`, `12.3 kB`, `1.5 MB`, `2,048.0 GB`."""
    if count < 1_000:
        return "1 byte" if count == 1 else f"{count} bytes"
    size, unit = count / 1_000, "kB"
    for larger in ("MB", "GB"):
        if size >= 999.95:  # what would be written as 1,000.0
            size, unit = size / 1_000, larger
    return f"{size:,.1f} {unit}"

"""States that earlier commits of Headcount left."""

from __future__ import annotations

from pathlib import Path
from zipfile import ZipFile

FORMAT_2 = Path(__file__).with_name("format_2.zip")


def unpack(archive: Path, folder: Path) -> Path:
    """Put a project and its state (`state/`) into a folder, which it gives back."""
    with ZipFile(archive) as files:
        files.extractall(folder)
    return folder

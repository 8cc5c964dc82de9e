"""The bytes of a file of a source, wherever it is."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

from runner.object_stores.addresses import is_object
from runner.object_stores.object_file import opened


def opened_file(file: str) -> BinaryIO:
    """A local file, or an object that was listed. Raises OSError, and StoreFault for an object."""
    return opened(file) if is_object(file) else Path(file).open("rb")

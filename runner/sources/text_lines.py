"""The lines of a text file of a source, packed or not, or why it has none."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from typing import BinaryIO

from runner.object_stores.addresses import is_object
from runner.object_stores.object_file import opened
from runner.sources.file_bytes import opened_file

SECONDS = 20.0
"""The longest that one file is looked through: what cannot be found by then is reported without a line."""

CHUNK = 5_000
"""Lines between two looks at the clock."""

SAVE = "save it as UTF-8"
WHOLE = "copy or write it again, whole"

Lines = Callable[[str], Iterator[str]]
"""What gives the lines of a file by its name, and raises Unreadable."""


class Unreadable(Exception):
    """Why a file is no text from that line on, and what to do; `message` is empty where it was not looked into."""

    def __init__(self, line: int, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.line, self.message, self.hint = line, message, hint


def is_zstd(file: str) -> bool:
    """Whether the file is packed in a way that only the engine unpacks."""
    return file.lower().endswith(".zst")


def plain_lines(file: str) -> Iterator[str]:
    """The lines of a file as UTF-8, unpacked where its name ends in .gz. Raises Unreadable, for one in .zst always."""
    import gzip

    if is_zstd(file):
        raise Unreadable(1, "")
    number = 0
    try:
        with _opened(file) as content:
            for raw in content:
                number += 1
                if number == 1 and raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
                    raise Unreadable(1, "it is UTF-16, not UTF-8", SAVE)
                yield raw.decode("utf-8-sig" if number == 1 else "utf-8")
    except UnicodeDecodeError:
        raise Unreadable(number, "this line is not UTF-8", SAVE) from None
    except (EOFError, gzip.BadGzipFile, zlib.error):
        message = "it is cut off, or no gzip file, though its name ends in .gz"
        raise Unreadable(number + 1, message, WHOLE) from None
    except OSError as error:
        raise Unreadable(1, f"it cannot be read ({error.strerror or 'the system refused'})") from None


def _opened(file: str) -> BinaryIO:
    if file.lower().endswith(".gz"):
        import gzip

        return gzip.open(opened(file) if is_object(file) else file, "rb")  # type: ignore[return-value]
    return opened_file(file)

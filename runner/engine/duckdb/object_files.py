"""Objects as DuckDB reads them: through a file system of ours, which knows what was listed and writes nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any
from zlib import crc32

from runner.core.file_patterns import path_of
from runner.object_stores.addresses import SCHEMES, is_object
from runner.object_stores.exchange import CONNECTIONS
from runner.object_stores.object_file import ObjectFile
from runner.object_stores.reach import objects

if TYPE_CHECKING:
    import duckdb


def let_read_objects(connection: duckdb.DuckDBPyConnection, files: Collection[str]) -> None:
    """Have an instance read objects, if any of these paths is one's. It asks only for the bytes that it needs."""
    if not any(map(is_object, files)) or SCHEMES[0] in connection.list_filesystems():
        return
    if find_spec("fsspec") is not None:  # else looking for the objects, which comes next, says what to install
        connection.register_filesystem(_file_system())


@contextmanager
def side_by_side(connection: duckdb.DuckDBPyConnection, files: Collection[str]) -> Iterator[None]:
    """While tables are looked at, have an instance ask for several objects at a time: it waits for each, and a table
    may be thousands."""
    [(threads,)] = connection.execute("select current_setting('threads')").fetchall()
    more = max(int(threads), CONNECTIONS) if any(map(is_object, files)) else int(threads)
    if more == int(threads):
        yield
        return
    connection.execute(f"set threads = {more}")
    yield
    connection.execute(f"set threads = {threads}")


def _file_system() -> Any:
    """What DuckDB takes as a file system: it calls these methods and no others. A pattern is one address."""
    from fsspec import AbstractFileSystem  # type: ignore[import-untyped, unused-ignore]

    class ObjectFileSystem(AbstractFileSystem):  # type: ignore[misc]
        protocol = SCHEMES
        cachable = False

        def open(self, path: str, mode: str = "rb", **_: Any) -> ObjectFile:
            if mode != "rb":
                raise PermissionError(path)
            return ObjectFile(objects().known(path))

        def glob(self, path: str, **_: Any) -> list[str]:
            return [path_of(path)]

        def unstrip_protocol(self, name: str) -> str:
            return name

        def exists(self, path: str, **_: Any) -> bool:
            return objects().known(path) is not None

        def size(self, path: str) -> int:
            return objects().known(path).size

        def modified(self, path: str) -> datetime:
            return _stand_in(objects().known(path).e_tag)

        def info(self, path: str, **_: Any) -> dict[str, Any]:
            return {"name": path, "size": objects().known(path).size, "type": "file"}

    return ObjectFileSystem()


def _stand_in(e_tag: str) -> datetime:
    """A time in the past for each content. DuckDB keeps what it read by it, but not of a file that was written just
    now, since a clock alone does not tell whether it is written again: an ETag does.
    """
    return datetime.fromtimestamp(crc32(e_tag.encode()) >> 2, UTC)

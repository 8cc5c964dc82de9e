"""Writing Parquet files of the state, and saying what is wrong with one that cannot be written or read.

A file of the state is called damaged only when DuckDB names it and the machine has not run out of anything: after
damage one refills the audience, or restores an older membership.
"""

# ruff: noqa: S608 (paths are quoted)

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from runner.core.errors import StateError
from runner.core.identifiers import IdentifierType
from runner.core.sql_quoting import literal, one_file
from runner.engine.duckdb import cancellable
from runner.engine.duckdb.os_errors import ROOM, reason, temporary_folder
from runner.engine.duckdb.session import UNPACKED, load

if TYPE_CHECKING:
    import duckdb


PACKED = "(format parquet, compression zstd)"
_HASHES = UNPACKED.replace("dictionary_size_limit 8", "dictionary_size_limit 4096")
"""As hashes are written elsewhere, but a column of few values, which run added a member, takes 2 bytes and not 4."""
_RANDOM = frozenset({IdentifierType.EMAIL, IdentifierType.PHONE_NUMBER, IdentifierType.MOBILE_AD_ID})
"""The types whose wire forms are hashes, or as good as."""


def write_whole(
    connection: duckdb.DuckDBPyConnection,
    query: str,
    path: Path,
    types: Collection[IdentifierType],
    made_from: tuple[Path, ...],
    temporary: Path,
) -> None:
    """Write the query's rows to `path`, under another name first: a process that dies leaves no half of a file there.

    A power cut may: the state flushes the file before it points to it, and removes one that nothing points to.

    `types` are those of the identifiers in it, `made_from` the files of the state that the query reads; `temporary` is
    where it spills to. Raises StateError.
    """
    from runner.engine.duckdb.compiled import duckdb

    unfinished = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        form = _HASHES if _RANDOM.issuperset(types) else PACKED
        cancellable.run(connection, f"copy ({query}) to {literal(unfinished)} {form}")
        unfinished.chmod(0o600)
        unfinished.replace(path)
    except (duckdb.OutOfMemoryException, MemoryError):
        raise StateError(f"{path} cannot be written: {_SHORT}", f"nothing was changed; {ROOM}") from None
    except (duckdb.Error, OSError) as error:
        if isinstance(error, duckdb.Error) and unfinished.name not in str(error):
            raise _judged(error, f"writing {path}", made_from, temporary) from None
        why = reason(error) or "DuckDB could not do it"
        raise StateError(
            f"{path} cannot be written: {why}", "nothing was changed; free space, or check its rights"
        ) from None
    finally:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)


def columns_of(connection: duckdb.DuckDBPyConnection, path: Path) -> frozenset[str]:
    """The columns that a file has: one of before lacks those that were added since. Raises what DuckDB raises."""
    rows = cancellable.run(connection, f"select name from parquet_schema({one_file(path)})")
    return frozenset(str(name) for (name,) in rows)


def unreadable(path: Path) -> StateError:
    """The error for a file of the state that is missing or damaged."""
    hint = "`headcount sync --rebuild` of this activation clears the audience and fills it again"
    return StateError(f"{path} cannot be read: it is missing or damaged", hint)


@contextmanager
def translating_errors(what: str, files: tuple[Path, ...], folder: Path) -> Iterator[None]:
    """Turn what DuckDB and the operating system raise while the `files` of the state are read into StateErrors.

    `what` is the subject of the sentences ("the comparison"); `folder` is where temporary files go.
    """
    load()
    from runner.engine.duckdb.compiled import duckdb

    try:
        yield
    except (duckdb.OutOfMemoryException, MemoryError):
        raise StateError(f"{what} failed: {_SHORT}", ROOM) from None
    except OSError as error:
        raise StateError(*temporary_folder(folder, reason(error))) from None
    except duckdb.Error as error:
        raise _judged(error, what, files, folder) from None


def first_damaged(connection: duckdb.DuckDBPyConnection, paths: tuple[Path, ...], folder: Path) -> StateError | None:
    """The error for the first of these files that cannot be read to its end; None where all can.

    For when a statement failed that reads other things as well: what DuckDB says then may be anybody's words.
    """
    from runner.engine.duckdb.compiled import duckdb

    for path in paths:
        try:
            cancellable.run(connection, f"select max(identifier) from read_parquet({one_file(path)})")
        except duckdb.OutOfMemoryException:
            return None
        except duckdb.Error as error:
            return _fault(path, reason(error), folder)
    return None


def _fault(path: Path, why: str, folder: Path) -> StateError:
    """What keeps a file of the state from being read: its rights, no temporary space, or else it is damaged."""
    if why in _RIGHTS:
        return StateError(f"{path} cannot be read: {why}", "check its rights")
    return StateError(*temporary_folder(folder, why)) if why else unreadable(path)


def _judged(error: Exception, what: str, files: tuple[Path, ...], folder: Path) -> StateError:
    """The file of the state that DuckDB names is at fault, unless the machine is; one not named never is."""
    named = next((path for path in files if str(path) in str(error)), None)
    why = reason(error)
    if named:
        return _fault(named, why, folder)
    if why:
        return StateError(*temporary_folder(folder, why))
    return StateError(f"{what} failed; what DuckDB said is not shown because it can quote the data", "run it again")


_RIGHTS = ("Permission denied", "Too many open files")
_SHORT = "it needs more memory, or more temporary space on disk, than there is"

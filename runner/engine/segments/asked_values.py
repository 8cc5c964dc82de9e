"""Wire forms of values that somebody asks about, by the very SQL that segments' columns go through."""
# ruff: noqa: S608 (paths are quoted; all else is the engine's own)

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from runner.core.asked_people import AskedPeople, GivenValue
from runner.core.errors import StateError
from runner.core.identifiers import IdentifierType
from runner.core.sql_quoting import file_list, literal
from runner.engine.duckdb import cancellable
from runner.engine.duckdb.os_errors import reason, temporary_folder
from runner.engine.duckdb.session import UNPACKED
from runner.engine.interface import HASHED, MappedColumn
from runner.engine.segments.normalize import wire_select, without_blanks

if TYPE_CHECKING:
    import duckdb

_AT_ONCE = 50_000
"""Values that are brought to wire forms at one time."""


def write_asked(
    connection: duckdb.DuckDBPyConnection, values: Iterable[tuple[IdentifierType, GivenValue]], folder: Path
) -> AskedPeople:
    """Write the wire forms of values into files in `folder`, which is made. Raises StateError."""
    import duckdb

    try:
        folder.mkdir(mode=0o700)
        return _written(connection, values, folder)
    except (duckdb.Error, OSError) as error:
        raise StateError(*temporary_folder(folder, reason(error) or "DuckDB could not do it")) from None


def _written(
    connection: duckdb.DuckDBPyConnection, values: Iterable[tuple[IdentifierType, GivenValue]], folder: Path
) -> AskedPeople:
    by_type: dict[IdentifierType, list[GivenValue]] = {}
    for kind, value in values:
        by_type.setdefault(kind, []).append(value)
    files: list[Path] = []
    unusable: set[int] = set()
    for kind, given in by_type.items():
        for start in range(0, len(given), _AT_ONCE):
            part = given[start : start + _AT_ONCE]
            file = folder / f"{len(files)}.parquet"
            unusable.update(_write_some(connection, kind, part, file))
            files.append(file)
    counts = {}
    for kind in by_type:
        [(count,)] = cancellable.run(connection, f"select count(distinct identifier) from ({_of(files, kind)})")
        counts[kind] = int(count)
    return AskedPeople(tuple(files), {kind: count for kind, count in counts.items() if count}, tuple(sorted(unusable)))


def _write_some(
    connection: duckdb.DuckDBPyConnection, kind: IdentifierType, given: list[GivenValue], file: Path
) -> Iterator[int]:
    """Write the wire forms of some values of one type; the lines of those that have none."""
    wire = wire_select({MappedColumn(kind): "value"}, "(select unnest($1::varchar[]) as value)")
    texts = [value.text for value in given]
    rows = f"select {kind} as identifier, {kind}_kind as kind from ({wire})"
    forms = f"select identifier from ({rows}) where identifier is not null"
    if kind is IdentifierType.EMAIL:  # a segment may have given the address as its MD5, which is another wire form
        clear = f"select lower({without_blanks('value')}) as text from (select unnest($1::varchar[]) as value)"
        hashed = f"select identifier from ({rows}) where kind = {HASHED}"
        forms += f" union all select unhex(md5(text)) from ({clear}) where unhex(sha256(text)) in ({hashed})"
    cancellable.run(
        connection,
        f"copy (select '{kind}' as identifier_type, identifier, false as unknown from ({forms})) "
        f"to {literal(file)} {UNPACKED}",
        [texts],
    )
    usable = cancellable.run(connection, f"select identifier is not null from ({rows})", [texts])
    return (value.line for value, (there,) in zip(given, usable, strict=True) if not there)


def _of(files: list[Path], kind: IdentifierType) -> str:
    return f"select identifier from read_parquet({file_list(tuple(files))}) where identifier_type = '{kind}'"

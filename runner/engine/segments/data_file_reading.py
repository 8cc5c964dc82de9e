"""Reading a data file again by the engine, where only it can: packed lines, and the rows of JSON and Parquet."""
# ruff: noqa: S608 (types are out of a list, all else is quoted)

from __future__ import annotations

from collections.abc import Iterator
from time import monotonic
from typing import TYPE_CHECKING

from runner.core.sql_quoting import folded, literal, one_file, quoted
from runner.engine.duckdb import cancellable
from runner.engine.duckdb.object_files import let_read_objects
from runner.object_stores.reach import raise_failure
from runner.sources.data_faults import DECLARED_HINT, VALUE_HINT, DataFault, format_of
from runner.sources.json_faults import line_of_record
from runner.sources.text_lines import CHUNK, SECONDS, Lines, Unreadable, is_zstd, plain_lines

if TYPE_CHECKING:
    import duckdb

_LINES = """
    select line from read_csv({file}, columns = {{'line': 'varchar'}}, delim = e'\\x1f', quote = '', escape = '',
        header = false, auto_detect = false, null_padding = true, max_line_size = 4194304)
"""
"""A file as one column: no text file of ours separates fields by U+001F."""

_PARQUET = "select file_row_number + 1, {column} from read_parquet({file}, file_row_number = true)"
_JSON = "select row_number() over (), json ->> {path} from read_json_objects({file})"
_FIRST = """
    select min(number) filter (unfit), count(*) filter (unfit), count(*)
    from (select number, try_cast(value as {type}) is null as unfit from ({values}) as v(number, value)
        where trim(value::varchar) <> '')
"""
"""Number of the first value that is not of the type; how many are not; how many there are."""


def lines_by(connection: duckdb.DuckDBPyConnection) -> Lines:
    """What gives the lines of any text file, those packed with zstd by the engine, on a connection of its own."""

    def lines(file: str) -> Iterator[str]:
        let_read_objects(connection, (file,))
        return _unpacked(file, connection.cursor()) if is_zstd(file) else plain_lines(file)

    return lines


def _unpacked(file: str, connection: duckdb.DuckDBPyConnection) -> Iterator[str]:
    from runner.engine.duckdb.compiled import duckdb

    try:
        with connection:
            found = connection.execute(_LINES.format(file=one_file(file)))
            while rows := found.fetchmany(CHUNK):
                for (line,) in rows:
                    yield f"{line or ''}\n"
    except duckdb.Error:
        raise_failure()
        raise Unreadable(1, "") from None


def unfit_value(
    file: str,
    column: str,
    sql_type: str,
    word: str,
    is_shown: bool,
    connection: duckdb.DuckDBPyConnection,
    *,
    declared: bool = False,
) -> DataFault | None:
    """The first value of a JSON or Parquet file that cannot be cast to the type, `word` to a person.

    None where there is none, where most are such, for then the SQL is to blame, and where it is not found in time.
    A key of JSON is not named, unless it is `declared`: it can be somebody's. A column is, where its name `is_shown`,
    else by its position.
    """
    from runner.engine.duckdb.compiled import duckdb

    let_read_objects(connection, (file,))
    try:
        if format_of(file) == "parquet":
            return _in_parquet(file, column, sql_type, word, is_shown, connection)
        number = _in_json(file, column, sql_type, connection)
    except (duckdb.Error, cancellable.TimeLimitReached):
        return None
    if number is None:
        return None
    line = line_of_record(file, number, lines_by(connection))
    where = "" if line else f"record {number:,}: "
    if declared:
        return DataFault(file, line or 1, f"{where}a value of column {column} is no {word}", DECLARED_HINT)
    return DataFault(file, line or 1, f"{where}a value that the SQL casts is no {word}", VALUE_HINT)


def _in_parquet(
    file: str, column: str, sql_type: str, word: str, is_shown: bool, connection: duckdb.DuckDBPyConnection
) -> DataFault | None:
    described = _rows(connection, f"describe select * from read_parquet({one_file(file)}, hive_partitioning = false)")
    names = [str(name) for name, *_ in described]
    position = next((position for position, name in enumerate(names) if folded(name) == folded(column)), None)
    if position is None:
        return None
    values = _PARQUET.format(file=one_file(file), column=quoted(names[position]))
    number = _number(connection, values, sql_type)
    if number is None:
        return None
    called = column if is_shown else f"{position + 1:,}"
    return DataFault(file, 1, f"row {number:,}: the value of column {called} is no {word}", VALUE_HINT)


def _in_json(file: str, column: str, sql_type: str, connection: duckdb.DuckDBPyConnection) -> int | None:
    if '"' in column or "\\" in column:
        return None  # no path of DuckDB's leads there
    path = literal(f'$."{column}"')
    return _number(connection, _JSON.format(file=one_file(file), path=path), sql_type)


def _number(connection: duckdb.DuckDBPyConnection, values: str, sql_type: str) -> int | None:
    [(first, unfit, all_of_them)] = _rows(connection, _FIRST.format(values=values, type=sql_type))
    return None if first is None or 2 * unfit > all_of_them else int(first)


def _rows(connection: duckdb.DuckDBPyConnection, sql: str) -> list[cancellable.Row]:
    return cancellable.run(connection, sql, deadline=monotonic() + SECONDS)

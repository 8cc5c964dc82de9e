"""What the columns of a table hold, as far as conditions care: from DuckDB's types, and from Arrow's."""

from __future__ import annotations

from runner.core.declared_segment import ColumnKind
from runner.engine.segments.engine_sentences import bare_type

_KINDS = {
    **dict.fromkeys(("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "DECIMAL"), ColumnKind.NUMBER),
    **dict.fromkeys(("UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT"), ColumnKind.NUMBER),
    **dict.fromkeys(("FLOAT", "DOUBLE"), ColumnKind.NUMBER),
    **dict.fromkeys(("UUID", "ENUM"), ColumnKind.WORD),
    **dict.fromkeys(("TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS"), ColumnKind.LOCAL_TIME),
    "TIMESTAMP WITH TIME ZONE": ColumnKind.INSTANT,
    "DATE": ColumnKind.DATE,
    "BOOLEAN": ColumnKind.BOOLEAN,
    "VARCHAR": ColumnKind.TEXT,
}


def column_kind(duckdb_type: str) -> ColumnKind:
    """What a column of a type of DuckDB's holds."""
    written = duckdb_type.strip('"')
    if written.endswith("]"):
        return ColumnKind.OTHER
    return _KINDS.get(written) or _KINDS.get(bare_type(duckdb_type) or "") or ColumnKind.OTHER

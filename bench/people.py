"""Made-up people: `python -m bench.people FILE FIRST LAST [KIND]` writes those numbered FIRST to LAST - 1 as zstd
Parquet, or into the table `people` of a DuckDB file where FILE ends with `.duckdb`.

A number always gives the same address. Of the kind `untidy` each has a capital and a trailing blank; of the kind
`mixed` one in twenty is malformed, and every other person has a further address in `work`. `bucket` (0 to 999) spreads
people evenly and without order.
"""

from __future__ import annotations

import sys
from pathlib import Path

ADDRESS = "lower(to_hex(hash(number)))[:8] || '.' || number || '@' || domain"
COLUMNS = {
    "": f"{ADDRESS} as email",
    "untidy": f"'A' || {ADDRESS} || ' ' as email",
    "mixed": f"""case when hash(number + 3) % 20 = 0 then 'malformed ' || number else {ADDRESS} end as email,
        case when hash(number + 5) % 2 = 0 then 'work.' || {ADDRESS} end as work""",
}
"""The columns with addresses, by the kind of people."""


def write(path: Path, first: int, last: int, kind: str = "") -> None:
    import duckdb

    rows = f"""
        select {COLUMNS[kind]},
               (hash(number + 7) % 1000)::smallint as bucket
        from (
            select range as number,
                   ['mail', 'post', 'inbox', 'letters'][1 + (hash(range) % 4)::integer] || '.example' as domain
            from range({first}, {last})
        )"""
    unfinished = path.with_suffix(".tmp")
    if path.suffix == ".duckdb":
        unfinished.unlink(missing_ok=True)
        with duckdb.connect(str(unfinished)) as connection:
            connection.execute(f"create table people as {rows}")
    else:
        duckdb.execute(f"copy ({rows}) to '{unfinished}' (format parquet, compression zstd)")
    unfinished.replace(path)


if __name__ == "__main__":
    write(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), *sys.argv[4:])

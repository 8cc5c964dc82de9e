"""Made-up people: `python -m bench.people FILE FIRST LAST [untidy]` writes those numbered FIRST to LAST - 1 as zstd
Parquet.

A number always gives the same address; `untidy` gives each a capital and a trailing blank. `bucket` (0 to 999) spreads
people evenly and without order.
"""

from __future__ import annotations

import sys
from pathlib import Path


def write(path: Path, first: int, last: int, *, untidy: bool = False) -> None:
    import duckdb

    address = "lower(to_hex(hash(number)))[:8] || '.' || number || '@' || domain"
    unfinished = path.with_suffix(".tmp")
    duckdb.execute(
        f"""copy (
            select {f"'A' || {address} || ' '" if untidy else address} as email,
                   (hash(number + 7) % 1000)::smallint as bucket
            from (
                select range as number,
                       ['mail', 'post', 'inbox', 'letters'][1 + (hash(range) % 4)::integer] || '.example' as domain
                from range({first}, {last})
            )
        ) to '{unfinished}' (format parquet, compression zstd)"""
    )
    unfinished.replace(path)


if __name__ == "__main__":
    write(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), untidy="untidy" in sys.argv[4:])

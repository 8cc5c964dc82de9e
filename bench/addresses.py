"""`python -m bench.addresses FILE`: the addresses of a file of people as lines, for a database to copy in."""

from __future__ import annotations

import sys

import duckdb

if __name__ == "__main__":
    duckdb.execute(f"copy (select email from '{sys.argv[1]}') to '/dev/stdout' (format csv, header false)")

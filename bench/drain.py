"""`python -m bench.drain`: read a column of Postgres through the driver that Headcount uses, and only count it.

The address is in HEADCOUNT_BENCH_URI, the password in PGPASSWORD.
"""

from __future__ import annotations

import os
from importlib import import_module

import adbc_driver_manager
import duckdb


def main() -> None:
    with (
        adbc_driver_manager.AdbcDatabase(
            driver=import_module("adbc_driver_postgresql")._driver_path(), uri=os.environ["HEADCOUNT_BENCH_URI"]
        ) as database,
        adbc_driver_manager.AdbcConnection(database) as connection,
        adbc_driver_manager.AdbcStatement(connection) as statement,
    ):
        statement.set_sql_query("select email from people")
        handle, _ = statement.execute_query()
        duckdb.register("stream", handle)
        print(duckdb.execute("select count(email) from stream").fetchall())


if __name__ == "__main__":
    main()

"""fakesnow, which answers as Snowflake does, as the tests' Snowflake: a server of its own.

It is installed apart, since it asks for packages of other versions: `make test-snowflake` does that.
"""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

PROGRAM = "FAKESNOW"
"""The environment variable that names the program."""


@dataclass(frozen=True, slots=True)
class Snowflake:
    """A running server: `options` lead a driver to it; its connection makes tables."""

    options: Mapping[str, str]
    connection: Any

    def run(self, sql: str) -> None:
        """Run statements, which stand with semicolons between them."""
        import adbc_driver_manager

        for one in filter(None, map(str.strip, sql.split(";"))):
            with closing(adbc_driver_manager.AdbcStatement(self.connection)) as statement:
                statement.set_sql_query(one)
                statement.execute_query()


@contextmanager
def running_snowflake() -> Iterator[Snowflake]:
    """A server that ends with the context."""
    import adbc_driver_manager
    import adbc_driver_snowflake

    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen(
        [os.environ[PROGRAM], "--server", "--port", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        while True:
            assert server.poll() is None
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                time.sleep(0.02)
        there = {"host": "127.0.0.1", "port": str(port), "protocol": "http"}
        options = {f"adbc.snowflake.sql.uri.{name}": value for name, value in there.items()}
        login = {"adbc.snowflake.sql.account": "fakesnow", "username": "fake", "password": "snow", **options}
        with (
            closing(adbc_driver_manager.AdbcDatabase(driver=adbc_driver_snowflake._driver_path(), **login)) as database,
            closing(adbc_driver_manager.AdbcConnection(database)) as connection,
        ):
            yield Snowflake(options, connection)
    finally:
        server.kill()
        server.wait()

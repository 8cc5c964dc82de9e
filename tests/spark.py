"""Sail, an engine that speaks Spark Connect, as the tests' Spark: a server of its own, with views that all may read."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Spark:
    """A running server, with a connection that makes views."""

    url: str
    connection: Any

    def run(self, sql: str) -> None:
        """Run a statement."""
        import adbc_driver_manager

        with closing(adbc_driver_manager.AdbcStatement(self.connection)) as statement:
            statement.set_sql_query(sql)
            statement.execute_query()


@contextmanager
def running_spark(folder: Path) -> Iterator[Spark]:
    """A server that works in a folder; it ends with the context."""
    import adbc_driver_manager
    import adbc_driver_spark

    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    program = Path(sys.executable).with_name("sail")
    server = subprocess.Popen(
        [str(program), "spark", "server", "--port", str(port), "--directory", str(folder)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        while True:
            assert server.poll() is None
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                time.sleep(0.02)
        url = f"sc://127.0.0.1:{port}"
        with (
            closing(adbc_driver_manager.AdbcDatabase(driver=adbc_driver_spark._driver_path(), uri=url)) as database,
            closing(adbc_driver_manager.AdbcConnection(database)) as connection,
        ):
            yield Spark(url, connection)
    finally:
        server.kill()
        server.wait()

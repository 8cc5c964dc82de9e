"""A project folder to measure: files, data, a state, and the commands that a person would type."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.measure import Command, measured, python
from tests.sandbox_client import Sandbox

ROOT = Path(__file__).resolve().parent.parent

SHOP = """\
kind: Source
name: shop
{source}
---
kind: Destination
name: criteo
type: criteo
advertiser_id: "12345"
batch_size: {batch_size}
rate_limit: {rate_limit}
credentials:
  client_id: "{{{{ env('CRITEO_CLIENT_ID') }}}}"
  client_secret: "{{{{ env('CRITEO_CLIENT_SECRET') }}}}"
defaults:
  mapping: {{email: email}}
"""

ACTIVATION = """\
kind: Activation
id: {id}
segment:
  name: Segment {id}
  sql: {sql}
{source}"""

NO_PACING = 1_000_000
"""A rate limit that never makes a call wait."""


def environment(**more: str) -> dict[str, str]:
    """This process's environment without settings of Headcount's or the credentials of whoever measures.

    Python keeps its bytecode, as where a package was installed: else each command compiled Headcount anew.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("CRITEO_", "HEADCOUNT_"))}
    kept.pop("PYTHONDONTWRITEBYTECODE", None)
    found = kept.get("PYTHONPATH")
    paths = os.pathsep.join([str(ROOT), *([found] if found else [])])
    return {**kept, "PYTHONPATH": paths, "CRITEO_CLIENT_ID": "sandbox", "CRITEO_CLIENT_SECRET": "sandbox", **more}


class Project:
    """A folder with activations over one table, `shop.people`, in a Parquet or DuckDB file that `people` says."""

    def __init__(
        self,
        folder: Path,
        url: str,
        *,
        rate_limit: int = NO_PACING,
        batch_size: int = 50_000,
        duckdb: bool = False,
        **more: str,
    ) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        (folder / "activations").mkdir(parents=True)
        self.folder = folder
        self.state = folder / ".headcount"
        self._saved = folder / "saved"
        self._cache = folder / "cache"
        self._environment = environment(CRITEO_API_URL=url, HEADCOUNT_CACHE=str(self._cache), **more)
        self._people = folder / ("people.duckdb" if duckdb else "people.parquet")
        source = f"type: duckdb\npath: {self._people}" if duckdb else f"type: files\ntables: {{people: {self._people}}}"
        shop = SHOP.format(source=source, rate_limit=rate_limit, batch_size=batch_size)
        (folder / "activations" / "shop.yaml").write_text(shop, encoding="utf-8")

    def people(self, file: Path) -> None:
        """Who is in the table from now on."""
        self._people.unlink(missing_ok=True)
        self._people.hardlink_to(file)

    def activation(self, name: str, sql: str, source: str = "", mapping: str = "") -> None:
        """An activation over the table, or over a warehouse of that name; `mapping` takes the place of the default."""
        text = ACTIVATION.format(id=name, sql=sql, source=f"  source: {source}\n" if source else "")
        text += f"mapping: {mapping}\n" if mapping else ""
        (self.folder / "activations" / f"{name}.yaml").write_text(text, encoding="utf-8")

    def command(self, *arguments: str, before: Callable[[], None] | None = None) -> Command:
        """A `headcount` command; `before` runs ahead of each run of it."""
        return Command(python("-m", "runner", *arguments), self.folder, self._environment, before)

    def run(self, *arguments: str) -> str:
        return measured(self.command(*arguments)).output

    def forget(self) -> None:
        shutil.rmtree(self.state, ignore_errors=True)

    def save(self) -> None:
        """Keep the state as it is now, and what this machine knows of it: else an older one would be refused.

        Its big files never change, so they are only linked. That touches them: plans then read them whole.
        """
        shutil.rmtree(self._saved, ignore_errors=True)
        for kept in (self.state, self._cache):
            shutil.copytree(kept, self._saved / kept.name, copy_function=_link_or_copy)

    def restore(self) -> None:
        for kept in (self.state, self._cache):
            shutil.rmtree(kept, ignore_errors=True)
            shutil.copytree(self._saved / kept.name, kept, copy_function=_link_or_copy)

    def state_bytes(self) -> int:
        return sum(path.stat().st_size for path in self.state.rglob("*") if path.is_file())


def _link_or_copy(source: str, target: str) -> None:
    if source.endswith(".parquet"):
        os.link(source, target)
    else:
        shutil.copy2(source, target)


def people(folder: Path, rows: int, first: int = 0, kind: str = "", *, duckdb: bool = False) -> Path:
    """The file of that many people from number `first` on, of a kind that bench.people knows, in Parquet or as a table
    of DuckDB's; made once."""
    kinds = (kind,) if kind else ()
    path = folder / f"{'-'.join(('people', *kinds))}-{first}-{first + rows}.{'duckdb' if duckdb else 'parquet'}"
    if not path.exists():
        arguments = ("-m", "bench.people", str(path), str(first), str(first + rows), *kinds)
        measured(Command(python(*arguments), folder, environment()))
    return path


def limit(name: str, file: Path, *more: str) -> Command:
    """The limit of that name in bench.limits, over a file of people."""
    return Command(python("-m", "bench.limits", name, str(file), *more), file.parent, environment())


@contextmanager
def sandbox(*options: str) -> Iterator[Sandbox]:
    """A sandbox in a process of its own; by default it counts identifiers, keeps none, and limits no rate."""
    chosen = options or ("--count-only", "--rate-limit", "0")
    with served(python("-m", "runner", "sandbox", "--quiet", *chosen, "--port")) as url:
        yield Sandbox(url)


@contextmanager
def served(command: tuple[str, ...]) -> Iterator[str]:
    """A server on this machine, started by the command with a free port after it; yields its address."""
    port = _free_port()
    with subprocess.Popen((*command, str(port)), env=environment(), stdout=subprocess.DEVNULL) as process:
        try:
            _wait_for(port)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def _wait_for(port: int) -> None:
    for _ in range(300):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    raise RuntimeError("the server did not start")

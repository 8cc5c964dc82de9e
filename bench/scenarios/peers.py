"""Other tools that send people from a warehouse to a platform, each doing the most of the same job that it can.

The peers send to a sink that takes everything. Headcount sends to the sandbox, which judges and counts every
identifier: more work on the same two cores, and on Headcount's account.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path

from bench.measure import Command, alternating, measured, python
from bench.peers import CONDOR, DRT, PeerMissing
from bench.project import Project, environment, people, sandbox, served
from bench.results import Row
from bench.scenarios import Bench

PEOPLE = 1_000_000
"""More people than this take the peers too long."""

MOST_OF_DRT = 0.9
MOST_OF_CONDOR = 1 / 30
MOST_MEMORY = 200
"""MB at the peak of a 1 % change on a million."""

MOST_BYTES = 56
"""Of state a member whose fingerprint it has, and the run that added it."""

DRT_SYNC = """\
name: everyone
model: select sha256(lower(trim(email))) as email from people
destination:
  type: rest_api
  url: {url}/lists/1
  headers: {{Content-Type: application/json}}
  body_mode: batch
  batch_template: '{{"identifiers": {{{{ rows | map(attribute="email") | list | tojson_safe }}}}}}'
  max_records_per_request: 50000
sync: {{mode: full, batch_size: 50000, rate_limit: {{requests_per_second: 1000000}}, on_error: fail}}
"""
"""The quickest way found to let it send hashed addresses: DuckDB hashes, batches are as large as Criteo's."""


def drt(bench: Bench) -> list[Row]:
    """A first run. drt-core adds, and keeps no ledger of who was added; Headcount's is part of its time."""
    rows = min(bench.rows, PEOPLE)
    name = f"drt-core, first run of {rows:,}"
    try:
        programs = DRT.installed(bench.folder)
    except PeerMissing as missing:
        return [Row(name, str(missing), ours="not measured")]
    folder = _empty(bench.folder / "drt")
    (folder / "syncs").mkdir()
    (folder / ".drt").mkdir()
    (folder / "drt_project.yml").write_text('name: bench\nversion: "0.1"\nprofile: local\n', encoding="utf-8")
    profile = f"local: {{type: duckdb, database: {folder / 'people.duckdb'}}}\n"
    (folder / ".drt" / "profiles.yml").write_text(profile, encoding="utf-8")
    _load(programs, folder / "people.duckdb", people(bench.folder, rows))
    with served(python("-m", "bench.peers.sink")) as sink, _project(bench, rows) as (project, begin_anew):
        (folder / "syncs" / "everyone.yml").write_text(DRT_SYNC.format(url=sink), encoding="utf-8")
        ours, theirs = alternating(
            min(bench.times, 3),
            project.command("apply", "--yes", before=begin_anew),
            Command((str(programs / "drt"), "run"), folder, environment(HOME=str(folder))),
        )
    return [
        Row.of(
            name,
            f"apply, ledger included; {DRT.versions(programs)}",
            ours,
            theirs,
            "drt-core",
            _at_full_size(rows, MOST_OF_DRT),
        )
    ]


def condor(bench: Bench) -> list[Row]:
    """A first run and a change of 1 %, through the connector of condor-retl that keeps memberships."""
    rows = min(bench.rows, PEOPLE)
    try:
        programs = CONDOR.installed(bench.folder)
    except PeerMissing as missing:
        return [Row("condor-retl", str(missing), ours="not measured")]
    versions = CONDOR.versions(programs)
    folder = _empty(bench.folder / "condor")
    database = folder / "people.duckdb"
    script = str(Path(__file__).resolve().parent.parent / "peers" / "condor_sync.py")
    before, after = people(bench.folder, rows), people(bench.folder, rows, rows // 200)
    with served(python("-m", "bench.peers.sink")) as sink, _project(bench, rows) as (project, begin_anew):
        sync = Command((str(programs / "python"), script, str(database), sink), folder, environment())
        _load(programs, database, before)
        source = database.stat().st_size
        ours, theirs = alternating(1, project.command("apply", "--yes", before=begin_anew), sync)
        first = Row.of(f"condor-retl, first run of {rows:,}", f"apply; {versions}", ours, theirs, "condor-retl")
        files = cycle((after, before))  # from one to the other and back: each time the same number enters and leaves

        def changed() -> None:
            file = next(files)
            project.people(file)
            _load(programs, database, file)

        times = min(bench.times, 3)
        ours, theirs = alternating(times, project.command("apply", "--yes", before=changed), sync)
        name = f"condor-retl, 1 % change on {rows:,}"
        change = Row.of(name, "apply", ours, theirs, "condor-retl", _at_full_size(rows, MOST_OF_CONDOR))
        state = project.state_bytes()
        kept = database.stat().st_size - source
    return [
        first,
        change,
        Row(
            name,
            "memory at the peak",
            f"{ours.peak:,.0f} MB",
            f"condor-retl: {theirs.peak:,.0f} MB",
            f"{ours.peak / theirs.peak:.2f}",
            target=f"under {MOST_MEMORY} MB",
            met=ours.peak < MOST_MEMORY,
            peak=ours.peak,
        ),
        Row(
            name,
            f"state on disk after {times}",
            f"{state / 1e6:.0f} MB, {state / rows:.1f} bytes a member",
            f"condor-retl: {kept / 1e6:.0f} MB more in its database",
            f"{state / kept:.2f}",
            target=f"at most {MOST_BYTES} bytes a member",
            met=state / rows <= MOST_BYTES,
        ),
    ]


def _at_full_size(rows: int, most: float) -> float | None:
    """The aim, which is for a million people; below, the start of every process weighs too much."""
    return most if rows >= PEOPLE else None


@contextmanager
def _project(bench: Bench, rows: int) -> Iterator[tuple[Project, Callable[[], None]]]:
    """A project nothing was applied of, and what makes it so again."""
    with sandbox() as criteo:
        project = Project(bench.folder / "peer", criteo.url)
        project.activation("everyone", "select email from shop.people")
        project.people(people(bench.folder, rows))

        def begin_anew() -> None:
            project.forget()
            criteo.reset()

        yield project, begin_anew


def _load(programs: Path, database: Path, file: Path) -> None:
    """Put the people of a file into a DuckDB database, with the peer's own DuckDB, whose format it reads."""
    statement = f"create or replace table people as select email as customer_id, email from '{file}'"
    code = f'import duckdb; duckdb.connect("{database}").execute("{statement}")'
    measured(Command((str(programs / "python"), "-c", code), database.parent, environment()))


def _empty(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return folder

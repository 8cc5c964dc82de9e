"""The everyday run: one activation, one person in a hundred has changed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from bench.measure import alternating
from bench.project import Project, limit, people, sandbox
from bench.results import Row, verdict
from bench.scenarios import Bench
from tests.sandbox_client import Sandbox

AIMS = {1_000_000: (1.6, 900), 10_000_000: (0.8, 900), 50_000_000: (0.9, 2048)}
"""Up to so many people, a plan takes at most so many times what the bare scan with lower, trim and SHA-256 takes, and
so many MB at the peak, in the command's own process or the one that runs segments."""

IN_TWO_GIGABYTES = 25_000_000
"""People whose fingerprints are looked up in the usual memory; more get twice as much (docs/adr/0049)."""

MOST_UNTIDY, MOST_SEVERAL = 0.9, 1.2
"""The same for addresses that are not as they are hashed, and for two columns with a suppression."""

SUPPRESSION = """\
kind: Suppression
name: never
reason: they asked not to be sent
sql: select {columns} from shop.people where bucket < 400
mapping: {{email: [{columns}]}}
"""


def plan(bench: Bench) -> list[Row]:
    """A plan against what DuckDB alone needs to read and hash the same rows."""
    name = f"steady plan, {bench.scale}, 1 % churn"
    times, memory = next((aims for most, aims in AIMS.items() if bench.rows <= most), AIMS[50_000_000])
    with _steady(bench) as (project, _):
        file = people(bench.folder, bench.rows)
        names = ("plain", "trimmed", "wire-forms")
        ours, *others = alternating(bench.times, project.command("plan"), *(limit(other, file) for other in names))
        bytes_each = project.state_bytes() / bench.rows
    plain, trimmed, wire_forms = others
    return [
        Row.of(name, "against scan, lower, trim(x), SHA-256", ours, plain, "DuckDB", times),
        Row.of(name, "against the same with the set of blanks trimmed", ours, trimmed, "DuckDB", times),
        Row.of(name, "against the engine's wire forms", ours, wire_forms, "DuckDB", times),
        Row(
            name,
            "memory at the peak",
            f"{ours.peak:,.0f} MB",
            f"DuckDB, wire forms: {wire_forms.peak:,.0f} MB",
            f"{ours.peak / wire_forms.peak:.2f}",
            target=f"at most {memory:,} MB",
            met=ours.peak <= memory,
            peak=ours.peak,
        ),
        Row(
            name,
            "state on disk",
            f"{bytes_each:.1f} bytes a member",
            "the hash itself: 32 bytes",
            f"{bytes_each / 32:.2f}",
            target="at most 56 bytes",
            met=bytes_each <= 56,
        ),
    ]


def plan_untidy(bench: Bench) -> list[Row]:
    """The same plan of addresses with a capital and a trailing blank in each: in Parquet, and in a DuckDB table."""
    found = []
    for duckdb, where in ((False, ""), (True, " in a DuckDB table")):
        with _steady(bench, "untidy", duckdb=duckdb) as (project, _):
            file = people(bench.folder, bench.rows, kind="untidy", duckdb=duckdb)
            ours, plain = alternating(bench.times, project.command("plan"), limit("plain", file))
        name = f"steady plan, {bench.scale}, 1 % churn, untidy addresses{where}"
        found.append(Row.of(name, "against scan, lower, trim(x), SHA-256", ours, plain, "DuckDB", MOST_UNTIDY))
    return found


def plan_several(bench: Bench) -> list[Row]:
    """The same plan of two columns with addresses, of which one is half empty, and 5 % malformed; then with a
    suppression over 40 % of the rows; then with that and one clean column, as most projects have it."""
    churn = f"steady plan, {bench.scale}, 1 % churn"
    found = []
    for name, kind, columns, suppressed in (
        ("two columns, 5 % malformed", "mixed", "email, work", False),
        ("two columns, 5 % malformed, 40 % suppressed", "mixed", "email, work", True),
        ("one column, 40 % suppressed", "", "email", True),
    ):
        suppression = SUPPRESSION.format(columns=columns) if suppressed else ""
        with _steady(bench, kind, f"select {columns} from shop.people", suppression) as (project, _):
            file = people(bench.folder, bench.rows, kind=kind)
            ours, plain = alternating(bench.times, project.command("plan"), limit("both" if kind else "plain", file))
        what = f"against scan, lower, trim(x), SHA-256{' of both' if kind else ''}"
        found.append(Row.of(f"{churn}, {name}", what, ours, plain, "DuckDB", MOST_SEVERAL))
    return found


def apply(bench: Bench) -> list[Row]:
    """An apply of the same change against the plan of it: what is left is calls and book-keeping."""
    with _steady(bench) as (project, criteo):
        project.save()
        planned, applied = alternating(
            bench.times, *(project.command(*one, before=project.restore) for one in (("plan",), ("apply", "--yes")))
        )
        calls = sum(call.count is not None for call in criteo.calls()) // bench.times
    # In pairs, since what else the machine does changes from one pair to the next.
    extra = sorted(a.seconds - p.seconds for p, a in zip(planned.runs, applied.runs, strict=True))[bench.times // 2]
    cpu = applied.cpu - planned.cpu
    most = bench.rows / 10_000_000
    return [
        Row(
            f"steady apply, {bench.scale}, 1 % churn",
            f"apply less plan, its {calls} calls included",
            f"{applied.seconds:.2f} s ({applied.spread})",
            f"plan: {planned.seconds:.2f} s",
            f"{extra:+.2f} s",
            f"{cpu:+.2f} s",
            "at most +1 s per 10M, besides the calls",
            verdict(extra <= most, cpu <= most) if bench.rows >= 10_000_000 else None,
            applied.peak,
        )
    ]


@contextmanager
def _steady(
    bench: Bench,
    kind: str = "",
    sql: str = "select email from shop.people",
    suppression: str = "",
    *,
    duckdb: bool = False,
) -> Iterator[tuple[Project, Sandbox]]:
    """A project that was applied twice, after which half a percent left and as many entered: beside its membership
    there is a file of changes, as on any day but the second."""
    with sandbox() as criteo:
        memory = "2GB" if bench.rows <= IN_TWO_GIGABYTES else "4GB"
        project = Project(
            bench.folder / "steady",
            criteo.url,
            duckdb=duckdb,
            HEADCOUNT_MEMORY_LIMIT=memory,
            HEADCOUNT_TIME_LIMIT="3600",
        )
        project.activation("everyone", sql, mapping="{email: [email, work]}" if kind == "mixed" else "")
        if suppression:
            (project.folder / "activations" / "never.yaml").write_text(suppression, encoding="utf-8")
        for first in (0, bench.rows // 200):
            project.people(people(bench.folder, bench.rows, first, kind, duckdb=duckdb))
            project.run("apply", "--yes")
        project.people(people(bench.folder, bench.rows, kind=kind, duckdb=duckdb))
        criteo.forget_calls()
        yield project, criteo

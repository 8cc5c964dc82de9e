"""The first plan and apply, where everybody is new: as fast as Headcount can, and as fast as Criteo lets it."""

from __future__ import annotations

from datetime import datetime

from bench.measure import alternating
from bench.project import Project, limit, people, sandbox
from bench.results import Row
from bench.scenarios import Bench

MOST_TIMES = {"": 1.6, "untidy": 2.0}
"""Aims: the first plan takes at most so many times what the bare scan of the same addresses takes."""

LEAST_A_MINUTE = 20_000_000
"""Aim: identifiers a minute where nothing limits the rate."""

CRITEO_A_MINUTE = 250 * 50_000
"""What Criteo's limit lets through: 250 calls a minute, 50,000 identifiers each."""

RATE = 250
"""Calls a minute, as Criteo allows them."""

SMALL_BATCH = 500
CALLS = 2 * RATE + 60
"""Enough calls to see two full windows."""

LEAST_SHARE = 0.98
"""Aim: the share of the allowed calls that is used."""


def plan(bench: Bench) -> list[Row]:
    """A plan of everybody as new, against what DuckDB alone needs to read and hash the same rows: of clean addresses,
    and of such with a capital and a trailing blank in each."""
    rows: list[Row] = []
    with sandbox() as criteo:
        project = Project(bench.folder / "first", criteo.url)
        project.activation("everyone", "select email from shop.people")
        for kind, most in MOST_TIMES.items():
            file = people(bench.folder, bench.rows, kind=kind)
            project.people(file)
            ours, plain, wire_forms = alternating(
                bench.times, project.command("plan"), limit("plain", file), limit("wire-forms", file)
            )
            name = f"first plan, {bench.scale}, {kind or 'clean'} addresses"
            rows.append(Row.of(name, "against scan, lower, trim(x), SHA-256", ours, plain, "DuckDB", most))
            rows.append(Row.of(name, "against the engine's wire forms", ours, wire_forms, "DuckDB"))
    return rows


def unpaced(bench: Bench) -> list[Row]:
    """From nothing to a filled audience, at a sandbox that counts identifiers and keeps none."""
    with sandbox() as criteo:
        project = Project(bench.folder / "initial", criteo.url)
        project.activation("everyone", "select email from shop.people")
        project.people(people(bench.folder, bench.rows))

        def begin_anew() -> None:
            project.forget()
            criteo.reset()

        [costs] = alternating(min(bench.times, 3), project.command("apply", "--yes", before=begin_anew))
        bytes_each = project.state_bytes() / bench.rows
    a_minute = bench.rows / costs.seconds * 60
    return [
        Row(
            f"initial apply, {bench.scale}, no pacing",
            f"the sandbox works on the same cores; state {bytes_each:.1f} bytes a member",
            f"{costs.seconds:.2f} s ({costs.spread}), {a_minute / 1e6:.1f} million a minute",
            f"Criteo's limit: {CRITEO_A_MINUTE / 1e6:.1f} million a minute",
            f"{a_minute / CRITEO_A_MINUTE:.2f} of the limit",
            target=f"at least {LEAST_A_MINUTE / 1e6:g} million a minute",
            met=a_minute >= LEAST_A_MINUTE,
            peak=costs.peak,
        )
    ]


def paced(bench: Bench) -> list[Row]:
    """An apply of many small batches, at a sandbox that refuses what is over the limit, as Criteo does."""
    rows = CALLS * SMALL_BATCH
    with sandbox("--count-only", "--rate-limit", str(RATE)) as criteo:
        project = Project(bench.folder / "paced", criteo.url, rate_limit=RATE, batch_size=SMALL_BATCH)
        project.activation("everyone", "select email from shop.people")
        project.people(people(bench.folder, rows))
        [costs] = alternating(1, project.command("apply", "--yes"))
        calls = [call for call in criteo.calls() if call.client_id]
    times = sorted(datetime.fromisoformat(call.time).timestamp() for call in calls)
    refused = sum(call.status == 429 for call in calls)
    windows = 2
    needed = times[windows * RATE] - times[0]
    share = 60 * windows / needed
    return [
        Row(
            f"pacing, {RATE} calls a minute",
            f"{windows * RATE} calls took {needed:.1f} s; {refused} answers were 429",
            f"{share:.1%} of the allowed calls",
            f"{60 * windows} s at the limit",
            f"{share:.3f}",
            target="at least 0.98, no 429",
            met=share >= LEAST_SHARE and not refused,
            peak=costs.peak,
        )
    ]

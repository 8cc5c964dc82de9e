"""A thousand activations over one source of a million people, and nothing to do."""

from __future__ import annotations

from bench.limits import segment
from bench.measure import alternating
from bench.project import Project, limit, people, sandbox
from bench.results import Row
from bench.scenarios import Bench

PEOPLE = 1_000_000
MOST_TIMES = 3.0
"""Aim: a plan takes at most so many times what the bare queries take."""


def nothing_to_do(bench: Bench) -> list[Row]:
    """A plan against a thousand bare queries on one connection; each segment holds one person in a hundred.

    A scale below a million people makes do with a hundred activations.
    """
    count = 1000 if bench.rows >= PEOPLE else 100
    name = f"{count:,} activations, 1M people, nothing to do"
    with sandbox() as criteo:
        project = Project(bench.folder / "thousand", criteo.url)
        for number in range(count):
            project.activation(f"segment-{number:04}", segment(number, "shop.people"))
        file = people(bench.folder, PEOPLE)
        project.people(file)
        project.run("apply", "--yes")
        criteo.forget_calls()
        plan, queries, wire_forms = alternating(
            1,
            project.command("plan"),
            limit("bare-queries", file, str(count)),
            limit("queries-with-wire-forms", file, str(count)),
        )
        calls = len([call for call in criteo.calls() if call.client_id])
    what = f"plan ({calls} calls) against the bare queries"
    return [
        Row.of(name, what, plan, queries, "DuckDB", MOST_TIMES),
        Row.of(name, "the same against the queries with wire forms", plan, wire_forms, "DuckDB"),
    ]

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


NEVER = 5_000_000
"""Identifiers that the suppression names; a tenth of the people are among them."""

MOST_WITH_SUPPRESSION = 1.3
"""Aim: a plan with it takes at most so many times what the plan without it takes."""

SUPPRESSION = """\
kind: Source
name: crm
type: files
tables: {{never: {never}}}
---
kind: Suppression
name: no-consent
sql: select email from crm.never
mapping: {{email: email}}
"""


def suppressed(bench: Bench) -> list[Row]:
    """The same plan, with nothing to do, with and without a suppression of five million."""
    count, named = (1000, NEVER) if bench.rows >= PEOPLE else (100, NEVER // 10)
    name = f"{count:,} activations, 1M people, a suppression of {named // 1000:,}k"
    with sandbox() as criteo:
        projects = []
        for folder in ("thousand", "suppressed"):
            project = Project(bench.folder / folder, criteo.url)
            for number in range(count):
                project.activation(f"segment-{number:04}", segment(number, "shop.people"))
            project.people(people(bench.folder, PEOPLE))
            projects.append(project)
        without, with_it = projects
        never = people(bench.folder, named, PEOPLE - PEOPLE // 10)
        text = SUPPRESSION.format(never=never)
        (with_it.folder / "activations" / "never.yaml").write_text(text, encoding="utf-8")
        without.run("apply", "--yes")
        times = min(bench.times, 3)
        plain = alternating(times, without.command("plan"))[0]
        criteo.reset()
        with_it.forget()
        with_it.run("apply", "--yes")
        plan = alternating(times, with_it.command("plan"))[0]
    return [Row.of(name, "plan against the plan without it", plan, plain, "without", MOST_WITH_SUPPRESSION)]

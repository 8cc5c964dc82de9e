"""A thousand activations over one source of a million people, and nothing to do."""

from __future__ import annotations

from bench.limits import RANGE, first_bucket, segment
from bench.measure import alternating
from bench.project import Project, limit, people, sandbox
from bench.results import Row
from bench.scenarios import Bench
from tests.sandbox_client import Sandbox

PEOPLE = 1_000_000
MOST_TIMES = 1.2
"""Aim: a plan takes at most so many times what the bare queries take."""


def nothing_to_do(bench: Bench) -> list[Row]:
    """A plan against a thousand bare queries on one connection; each segment holds one person in a hundred.

    A scale below a million people makes do with a hundred activations.
    """
    count = 1000 if bench.rows >= PEOPLE else 100
    with sandbox() as criteo:
        project = Project(bench.folder / "thousand", criteo.url)
        for number in range(count):
            project.activation(f"segment-{number:04}", segment(number, "shop.people"))
        return _against_queries(bench, project, criteo, f"{count:,} activations, 1M people, nothing to do", count)


ENTITY = """\
kind: Entity
name: person
from: shop.people
key: email
mapping: {email: email}
"""

CONDITIONS = """\
kind: Activation
id: segment-{number:04}
segment:
  name: Segment segment-{number:04}
  of: person
  where:
    - bucket: {{at_least: {first}, less_than: {end}}}
"""


def conditions(bench: Bench) -> list[Row]:
    """The same plan where the same people are found by conditions in place of SQL."""
    count = 1000 if bench.rows >= PEOPLE else 100
    with sandbox() as criteo:
        project = Project(bench.folder / "conditions", criteo.url)
        files = project.folder / "activations"
        (files / "person.yaml").write_text(ENTITY, encoding="utf-8")
        for number in range(count):
            first = first_bucket(number)
            text = CONDITIONS.format(number=number, first=first, end=first + RANGE)
            (files / f"segment-{number:04}.yaml").write_text(text, encoding="utf-8")
        return _against_queries(bench, project, criteo, f"{count:,} segments of conditions, nothing to do", count)


def _against_queries(bench: Bench, project: Project, criteo: Sandbox, name: str, count: int) -> list[Row]:
    """A plan of the project with nothing to do against that many bare queries."""
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


SMALL, FEW, MOST_APIECE = 2000, 50, 0.005
"""So many activations of so few people each. Aim: CPU seconds that each adds to a plan."""


def small_ones(bench: Bench) -> list[Row]:
    """A plan of two thousand activations of fifty people each, and of one: what each of the others adds."""
    count = SMALL if bench.rows >= PEOPLE else SMALL // 10
    with sandbox() as criteo:
        few, one = Project(bench.folder / "small-ones", criteo.url), Project(bench.folder / "small-one", criteo.url)
        file = people(bench.folder, FEW)
        for project, number in ((few, count), (one, 1)):
            for index in range(number):
                project.activation(f"{project.folder.name}-{index:04}", "select email from shop.people")
            project.people(file)
            project.run("apply", "--yes")
        plan, least = alternating(1, few.command("plan"), one.command("plan"))
    apiece = (plan.cpu - least.cpu) / (count - 1)
    return [
        Row(
            f"{count:,} activations, {FEW} people each, nothing to do",
            "CPU time that each adds to a plan",
            f"{apiece * 1000:.1f} ms",
            f"plan of one: {least.cpu:.2f} s",
            target=f"at most {MOST_APIECE * 1000:g} ms",
            met=apiece <= MOST_APIECE,
            peak=plan.peak,
        )
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

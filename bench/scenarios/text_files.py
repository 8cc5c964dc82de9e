"""Many activations over one small CSV file, against the same over the same rows in Parquet."""

from __future__ import annotations

from bench.measure import Command, alternating, measured, python
from bench.project import Project, environment, people, sandbox
from bench.results import Row
from bench.scenarios import Bench

ACTIVATIONS = 153
PEOPLE = 120_000
"""As CSV they take 4 MB."""

MOST_TIMES = 1.2
"""Aim: over CSV a plan takes at most so many times what it takes over Parquet."""

_EACH = 6
"""Buckets of a thousand that a segment is made of."""


def plan(bench: Bench) -> list[Row]:
    """A first plan of all activations, over each of the two files."""
    with sandbox() as criteo:
        projects = []
        for suffix in ("csv", "parquet"):
            project = Project(bench.folder / f"text-{suffix}", criteo.url)
            shop = project.folder / "activations" / "shop.yaml"
            shop.write_text(shop.read_text("utf-8").replace("people.parquet", f"people.{suffix}"), encoding="utf-8")
            project.people(people(bench.folder, PEOPLE))
            for number in range(ACTIVATIONS):
                between = f"between {number * _EACH} and {number * _EACH + _EACH - 1}"
                project.activation(f"segment-{number:03}", f"select email from shop.people where bucket {between}")
            projects.append(project)
        _write_as_csv(projects[0])
        text, parquet = alternating(min(bench.times, 3), *(project.command("plan") for project in projects))
    name = f"{ACTIVATIONS} activations over one CSV file of 4 MB"
    return [Row.of(name, "first plan, against the same rows in Parquet", text, parquet, "Parquet", MOST_TIMES)]


def _write_as_csv(project: Project) -> None:
    copy = "import duckdb; duckdb.execute(\"copy (from 'people.parquet') to 'people.csv'\")"
    measured(Command(python("-c", copy), project.folder, environment()))

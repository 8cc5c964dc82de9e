"""What every command pays before it does anything, and reading thousands of activations."""

from __future__ import annotations

from bench.limits import segment
from bench.measure import Command, Costs, alternating, python
from bench.project import Project, environment, people, sandbox
from bench.results import Row
from bench.scenarios import Bench

MOST_CPU = 0.1
"""Aim: CPU seconds of `--version` and `--help`."""

MOST_PLAN = 0.35
"""Aim: CPU seconds of a plan with nothing to do over a small file, its process that runs segments included."""

MOST_VALIDATE = 0.6
"""Aim: CPU seconds in which the files of a thousand activations are validated."""

MANY, MOST_IN_ONE_FILE = 9_000, 4.0
"""Aim: CPU seconds in which so many activations in one file are validated."""


def help_and_version(bench: Bench) -> list[Row]:
    """`--version` and `--help` against a Python that does nothing."""
    bare = Command(python("-c", "pass"), bench.folder, environment())
    commands = (Command(python("-m", "runner", word), bench.folder, environment()) for word in ("--version", "--help"))
    version, usage, nothing = alternating(max(bench.times, 9), *commands, bare)
    return [_row("headcount --version", version, nothing), _row("headcount --help", usage, nothing)]


def _row(name: str, costs: Costs, nothing: Costs, most: float = MOST_CPU) -> Row:
    return Row(
        name,
        "CPU time",
        f"{costs.cpu:.3f} s",
        f"python -c pass: {nothing.cpu:.3f} s",
        f"{costs.cpu / nothing.cpu:.2f}",
        target=f"at most {most:g} s",
        met=costs.cpu <= most,
        peak=costs.peak,
    )


def plan(bench: Bench) -> list[Row]:
    """A plan with nothing to do over a thousand people: its CPU time is Python's start and imports, twice."""
    bare = Command(python("-c", "pass"), bench.folder, environment())
    with sandbox() as criteo:
        project = Project(bench.folder / "small", criteo.url)
        project.activation("segment", segment(0, "shop.people"))
        project.people(people(bench.folder, 1000))
        project.run("apply", "--yes")
        planned, nothing = alternating(max(bench.times, 9), project.command("plan"), bare)
    return [_row("headcount plan, 1,000 people, nothing to do", planned, nothing, MOST_PLAN)]


def validate(bench: Bench) -> list[Row]:
    """The files of a thousand activations, without and with their data."""
    project = Project(bench.folder / "validate", "http://127.0.0.1:9")
    for number in range(1000):
        project.activation(f"segment-{number:04}", segment(number, "shop.people"))
    project.people(people(bench.folder, 10_000))
    files = project.command("validate", "--no-sources")
    parse = Command(python("-m", "bench.yaml_alone", "activations"), project.folder, environment())
    ours, yaml = alternating(bench.times, files, parse)
    [data] = alternating(1, project.command("validate"))
    row = Row.of("validate, 1,000 files", "against PyYAML's C loader alone", ours, yaml, "yaml.CSafeLoader")
    with_data = f"{data.seconds:.2f} s, CPU {data.cpu:.2f} s"
    return [
        row,
        Row(
            "validate, 1,000 files",
            "without the data (--no-sources)",
            f"{ours.seconds:.2f} s, CPU {ours.cpu:.2f} s",
            target=f"at most {MOST_VALIDATE:g} s of CPU time",
            met=ours.cpu <= MOST_VALIDATE,
            peak=ours.peak,
        ),
        _one_file(bench),
        Row("validate, 1,000 files", "with each one's SQL bound to the data", with_data, peak=data.peak),
    ]


COMPACT = """\
---
kind: Activation
id: segment-{number}
segment: {{name: Of {number}, sql: select email from shop.people where id = {number}}}
"""


def _one_file(bench: Bench) -> Row:
    """Thousands of activations in one file: as long as the files of a project may be."""
    project = Project(bench.folder / "one-file", "http://127.0.0.1:9")
    text = "".join(COMPACT.format(number=number) for number in range(MANY))
    (project.folder / "activations" / "all.yaml").write_text(text, encoding="utf-8")
    [found] = alternating(bench.times, project.command("validate", "--no-sources"))
    return Row(
        f"validate, {MANY:,} activations in one file",
        "without the data (--no-sources)",
        f"{found.seconds:.2f} s, CPU {found.cpu:.2f} s",
        target=f"at most {MOST_IN_ONE_FILE:g} s of CPU time",
        met=found.cpu <= MOST_IN_ONE_FILE,
        peak=found.peak,
    )

"""What every command pays before it does anything, and reading a thousand files."""

from __future__ import annotations

from bench.limits import segment
from bench.measure import Command, Costs, alternating, python
from bench.project import Project, environment, people
from bench.results import Row, verdict
from bench.scenarios import Bench

MOST_CPU = 0.15
"""Aim: CPU seconds of `--version` and `--help`."""

MOST_VALIDATE = 1.5
"""Aim: seconds in which the files of a thousand activations are validated."""


def help_and_version(bench: Bench) -> list[Row]:
    """`--version` and `--help` against a Python that does nothing."""
    bare = Command(python("-c", "pass"), bench.folder, environment())
    commands = (Command(python("-m", "runner", word), bench.folder, environment()) for word in ("--version", "--help"))
    version, usage, nothing = alternating(max(bench.times, 9), *commands, bare)
    return [_row("headcount --version", version, nothing), _row("headcount --help", usage, nothing)]


def _row(name: str, costs: Costs, nothing: Costs) -> Row:
    return Row(
        name,
        "CPU time",
        f"{costs.cpu:.3f} s",
        f"python -c pass: {nothing.cpu:.3f} s",
        f"{costs.cpu / nothing.cpu:.2f}",
        target=f"under {MOST_CPU:g} s",
        met=costs.cpu < MOST_CPU,
        peak=costs.peak,
    )


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
            target=f"under {MOST_VALIDATE:g} s",
            met=verdict(ours.seconds < MOST_VALIDATE, ours.cpu < MOST_VALIDATE),
            peak=ours.peak,
        ),
        Row("validate, 1,000 files", "with each one's SQL bound to the data", with_data, peak=data.peak),
    ]

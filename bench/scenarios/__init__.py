"""What is measured: each scenario is a function from where and how large to measure to rows of the table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from bench.results import Row


@dataclass(frozen=True, slots=True)
class Bench:
    """How to measure: `folder` holds data and projects, `rows` is how many people there are, `times` how often each
    command of a pair runs, `scale` the number of people as it was asked for."""

    folder: Path
    rows: int
    times: int
    scale: str


Scenario = Callable[[Bench], list[Row]]

NAMES = (
    "steady-plan",
    "steady-untidy",
    "steady-several",
    "steady-apply",
    "first-plan",
    "initial-apply",
    "pacing",
    "warehouse",
    "thousand",
    "conditions",
    "small-ones",
    "suppressed",
    "text-files",
    "start-up",
    "small-plan",
    "validate",
    "drt",
    "condor",
)
"""The scenarios of a whole run, the quick and telling ones first."""

LONG_ONES = ("huge",)
"""Scenarios that take long, and run only where they are asked for by name."""

_MODULES: Mapping[str, tuple[str, str]] = {
    "steady-plan": ("steady", "plan"),
    "steady-untidy": ("steady", "plan_untidy"),
    "steady-several": ("steady", "plan_several"),
    "steady-apply": ("steady", "apply"),
    "first-plan": ("initial", "plan"),
    "initial-apply": ("initial", "unpaced"),
    "pacing": ("initial", "paced"),
    "warehouse": ("warehouse", "plan"),
    "thousand": ("thousand", "nothing_to_do"),
    "conditions": ("thousand", "conditions"),
    "small-ones": ("thousand", "small_ones"),
    "suppressed": ("thousand", "suppressed"),
    "text-files": ("text_files", "plan"),
    "start-up": ("startup", "help_and_version"),
    "small-plan": ("startup", "plan"),
    "validate": ("startup", "validate"),
    "drt": ("peers", "drt"),
    "condor": ("peers", "condor"),
    "huge": ("huge", "plan_and_apply"),
}


def scenario(name: str) -> Scenario:
    """The scenario of that name."""
    module, function = _MODULES[name]
    found: Scenario = getattr(import_module(f"bench.scenarios.{module}"), function)
    return found

"""Which commands there are, and where each one is: a run imports the module of the one that it is about, no other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib import import_module

import typer

from runner.cli.ci_outputs import findings_as_data

_PLACES: Mapping[str, str] = {
    "init": "init_validate.init",
    "validate": "init_validate.validate",
    "test": "try_segments.run_tests",
    "show": "show_preview.show",
    "preview": "show_preview.preview",
    "holdout": "holdout_file.holdout",
    "plan": "plan_apply_sync.plan",
    "apply": "plan_apply_sync.apply",
    "sync": "plan_apply_sync.sync",
    "status": "inspect.status",
    "history": "inspect.history",
    "report": "report.report",
    "schedule": "inspect.schedule",
    "why": "why.why",
    "forget": "forget_people.forget",
    "serve": "serve.serve",
    "accounts": "inspect.accounts",
    "doctor": "doctor.doctor",
    "notify": "notify.notify",
    "import": "take_over.import_",
    "state": "state.app",
    "dbt": "dbt.app",
    "sandbox": "sandbox.sandbox",
}
"""By name, in the order of the help: the module in runner/cli/commands, and the function or the group in it."""

_GROUPS = frozenset({"state", "dbt"})
"""Those that have commands of their own."""

_PLAIN = frozenset({"init", "history", "serve", "doctor", "import", "sandbox"})
"""Those that do not write what is wrong in the files as JSON or as annotations."""


def names(first: str) -> tuple[str, ...]:
    """The command that the first argument names; all of them where it names none."""
    return (first,) if first in _PLACES else tuple(_PLACES)


def register(app: typer.Typer, wanted: Iterable[str]) -> None:
    """Have the command line know these commands."""
    for name in wanted:
        module, _, attribute = _PLACES[name].partition(".")
        found = getattr(import_module(f"runner.cli.commands.{module}"), attribute)
        if name in _GROUPS:
            app.add_typer(found, name=name)
        else:
            app.command(name)(found if name in _PLAIN else findings_as_data(found))

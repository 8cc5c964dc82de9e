"""`notify`: who is notified, of what, and whether that works."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC
from typing import TYPE_CHECKING, Annotated, Any

import typer

from runner.cli import exit_codes
from runner.cli.console import show_json, show_text, tell
from runner.cli.notifying import mailing_of
from runner.cli.options import DEFAULT_DIR, Dir, Format, NoColor, Output, Target, Var
from runner.cli.wiring import Setup

if TYPE_CHECKING:
    from runner.core.notices import KeptNotice
    from runner.webhooks.delivery import Posted
    from runner.workflows.send_notices import Mailing


def notify(
    test: Annotated[bool, typer.Option("--test", help="Send one notice to each receiver, and say what came back.")] = (
        False
    ),
    folder: Dir = DEFAULT_DIR,
    target: Target = "",
    format: Output = Format.TEXT,  # noqa: A002 - the option's name
    var: Var = None,
    no_color: NoColor = False,
) -> None:
    """Show who is notified of what, and what is still to be delivered.

    Calls nobody, but for the receivers with --test.
    """
    from runner.reports.notify_report import receivers_document, receivers_text

    setup = Setup.of(folder, var, no_color=no_color, target=target)
    receivers = setup.project().receivers
    mailing = mailing_of(setup, receivers, {})
    posted = _tested(setup, mailing) if test else {}
    kept = () if test else _kept(setup)
    if format is Format.JSON:
        show_json(receivers_document(mailing, kept, posted))
    elif receivers:
        show_text(setup.out, receivers_text(mailing, kept, posted, setup.clock()))
    else:
        tell("The project notifies nobody: `notify` of the Project document names receivers.\n")
    if test and (not receivers or any(not one.taken for one in posted.values())):
        raise typer.Exit(exit_codes.FAILED)


def _kept(setup: Setup) -> tuple[KeptNotice, ...]:
    with closing(setup.state(only_read=True)) as state:
        return state.notices()


def _tested(setup: Setup, mailing: Mailing) -> dict[str, Posted]:
    """What came of a test notice for each receiver, those that nothing can be sent to included."""
    from runner.webhooks.delivery import Posted

    sample = _sample(setup)
    work = {one.name: (one, mailing.addresses[one.name], (sample,)) for one in mailing.reachable}
    posted = mailing.post(work)
    return {
        one.name: posted.get(one.name, Posted(problem=mailing.addresses[one.name].problem)) for one in mailing.receivers
    }


def _sample(setup: Setup) -> dict[str, Any]:
    from uuid import uuid4

    at = f"{setup.clock().astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    return {
        "id": uuid4().hex,
        "incident": uuid4().hex,
        "status": "test",
        "condition": "test",
        "subject": "test",
        "message": "this is a test of Headcount's notices: they arrive",
        "hint": "nothing has to be done",
        "since": at,
        "until": None,
        "owner": None,
        "place": None,
        "command": "notify",
        "run": None,
        "target": setup.target or None,
        "api": None,
        "job": None,
    }

"""One past run with all that is known of it: who did what, by which query, and what let it pass."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from itertools import chain

from runner.core.erasure_receipts import Receipt
from runner.core.local_time import local_time
from runner.core.records import FORGET, NOT_KNOWN, ActivationRun, DefinitionThen, Outcome, Run
from runner.reports.approved_where import where_approved
from runner.reports.cost_text import all_cost
from runner.reports.escape import printable, without_controls
from runner.reports.format import duration, moment, plural
from runner.reports.run_text import outcome_text
from runner.reports.styled_text import Text

NOT_WHOLE = "not all of it is kept any more: outcomes may be missing, and of a sync who ran it"

_Line = tuple[str | None, str]
"""A label and what it says; with an empty label, more of what was said before; with none, a line of SQL."""


def run_details(run: Run, now: datetime, receipt: Receipt | None = None) -> Text:
    """The run, then each activation in it: what was sent, left out and why, what let it pass, and what it applied.

    `receipt` is that of an erasure.
    """
    text = Text().append(f"run {run.id}  {run.command}", style="bold").append(f"  {moment(run.started_at, now)}\n")
    _append(text, chain(_facts(run), _receipt(receipt) if receipt is not None else ()), 4)
    for one in run.activations:
        text.append("\n").append_text(outcome_text(one)).append("\n")
        _append(text, _of_outcome(one), 4)
    if run.unchanged:
        text.append(f"\n= {run.unchanged:,} unchanged\n", style="dim")
    return text


def _receipt(receipt: Receipt) -> Iterator[_Line]:
    yield "receipt", f"{receipt.number}: {receipt.fate}; `headcount forget --receipts` says more"


def _append(text: Text, lines: Iterable[_Line], indent: int) -> None:
    listed = tuple(lines)
    width = max((len(label or "") for label, _ in listed), default=0)
    for label, said in listed:
        line = f"{'':<{indent}}{label or '':<{max(width, 11)}} {said}".rstrip() + "\n"
        text.append(line, whole=label is None)


def _facts(run: Run) -> Iterator[_Line]:
    took = (run.finished_at - run.started_at).total_seconds() if run.finished_at else None
    ended = f", {duration(took)} later" if took is not None else ""
    yield "ended", f"{local_time(run.finished_at, seconds=True)}{ended}" if run.finished_at else "not by itself"
    if run.today is not None:
        yield "today", f"{run.today}: what {{{{ today }}}} meant"
    yield from _origin(run)
    if run.cost is not None:
        yield "segments", all_cost(run.cost)
    if not run.is_whole:
        yield "note", NOT_WHOLE


def _origin(run: Run) -> Iterator[_Line]:
    origin = run.origin
    if origin == NOT_KNOWN:
        yield "by", "not recorded"
        return
    yield "by", printable(origin.person or "not known")
    if origin.ci_job:
        yield "job", printable(origin.ci_job)
    if origin.ci_url:
        yield "" if origin.ci_job else "job", printable(origin.ci_url)
    files = {None: "", False: "; the files are the commit's", True: "; files were changed since, in no commit"}
    yield (
        "commit",
        f"{printable(origin.commit)}{files[origin.dirty]}" if origin.commit else "none: the files are in no git",
    )
    if approved := where_approved(origin):
        yield "approved", printable(approved)
    if run.plan_id:
        yield "plan", run.plan_id


def _of_outcome(one: ActivationRun) -> Iterator[_Line]:
    for kind, counts in one.counts.items():
        suppressed = counts.get("suppressed", 0)
        because = f", {suppressed:,} of them because suppressions name them" if suppressed else ""
        yield kind, f"+{counts['added']:,} -{counts['removed']:,}{because}"
    if one.rows is not None:
        left = [f"{one.suppressed:,} suppressed"] * bool(one.suppressed) + [f"{one.held_out:,} held out"] * bool(
            one.held_out
        )
        yield "segment", plural(one.rows, "row") + (f", {' and '.join(left)}" if left else "")
    if one.permission:
        yield "let pass by", printable(one.permission)
    if one.permission_reason:
        yield "reason", printable(one.permission_reason)
    if one.detail and one.outcome is Outcome.DONE and one.action != FORGET:
        yield "because", printable(one.detail)
    if one.definition is not None:
        yield from _definition(one.definition)


def _definition(one: DefinitionThen) -> Iterator[_Line]:
    """What was applied: its settings on lines of their own, then the SQL as it was."""
    words = f'"{printable(one.name)}"' if one.name else printable(one.reason)
    yield "applied", words
    if one.description:
        yield "", printable(one.description)
    yield (
        "",
        "; ".join(
            f"{kind}: {printable(columns if isinstance(columns, str) else ', '.join(columns))}"
            for kind, columns in one.mapping.items()
        ),
    )
    more: Mapping[str, object] = {**one.options, **{f"holdout {key}": value for key, value in one.holdout.items()}}
    if more:
        yield "", "; ".join(f"{key}: {printable(str(value))}" for key, value in more.items())
    if one.protect:
        yield "", "protected"
    if one.accounts is not None:
        yield "", "for " + ", ".join(printable(f"{of.kind} {of.account_id}") for of in one.accounts)
    for line in without_controls(one.sql.strip("\n")).split("\n"):
        yield None, f"    {line}"

"""The runs of an audience or a suppression: when, what came of them, who ran them, from which commit, how long."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from runner.core.records import Outcome, taken_apart
from runner.reports.format import duration
from runner.reports.html.markup import NOTHING, Html, element, joined
from runner.reports.html.tables import TableColumn, folded, table
from runner.reports.html.words import NONE, ago, entered_words, left_words, short_moment, sub
from runner.workflows.look_back import AudienceRun

SHOWN = 10
"""Runs that everybody sees."""

FOLDED = 15
"""More of them, for those who ask. `headcount history` has all that are kept."""

_COLUMNS = (
    *(TableColumn("Began (UTC)", wide=True), TableColumn("Outcome", wide=True), TableColumn("Entered", figures=True)),
    *(
        TableColumn("Left", figures=True),
        TableColumn("By", wide=True),
        TableColumn("Commit"),
        TableColumn("Took", figures=True),
    ),
)


def runs_table(runs: Sequence[AudienceRun], now: datetime) -> Html:
    """The runs, which are the newest first."""
    heading = element("h2", "Runs")
    if not runs:
        return joined(heading, element("p", "No run is recorded."))
    caption = "Runs that changed something or did not go well, the newest first."
    first = [cells for run in runs[:SHOWN] for cells in _rows(run, now)]
    more = [cells for run in runs[SHOWN : SHOWN + FOLDED] for cells in _rows(run, now)]
    rest = folded("Earlier runs", table("The newest first.", _COLUMNS, more, stacked=True)) if more else NOTHING
    return joined(heading, element("div", table(caption, _COLUMNS, first, stacked=True), rest, class_="card"))


def _rows(one: AudienceRun, now: datetime) -> list[tuple[str, ...]]:
    origin, began, ended = one.run.origin, one.run.started_at, one.run.finished_at
    moment = element("time", short_moment(began), datetime=began.isoformat(timespec="seconds"))
    when = joined(moment, sub(f"{ago(began, now)} · run {one.run.id}, {one.run.command}"))
    who = origin.person
    by = joined(who or NONE, sub(origin.ci_job) if origin.ci_job else NOTHING)
    changed = sub("with changes") if origin.dirty else NOTHING
    commit = joined(origin.commit[:12], changed) if origin.commit else NONE
    took = duration((ended - began).total_seconds()) if ended is not None else NONE
    return [
        (
            when,
            _outcome(part.outcome, part.detail),
            entered_words(part.added),
            left_words(part.removed),
            by,
            commit,
            took,
        )
        for part in one.outcomes
    ]


def _outcome(outcome: Outcome, detail: str) -> Html:
    bad = outcome in (Outcome.FAILED, Outcome.BLOCKED, Outcome.INTERRUPTED)
    word = element("span", str(outcome), **({"class_": "bad"} if bad else {}))
    return joined(word, sub(taken_apart(detail)[0]) if detail else NOTHING)

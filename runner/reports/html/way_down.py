"""The way down: from the rows that a segment yields to the identifiers that a destination counts."""

from __future__ import annotations

from runner.core.records import Outcome
from runner.destinations.registry import platform_of
from runner.quick_dataclass import dataclass
from runner.reports.html.markup import NOTHING, Html, element, joined
from runner.reports.html.tables import TableColumn, table
from runner.reports.html.words import day_words, number, percent
from runner.workflows.look_back import AudienceView


@dataclass(frozen=True, slots=True)
class WayStep:
    """One step: how many are left, or (`less`) how many leave here."""

    name: str
    count: int
    less: bool = False


def steps_of(view: AudienceView) -> tuple[WayStep, ...]:
    """The steps that are known, from top to bottom; those at which nobody leaves are left out."""
    found: list[WayStep] = []
    if view.way is not None:
        way = view.way[1]
        found = [
            WayStep("Rows of the segment", way.rows),
            WayStep("held out", way.held_out, less=True),
            WayStep("without a key for the holdout", way.without_key, less=True),
            WayStep("suppressed", way.suppressed, less=True),
            WayStep("without a usable identifier", way.unusable, less=True),
            WayStep("People", way.people),
        ]
        if way.identifiers or not way.people:
            found.append(WayStep("Identifiers", sum(way.identifiers.values())))
    record = view.status.applied
    if record is not None:
        platform = platform_of(record.kind)
        found += [
            WayStep("Sent, and held now", view.members),
            WayStep(f"called malformed by {platform}", record.invalid, less=True),
            WayStep(f"Accepted by {platform}", max(0, view.members - record.invalid)),
        ]
        if view.counted is not None and view.counted.identifiers is not None:
            found.append(WayStep(f"Counted by {platform}", view.counted.identifiers))
            if view.counted.matches is not None:
                found.append(WayStep(f"Matched by {platform}", view.counted.matches))
    return tuple(one for one in found if one.count or not one.less)


def way_down(view: AudienceView) -> Html:
    """The steps as a table with bars, and below it what is rejected and why."""
    steps = steps_of(view)
    if not steps:
        return NOTHING
    most = max(max(one.count for one in steps), 1)
    rows = [_row(one, most) for one in steps]
    columns = (TableColumn("Step"), TableColumn("Count", figures=True), TableColumn("In proportion"))
    card = element("div", table(_of_when(view), columns, rows, class_="way"), class_="card")
    return joined(element("h2", "From rows to the audience"), card, _rejected(view))


def _of_when(view: AudienceView) -> str:
    if view.way is None:
        return "What is known now."
    day = day_words(view.way[0])
    if view.status.wrong is not None and view.status.wrong.outcome is Outcome.BLOCKED:
        return (
            f"Down to identifiers: what the segment yielded on {day}. A guardrail stopped the last run, so that what "
            "is held is what was sent before."
        )
    return f"As it was on {day}, the last time that it changed."


def _row(step: WayStep, most: int) -> tuple[str, ...]:
    width = f"width:{100 * step.count / most:.1f}%"
    bar = element("span", "", class_="bar less" if step.less else "bar", style=width, aria_hidden="true")
    name = element("span", f"− {step.name}", class_="muted") if step.less else step.name
    return name, number(step.count), bar


def _rejected(view: AudienceView) -> Html:
    heading = element("h2", "Values that cannot be sent")
    if view.way is None:
        return NOTHING
    rejected = sorted(view.way[1].rejected, key=lambda one: (-one.count, one.identifier_type, one.reason))
    if not rejected:
        return joined(heading, element("p", "None: every value that is not blank can be sent."))
    rows = [
        (one.reason, str(one.identifier_type), number(one.count), percent(one.count / max(view.way[1].rows, 1)))
        for one in rejected
    ]
    columns = (
        TableColumn("Reason"),
        TableColumn("Kind"),
        TableColumn("Values", figures=True),
        TableColumn("Of all rows", figures=True),
    )
    caption = "Counted, and never sent. None of them is shown anywhere."
    return joined(heading, element("div", table(caption, columns, rows), class_="card"))

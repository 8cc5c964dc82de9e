"""What an audience has in common with the others, and with which of them it was not compared."""

from __future__ import annotations

from runner.reports.format import plural
from runner.reports.html.markup import Html, element, joined
from runner.reports.html.tables import TableColumn, table
from runner.reports.html.words import listed, number, percent, sub
from runner.workflows.look_back import AudienceView, ProjectView

SHOWN = 20
"""Audiences with most in common that a page lists."""

_COLUMNS = (
    *(TableColumn("Audience", wide=True), TableColumn("Identifiers in both", figures=True)),
    TableColumn("Share of this one", figures=True),
)


def common_table(view: ProjectView, one: AudienceView) -> Html:
    """Those with most in common first."""
    heading = element("h2", "In common with other audiences")
    if not one.common.looked:
        words = "It was not compared with the others." if one.members else "It is empty."
        return joined(heading, element("p", words))
    rows = [
        (_name(view, place), number(count), percent(count / one.members)) for place, count in one.common.shared[:SHOWN]
    ]
    if not rows:
        content = element("p", "No other one has 10 identifiers or more in common with it.")
    else:
        caption = "Counted exactly, from what both hold. Fewer than 10 are not shown."
        content = element("div", table(caption, _COLUMNS, rows, stacked=True), class_="card")
    notes = (element("p", words, class_="muted small") for words in _left_out(view, one))
    return joined(heading, content, *notes)


def _name(view: ProjectView, place: int) -> Html:
    other = view.audiences[place].status
    return joined(other.name or other.activation, sub(f"{other.activation}, in {other.destination}"))


def _left_out(view: ProjectView, one: AudienceView) -> list[str]:
    said = []
    if len(one.common.shared) > SHOWN:
        said.append(f"Left out: {plural(len(one.common.shared) - SHOWN, 'audience')} with less in common.")
    if one.common.few:
        said.append(f"{plural(one.common.few, 'audience')} with fewer than 10 in common.")
    if one.common.left_out:
        names = [view.audiences[place].status.activation for place in one.common.left_out]
        said.append(f"Not compared, since too large or not to be read: {listed(names)}.")
    return said

"""The page of one suppression: five answers in words, whom it counted over time, and which audiences it acts on."""

from __future__ import annotations

from collections.abc import Sequence

from runner.reports.html.answer_cards import answer_cards
from runner.reports.html.index_page import trouble_card
from runner.reports.html.markup import NOTHING, Html, element, joined
from runner.reports.html.over_time import size_figure
from runner.reports.html.page_frame import document
from runner.reports.html.plots import Draw
from runner.reports.html.runs_table import runs_table
from runner.reports.html.series import periods
from runner.reports.html.suppression_answers import suppression_answers
from runner.reports.html.tables import TableColumn, table
from runner.reports.html.troubles import troubles_of_suppression
from runner.reports.html.words import NONE, listed, number, sub
from runner.workflows.look_back import ProjectView, SuppressionView

_COLUMNS = (
    *(TableColumn("Audience", wide=True), TableColumn("Rows kept out", figures=True)),
    *(TableColumn("Of all rows", figures=True), TableColumn("Identifiers held", figures=True)),
)


def suppression_page(view: ProjectView, place: int, made: str, draw: Draw, audiences: Sequence[str]) -> str:
    """The whole page of the suppression at a place of the view; `draw` draws its plot.

    `audiences` are the addresses of their pages, from the index.
    """
    one, now = view.suppression_views[place], view.made_at
    header = joined(
        element("p", element("a", "All audiences", href="../index.html"), class_="crumb"),
        element("h1", one.status.name),
        element("p", "Suppression: whom it names is sent to none of its audiences.", class_="muted"),
    )
    found = troubles_of_suppression(one.status)
    content = joined(
        trouble_card(element("h2", "Needs attention"), found) if found else NOTHING,
        element("h2", "In short", class_="hidden"),
        answer_cards(suppression_answers(one, now)),
        _over_time(one, draw),
        _audiences(view, place, audiences),
        runs_table(one.runs, now),
    )
    return document(f"{one.status.name} · Headcount", header, content, made)


def _over_time(view: SuppressionView, draw: Draw) -> Html:
    some = tuple(one for one in periods(view.days) if one.size is not None)
    if not some:
        return NOTHING
    note = "Where a run did not say who entered and who left, it is by how much the size differs."
    figure = element("div", size_figure(some, "it was first applied", draw), class_="plots")
    return joined(element("h2", "Over time"), figure, element("p", note, class_="muted small"))


def _audiences(view: ProjectView, place: int, links: Sequence[str]) -> Html:
    heading, one = element("h2", "Audiences that it keeps people out of"), view.suppression_views[place]
    if not one.audiences:
        return joined(heading, element("p", "None: no audience is in an account that it is for."))
    rows = [_row(view, place, audience, links[audience]) for audience in one.audiences]
    caption = "Rows that suppressions kept out when the segment was last evaluated; several are counted together."
    return joined(heading, element("div", table(caption, _COLUMNS, rows, stacked=True), class_="card"))


def _row(view: ProjectView, place: int, audience: int, link: str) -> tuple[str, ...]:
    one = view.audiences[audience]
    others = (other for other in view.suppression_views if other is not view.suppression_views[place])
    beside = [other.status.name for other in others if audience in other.audiences]
    name = joined(
        element("a", one.status.name or one.status.activation, href=f"../{link}"),
        sub(f"{one.status.activation}, in {one.status.destination}"),
        sub(f"together with {listed(beside)}") if beside else NOTHING,
    )
    rows = (number(one.way[1].suppressed), number(one.way[1].rows)) if one.way is not None else (NONE, NONE)
    return name, *rows, number(one.members) if one.status.applied else NONE

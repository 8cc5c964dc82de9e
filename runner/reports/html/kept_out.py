"""The suppressions that keep people out of an audience, each with the way to its page."""

from __future__ import annotations

from collections.abc import Sequence

from runner.reports.html.markup import NOTHING, Html, element, joined
from runner.reports.html.tables import TableColumn, table
from runner.reports.html.troubles import troubles_of_suppression
from runner.reports.html.words import NONE, number, sub
from runner.workflows.look_back import ProjectView, SuppressionView

_COLUMNS = (
    *(TableColumn("Suppression", wide=True), TableColumn("Identifiers it names", figures=True)),
    TableColumn("In effect"),
)


def kept_out(view: ProjectView, place: int, links: Sequence[str]) -> Html:
    """Those that are for the audience at a place of the view; `links` are the addresses of all, from the index."""
    pairs = zip(view.suppression_views, links, strict=True)
    rows = [_row(one, link) for one, link in pairs if place in one.audiences]
    if not rows:
        return NOTHING
    caption = "Whom one of these names is not sent, whatever the segment says."
    listing = table(caption, _COLUMNS, rows, stacked=True)
    return joined(element("h2", "Who is kept out"), element("div", listing, class_="card"))


def _row(one: SuppressionView, link: str) -> tuple[str, ...]:
    status = one.status
    reason = sub(status.reason) if status.reason else NOTHING
    name = joined(element("a", status.name, href=f"../{link}"), reason)
    names = number(one.members) if status.applied else NONE
    return name, names, in_effect(troubled=bool(troubles_of_suppression(status)))


def in_effect(*, troubled: bool) -> Html:
    """Whether a suppression does what it should."""
    return element("span", "no", class_="bad") if troubled else element("span", "yes", class_="good")

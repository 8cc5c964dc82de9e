"""The page of one audience: five answers in words, then what they rest on, drawn and as tables."""

from __future__ import annotations

from collections.abc import Sequence

from runner.reports.html.answer_cards import answer_cards
from runner.reports.html.answers import answers
from runner.reports.html.common_table import common_table
from runner.reports.html.index_page import trouble_card
from runner.reports.html.kept_out import kept_out
from runner.reports.html.markup import NOTHING, element, joined
from runner.reports.html.over_time import over_time
from runner.reports.html.page_frame import document
from runner.reports.html.plots import Draw
from runner.reports.html.runs_table import runs_table
from runner.reports.html.troubles import troubles_of
from runner.reports.html.way_down import way_down
from runner.workflows.look_back import ProjectView


def audience_page(view: ProjectView, place: int, made: str, draw: Draw, suppressions: Sequence[str] = ()) -> str:
    """The whole page of the audience at a place of the view; `draw` draws its plots.

    `suppressions` are the addresses of their pages, from the index.
    """
    one, now = view.audiences[place], view.made_at
    status = one.status
    title = status.name or status.activation
    audience = f"audience {status.audience_id}" if status.audience_id else "no audience yet"
    header = joined(
        element("p", element("a", "All audiences", href="../index.html"), class_="crumb"),
        element("h1", title),
        element("p", f"{status.activation} · {status.destination} · {audience}", class_="muted"),
    )
    found = troubles_of(status, now)
    content = joined(
        trouble_card(element("h2", "Needs attention"), found) if found else NOTHING,
        element("h2", "In short", class_="hidden"),
        answer_cards(answers(one, view.suppressions, now)),
        over_time(one, draw),
        way_down(one),
        kept_out(view, place, suppressions),
        common_table(view, one),
        runs_table(one.runs, now),
    )
    return document(f"{title} · Headcount", header, content, made)

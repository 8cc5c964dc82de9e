"""All pages of a report, by the names of their files."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256

from runner.reports.html.audience_page import audience_page
from runner.reports.html.index_page import index_page
from runner.reports.html.page_frame import made_on
from runner.reports.html.plots import Draw, require_plots
from runner.reports.html.suppression_page import suppression_page
from runner.workflows.look_back import AudienceView, ProjectView
from runner.workflows.status import SuppressionStatus

INDEX = "index.html"
FOLDER = "audiences"
"""Where the pages of audiences are, beside the index."""

SUPPRESSIONS = "suppressions"
"""Where the pages of suppressions are, beside the index."""

AT_ONCE = 3
"""Pages that are made at a time: while other processes draw the plots of two, another one is written here."""

_PLAIN = re.compile(r"[a-z0-9][a-z0-9_-]{0,79}")


def pages_of(view: ProjectView, draw: Draw, address: str = "") -> Iterator[tuple[str, str]]:
    """The name of each page and its content, one after the other: that of the index first. `draw` draws the plots.

    `address` is the API that the state belongs to, where that is worth a word. Raises HeadcountError where plots cannot
    be drawn.
    """
    require_plots()
    made = made_on(view.made_at, view.target, address)
    names = page_names(view.audiences)
    never = suppression_names(view.suppressions)
    yield INDEX, index_page(view, dict(enumerate(names)), made, never)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        audiences = pool.map(lambda place: audience_page(view, place, made, draw, never), range(len(names)))
        yield from zip(names, audiences, strict=True)
        suppressions = pool.map(lambda place: suppression_page(view, place, made, draw, names), range(len(never)))
        yield from zip(never, suppressions, strict=True)


def page_names(audiences: Sequence[AudienceView]) -> tuple[str, ...]:
    """The name of each audience's page: its activation's id where that is a plain one and the only one."""
    known = [one.status for one in audiences]
    keys = [(one.activation, f"{one.activation}\0{one.destination}\0{one.account_id}") for one in known]
    return _names(FOLDER, "audience", keys)


def suppression_names(suppressions: Sequence[SuppressionStatus]) -> tuple[str, ...]:
    """The name of each suppression's page: its own where that is a plain one."""
    return _names(SUPPRESSIONS, "suppression", [(one.name, one.name) for one in suppressions])


def _names(folder: str, what: str, keys: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    taken: set[str] = set()
    names = []
    for name, key in keys:
        if not _PLAIN.fullmatch(name) or name in taken:
            name = f"{what}-{sha256(key.encode()).hexdigest()[:16]}"
        taken.add(name)
        names.append(f"{folder}/{name}.html")
    return tuple(names)

"""All pages of a report, by the names of their files."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256

from runner.reports.html.audience_page import audience_page
from runner.reports.html.index_page import index_page
from runner.reports.html.page_frame import made_on
from runner.reports.html.plots import require_plots
from runner.workflows.look_back import AudienceView, ProjectView

INDEX = "index.html"
FOLDER = "audiences"
"""Where the pages of audiences are, beside the index."""

AT_ONCE = 2
"""Pages that are made at a time: while the plots of one are drawn, which is no work of Python's, another is written."""

_PLAIN = re.compile(r"[a-z0-9][a-z0-9_-]{0,79}")


def pages_of(view: ProjectView, address: str = "") -> Iterator[tuple[str, str]]:
    """The name of each page and its content, one after the other: that of the index first.

    `address` is the API that the state belongs to, where that is worth a word. Raises HeadcountError where plots cannot
    be drawn.
    """
    require_plots()
    made = made_on(view.made_at, view.target, address)
    names = page_names(view.audiences)
    yield INDEX, index_page(view, dict(enumerate(names)), made)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield from zip(names, pool.map(lambda place: audience_page(view, place, made), range(len(names))), strict=True)


def page_names(audiences: Sequence[AudienceView]) -> tuple[str, ...]:
    """The name of each audience's page: its activation's id where that is a plain one and the only one."""
    taken: set[str] = set()
    names = []
    for one in audiences:
        key = f"{one.status.activation}\0{one.status.destination}\0{one.status.account_id}"
        name = one.status.activation
        if not _PLAIN.fullmatch(name) or name in taken:
            name = f"audience-{sha256(key.encode()).hexdigest()[:16]}"
        taken.add(name)
        names.append(f"{FOLDER}/{name}.html")
    return tuple(names)

"""Tables of the pages: a caption, headings with their scope, figures to the right.

A stacked table becomes, on a narrow screen, a block for each row, in which each value has its heading before it. To
those who hear it, it stays a table: what the stylesheet takes from it, roles give back.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from runner.quick_dataclass import dataclass
from runner.reports.html.markup import Html, element, joined


@dataclass(frozen=True, slots=True)
class TableColumn:
    """One column: its heading, and whether it holds figures. Stacked, a `wide` one takes a line of its own."""

    heading: str
    figures: bool = False
    wide: bool = False


def table(
    caption: str,
    columns: Sequence[TableColumn],
    rows: Iterable[Sequence[str]],
    *,
    class_: str = "",
    stacked: bool = False,
) -> Html:
    """A table; the first cell of a row is its heading."""
    head = element("tr", *(_heading(one, stacked=stacked) for one in columns), **_role("row", stacked))
    body = joined(*(_row(columns, cells, stacked=stacked) for cells in rows))
    classes = " ".join(part for part in (class_, "stack" if stacked else "") if part)
    return element(
        "table",
        element("caption", caption),
        element("thead", head, **_role("rowgroup", stacked)),
        element("tbody", body, **_role("rowgroup", stacked)),
        **({"class_": classes} if classes else {}),
        **_role("table", stacked),
    )


def _role(name: str, stacked: bool) -> dict[str, str]:
    return {"role": name} if stacked else {}


def _heading(column: TableColumn, *, stacked: bool) -> Html:
    figures = {"class_": "n"} if column.figures else {}
    return element("th", column.heading, scope="col", **figures, **_role("columnheader", stacked))


def _row(columns: Sequence[TableColumn], cells: Sequence[str], *, stacked: bool) -> Html:
    made = []
    for place, (column, cell) in enumerate(zip(columns, cells, strict=True)):
        classes = " ".join(name for name, is_so in (("n", column.figures), ("wide", column.wide)) if is_so)
        given = {"class_": classes} if classes else {}
        if place == 0:
            made.append(element("th", cell, scope="row", **given, **_role("rowheader", stacked)))
        else:
            label = {"data_label": column.heading} if stacked else {}
            made.append(element("td", cell, **given, **label, **_role("cell", stacked)))
    return element("tr", *made, **_role("row", stacked))


def folded(summary: str, content: Html) -> Html:
    """What is there for those who ask for it; a long table scrolls within, also by keyboard."""
    inner = element("div", content, class_="scroll", tabindex="0", role="region", aria_label=summary)
    return element("details", element("summary", summary), inner)

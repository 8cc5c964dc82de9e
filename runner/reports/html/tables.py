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
    body = _body(columns, rows, stacked=stacked)
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


def _body(columns: Sequence[TableColumn], rows: Iterable[Sequence[str]], *, stacked: bool) -> Html:
    around = [_cell(one, is_first=place == 0, stacked=stacked) for place, one in enumerate(columns)]
    begin = element("tr", **_role("row", stacked)).removesuffix("</tr>")
    pieces = []
    for cells in rows:
        pieces.append(begin)
        pieces += [f"{before}{joined(cell)}{after}" for (before, after), cell in zip(around, cells, strict=True)]
        pieces.append("</tr>")
    return Html("".join(pieces))


def _cell(column: TableColumn, *, is_first: bool, stacked: bool) -> tuple[str, str]:
    """What stands before and after each value of a column: made once, since a page has thousands of cells."""
    classes = " ".join(name for name, is_so in (("n", column.figures), ("wide", column.wide)) if is_so)
    given = {"class_": classes} if classes else {}
    if is_first:
        made, end = element("th", scope="row", **given, **_role("rowheader", stacked)), "</th>"
    else:
        label = {"data_label": column.heading} if stacked else {}
        made, end = element("td", **given, **label, **_role("cell", stacked)), "</td>"
    return made.removesuffix(end), end


def folded(summary: str, content: Html) -> Html:
    """What is there for those who ask for it; a long table scrolls within, also by keyboard."""
    inner = element("div", content, class_="scroll", tabindex="0", role="region", aria_label=summary)
    return element("details", element("summary", summary), inner)

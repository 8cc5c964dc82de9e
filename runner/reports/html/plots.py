"""Plots as static SVG: Vega-Lite, described by altair and drawn by vl-convert, which the extra `report` installs.

A kind of plot is compiled once; for each audience only its points are exchanged. Colours are those of the light pages,
which the stylesheet exchanges in dark. A plot holds no script and no text of a user's.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from runner.core.errors import requires_extra
from runner.reports.html.markup import Html
from runner.reports.html.palette import LIGHT

if TYPE_CHECKING:
    import altair

Points = Sequence[Mapping[str, object]]
"""What is drawn: an object for each point, whose `day` is a date as text."""

_WIDTH = 360
_DATA = "points"
_FONT = "Liberation Sans, DejaVu Sans, Arial, sans-serif"
_SHORT = "abs(datum.value) < 10000 ? format(datum.value, ',') : format(datum.value, '~s')"
"""How a count is written at an axis: `0`, `2,500`, `12k`."""

_PERCENT = "format(datum.value, '~r') + '%'"
_ROOT = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '


Draw = Callable[[str, Points], str]
"""Draws a kind of plot: the SVG, with no name yet."""


def size_plot(points: Points, label: str, draw: Draw) -> Html:
    """Size over time, and below it who entered and who left; points have `size`, `entered` and `left` (negative)."""
    return _labelled(draw("size", points), label)


def turnover_plot(points: Points, label: str, draw: Draw) -> Html:
    """The share that left at once, with the limit; points have `share` and `limit`, in percent, null for none."""
    return _labelled(draw("turnover", points), label)


def match_plot(points: Points, label: str, draw: Draw) -> Html:
    """The share that the destination matched; points have `rate`, in percent."""
    return _labelled(draw("match", points), label)


def require_plots() -> None:
    """Raise HeadcountError, which says what to install, where plots cannot be drawn."""
    with requires_extra("report", "report"):
        import altair  # noqa: F401
        import vl_convert  # noqa: F401


def drawn(kind: str, points: Points) -> str:
    """Draw in this process; see Draw."""
    import vl_convert

    spec = json.loads(_compiled(kind))
    for data in spec["data"]:
        if data["name"] == _DATA:
            data["values"] = list(points)
    _put_days(spec, sorted({str(point["day"]) for point in points}))
    svg: str = vl_convert.vega_to_svg(spec)
    return svg


def prepare() -> None:
    """Compile every kind of plot, which the first of each kind would wait for."""
    for kind in _KINDS:
        _compiled(kind)


def _put_days(part: Any, days: Sequence[str]) -> None:
    """Have the axes of time name the first day, the last and one between: to measure a label takes a millisecond."""
    named = days if len(days) < 3 else (days[0], days[len(days) // 2], days[-1])
    for axis in part.get("axes", ()):
        if axis.get("orient") == "bottom" and axis.get("labels") is not False:
            axis["values"] = [datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp() * 1000 for day in named]
    for group in part.get("marks", ()):
        _put_days(group, days)


def _labelled(svg: str, label: str) -> Html:
    """The drawing as one image with a name, whatever roles its parts say they have."""
    from runner.reports.html.markup import element

    opening = element("svg", role="img", aria_label=label).removesuffix("</svg>").removesuffix(">")
    rest = svg.partition(_ROOT)[2].replace(' version="1.1"', "", 1)
    return Html(f"{opening} {rest}")


@cache
def _compiled(kind: str) -> str:
    """The Vega of a kind of plot, as JSON, whose points are still to come."""
    import vl_convert

    chart = _KINDS[kind]().configure(
        aria=False, background="transparent", font=_FONT, padding={"left": 0, "right": 2, "top": 6, "bottom": 0}
    )
    chart = chart.configure_view(stroke=None).configure_axis(
        domain=False,
        ticks=False,
        grid=False,
        labelColor=LIGHT["muted"],
        labelFontSize=12,
        labelPadding=6,
        labelLimit=0,
        gridColor=LIGHT["line"],
        title=None,
    )
    return json.dumps(vl_convert.vegalite_to_vega(chart.to_dict()))


def _time(*, shown: bool) -> altair.X:
    import altair

    axis = altair.Axis(format="%-d %b %y", labelFlush=False, labelOverlap=False, labelPadding=10) if shown else None
    return altair.X("day:T", axis=axis, scale=altair.Scale(type="utc"))


def _numbers(field: str, form: str, *, zero: bool, ticks: int = 2, nice: int = 2) -> altair.Y:
    import altair

    axis = altair.Axis(tickCount=ticks, labelExpr=form, grid=True, labelOverlap=False, minExtent=40, maxExtent=40)
    return altair.Y(field, axis=axis, scale=altair.Scale(zero=zero, nice=nice))


def _size() -> Any:
    import altair

    base = altair.Chart(altair.NamedData(_DATA))
    line = {"color": LIGHT["size"], "strokeWidth": 1.75}
    above = base.mark_area(color=LIGHT["fill"], line=line, interpolate="step-after").encode(
        x=_time(shown=False), y=_numbers("size:Q", _SHORT, zero=True, nice=4)
    )
    entered = base.mark_bar(color=LIGHT["in"], width=3).encode(
        x=_time(shown=True), y=_numbers("entered:Q", _SHORT, zero=True)
    )
    left = base.mark_bar(color=LIGHT["out"], width=3).encode(x=_time(shown=True), y=altair.Y("left:Q"))
    below = altair.layer(entered, left).properties(width=_WIDTH, height=100)
    return altair.vconcat(above.properties(width=_WIDTH, height=250), below, spacing=14)


def _turnover() -> Any:
    import altair

    base = altair.Chart(altair.NamedData(_DATA))
    bars = base.mark_bar(color=LIGHT["out"], width=3).encode(
        x=_time(shown=True), y=_numbers("share:Q", _PERCENT, zero=True)
    )
    limit = base.mark_line(color=LIGHT["bad"], strokeDash=[5, 4], strokeWidth=1.25).encode(
        x=_time(shown=True), y=altair.Y("limit:Q")
    )
    return altair.layer(bars, limit).properties(width=_WIDTH, height=104)


def _match() -> Any:
    import altair

    axis = altair.Axis(tickCount=2, labelExpr=_PERCENT, grid=True, labelOverlap=False, minExtent=40, maxExtent=40)
    rate = altair.Y("rate:Q", axis=axis, scale=altair.Scale(domain=[0, 100]))
    return (
        altair.Chart(altair.NamedData(_DATA))
        .mark_line(color=LIGHT["size"], strokeWidth=2)
        .encode(x=_time(shown=True), y=rate)
        .properties(width=_WIDTH, height=104)
    )


_KINDS: Mapping[str, Callable[[], Any]] = {"size": _size, "turnover": _turnover, "match": _match}

"""How an audience fared over time: its size, its turnover and its match rate, each in words, drawn, and as a table."""

from __future__ import annotations

from collections.abc import Sequence

from runner.destinations.registry import platform_of
from runner.reports.html import plots
from runner.reports.html.markup import NOTHING, Html, element, joined
from runner.reports.html.series import (
    Period,
    first_fill,
    limit_percent,
    match_points,
    periods,
    size_points,
    turnover_points,
)
from runner.reports.html.tables import TableColumn, folded, table
from runner.reports.html.words import NONE, day_words, entered_words, left_words, number, percent
from runner.workflows.look_back import AudienceView


def over_time(view: AudienceView, draw: plots.Draw) -> Html:
    """The figures, side by side where there is room; `draw` draws them."""
    some = tuple(one for one in periods(view.days) if one.size is not None)
    if not some:
        return NOTHING
    beside = element("div", _turnover(view, some, draw), _matches(view, some, draw), class_="column")
    sizes = size_figure(some, "it was first filled", draw)
    return joined(element("h2", "Over time"), element("div", sizes, beside, class_="plots"))


def _figure(title: str, words: str, plot: Html = NOTHING, rows: Html = NOTHING) -> Html:
    caption = element("figcaption", element("h3", title), element("p", words))
    more = folded(f"{title} as a table", rows) if rows else NOTHING
    return element("figure", caption, plot, more, class_="card")


def size_figure(some: Sequence[Period], began: str, draw: plots.Draw) -> Html:
    """Size over time, with who entered and who left; `began` is what happened where the first day has all there was."""
    filled = first_fill(some)
    entered, left = sum(one.entered for one in some), sum(one.left for one in some)
    day = day_words(some[0].first)
    begin = f"Since {began} on {day}," if filled else f"Since {day},"
    words = f"{begin} {number(entered)} entered and {number(left)} left."
    columns = (
        TableColumn(_step(some)),
        *(TableColumn(name, figures=True) for name in ("Identifiers", "Entered", "Left")),
    )
    rows = [
        (one.first.isoformat(), number(one.size), entered_words(one.entered), left_words(one.left))
        for one in reversed(some)
    ]
    listing = table("The newest first.", columns, rows)
    if len(some) < 2:
        return _figure("Size", words, rows=listing)
    plot = plots.size_plot(size_points(some), f"Size over time, with who entered and who left. {words}", draw)
    return _figure("Size", words, plot, listing)


def _turnover(view: AudienceView, some: Sequence[Period], draw: plots.Draw) -> Html:
    declared = view.status.declared
    guardrails = declared.guardrails if declared else None
    limit = guardrails.max_removed if guardrails else None
    most = max((one.left_share or 0.0 for one in some), default=0.0)
    words = f"At most {percent(most)} left in one run. "
    stops = f"A guardrail stops a run that would remove more than {limit}, unless a person lets it pass."
    words += stops if limit else "No guardrail limits it." if declared else ""
    drawn = limit_percent(guardrails)
    columns = (TableColumn(_step(some)), TableColumn("Left at once", figures=True), TableColumn("Limit", figures=True))
    rows = [
        (one.first.isoformat(), percent(one.left_share or 0.0), f"{drawn:g}%" if drawn is not None else NONE)
        for one in reversed(some)
    ]
    listing = table("The greatest share that one run removed; the newest first.", columns, rows)
    if len(some) < 2:
        return _figure("Turnover", words, rows=listing)
    label = f"Share that left in one run, in percent. {words}"
    plot = plots.turnover_plot(turnover_points(some, guardrails), label, draw)
    return _figure("Turnover", words, plot, listing)


def _matches(view: AudienceView, some: Sequence[Period], draw: plots.Draw) -> Html:
    platform = platform_of(view.status.applied.kind) if view.status.applied else "The destination"
    points = match_points(some)
    if not points:
        return _figure("Match rate", f"{platform} has not said yet how many it matches.")
    words = f"The share of the identifiers that {platform} says it matched, in percent."
    columns = (TableColumn(_step(some)), TableColumn("Matched", figures=True))
    rows = [(one.first.isoformat(), percent(one.match_rate)) for one in reversed(some) if one.match_rate is not None]
    listing = table("The newest first.", columns, rows)
    if len(points) < 2:
        return _figure("Match rate", words, rows=listing)
    return _figure("Match rate", words, plots.match_plot(points, f"Match rate over time. {words}", draw), listing)


def _step(some: Sequence[Period]) -> str:
    return "Week from" if len(some) > 1 and (some[1].first - some[0].first).days > 1 else "Day"

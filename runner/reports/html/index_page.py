"""The first page: what is broken, then every audience, then whom suppressions name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from runner.reports.format import plural
from runner.reports.html.answers import week_of
from runner.reports.html.kept_out import in_effect
from runner.reports.html.markup import NOTHING, Html, element, joined
from runner.reports.html.page_frame import document
from runner.reports.html.tables import TableColumn, table
from runner.reports.html.troubles import (
    NOT_READABLE,
    AudienceTrouble,
    the_last_run,
    troubles_of,
    troubles_of_suppression,
)
from runner.reports.html.words import (
    NONE,
    entered_words,
    left_words,
    length_words,
    number,
    sub,
    time_element,
)
from runner.workflows.condition import Condition
from runner.workflows.look_back import AudienceView, ProjectView, SuppressionView

_FINDINGS = 5
"""Findings that the page shows."""

Links = Mapping[int, str]
"""The place of an audience in the view -> the address of its page, from the index."""

_COLUMNS = (
    *(TableColumn("Audience", wide=True), TableColumn("Identifiers", figures=True)),
    *(TableColumn("Entered", figures=True), TableColumn("Left", figures=True)),
    *(TableColumn("Up to date"), TableColumn("Owner", wide=True), TableColumn("Destination", wide=True)),
)


def index_page(view: ProjectView, links: Links, made: str, suppressions: Sequence[str] = ()) -> str:
    """The whole page; `suppressions` are the addresses of their pages, from the index."""
    title = f"Audiences of {view.target}" if view.target else "Audiences"
    header = joined(element("h1", title), element("p", _summary(view), class_="lead"))
    content = joined(
        _findings(view), _broken(view, links, suppressions), _audiences(view, links), _suppressions(view, suppressions)
    )
    return document(f"{title} · Headcount", header, content, made)


def _summary(view: ProjectView) -> str:
    total = sum(one.members for one in view.audiences)
    there = [one for one in view.audiences if one.status.audience_id is not None]
    words = f"{plural(len(there), 'audience')} with {plural(total, 'identifier')}"
    broken = sum(bool(_its_own(one, view)) for one in view.audiences)
    broken += sum(bool(troubles_of_suppression(one)) for one in view.suppressions)
    broken += bool(view.findings)
    if not broken:
        return f"{words}. Nothing needs anybody’s attention."
    return f"{words}. {plural(broken, 'thing')} {'needs' if broken == 1 else 'need'} somebody’s attention."


def _its_own(one: AudienceView, view: ProjectView) -> tuple[AudienceTrouble, ...]:
    """What is wrong with an audience; that its file is not valid is said once for all."""
    return tuple(trouble for trouble in troubles_of(one.status, view.made_at) if trouble.what != NOT_READABLE)


def _findings(view: ProjectView) -> Html:
    """What is wrong in the files: the first of it, since one mistake may have many."""
    if not view.findings:
        return NOTHING
    lines = [element("p", f"{one.location}: {one.message}") for one in view.findings[:_FINDINGS]]
    more = len(view.findings) - _FINDINGS
    if more > 0:
        lines.append(element("p", f"And {more:,} more: headcount validate lists them.", class_="small"))
    what = element("p", "No run goes ahead until they are. What follows is what the state knows.", class_="small")
    return element("div", element("h3", "The files are not valid"), *lines, what, class_="trouble")


def _broken(view: ProjectView, links: Links, suppressions: Sequence[str]) -> Html:
    found = [
        (troubles, element("a", one.status.activation, href=links[place]))
        for place, one in enumerate(view.audiences)
        if (troubles := _its_own(one, view))
    ]
    found += [
        (troubles, element("a", f"suppression {one.name}", href=link))
        for one, link in zip(view.suppressions, suppressions, strict=True)
        if (troubles := troubles_of_suppression(one))
    ]
    if not found:
        return NOTHING
    found.sort(key=lambda pair: pair[0][0].rank)
    return joined(
        element("h2", "Needs attention"), *(trouble_card(element("h3", name), troubles) for troubles, name in found)
    )


def trouble_card(heading: Html, troubles: tuple[AudienceTrouble, ...]) -> Html:
    """What is wrong with one thing, and what to do."""
    lines = [joined(element("p", one.what), _what_to_do(one.hint) if one.hint else NOTHING) for one in troubles]
    return element("div", heading, *lines, class_="trouble")


def _what_to_do(hint: str) -> Html:
    return element("p", element("strong", "What to do:"), f" {hint}", class_="small")


def _audiences(view: ProjectView, links: Links) -> Html:
    if not view.audiences:
        return joined(element("h2", "Every audience"), element("p", "No activation is declared."))
    order = sorted(range(len(view.audiences)), key=lambda place: _rank(view.audiences[place], view.made_at))
    rows = [_row(view.audiences[place], links[place], view.made_at) for place in order]
    listing = table("Entered and left: in the last 7 days.", _COLUMNS, rows, stacked=True)
    return joined(element("h2", "Every audience"), element("div", listing, class_="card"))


def _rank(one: AudienceView, now: datetime) -> tuple[int, str]:
    found = troubles_of(one.status, now)
    return (found[0].rank if found else 99, one.status.activation)


def _row(one: AudienceView, link: str, now: datetime) -> tuple[str, ...]:
    status, declared = one.status, one.status.declared
    entered, left = week_of(one, now)
    name = joined(element("a", status.name or status.activation, href=link), sub(status.activation))
    members = number(one.members) if status.applied else NONE
    place = joined(status.destination, sub(f"account {status.account_id}"))
    owner = declared.owner if declared and declared.owner else NONE
    return name, members, entered_words(entered), left_words(left), _fresh(one, now), owner, place


def _fresh(one: AudienceView, now: datetime) -> Html:
    """How long ago the last good run was, of how long it may be ago."""
    good, declared = one.status.latest.good, one.status.declared
    if one.status.condition is Condition.ORPHANED:
        return element("span", "not any more", class_="bad")
    limit = sub(f"of {length_words(declared.freshness)}") if declared and declared.freshness else NOTHING
    ended = the_last_run(one.status)
    since = sub(f"the last run {ended}") if ended else NOTHING
    when = joined(time_element(good.started_at, now) if good else "never", limit, since)
    return element("span", when, class_="bad") if one.status.stale or one.status.overdue_since else when


_SUPPRESSIONS = (
    *(TableColumn("Suppression", wide=True), TableColumn("Identifiers", figures=True)),
    *(TableColumn("Entered", figures=True), TableColumn("Left", figures=True)),
    *(TableColumn("Looked at"), TableColumn("In effect")),
)


def _suppressions(view: ProjectView, links: Sequence[str]) -> Html:
    if not view.suppressions:
        return NOTHING
    pairs = zip(view.suppression_views, links, strict=True)
    rows = [_suppression(one, link, view.made_at) for one, link in pairs]
    caption = "People who may never be sent, whatever a segment says. Entered and left: in the last 7 days."
    listing = table(caption, _SUPPRESSIONS, rows, stacked=True)
    return joined(element("h2", "Suppressions"), element("div", listing, class_="card"))


def _suppression(view: SuppressionView, link: str, now: datetime) -> tuple[str, ...]:
    one, known = view.status, view.status.applied
    entered, left = week_of(view, now)
    name = joined(element("a", one.name, href=link), sub(one.reason) if one.reason else NOTHING)
    names = number(view.members) if known else NONE
    looked = time_element(known.evaluated_at, now) if known and known.evaluated_at else "never"
    state = in_effect(troubled=bool(troubles_of_suppression(one)))
    return name, names, entered_words(entered), left_words(left), looked, state

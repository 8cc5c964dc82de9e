"""What every page is made of: its head with the policy that lets nothing in, its header and its footer."""

from __future__ import annotations

from datetime import datetime

from runner import __version__
from runner.reports.html.markup import Html, element, joined
from runner.reports.html.stylesheet import stylesheet
from runner.reports.html.words import moment_words

GENERATOR = "headcount report"
"""By this a page is recognised as one of a report."""

POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
"""No script, no request, no form; styles are within the page, and the icon is an empty one: browsers ask for none."""


def made_on(now: datetime, target: str, address: str) -> str:
    """The last line of every page: when it was made, and what it is about."""
    about = "".join(f" · {part}" for part in (f"target {target}" if target else "", address) if part)
    return f"Made on {moment_words(now)}{about}. Counts only: no identifier is in these pages."


def document(title: str, header: Html, content: Html, made: str) -> str:
    """One page, whole. `made` says when, and of what, it was made."""
    head = joined(
        element("meta", charset="utf-8"),
        Html(f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="generator", content=f"{GENERATOR} {__version__}"),
        element("meta", name="robots", content="noindex, nofollow"),
        element("meta", name="referrer", content="no-referrer"),
        element("meta", name="color-scheme", content="light dark"),
        element("title", title),
        element("link", rel="icon", href="data:,"),
        element("style", Html(stylesheet())),
    )
    body = element(
        "body",
        element("a", "To the content", class_="skip", href="#content"),
        element("header", header),
        element("main", content, id="content"),
        element("footer", element("p", made)),
    )
    return f"<!doctype html>\n{element('html', element('head', head), body, lang='en')}\n"

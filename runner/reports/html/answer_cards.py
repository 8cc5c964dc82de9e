"""Questions and their answers as the cards at the top of a page."""

from __future__ import annotations

from collections.abc import Sequence

from runner.reports.html.answers import InWords
from runner.reports.html.markup import NOTHING, Html, element


def answer_cards(given: Sequence[InWords]) -> Html:
    """A card for each question, in order."""
    cards = [
        element(
            "div",
            element("dt", one.question),
            element(
                "dd",
                element("strong", one.short, **({"class_": "bad"} if one.is_bad else {})),
                element("span", one.rest, class_="rest") if one.rest else NOTHING,
            ),
            class_="card",
        )
        for one in given
    ]
    return element("dl", *cards, class_="answers")

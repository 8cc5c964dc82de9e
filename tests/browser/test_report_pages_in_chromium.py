"""The pages as a reader's browser shows them: they stand alone, fit a telephone, and can be read by everybody."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import Seen

pytestmark = pytest.mark.browser

NEVER = "suppressions/no-marketing-consent.html"
PAGES = ("index.html", "audiences/loyal.html", "audiences/all.html", "audiences/broken.html", NEVER)
LOOKS = [(width, scheme) for width in (1280, 360) for scheme in ("light", "dark")]

Open = Callable[..., Any]


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_nothing_is_wrong_nothing_is_asked_for_and_nothing_is_too_wide(
    opened: Open, seen: Seen, site: Path, width: int, scheme: str
) -> None:
    for name in PAGES:
        page = opened(name, width=width, scheme=scheme)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, name
        wide = page.evaluate(
            """() => [...document.querySelectorAll('body *')].filter(one => !one.closest('.scroll, svg, .skip, .hidden')
                && one.getBoundingClientRect().right > document.documentElement.clientWidth + 0.5)
                .map(one => one.tagName + ' ' + one.textContent.slice(0, 40))"""
        )
        assert wide == [], name
    assert seen.console == []
    assert all(one.startswith(site.as_uri()) for one in seen.requests)
    assert len(seen.requests) == len(PAGES)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_plots_are_drawn_in_colours_that_can_be_seen(opened: Open, scheme: str) -> None:
    page = opened("audiences/all.html", scheme=scheme)
    plots = page.locator("figure svg")
    assert plots.count() == 3
    page_colour = page.evaluate("getComputedStyle(document.querySelector('figure')).backgroundColor")
    for number in range(plots.count()):
        box = plots.nth(number).bounding_box()
        assert box["width"] > 200
        assert box["height"] > 80
        label = plots.nth(number).locator("text").first
        colour = label.evaluate("one => getComputedStyle(one).fill")
        assert contrast(colour, page_colour) >= 4.5
    line = page.locator("figure svg path[stroke]:not([stroke=none])").first
    assert contrast(line.evaluate("one => getComputedStyle(one).stroke"), page_colour) >= 3


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
@pytest.mark.parametrize("name", ["index.html", "audiences/all.html", NEVER])
def test_every_text_has_a_contrast_of_four_and_a_half(opened: Open, name: str, width: int, scheme: str) -> None:
    page = opened(name, width=width, scheme=scheme)
    shown = page.evaluate(
        """() => [...document.querySelectorAll('body *')]
            .filter(one => !one.closest('svg') && [...one.childNodes].some(c => c.nodeType === 3 && c.data.trim()))
            .map(one => {
                let under = one, back = 'rgba(0, 0, 0, 0)';
                while (under && back === 'rgba(0, 0, 0, 0)') {
                    back = getComputedStyle(under).backgroundColor; under = under.parentElement;
                }
                return [one.textContent.slice(0, 40), getComputedStyle(one).color, back];
            })"""
    )
    assert len(shown) > 20
    assert [one for one in shown if contrast(one[1], one[2]) < 4.5] == []


@pytest.mark.parametrize("name", PAGES)
def test_the_structure_says_what_the_eye_sees(opened: Open, name: str) -> None:
    page = opened(name)
    assert page.evaluate("document.documentElement.lang") == "en"
    assert page.title()
    levels = page.evaluate("[...document.querySelectorAll('h1,h2,h3,h4,h5,h6')].map(one => Number(one.tagName[1]))")
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels)), levels
    assert page.locator("main").count() == 1
    for table in page.locator("table").all():
        assert table.locator("caption").count() == 1
        assert table.locator("th:not([scope])").count() == 0
    assert page.locator("svg:not([role=img])").count() == 0
    assert all(page.locator("svg").nth(n).get_attribute("aria-label") for n in range(page.locator("svg").count()))
    for figure in page.locator("figure:has(svg)").all():
        assert figure.locator("svg + details table").count() == 1, "a plot is followed by its table"
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map(one => one.id)")
    assert len(ids) == len(set(ids))


def test_it_can_be_used_by_keyboard_and_without_scripts(opened: Open) -> None:
    page = opened("index.html", scripts=False)
    page.keyboard.press("Tab")
    skip = page.locator(".skip")
    assert skip.bounding_box()["x"] >= 0, "the link past the header is shown when it is reached"
    for _ in range(10):
        page.keyboard.press("Tab")
        if page.locator("a[href='audiences/all.html']:focus").count():
            break
    page.keyboard.press("Enter")
    page.wait_for_url("**/audiences/all.html")
    details = page.locator("details").first
    page.locator("summary").first.focus()
    page.keyboard.press("Enter")
    assert details.get_attribute("open") is not None
    assert details.locator("table").is_visible()
    assert page.locator("dt").all_inner_texts() == [
        "How big is it?",
        "Why did it shrink?",
        "Is it fresh?",
        "Who owns it?",
        "What share is matched?",
    ]


def test_a_name_that_means_to_run_is_shown_as_it_is(opened: Open) -> None:
    page = opened("audiences/loyal.html")
    assert page.locator("h1").inner_text().startswith("<script>alert(1)</script>")
    assert page.locator("script, img, iframe, object").count() == 0


def contrast(first: str, second: str) -> float:
    """The contrast of two colours as a browser writes them (`rgb(1, 2, 3)`), by WCAG."""
    lighter, darker = sorted((_luminance(first), _luminance(second)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    values = [float(one) / 255 for one in colour.partition("(")[2].rstrip(")").split(",")[:3]]
    linear = [one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in values]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

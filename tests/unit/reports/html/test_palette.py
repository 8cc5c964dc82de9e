"""Every colour can be told from what it is on."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from runner.reports.html.palette import DARK, DRAWN, LIGHT, READ
from runner.reports.html.stylesheet import stylesheet


def luminance(colour: str) -> float:
    values = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in values]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(first: str, second: str) -> float:
    lighter, darker = sorted((luminance(first), luminance(second)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize(("pairs", "least"), [(READ, 4.5), (DRAWN, 3.0)], ids=["read", "drawn"])
def test_contrasts_are_those_of_wcag_aa(
    palette: Mapping[str, str], pairs: Mapping[str, tuple[str, ...]], least: float
) -> None:
    found = {
        f"{name} on {surface}": round(contrast(palette[name], palette[surface]), 2)
        for surface, names in pairs.items()
        for name in names
    }
    assert {pair: value for pair, value in found.items() if value < least} == {}


def test_each_colour_of_light_means_one_thing_so_that_plots_can_be_recoloured() -> None:
    assert len(set(LIGHT.values())) == len(LIGHT)
    assert LIGHT.keys() == DARK.keys()
    for name in ("size", "in", "out", "bad", "muted", "line", "fill"):
        assert f'svg [fill="{LIGHT[name]}"]{{fill:{DARK[name]}}}' in stylesheet()

"""Plots that other processes draw are those that this one would draw, and the end of one is told."""

from __future__ import annotations

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from runner.core.errors import HeadcountError
from runner.reports.html.drawing_process import WORTH_IT, drawing
from runner.reports.html.plots import drawn

pytest.importorskip("altair", reason="plots need the extra [report]")
pytest.importorskip("vl_convert", reason="plots need the extra [report]")


def points(days: int) -> list[dict[str, object]]:
    return [{"day": f"2026-11-{day:02}", "size": 100 + day, "entered": day, "left": -1} for day in range(1, days + 1)]


@pytest.mark.slow
def test_threads_get_the_plots_that_they_asked_for_from_other_processes() -> None:
    with drawing(WORTH_IT) as draw, ThreadPoolExecutor(3) as pool:
        found = list(pool.map(lambda days: draw("size", points(days)), range(2, 9)))
    assert found == [drawn("size", points(days)) for days in range(2, 9)]


@pytest.mark.slow
def test_the_end_of_such_a_process_is_an_error_that_says_what_to_do() -> None:
    children = Path("/proc/thread-self/children")
    if not children.exists():
        pytest.skip("only Linux lists the processes that a thread began")
    before = set(children.read_text().split())
    with drawing(WORTH_IT) as draw:
        for child in set(children.read_text().split()) - before:
            os.kill(int(child), signal.SIGKILL)
        with pytest.raises(HeadcountError, match="was killed") as raised:
            draw("size", points(3))
    assert raised.value.hint == "run the report again"

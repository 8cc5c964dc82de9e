"""Times carry their zone: the machine's own for people, UTC with a Z in JSON."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

import pytest

from tests.end_to_end.shop import Shop

KOLKATA = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d)? \+05:30")
IN_JSON = re.compile(r'"\d{4}-\d\d-\d\dT[^"]*"')


@pytest.fixture
def in_kolkata(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    shop.environment = {**shop.environment, "TZ": "Asia/Kolkata"}
    shop.activation(schedule={"every": "1h"})
    monkeypatch.setenv("TZ", "Asia/Kolkata")
    time.tzset()
    shop.apply()
    yield shop
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize("command", ["status --details", "history", "schedule"])
def test_are_the_machines_own_in_text_and_utc_in_json(in_kolkata: Shop, command: str) -> None:
    assert KOLKATA.search(in_kolkata.run(*command.split()).out)
    times = IN_JSON.findall(in_kolkata.run(*command.split(), "--format", "json").out)
    assert times
    assert all(one.endswith('Z"') for one in times)


def test_says_what_is_due_next_with_its_zone(in_kolkata: Shop) -> None:
    assert KOLKATA.search(in_kolkata.run("sync", "--due").out)

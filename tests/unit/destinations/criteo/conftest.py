"""A connection to a scripted Criteo, with a clock that nobody waits for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from runner.core.destination import DestinationClient
from runner.destinations.criteo.api_client import Transport
from runner.destinations.criteo.connect import connect
from runner.destinations.criteo.rate_limit import RateLimiters
from tests.builders import destination
from tests.unit.destinations.criteo.clock import FakeClock
from tests.unit.destinations.criteo.server import FakeCriteo, fake_criteo

Connector = Callable[..., DestinationClient]


@pytest.fixture
def criteo() -> Iterator[FakeCriteo]:
    with fake_criteo() as fake:
        yield fake


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def open_connection(criteo: FakeCriteo, clock: FakeClock) -> Iterator[Connector]:
    """Connect with a destination changed as the test wants it; `transport=` options too."""
    opened: list[DestinationClient] = []

    def open_(
        transport: dict[str, Any] | None = None, environ: dict[str, str] | None = None, **changes: Any
    ) -> DestinationClient:
        options = {"clock": clock.clock, "limiters": RateLimiters(), **(transport or {})}
        where = {"CRITEO_API_URL": criteo.url, **(environ or {})}
        opened.append(connect(destination(**changes), environ=where, transport=Transport(**options)))
        return opened[-1]

    yield open_
    for connection in opened:
        connection.close()


@pytest.fixture
def connection(open_connection: Connector) -> DestinationClient:
    return open_connection()

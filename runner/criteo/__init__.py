"""Criteo's API: the only package that knows its URLs and JSON.

Top to bottom: `marketing_solutions` says what is called, `client` makes a call, paced (`pacing`), authorised (`auth`),
repeated (`retries`) over `http`; `errors` and `refusals` read what is wrong, `wire` and `paging` what is right.
"""

from __future__ import annotations

from collections.abc import Mapping

from runner.criteo.auth import app_of
from runner.criteo.client import Client, Transport
from runner.criteo.endpoint import DEFAULT_URL, endpoint_of
from runner.criteo.marketing_solutions import MarketingSolutions
from runner.destinations import Connection
from runner.errors import DestinationError, UsageError
from runner.model import Destination

__all__ = ["Transport", "connect"]

SANDBOX_CLIENT = "sandbox"
"""The client id that the sandbox accepts by default, and that the starter project falls back on."""


def connect(destination: Destination, *, environ: Mapping[str, str], transport: Transport | None = None) -> Connection:
    """Open a connection for a destination; no call is made yet.

    Raises DestinationError when a credential is missing or the sandbox's own would go to Criteo, UsageError when
    CRITEO_API_URL or CRITEO_API_VERSION is wrong or the destination is of a type that this version cannot talk to.
    """
    if destination.type != "criteo":
        raise UsageError(
            f'destination "{destination.name}" is of type {destination.type}, which this version cannot talk to',
            "use type: criteo (Criteo marketing solutions)",
        )
    endpoint = endpoint_of(environ)
    app = app_of(destination.credentials, destination.name)
    if endpoint.url == DEFAULT_URL and app.client_id.reveal() == SANDBOX_CLIENT:
        raise DestinationError(
            f'destination "{destination.name}" has the sandbox\'s credentials, and CRITEO_API_URL is not set',
            "set CRITEO_API_URL to where `headcount sandbox` listens, or use the credentials of your own app",
        )
    return MarketingSolutions(Client(endpoint, app, destination.rate_limit, transport or Transport()), destination)

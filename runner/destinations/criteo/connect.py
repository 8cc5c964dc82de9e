"""Opening a client for one of Criteo's services."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from runner.core.destination import CallRules, Destination, DestinationClient
from runner.core.errors import DestinationError
from runner.destinations.criteo.api_client import Client, Transport
from runner.destinations.criteo.auth import app_of
from runner.destinations.criteo.clock import Clock
from runner.destinations.criteo.endpoint import DEFAULT_URL, endpoint_of
from runner.destinations.criteo.marketing_solutions import MarketingSolutions
from runner.destinations.criteo.retail_media import RetailMedia
from runner.destinations.criteo.retries import Retries

SANDBOX_CLIENT = "sandbox"
"""The client id that the sandbox accepts by default, and that the starter project falls back on."""

_SERVICES: Mapping[str, Callable[[Client, Destination], DestinationClient]] = {
    "criteo": MarketingSolutions,
    "criteo-retail-media": RetailMedia,
}


def transport_of(rules: CallRules) -> Transport:
    """What a client of this process is built on: the real clock and network, within the rules."""
    return Transport(Clock(sleep=rules.sleep), Retries(seconds=rules.patience), permit=rules.permit)


def connect(
    destination: Destination, *, environ: Mapping[str, str], transport: Transport | None = None
) -> DestinationClient:
    """Open a client for a destination; no call is made yet.

    Raises DestinationError when a credential is missing or the sandbox's own would go to Criteo, UsageError when
    CRITEO_API_URL or CRITEO_API_VERSION is wrong.
    """
    endpoint = endpoint_of(environ)
    app = app_of(destination.credentials, destination.name)
    if endpoint.url == DEFAULT_URL and app.client_id.reveal() == SANDBOX_CLIENT:
        raise DestinationError(
            f'destination "{destination.name}" has the sandbox\'s credentials, and CRITEO_API_URL is not set',
            "set CRITEO_API_URL to where `headcount sandbox` listens, or use the credentials of your own app",
        )
    client = Client(endpoint, app, destination.rate_limit, transport or Transport())
    return _SERVICES[destination.type](client, destination)

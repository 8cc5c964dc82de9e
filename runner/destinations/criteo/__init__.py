"""Criteo's API: the only package that knows its URLs and JSON.

Top to bottom: `marketing_solutions` and `retail_media` say what is called, `accounts`, `segments` and `contact_lists`
make the calls that both have, `client` makes one call, paced (`pacing`), authorised (`auth`), repeated (`retries`) over
`http`; `errors`, `refusals` and `meanings` read what is wrong, `wire` and `paging` what is right.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from runner.core.destination import DestinationClient
from runner.core.errors import DestinationError, UsageError
from runner.core.project import Destination
from runner.destinations.criteo.api_client import Client, Transport
from runner.destinations.criteo.auth import app_of
from runner.destinations.criteo.endpoint import DEFAULT_URL, endpoint_of
from runner.destinations.criteo.marketing_solutions import MarketingSolutions
from runner.destinations.criteo.retail_media import RetailMedia

__all__ = ["Transport", "connect"]

SANDBOX_CLIENT = "sandbox"
"""The client id that the sandbox accepts by default, and that the starter project falls back on."""
_SERVICES: Mapping[str, Callable[[Client, Destination], DestinationClient]] = {
    "criteo": MarketingSolutions,
    "criteo-retail-media": RetailMedia,
}


def connect(
    destination: Destination, *, environ: Mapping[str, str], transport: Transport | None = None
) -> DestinationClient:
    """Open a connection for a destination; no call is made yet.

    Raises DestinationError when a credential is missing or the sandbox's own would go to Criteo, UsageError when
    CRITEO_API_URL or CRITEO_API_VERSION is wrong or the destination is of a type that this version cannot talk to.
    """
    service = _SERVICES.get(destination.type)
    if service is None:
        raise UsageError(
            f'destination "{destination.name}" is of type {destination.type}, which this version cannot talk to',
            f"use one of the types {', '.join(_SERVICES)}",
        )
    endpoint = endpoint_of(environ)
    app = app_of(destination.credentials, destination.name)
    if endpoint.url == DEFAULT_URL and app.client_id.reveal() == SANDBOX_CLIENT:
        raise DestinationError(
            f'destination "{destination.name}" has the sandbox\'s credentials, and CRITEO_API_URL is not set',
            "set CRITEO_API_URL to where `headcount sandbox` listens, or use the credentials of your own app",
        )
    return service(Client(endpoint, app, destination.rate_limit, transport or Transport()), destination)

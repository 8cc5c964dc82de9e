"""Whether a receiver can be reached, without sending it anything."""

from __future__ import annotations

import socket
import ssl
from urllib.parse import urlsplit

from runner.webhooks.webhook_addresses import WebhookAddress

SECONDS = 3.0
"""Until a connection is made."""


def why_out_of_reach(address: WebhookAddress) -> str:
    """Why no connection can be made, as a clause; empty when one can, and where only a proxy could tell."""
    parts = urlsplit(address.url)
    if not address.is_loopback and _goes_through_a_proxy(address.url):
        return ""
    try:
        port = parts.port or (443 if parts.scheme == "https" else 80)
        with socket.create_connection((address.host, port), timeout=SECONDS) as connection:
            if parts.scheme == "https":
                with ssl.create_default_context().wrap_socket(connection, server_hostname=address.host):
                    pass
    except ssl.SSLCertVerificationError:
        return "its certificate could not be verified"
    except TimeoutError:
        return f"no connection within {SECONDS:.0f} seconds"
    except socket.gaierror:
        return "its name could not be resolved"
    except (OSError, ValueError):
        return "the connection was refused or lost"
    return ""


def _goes_through_a_proxy(url: str) -> bool:
    from requests.utils import get_environ_proxies

    return bool(get_environ_proxies(url))

"""Whether a notice may go to the address of a webhook.

The address is a secret: no message has more of it than its host.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from urllib.parse import urlsplit

from runner.core.destination import MissingSecret
from runner.core.receivers import Receiver
from runner.quick_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class WebhookAddress:
    """Where a receiver is. `problem` says why nothing is sent there, as a clause; empty when something may be."""

    url: str = ""
    host: str = ""
    is_loopback: bool = False
    problem: str = ""

    def __repr__(self) -> str:
        return f"WebhookAddress(host={self.host!r}, problem={self.problem!r})"


def address_of(receiver: Receiver, may_send_to: Callable[[str], bool]) -> WebhookAddress:
    """The receiver's address; `may_send_to` says which hosts this environment allows."""
    if isinstance(receiver.url, MissingSecret):
        return WebhookAddress(problem=f"environment variable {receiver.url.variable} is not set")
    url = receiver.url.reveal()
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").lower()
        sound = bool(host) and (parts.port is None or parts.port > 0) and not any(map(str.isspace, url))
    except ValueError:
        return WebhookAddress(problem="its variable does not hold an address")
    if not sound or parts.scheme not in ("http", "https"):
        return WebhookAddress(problem="its variable does not hold an https address")
    is_loopback = _is_loopback(host)
    if parts.scheme == "http" and not is_loopback:
        return WebhookAddress(
            host=host, problem="its address begins with http://, so that anybody on the way could read it"
        )
    if not may_send_to(host):
        return WebhookAddress(
            host=host, problem="HEADCOUNT_HOSTS, set where the job is defined, does not list its host"
        )
    return WebhookAddress(url, host, is_loopback)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False

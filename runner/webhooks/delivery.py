"""Posting to every receiver at once, within a few seconds in all, whatever they do."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from time import monotonic
from typing import Any

import requests
from requests.auth import AuthBase

from runner import __version__
from runner.core.receivers import Receiver
from runner.quick_dataclass import dataclass, replace
from runner.webhooks.bodies import MOST, body_of
from runner.webhooks.webhook_addresses import WebhookAddress

TOTAL = 5.0
"""Seconds that all receivers together may take."""

_CONNECT, _READ = 3.0, 4.0
"""Seconds until a connection is made, and until the first byte of an answer."""


@dataclass(frozen=True, slots=True)
class Posted:
    """What came of a receiver: how many of its notices, from the first on, it took; why not the rest, as a clause."""

    taken: int = 0
    problem: str = ""
    seconds: float = 0.0


Work = tuple[Receiver, WebhookAddress, Sequence[Mapping[str, Any]]]
"""A receiver, where it is, and the notices that there are for it."""

Post = Callable[[Mapping[str, Work]], dict[str, Posted]]


def post_all(work: Mapping[str, Work], total: float = TOTAL) -> dict[str, Posted]:
    """Post to each receiver, by its name, all that there is for it.

    One that has not answered in time is given up: it may have taken its notices, and gets them once more.
    """
    until = monotonic() + total
    found: dict[str, Posted] = {}

    def run(name: str) -> None:
        for posted in _post(work[name], until):
            found[name] = posted

    threads = {name: threading.Thread(target=run, args=(name,), name="notify", daemon=True) for name in work}
    for thread in threads.values():
        thread.start()
    for thread in threads.values():
        thread.join(max(0.0, until - monotonic()))
    late = {name for name, thread in threads.items() if thread.is_alive()}
    done = {name: found.get(name, Posted()) for name in work}  # what a thread finds from now on counts no more
    why = f"no answer within {total:.0f} seconds"
    return {name: replace(one, problem=why, seconds=total) if name in late else one for name, one in done.items()}


def _post(work: Work, until: float) -> Iterator[Posted]:
    receiver, address, notices = work
    began, taken = monotonic(), 0
    for first in range(0, len(notices), MOST):
        part = notices[first : first + MOST]
        problem = _exchange(address, body_of(part, receiver.format), until)
        taken += 0 if problem else len(part)
        yield Posted(taken, problem, monotonic() - began)
        if problem:
            return


def _exchange(address: WebhookAddress, body: bytes, until: float) -> str:
    """Post a body; why it was not taken, as a clause. Nothing of a library's or of the receiver's text is in it."""
    left = until - monotonic()
    if left <= 0:
        return "there was no time left"
    try:
        with requests.Session() as session:
            session.trust_env = not address.is_loopback  # a proxy would look for this machine's port on itself
            with session.post(
                address.url,
                data=body,
                headers={"Content-Type": "application/json", "User-Agent": f"headcount/{__version__}"},
                auth=_NoLogin(),
                timeout=(min(_CONNECT, left), min(_READ, left)),
                allow_redirects=False,
                stream=True,
            ) as answer:
                status = answer.status_code
    except Exception as error:  # noqa: BLE001 - whatever befalls a notice stops nothing
        return _clause(error)
    if 200 <= status < 300:
        return ""
    return f"it answered {status}" + (", a redirect, which is not followed" if 300 <= status < 400 else "")


class _NoLogin(AuthBase):
    """Keeps `requests` from looking for a login of the host's in ~/.netrc."""

    def __call__(self, prepared: requests.PreparedRequest) -> requests.PreparedRequest:
        return prepared


_CLAUSES: tuple[tuple[type[Exception], str], ...] = (
    (requests.exceptions.SSLError, "its certificate could not be verified"),
    (requests.exceptions.ProxyError, "the proxy could not be reached"),
    (requests.exceptions.ConnectTimeout, "no connection in time"),
    (requests.exceptions.Timeout, "no answer in time"),
    (requests.exceptions.ConnectionError, "the connection failed"),
)


def _clause(error: Exception) -> str:
    return next((clause for kind, clause in _CLAUSES if isinstance(error, kind)), "the message could not be sent")

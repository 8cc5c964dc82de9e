"""A local stand-in for Criteo's API: strict, with real memberships, and with faults on request.

It answers as Criteo documents and refuses what Criteo refuses. Where Criteo documents nothing, it takes the reading
that a client has more trouble with. Next to Criteo's paths there is an admin path, `/__sandbox__/` (see
runner.sandbox.admin.admin_api), for looking at memberships and calls and for making things go wrong (see
runner.sandbox.fault_injection).

    with running(SandboxOptions(rate_limit=0)) as sandbox:
        ...                                     # point a client at sandbox.url
        sandbox.members(segment_id, "email")

It trusts everyone who can reach it, so it belongs on the loopback interface, with made-up people in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from runner.core.errors import requires_extra
from runner.sandbox.sandbox_options import Advertiser, App, OnAnswer, Retailer, RetailMediaAccount, SandboxOptions

__all__ = [
    "Advertiser",
    "App",
    "OnAnswer",
    "RetailMediaAccount",
    "Retailer",
    "SandboxOptions",
    "running",
    "serve",
]


def serve(
    options: SandboxOptions,
    port: int,
    on_ready: Callable[[str], None] | None = None,
    *,
    on_answer: OnAnswer | None = None,
    host: str = "127.0.0.1",
) -> None:
    """Serve until Ctrl-C or SIGTERM, then return; `on_ready` is called with the URL once calls are answered.

    `on_answer` is called after each call with its method, its path without a query, the answer's status (None: there
    was none) and how many seconds it took.

    Port 0 takes any free port. Raises HeadcountError when the port is taken, the data file cannot be used, or the
    libraries of the extra `sandbox` are not installed.
    """
    with requires_extra("sandbox", "the sandbox"):
        from runner.sandbox import server
    server.serve(options, port, on_ready, on_answer, host)


@contextmanager
def running(options: SandboxOptions | None = None, *, port: int = 0) -> Iterator[str]:
    """A sandbox in a thread of this process, on a free loopback port unless `port` names one; yields its URL."""
    with requires_extra("sandbox", "the sandbox"):
        from runner.sandbox import server
    with server.running(options or SandboxOptions(), port) as url:
        yield url

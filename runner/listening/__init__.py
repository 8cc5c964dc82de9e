"""A port to answer on, for whatever serves from this machine: the sandbox, and the service's health and metrics.

`bounded_server` answers there within limits, `gate` says who is answered; both need the libraries of an extra.
"""

from __future__ import annotations

import socket

from runner.core.errors import HeadcountError

BACKLOG = 128
"""Connections that may wait to be accepted."""


def listen(host: str, port: int, *, name: str) -> socket.socket:
    """Listen there; port 0 is any that is free. Raises HeadcountError, which says that `name` cannot."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        reason = str(error.strerror).split(" (while")[0]  # Python says the address once more
        raise HeadcountError(
            f"{name} cannot listen on {_address(host, port)}: {reason}", "choose another --port"
        ) from None


def url_of(listener: socket.socket) -> str:
    """Where it is reached, with the port that it was given."""
    host, port = listener.getsockname()[:2]
    return f"http://{_address(host, port)}"


def _address(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

"""Who may speak to a server of this machine: programs, under a name of its own, and no page of another website.

A browser lets any page send requests to this machine. Under a name that the page's owner makes lead here it could read
the answers as well (DNS rebinding), so only names that were meant are answered. IP addresses are no such names.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

_READING = ("GET", "HEAD")
_OWN_SITE = ("none", "same-origin")
"""What a browser says of a request that no other website has caused."""


def gated(app: ASGIApp, *, names: Collection[str], name_hint: str) -> ASGIApp:
    """The application for those who may speak to it; `names` are hosts besides this machine's own.

    `name_hint` says how to add a name, to those who are refused for the one they used.
    """
    allowed = frozenset(name.lower() for name in names)

    async def gate(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            headers = Headers(scope=scope)
            if not is_named(headers.get("host"), allowed):
                problem = {"error": f"the Host of this request is not a name of this server; {name_hint}"}
                await JSONResponse(problem, 421)(scope, receive, send)
                return
            if scope["method"] not in _READING and is_foreign(headers):
                problem = {"error": "a page of another website may not send requests to this server"}
                await JSONResponse(problem, 403)(scope, receive, send)
                return
        await app(scope, receive, send)

    return gate


def is_named(host: str | None, names: Collection[str]) -> bool:
    """Whether a Host header names this server: by an IP address, as localhost, or by one of the names.

    Without one, as HTTP/1.0 allows, no browser has sent the request.
    """
    if host is None:
        return True
    name = _host_of(f"//{host}")
    if name is None:
        return False
    return name == "localhost" or name in names or _is_address(name)


def is_foreign(headers: Mapping[str, str]) -> bool:
    """Whether a browser says that another website caused the request."""
    if headers.get("sec-fetch-site", "none") not in _OWN_SITE:
        return True
    origin = headers.get("origin")
    return origin is not None and origin.partition("://")[2].lower() != headers.get("host", "").lower()


def _host_of(url: str) -> str | None:
    try:
        name = urlsplit(url).hostname
    except ValueError:
        return None
    return name.rstrip(".") if name else None


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True

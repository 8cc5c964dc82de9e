"""Where Criteo's API is and which version of it is spoken."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from urllib.parse import SplitResult, urlsplit, urlunsplit

from runner.core.errors import UsageError
from runner.quick_dataclass import dataclass

DEFAULT_URL = "https://api.criteo.com"
DEFAULT_VERSION = "2026-07"


@dataclass(frozen=True, slots=True)
class ApiEndpoint:
    """`url` without a slash at its end, `version` the first part of every path; `loopback` when it is this machine."""

    url: str
    version: str
    loopback: bool


def endpoint_of(environ: Mapping[str, str]) -> ApiEndpoint:
    """Read CRITEO_API_URL and CRITEO_API_VERSION. Raises UsageError when one of them cannot be meant."""
    url = (environ.get("CRITEO_API_URL") or DEFAULT_URL).strip().rstrip("/")
    parts = _split(url)
    loopback = _is_loopback(parts.hostname or "")
    if parts.scheme == "http" and not loopback:
        raise UsageError(
            "CRITEO_API_URL begins with http:// and names another machine, so the credentials would travel in clear",
            "use https://, or leave CRITEO_API_URL unset to call Criteo itself",
        )
    version = (environ.get("CRITEO_API_VERSION") or DEFAULT_VERSION).strip()
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9-]*", version):
        raise UsageError("CRITEO_API_VERSION is not a version of Criteo's API", f"write it like {DEFAULT_VERSION}")
    # Scheme and host have no case, and a state knows its Criteo by this address.
    written = parts._replace(scheme=parts.scheme.lower(), netloc=parts.netloc.lower())
    return ApiEndpoint(urlunsplit(written), version, loopback)


def _split(url: str) -> SplitResult:
    """The parts of the address. The address itself is in no message: it may hold a password."""
    hint = f"write it like {DEFAULT_URL} or http://127.0.0.1:8787"
    try:
        parts = urlsplit(url)
        sound = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        raise UsageError("CRITEO_API_URL is not an address", hint) from None
    if not sound or parts.query or parts.fragment or parts.username is not None or re.search(r"\s", url):
        raise UsageError("CRITEO_API_URL must be an http(s) address with a host and neither user, query nor #", hint)
    return parts


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False

"""A token for a client that has an id and a secret: OAuth's client credentials, RFC 6749 section 4.4.

The secret goes to one address, once, over TLS, and to no other that an answer may name. What an answer says is not
passed on: it may hold what was sent.
"""

from __future__ import annotations

import json
from urllib.parse import urlsplit

from runner.core.suggest import quoted_word
from runner.sources.interface import Declaration
from runner.sources.warehouse import UnusableSecret, WarehouseSource

METHOD = "oauth-client"
FIELDS = ("token_url", "scope")

_SECONDS = 10.0
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_DONE, _REFUSED = 200, range(400, 500)
_MOST = 65_536
"""Bytes of an answer."""


def judge(written: Declaration) -> None:
    """Refuse an address that a secret may not go to, and one where no client logs in."""
    url = written.value("token_url")
    of_a_client = (written.value("auth") or {}).get("method") == METHOD
    for name in FIELDS:
        if written.value(name) is not None and not of_a_client:
            written.refuse("unknown-field", f"`{name}` belongs to the method {METHOD}; take it out", name, at_key=True)
    if of_a_client and url is None:
        written.refuse("missing-field", f"method {METHOD} needs `token_url`, the address that gives tokens", "auth")
    elif url is not None and not is_address(str(url)):
        message = f"token_url must be an address such as https://login.example.com/token, not {quoted_word(str(url))}"
        written.refuse("invalid-value", message, "token_url")


def is_address(url: str) -> bool:
    """Whether a secret may go there: over TLS, or to this machine; nothing of it is a login or a query."""
    try:
        at = urlsplit(url)
        port = at.port
    except ValueError:
        return False
    is_plain = not (at.username or at.password or at.query or at.fragment) and port != 0
    return (
        is_plain and bool(at.hostname) and (at.scheme == "https" or (at.scheme == "http" and at.hostname in _LOOPBACK))
    )


def host(url: str) -> str:
    """The host that the client's secret goes to."""
    return urlsplit(url).hostname or ""


def token(source: WarehouseSource, url: str, scope: str) -> str:
    """A token for the source's client; an empty scope is not asked for. Raises UnusableSecret."""
    import requests
    from urllib3.exceptions import HTTPError

    at = f"the token service {host(url)}"
    body = {"grant_type": "client_credentials", **({"scope": scope} if scope else {})}
    login = (source.secret("client_id"), source.secret("client_secret"))
    try:
        with requests.post(url, data=body, auth=login, timeout=_SECONDS, allow_redirects=False, stream=True) as answer:
            content = answer.raw.read(_MOST + 1, decode_content=True)
    except (requests.RequestException, OSError, HTTPError):
        raise UnusableSecret(f"{at} is out of reach") from None
    if answer.status_code in _REFUSED:
        raise UnusableSecret(f"{at} refused the client; check its id, its secret and what it may do")
    found = _given(content) if answer.status_code == _DONE else None
    if not found:
        raise UnusableSecret(f"{at} gave no token")
    return found


def _given(content: bytes) -> str | None:
    """The token of an answer; None where it has none, or is too long."""
    try:
        answer = json.loads(content) if len(content) <= _MOST else None
    except (ValueError, RecursionError):
        return None
    found = answer.get("access_token") if isinstance(answer, dict) else None
    return found if isinstance(found, str) else None

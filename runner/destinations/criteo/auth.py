"""The access token of an app: fetched with the client credentials, kept until shortly before it expires.

OAuth 2.0 client credentials at `POST /oauth2/token`, with the credentials in the form (guide page "authentication").
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode

from runner.core.destination import Credentials, MissingSecret, Secret
from runner.core.errors import DestinationError
from runner.destinations.criteo.clock import Clock
from runner.quick_dataclass import dataclass

TOKEN_PATH = "/oauth2/token"  # noqa: S105 - a path
LIFE = 900.0
"""Seconds that Criteo's tokens live when an answer does not say it."""

RENEW_BEFORE = 60.0
"""Seconds before its end at which a token is no longer used; half its life for one that lives under two minutes."""


@dataclass(frozen=True, slots=True)
class AppCredentials:
    """The credentials of an app, both known."""

    client_id: Secret
    client_secret: Secret

    def form(self) -> bytes:
        """The body of a token request. Secrets hold `+`, `/` and `=`, so they are percent-encoded."""
        return urlencode(
            {
                "grant_type": "client_credentials",
                "client_id": self.client_id.reveal(),
                "client_secret": self.client_secret.reveal(),
            }
        ).encode("ascii")


def app_of(credentials: Credentials, destination: str) -> AppCredentials:
    """Both credentials, or a DestinationError that names the variables that are not set and where they are wanted."""
    client_id, client_secret = credentials.client_id, credentials.client_secret
    if isinstance(client_id, MissingSecret) or isinstance(client_secret, MissingSecret):
        names = sorted({part.variable for part in credentials.missing})
        places = sorted({str(part.location) for part in credentials.missing})
        one = len(names) == 1
        raise DestinationError(
            f"{' and '.join(names)} {'is' if one else 'are'} not set in the environment",
            f'set {"it" if one else "them"} where the command runs; destination "{destination}" reads '
            f"{'it' if one else 'them'} at {' and '.join(places)}",
        )
    return AppCredentials(client_id, client_secret)


@dataclass(frozen=True, slots=True)
class _Token:
    value: str
    until: float


class TokenCache:
    """The token in use. `fetch` asks Criteo for a new one and answers with the JSON object that came back."""

    def __init__(self, fetch: Callable[[], Mapping[str, Any]], clock: Clock) -> None:
        self._fetch = fetch
        self._clock = clock
        self._lock = threading.Lock()
        self._token: _Token | None = None

    def current(self) -> str:
        """A token that is good for a while yet."""
        with self._lock:
            if self._token is None or self._clock.monotonic() >= self._token.until:
                self._token = self._fetched()
            return self._token.value

    def renew(self, rejected: str) -> str:
        """A token other than the one that Criteo rejected; threads rejected together fetch one between them."""
        with self._lock:
            if self._token is None or self._token.value == rejected:
                self._token = None
                self._token = self._fetched()
            return self._token.value

    def _fetched(self) -> _Token:
        asked_at = self._clock.monotonic()
        answer = self._fetch()
        life = answer.get("expires_in")
        sensible = isinstance(life, int | float) and not isinstance(life, bool) and 0 < life < 1e9
        seconds = float(answer["expires_in"]) if sensible else LIFE
        return _Token(str(answer["access_token"]), asked_at + seconds - min(RENEW_BEFORE, seconds / 2))


def is_token(answer: Mapping[str, Any]) -> bool:
    """Whether an answer of the token endpoint holds a token that can go into a header."""
    token = answer.get("access_token")
    return isinstance(token, str) and token.isascii() and token.isprintable() and bool(token) and " " not in token

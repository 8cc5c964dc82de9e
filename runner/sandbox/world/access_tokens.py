"""Access tokens and the rate-limit window."""

from __future__ import annotations

import math
import secrets
from dataclasses import dataclass
from enum import Enum

WINDOW = 60.0
"""Seconds over which calls are counted."""


class TokenState(Enum):
    """Why a token is not accepted."""

    UNKNOWN = "unknown"
    EXPIRED = "expired"


class AccessTokens:
    """Tokens by value. Several may be valid at once; none survives a restart."""

    def __init__(self, life: int) -> None:
        self._life = life
        self._tokens: dict[str, tuple[str, float]] = {}

    def issue(self, client_id: str, now: float) -> str:
        token = secrets.token_urlsafe(32)
        self._tokens[token] = (client_id, now + self._life)
        return token

    def owner(self, token: str, now: float) -> str | TokenState:
        """The client id the token was given to, or why it is not accepted."""
        known = self._tokens.get(token)
        if known is None:
            return TokenState.UNKNOWN
        client_id, until = known
        return client_id if now < until else TokenState.EXPIRED

    def expire_all(self) -> None:
        """End the life of every token given so far."""
        self._tokens = {token: (client_id, -math.inf) for token, (client_id, _) in self._tokens.items()}

    def revoke_all(self) -> None:
        """Forget every token given so far."""
        self._tokens = {}


@dataclass(frozen=True, slots=True)
class Allowance:
    """What the answer to one call says about the limit. `reset` is the epoch second at which the window ends."""

    allowed: bool
    limit: int
    remaining: int
    reset: int

    def headers(self) -> dict[str, str]:
        return {
            "x-ratelimit-limit": str(self.limit),
            "x-ratelimit-remaining": str(self.remaining),
            "x-ratelimit-reset": str(self.reset),
        }


class RateLimits:
    """A window a client id, opened by its first call; a refused call does not count."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._windows: dict[str, tuple[float, int]] = {}

    def take(self, client_id: str, now: float) -> Allowance | None:
        """Count a call; None when there is no limit."""
        if not self._limit:
            return None
        opened, used = self._windows.get(client_id, (now, 0))
        if now >= opened + WINDOW:
            opened, used = now, 0
        allowed = used < self._limit
        used += allowed
        self._windows[client_id] = (opened, used)
        return Allowance(allowed, self._limit, self._limit - used, math.ceil(opened + WINDOW))

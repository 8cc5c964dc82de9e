"""One call to Criteo from start to end: paced, authorised, tried again, and read as an answer or an error."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import requests

from runner.core.destination import Again, unnoticed
from runner.core.errors import DestinationError
from runner.destinations.criteo.api_errors import refusal, token_refusal
from runner.destinations.criteo.auth import TOKEN_PATH, AppCredentials, TokenCache, is_token
from runner.destinations.criteo.clock import Clock, CriteoClock
from runner.destinations.criteo.endpoint import ApiEndpoint
from runner.destinations.criteo.error_envelope import Envelope, read_envelope, read_object
from runner.destinations.criteo.http import Failure, Http, HttpRequest, Response
from runner.destinations.criteo.rate_limit import SHARED, RateLimiters, seconds_until_reset
from runner.destinations.criteo.retries import Healable, Retries, persistently
from runner.quick_dataclass import dataclass, field, replace

logger = logging.getLogger("headcount.criteo")

NO_SANDBOX = "is `headcount sandbox` running there? CRITEO_API_URL says where it is looked for"
OUTAGE = "Criteo or the network may be down: run the command again later, it takes up where it stopped"


@dataclass(frozen=True, slots=True)
class Transport:
    """What a connection is built on; tests bring their own.

    `permit` is asked right before each call leaves, and raises where none may leave any more.
    """

    clock: Clock = field(default_factory=Clock)
    retries: Retries = field(default_factory=Retries)
    limiters: RateLimiters = SHARED
    session: Callable[[], requests.Session] = requests.Session
    permit: Callable[[], None] = lambda: None


@dataclass(frozen=True, slots=True)
class ApiCall:
    """A call of the API. `doing` completes "Criteo refused ..." and holds no identifier.

    `path` follows the API's version. A call that is not `repeatable` is made at most once with effect. `again` is
    called before each attempt but the first.
    """

    doing: str
    method: str
    path: str
    body: bytes | None = None
    query: tuple[tuple[str, str], ...] = ()
    repeatable: bool = True
    again: Again = unnoticed


class Client:
    """Calls Criteo with one app's credentials. Safe to use from several threads."""

    def __init__(self, endpoint: ApiEndpoint, app: AppCredentials, rate_limit: int, transport: Transport) -> None:
        self._endpoint = endpoint
        self._app = app
        self._clock = transport.clock
        self._retries = transport.retries
        self._permit = transport.permit
        self._limiter = transport.limiters.of(endpoint.url, app.client_id.reveal(), rate_limit, transport.clock)
        self._http = Http(endpoint.url, loopback=endpoint.loopback, clock=transport.clock, session=transport.session)
        self._tokens = TokenCache(self._fetch_token, transport.clock)
        self._criteo_clock = CriteoClock(transport.clock)

    def call(self, call: ApiCall) -> Envelope:
        """Make the call. Raises NameTaken, AudienceGone or another DestinationError, as `api_errors` tells them apart.

        Raises AnswerLost when the call may have had its one effect.
        """
        if not call.repeatable:
            # A connection that died unnoticed while a segment was evaluated would leave it unknown what happened.
            self._http.reconnect()
        request = HttpRequest(call.method, f"/{self._endpoint.version}{call.path}", body=call.body, query=call.query)
        renewed = False

        def attempt() -> Envelope:
            nonlocal renewed
            token = self._tokens.current()
            response = self._send(replace(request, token=token), call.doing)
            if response.status == requests.codes.unauthorized and not renewed:
                renewed = True
                response = self._send(replace(request, token=self._tokens.renew(token)), call.doing)
            return self._read(response, call.doing)

        return persistently(attempt, self._retries, self._clock, repeatable=call.repeatable, again=call.again)

    def now(self) -> datetime:
        """Criteo's clock, as its last answer gave it; the machine's before any answer."""
        return self._criteo_clock.now()

    def close(self) -> None:
        """Give back sockets."""
        self._http.close()

    # -- one attempt -------------------------------------------------------------------------------------------------

    def _send(self, request: HttpRequest, doing: str) -> Response:
        """Send once, in turn. Raises Healable where no answer came or Criteo asks for patience."""
        self._limiter.wait()
        self._permit()
        begun = self._clock.monotonic()
        try:
            response = self._http.exchange(request)
        except Failure as failure:
            self._log(request, failure.what, begun)
            self._http.reconnect()
            error = DestinationError(
                f"{self._endpoint.url} gave no answer to {doing}: {failure.what}", self._outage(failure)
            )
            if failure.hopeless:
                raise error from None
            raise Healable(error, untouched=failure.untouched) from None
        self._log(request, str(response.status), begun, response.body)
        self._criteo_clock.note(response.headers)
        if self._limiter.heed(response.status, response.headers, self.now()):
            raise Healable(
                refusal(response.status, _envelope(response), doing), pause=self._asked_pause(response), untouched=True
            )
        return response

    def _outage(self, failure: Failure) -> str:
        return NO_SANDBOX if self._endpoint.loopback and failure.untouched else OUTAGE

    def _asked_pause(self, response: Response) -> float | None:
        return seconds_until_reset(response.headers, self.now())

    def _read(self, response: Response, doing: str) -> Envelope:
        """The envelope of a success. Raises DestinationError, or Healable where another attempt may do better."""
        if response.status == requests.codes.no_content:
            return Envelope()
        envelope = read_envelope(response.body)
        if 200 <= response.status < 300:
            if envelope is None:
                raise Healable(
                    DestinationError(f"Criteo's answer to {doing} cannot be read", OUTAGE, status=response.status)
                )
            return envelope
        error = refusal(response.status, envelope or Envelope(), doing)
        error.untouched = response.status < 500 and envelope is not None and bool(envelope.problems)
        if _may_heal(response.status):
            raise Healable(error, pause=self._asked_pause(response))
        raise error

    # -- the token -----------------------------------------------------------------------------------------------------

    def _fetch_token(self) -> Mapping[str, Any]:
        doing = "fetching an access token"
        request = HttpRequest("POST", TOKEN_PATH, self._app.form(), "application/x-www-form-urlencoded")

        def attempt() -> Mapping[str, Any]:
            response = self._send(request, doing)
            answer = read_object(response.body) or {}
            if response.status == requests.codes.ok and is_token(answer):
                return answer
            if response.status == requests.codes.ok:
                raise Healable(DestinationError(f"Criteo's answer to {doing} holds no token", OUTAGE))
            error = token_refusal(response.status, answer, _envelope(response))
            if _may_heal(response.status):
                raise Healable(error, pause=self._asked_pause(response))
            raise error

        return persistently(attempt, self._retries, self._clock, repeatable=True)

    def _log(self, request: HttpRequest, outcome: str, begun: float, body: bytes = b"") -> None:
        if logger.isEnabledFor(logging.DEBUG):
            took = round((self._clock.monotonic() - begun) * 1000)
            trace_id = (read_envelope(body) or Envelope()).trace_id or "-"
            logger.debug("%s %s %s %d ms %s", request.method, request.path, outcome, took, trace_id)


def _envelope(response: Response) -> Envelope:
    return read_envelope(response.body) or Envelope()


def _may_heal(status: int) -> bool:
    return status >= 500 or status == requests.codes.request_timeout

"""One request and its answer over the wire, on `requests`: time-outs, a bounded body, what kind of failure it was.

Nothing here knows Criteo's JSON. No body, no header and no text of a library's exception gets into a message.
"""

from __future__ import annotations

import io
import ssl
from collections.abc import Callable, Iterator, Mapping
from http.cookiejar import DefaultCookiePolicy

import requests
import urllib3
from requests.auth import AuthBase

from runner import __version__
from runner.destinations.criteo.clock import Clock
from runner.destinations.criteo.connections import Connections
from runner.quick_dataclass import dataclass

CONNECT_TIMEOUT = 10.0
READ_TIMEOUT = 120.0
"""Seconds without a byte, and seconds that a whole answer may take."""

LARGEST_ANSWER = 64 * 1024 * 1024
_PIECE = 64 * 1024


class Failure(Exception):
    """No answer came back, or only a part of one. `untouched` when the request certainly did not reach anyone;
    `hopeless` when asking again cannot help. The text is a clause such as "the connection was refused"."""

    def __init__(self, what: str, *, untouched: bool = False, hopeless: bool = False) -> None:
        super().__init__(what)
        self.what = what
        self.untouched = untouched
        self.hopeless = hopeless


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """`path` begins with a slash; `token` is the bearer token, none for the token request itself."""

    method: str
    path: str
    body: bytes | None = None
    content_type: str = "application/json"
    query: tuple[tuple[str, str], ...] = ()
    token: str | None = None


@dataclass(frozen=True, slots=True)
class Response:
    """An answer with its whole body; header names are matched whatever their case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Http:
    """Keeps connections to one host alive."""

    def __init__(
        self, url: str, *, loopback: bool, clock: Clock, session: Callable[[], requests.Session] = requests.Session
    ) -> None:
        self._url = url
        self._loopback = loopback
        self._clock = clock
        self._connections = Connections(lambda: _prepared(session(), loopback=loopback))

    def exchange(self, request: HttpRequest) -> Response:
        """Send the request and read the answer. Raises Failure."""
        try:
            with (
                self._connections.session() as session,
                session.request(
                    request.method,
                    self._url + request.path,
                    params=request.query or None,
                    # Read in small pieces, each with a time-out of its own: the socket's time-out is one for all of a
                    # piece, and a slow line needs more than ten seconds for three megabytes.
                    data=None if request.body is None else io.BytesIO(request.body),
                    headers=None if request.body is None else {"Content-Type": request.content_type},
                    auth=_Bearer(request.token),
                    timeout=(CONNECT_TIMEOUT, READ_TIMEOUT),
                    allow_redirects=False,
                    stream=True,
                ) as response,
            ):
                return Response(response.status_code, response.headers, b"".join(self._pieces(response)))
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            raise _failure(error, loopback=self._loopback) from None

    def _pieces(self, response: requests.Response) -> Iterator[bytes]:
        """The body as it comes in: a server that sends a byte a minute must not hold a run for ever."""
        until = self._clock.monotonic() + READ_TIMEOUT
        size = 0
        response.raw.decode_content = True
        while piece := response.raw.read1(_PIECE):
            size += len(piece)
            if size > LARGEST_ANSWER:
                raise Failure("the answer did not end")
            if self._clock.monotonic() > until:
                raise Failure(f"the answer took longer than {READ_TIMEOUT:.0f} seconds")
            yield piece

    def reconnect(self) -> None:
        """Give up the connections, so that the next request goes out on a new one."""
        self._connections.close()

    def close(self) -> None:
        """Give back sockets."""
        self._connections.close()


def _prepared(session: requests.Session, *, loopback: bool) -> requests.Session:
    session.headers.clear()
    session.headers.update(
        {
            "User-Agent": f"headcount/{__version__}",
            "Accept": "application/json",
            "Accept-Encoding": "gzip, deflate",
        }
    )
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    if loopback:
        session.trust_env = False  # a proxy would look for this machine's port on itself
    return session


class _Bearer(AuthBase):
    """The token of a request. Set for requests without one too: else `requests` would look into ~/.netrc."""

    def __init__(self, token: str | None) -> None:
        self._token = token

    def __call__(self, prepared: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._token is not None:
            prepared.headers["Authorization"] = f"Bearer {self._token}"
        return prepared


def _failure(error: BaseException, *, loopback: bool) -> Failure:
    """What an exception of the libraries means for the request.

    A machine that refuses a connection to itself has no server there: waiting for one would only hide a typo.
    """
    chain = tuple(_chain(error))
    if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in chain):
        return Failure("its certificate could not be verified", untouched=True, hopeless=True)
    if any(isinstance(cause, requests.exceptions.InvalidURL | requests.exceptions.InvalidSchema) for cause in chain):
        return Failure("its address is not valid", untouched=True, hopeless=True)
    if any(isinstance(cause, urllib3.exceptions.NameResolutionError) for cause in chain):
        return Failure("its name could not be resolved", untouched=True)
    if any(isinstance(cause, urllib3.exceptions.NewConnectionError | ConnectionRefusedError) for cause in chain):
        return Failure("the connection was refused", untouched=True, hopeless=loopback)
    if any(isinstance(cause, urllib3.exceptions.ConnectTimeoutError | requests.ConnectTimeout) for cause in chain):
        return Failure(f"no connection within {CONNECT_TIMEOUT:.0f} seconds", untouched=True)
    if any(isinstance(cause, urllib3.exceptions.ReadTimeoutError | TimeoutError) for cause in chain):
        return Failure(f"no answer within {READ_TIMEOUT:.0f} seconds")
    return Failure("the connection was lost")


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The exception, and those that the libraries wrapped in it, by cause, by argument or by `reason`."""
    waiting: list[BaseException] = [error]
    seen: set[int] = set()
    while waiting:
        cause = waiting.pop()
        if id(cause) in seen:
            continue
        seen.add(id(cause))
        yield cause
        linked = (cause.__cause__, cause.__context__, getattr(cause, "reason", None), *cause.args)
        waiting.extend(part for part in linked if isinstance(part, BaseException))

"""The way of a call through the sandbox: body, fault, version, token, rate limit, shape, handler, answer."""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from starlette.datastructures import QueryParams
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from runner.sandbox.api import error_envelopes
from runner.sandbox.api.error_envelopes import PROBLEM_ARRAY, CallRefused, EnvelopeProblem, Family, ItemOutcome
from runner.sandbox.api.request_body import read_body
from runner.sandbox.api.responses import Dropped, Endless, Hanging, Slow, Truncated, html_page, json_answer
from runner.sandbox.api.validators import UNKNOWN_FIELD, Shape
from runner.sandbox.fault_injection import Fault, FaultKind, Occasion
from runner.sandbox.world.access_tokens import TokenState
from runner.sandbox.world.call_log import CallRecord
from runner.sandbox.world.segment_records import CriteoService
from runner.sandbox.world.world import World

VERSIONS = ("2026-01", "2026-07", "2027-01")
"""The versions that Criteo serves. Their audience contracts are the same, byte for byte."""

_VERSION = re.compile(r"\d{4}-\d{2}")
_JSON_TYPES = ("application/json", "text/json")
log = logging.getLogger("headcount.sandbox")


@dataclass(frozen=True, slots=True)
class IncomingCall:
    """A call that is let in, as handlers see it.

    `owners` are the advertisers, in retail media the accounts, that consented to the caller and that the call is about.
    `account_id` and `segment_id` are those of the path, and empty where it has none.
    """

    world: World
    service: CriteoService
    client_id: str
    owners: tuple[str, ...]
    account_id: str
    segment_id: str
    query: QueryParams
    body: Any
    now: float
    incoming: Incoming

    @property
    def record(self) -> CallRecord:
        """What the call log remembers of this call."""
        return self.incoming.record

    def partial_success(self, outcome: ItemOutcome) -> dict[str, Any]:
        """The answer to a bulk call, failed items in the array of the service, or the one that the options name."""
        body = self.incoming.envelope(outcome.data, tuple(outcome.problems))
        return _reported_in(self.incoming.problem_array, body)


Handler = Callable[[IncomingCall], Any]
"""Works a call out and returns the body of its answer (None: it has none, and is a 204), or raises CallRefused."""

EndpointHandler = Callable[[Request], Awaitable[Response]]


class Incoming:
    """A request whose body was read, with what is worked out of it once."""

    def __init__(
        self,
        world: World,
        request: Request,
        family: Family,
        raw: bytes | None,
        record: CallRecord,
        service: CriteoService = CriteoService.MARKETING_SOLUTIONS,
    ) -> None:
        self.world, self.request, self.family, self.raw, self.record = world, request, family, raw, record
        self.problem_array = world.options.bulk_problems or PROBLEM_ARRAY[service]
        self.trace_id = str(uuid4())
        self._json: Any = None
        self._parsed = False

    def json(self) -> Any:
        """The body. Raises CallRefused when it is no JSON."""
        if not self._parsed:
            self._json = _parsed(self.raw or b"")
            self._parsed = True
        return self._json

    def amendment(self) -> tuple[str | None, str | None]:
        """Operation and identifier type, where the body has them."""
        try:
            attributes = self.json()["data"]["attributes"]
            return attributes.get("operation"), attributes.get("identifierType")
        except (CallRefused, LookupError, TypeError, AttributeError):
            return None, None

    def refusal(self, refused: CallRefused) -> Response:
        """The error answer, in the envelope of the endpoint's family."""
        return json_answer(self.envelope(None, refused.problems), refused.status, refused.headers)

    def envelope(self, data: Any, errors: tuple[EnvelopeProblem, ...]) -> dict[str, Any]:
        path = self.request.url.path
        rendered = [problem.rendered(self.family, path, self.trace_id) for problem in errors]
        return ({} if data is None else {"data": data}) | {"errors": rendered, "warnings": []}


def api_endpoint(
    world: World, handler: Handler, service: CriteoService, family: Family = Family.BULK, shape: Shape | None = None
) -> EndpointHandler:
    """An endpoint of the API. With a `shape`, a JSON body of that shape is required."""

    def work(incoming: Incoming) -> Response:
        headers: dict[str, str] = {}
        try:
            body = handler(_admitted(incoming, service, shape, headers))
            answer = Response(status_code=204) if body is None else json_answer(body)
        except CallRefused as refused:
            answer = incoming.refusal(refused)
        answer.headers.update(headers)
        return answer

    return faulty_endpoint(world, work, family, service)


def faulty_endpoint(
    world: World,
    work: Callable[[Incoming], Response],
    family: Family,
    service: CriteoService = CriteoService.MARKETING_SOLUTIONS,
) -> EndpointHandler:
    """Any endpoint that is logged and that faults may hit."""

    async def endpoint(request: Request) -> Response:
        # Logged once it has arrived whole: a client that is killed when its call is in the log has had its effect.
        try:
            raw = await read_body(request, world.options.max_body)
        except ClientDisconnect:
            _logged(world, request)
            return Dropped()
        record = _logged(world, request)
        incoming = Incoming(world, request, family, raw, record, service)
        fault = world.faults.pick(Occasion(request.method, request.url.path, incoming.amendment))
        record.fault = fault.name if fault else None
        if fault is not None and fault.before_effect:
            answer = _instead(incoming, fault)
        elif raw is None:
            answer = Response(status_code=413)
        elif fault is not None and fault.kind is FaultKind.LATE:
            asyncio.get_running_loop().call_later(fault.seconds, _guarded, incoming, work)
            answer = Dropped()
        else:
            answer = _guarded(incoming, work)
            if fault is not None:
                answer = _spoiled(incoming, fault, answer)
        record.status = None if isinstance(answer, Dropped | Hanging) else answer.status_code
        return answer

    return endpoint


def _logged(world: World, request: Request) -> CallRecord:
    record = world.calls.begin(request.method, request.url.path, world.clock.now())
    record.segment_id = request.path_params.get("segment_id")
    return record


def not_served(world: World, request: Request, status: int) -> Response:
    """The answer to a path or method that does not exist, or no longer."""
    version = request.url.path.split("/")[1]
    problem = error_envelopes.NO_SUCH_METHOD if status == 405 else error_envelopes.NO_SUCH_PATH
    if _is_gone(version):
        status, problem = 410, error_envelopes.VERSION_GONE
    record = world.calls.begin(request.method, request.url.path, world.clock.now())
    record.status = status
    return Incoming(world, request, Family.BULK, b"", record).refusal(CallRefused(status, (problem,)))


def _admitted(incoming: Incoming, service: CriteoService, shape: Shape | None, headers: dict[str, str]) -> IncomingCall:
    """Let a call in, or raise CallRefused; `headers` is given what every answer from here on carries."""
    world, request = incoming.world, incoming.request
    version = request.path_params["version"]
    if _is_gone(version):
        raise CallRefused(410, (error_envelopes.VERSION_GONE,))
    if version not in VERSIONS:
        raise CallRefused(404, (error_envelopes.NO_SUCH_PATH,))
    now = world.clock.now()
    client_id = _caller(world, request.headers.get("authorization"), now)
    incoming.record.client_id = client_id
    allowance = world.limits.take(client_id, now)
    if allowance is not None:
        headers.update(allowance.headers())
        if not allowance.allowed:
            wait = {"retry-after": str(max(1, round(allowance.reset - now)))} if world.options.retry_after else {}
            raise CallRefused(429, (error_envelopes.TOO_MANY_REQUESTS,), wait)
    return IncomingCall(
        world=world,
        service=service,
        client_id=client_id,
        owners=world.consents[service].get(client_id, ()),
        account_id=request.path_params.get("account_id", ""),
        segment_id=request.path_params.get("segment_id", ""),
        query=request.query_params,
        body=None if shape is None else _checked_body(incoming, shape),
        now=now,
        incoming=incoming,
    )


def _is_gone(version: str) -> bool:
    return _VERSION.fullmatch(version) is not None and version < VERSIONS[0]


def _caller(world: World, header: str | None, now: float) -> str:
    if not header:
        raise CallRefused(401, (error_envelopes.TOKEN_MISSING,))
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer":
        raise CallRefused(401, (error_envelopes.TOKEN_INVALID,))
    owner = world.tokens.owner(token.strip(), now)
    if isinstance(owner, TokenState):
        problem = error_envelopes.TOKEN_EXPIRED if owner is TokenState.EXPIRED else error_envelopes.TOKEN_INVALID
        raise CallRefused(401, (problem,))
    return owner


def _checked_body(incoming: Incoming, shape: Shape) -> Any:
    headers = incoming.request.headers
    if headers.get("content-type", "").partition(";")[0].strip().lower() not in _JSON_TYPES:
        raise CallRefused(415, (error_envelopes.WRONG_CONTENT_TYPE,))
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise CallRefused(415, (error_envelopes.WRONG_CONTENT_TYPE,))
    body = incoming.json()
    found = tuple(shape(body, ""))
    if not incoming.world.options.strict_fields:
        found = tuple(problem for problem in found if problem.code != UNKNOWN_FIELD)
    if found:
        raise CallRefused(400, found)
    return body


def _parsed(raw: bytes) -> Any:
    def refuse(constant: str) -> Any:
        raise ValueError(constant)

    try:
        body = json.loads(raw.decode("utf-8-sig"), parse_constant=refuse)
        if rb"\u" in raw:
            # Half a surrogate pair can be written down in JSON, but is no text.
            json.dumps(body, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise CallRefused(400, (error_envelopes.MALFORMED_JSON,)) from None
    return body


def _guarded(incoming: Incoming, work: Callable[[Incoming], Response]) -> Response:
    """The answer, also where the sandbox itself fails: then its log has the kind and place, and no data."""
    try:
        return work(incoming)
    except Exception as error:  # noqa: BLE001 - a server answers, whatever happened
        trace = error.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        place = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else "an unknown place"
        log.error("the sandbox failed with %s at %s", type(error).__name__, place)
        return incoming.refusal(CallRefused(500, (error_envelopes.INTERNAL_ERROR,)))


def _instead(incoming: Incoming, fault: Fault) -> Response:
    """The answer of a fault that keeps a call from taking effect."""
    match fault.kind:
        case FaultKind.DROP_BEFORE:
            return Dropped()
        case FaultKind.HANG:
            return Hanging(incoming.world.stopping)
        case FaultKind.HTML:
            return html_page(502)
        case FaultKind.REJECT:
            body = _reported_in(
                fault.where or incoming.problem_array, incoming.envelope(None, (error_envelopes.REJECTED,))
            )
            return json_answer({"data": [] if incoming.family is Family.BULK else None} | body)
        case _:
            answer = incoming.refusal(CallRefused(fault.status, (error_envelopes.gateway_problem(fault.status),)))
            if fault.status == 429:
                reset = int(incoming.world.clock.now() + fault.seconds)
                answer.headers.update({"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(reset)})
            return answer


def _spoiled(incoming: Incoming, fault: Fault, answer: Response) -> Response:
    """The answer as a fault leaves it that comes after the call took effect."""
    match fault.kind:
        case FaultKind.DROP_AFTER:
            return Dropped()
        case FaultKind.EMPTY:
            return Response(status_code=200)
        case FaultKind.TRUNCATE:
            return Truncated(answer) if answer.body else Dropped()
        case FaultKind.SLOW:
            return Slow(answer, fault.seconds, incoming.world.stopping)
        case _:
            return Endless(incoming.world.stopping)


def _reported_in(array: str, body: dict[str, Any]) -> dict[str, Any]:
    """The envelope with its problems in that array instead of in `errors`."""
    return body if array == "errors" else body | {"errors": [], array: body["errors"]}


@dataclass(frozen=True, slots=True)
class Router:
    """Makes the routes of one service; `prefix` is what their paths begin with, after the version."""

    world: World
    service: CriteoService
    prefix: str = ""

    def __call__(
        self, method: str, path: str, handler: Handler, family: Family = Family.BULK, shape: Shape | None = None
    ) -> Route:
        endpoint = api_endpoint(self.world, handler, self.service, family, shape)
        return Route(f"/{{version}}{self.prefix}{path}", endpoint, methods=[method])

"""`/__sandbox__/...`: what no Criteo has. It takes and gives JSON, and asks nobody who they are.

GET    /__sandbox__/segments                        every segment, with its size by identifier type
POST   /__sandbox__/segments                        somebody makes one in the UI: {advertiserId, name, description?,
                                                    type?, readOnly?}, in retail media with accountId, retailerId
                                                    and (for a contact list) identifierType instead of advertiserId
PATCH  /__sandbox__/segments/{id}                   somebody changes one in the UI: {name?, description?, readOnly?}
DELETE /__sandbox__/segments/{id}                   somebody deletes one in the UI
GET    /__sandbox__/segments/{id}/members?type=     the members of that identifier type, as sorted wire forms
GET    /__sandbox__/calls?identifiers=true          the call log, oldest first; identifiers only where they are kept
POST   /__sandbox__/calls                           {keepIdentifiers: true}: remember what calls carry from now on
DELETE /__sandbox__/calls                           forget the calls so far
GET    /__sandbox__/faults                          the rules that still wait
POST   /__sandbox__/faults                          a rule: {fault, path?, method?, operation?, identifierType?, skip?,
                                                    times? (null: always), seconds?, where?}; see runner.sandbox.faults
DELETE /__sandbox__/faults                          drop all rules
PUT    /__sandbox__/rates                           {rates: {fault: probability}, seed?}
POST   /__sandbox__/tokens/expire, .../revoke       tokens given so far are expired, or unknown
PUT    /__sandbox__/consent                         {clientId, advertisers?: [...], accounts?: [...]}: who consents to
                                                    the app from now on
POST   /__sandbox__/clock                           {advance: seconds}
POST   /__sandbox__/reset                           forget everything but the options and the clock
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route

from runner.errors import UsageError
from runner.sandbox.answers import json_answer
from runner.sandbox.contact_lists import IDENTIFIER_TYPE
from runner.sandbox.faults import Rule, fault_named
from runner.sandbox.identifiers import IDENTIFIER_TYPES, wire_form
from runner.sandbox.journal import SegmentPut, SegmentRemoved
from runner.sandbox.options import check_rates
from runner.sandbox.segments import CONTACT_LIST, SEGMENT_TYPES, Segment, changed
from runner.sandbox.services import Service
from runner.sandbox.shapes import Shape, array, fields, flag, nullable, number, text, whole
from runner.sandbox.world import World


@dataclass(frozen=True, slots=True)
class _Ask:
    """A request to the admin path; `body` has the shape that its route asks for."""

    world: World
    request: Request
    body: Any


Work = Callable[[_Ask], Any]


class _Wrong(Exception):
    """The request makes no sense; the message says why."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


def mount(world: World) -> Mount:
    """The admin path."""
    return Mount(
        "/__sandbox__",
        routes=[
            _route(world, "GET", "/segments", _list_segments),
            _route(world, "POST", "/segments", _add_segment, _NEW_SEGMENT),
            _route(world, "PATCH", "/segments/{id:int}", _change_segment, _SEGMENT_CHANGE),
            _route(world, "DELETE", "/segments/{id:int}", _delete_segment),
            _route(world, "GET", "/segments/{id:int}/members", _list_members),
            _route(world, "GET", "/calls", _list_calls),
            _route(world, "POST", "/calls", _keep_identifiers, fields({"keepIdentifiers": flag})),
            _route(world, "DELETE", "/calls", lambda ask: ask.world.calls.records.clear()),
            _route(world, "GET", "/faults", _list_faults),
            _route(world, "POST", "/faults", _add_fault, _FAULT),
            _route(world, "DELETE", "/faults", lambda ask: ask.world.faults.rules.clear()),
            _route(world, "PUT", "/rates", _set_rates, _RATES),
            _route(world, "POST", "/tokens/expire", lambda ask: ask.world.tokens.expire_all()),
            _route(world, "POST", "/tokens/revoke", lambda ask: ask.world.tokens.revoke_all()),
            _route(world, "PUT", "/consent", _consent, _CONSENT),
            _route(world, "POST", "/clock", _advance, fields({"advance": number})),
            _route(world, "POST", "/reset", lambda ask: ask.world.reset()),
        ],
    )


_NEW_SEGMENT = fields(
    {"name": text},
    advertiserId=text,
    accountId=text,
    retailerId=text,
    identifierType=text,
    description=nullable(text),
    type=text,
    readOnly=flag,
)
_CONSENT = fields({"clientId": text}, advertisers=array(text), accounts=array(text))
_SEGMENT_CHANGE = fields(name=text, description=nullable(text), readOnly=flag)
_FAULT = fields(
    {"fault": text},
    path=text,
    method=nullable(text),
    operation=nullable(text),
    identifierType=nullable(text),
    skip=whole,
    times=nullable(whole),
    seconds=number,
    where=nullable(text),
)


def _rates_shape(value: Any, where: str) -> Any:
    if isinstance(value, dict):
        yield from fields(**dict.fromkeys(value, number))(value, where)
    else:
        yield from fields()(value, where)


_RATES = fields({"rates": _rates_shape}, seed=whole)


def _route(world: World, method: str, path: str, work: Work, shape: Shape | None = None) -> Route:
    async def endpoint(request: Request) -> Response:
        try:
            body = None if shape is None else _body(await request.body(), shape)
            return json_answer({"data": work(_Ask(world, request, body))})
        except _Wrong as wrong:
            return json_answer({"error": str(wrong)}, wrong.status)
        except UsageError as error:
            return json_answer({"error": " - ".join(filter(None, (error.message, error.hint)))}, 400)

    return Route(path, endpoint, methods=[method])


def _body(raw: bytes, shape: Shape) -> Any:
    try:
        body = json.loads(raw)
    except ValueError:
        raise _Wrong("the body is not JSON") from None
    for problem in shape(body, ""):
        raise _Wrong(f"{problem.where or 'the body'} {problem.detail}")
    return body


def _list_segments(ask: _Ask) -> list[dict[str, Any]]:
    return [_shown(ask.world, segment) for segment in ask.world.segments]


def _shown(world: World, segment: Segment) -> dict[str, Any]:
    return {
        "id": str(segment.id),
        "service": segment.service,
        "advertiserId": segment.owner_id if segment.service is Service.MARKETING_SOLUTIONS else None,
        "accountId": segment.owner_id if segment.service is Service.RETAIL_MEDIA else None,
        "retailerId": segment.retailer_id,
        "identifierType": segment.settings.get(IDENTIFIER_TYPE),
        "name": segment.name,
        "description": segment.description,
        "type": segment.type,
        "readOnly": segment.read_only,
        "identifiers": world.memberships.counts(segment.id),
        "size": world.size(segment.id),
    }


def _segment(ask: _Ask) -> Segment:
    segment = ask.world.segments.get(ask.request.path_params["id"])
    if segment is None:
        raise _Wrong("there is no such segment", 404)
    return segment


def _free_name(world: World, service: Service, owner_id: str, name: str, own_id: int | None) -> None:
    taken = world.segments.named(service, owner_id, name)
    if taken is not None and taken.id != own_id:
        raise _Wrong("another segment of the owner has this name", 409)


def _add_segment(ask: _Ask) -> dict[str, Any]:
    service, owner_id = _owner(ask)
    segment_type = ask.body.get("type", CONTACT_LIST)
    if segment_type not in SEGMENT_TYPES[service]:
        raise _Wrong(f"type must be one of {', '.join(SEGMENT_TYPES[service])}")
    _free_name(ask.world, service, owner_id, ask.body["name"], None)
    now = ask.world.clock.now()
    segment = Segment(
        id=ask.world.segments.free_id(service),
        owner_id=owner_id,
        name=ask.body["name"],
        description=ask.body.get("description"),
        type=segment_type,
        created_at=now,
        updated_at=now,
        settings=_settings(ask, service, segment_type),
        read_only=ask.body.get("readOnly", False),
        service=service,
        retailer_id=ask.body.get("retailerId"),
    )
    ask.world.make(SegmentPut(segment))
    return _shown(ask.world, segment)


def _owner(ask: _Ask) -> tuple[Service, str]:
    """The service that the new segment is for, and its advertiser or account."""
    options, body = ask.world.options, ask.body
    if ("advertiserId" in body) == ("accountId" in body) or ("accountId" in body) != ("retailerId" in body):
        raise _Wrong("a segment has either an advertiserId, or an accountId and a retailerId")
    if "advertiserId" in body:
        if body["advertiserId"] not in {advertiser.id for advertiser in options.advertisers}:
            raise _Wrong("there is no such advertiser", 404)
        return Service.MARKETING_SOLUTIONS, body["advertiserId"]
    account = next((account for account in options.accounts if account.id == body["accountId"]), None)
    if account is None or body["retailerId"] not in {retailer.id for retailer in account.retailers}:
        raise _Wrong("there is no such account, or it has no such retailer", 404)
    return Service.RETAIL_MEDIA, account.id


def _settings(ask: _Ask, service: Service, segment_type: str) -> dict[str, Any]:
    typed = service is Service.RETAIL_MEDIA and segment_type == CONTACT_LIST
    if not typed and IDENTIFIER_TYPE not in ask.body:
        return {}
    known = IDENTIFIER_TYPES[service] if typed else ()
    if ask.body.get(IDENTIFIER_TYPE) not in known:
        raise _Wrong("a contact list of retail media, and no other segment, has an identifierType of retail media")
    return {IDENTIFIER_TYPE: ask.body[IDENTIFIER_TYPE]}


def _change_segment(ask: _Ask) -> dict[str, Any]:
    segment = _segment(ask)
    if "name" in ask.body:
        _free_name(ask.world, segment.service, segment.owner_id, ask.body["name"], segment.id)
    names = {"name": "name", "description": "description", "readOnly": "read_only"}
    segment = changed(segment, ask.world.clock.now(), **{names[key]: value for key, value in ask.body.items()})
    ask.world.make(SegmentPut(segment))
    return _shown(ask.world, segment)


def _delete_segment(ask: _Ask) -> None:
    ask.world.make(SegmentRemoved(_segment(ask).id))


def _list_members(ask: _Ask) -> list[str]:
    segment = _segment(ask)
    identifier_type = ask.request.query_params.get("type", "")
    known = IDENTIFIER_TYPES[segment.service]
    if identifier_type not in known:
        raise _Wrong(f"type must be one of {', '.join(known)}")
    members = ask.world.memberships.members((segment.id, identifier_type))
    if members is None:
        raise _Wrong("this sandbox only counts members", 409)
    return sorted(wire_form(identifier_type, member) for member in members)


def _list_calls(ask: _Ask) -> list[dict[str, Any]]:
    identifiers = ask.request.query_params.get("identifiers", "false").lower() in ("true", "1")
    if identifiers and not ask.world.calls.keep_identifiers:
        raise _Wrong("identifiers are not kept; POST {keepIdentifiers: true} first", 409)
    return [record.shown(identifiers=identifiers) for record in ask.world.calls.records]


def _keep_identifiers(ask: _Ask) -> None:
    ask.world.calls.keep_identifiers = ask.body["keepIdentifiers"]


def _list_faults(ask: _Ask) -> list[dict[str, Any]]:
    return [
        {
            "fault": rule.fault.name,
            "path": rule.path,
            "method": rule.method,
            "operation": rule.operation,
            "identifierType": rule.identifier_type,
            "skip": rule.skip,
            "times": rule.times,
        }
        for rule in ask.world.faults.rules
    ]


def _add_fault(ask: _Ask) -> None:
    times, skip = ask.body.get("times", 1), ask.body.get("skip", 0)
    if skip < 0 or (times is not None and times < 1):
        raise _Wrong("times must be 1 or more, or null, and skip 0 or more")
    fault = fault_named(ask.body["fault"], seconds=ask.body.get("seconds", 1.0), where=ask.body.get("where"))
    ask.world.faults.add(
        Rule(
            fault=fault,
            path=ask.body.get("path", ""),
            method=ask.body.get("method"),
            operation=ask.body.get("operation"),
            identifier_type=ask.body.get("identifierType"),
            skip=skip,
            times=times,
        )
    )


def _set_rates(ask: _Ask) -> None:
    check_rates(ask.body["rates"])
    ask.world.faults.set_rates(ask.body["rates"], ask.body.get("seed", 0))


def _consent(ask: _Ask) -> None:
    if ask.body["clientId"] not in ask.world.apps:
        raise _Wrong("there is no such client id", 404)
    kinds = {"advertisers": Service.MARKETING_SOLUTIONS, "accounts": Service.RETAIL_MEDIA}
    given = [kind for kind in kinds if kind in ask.body]
    if not given:
        raise _Wrong("advertisers or accounts consent to an app")
    for kind in given:
        ask.world.consents[kinds[kind]][ask.body["clientId"]] = tuple(ask.body[kind])


def _advance(ask: _Ask) -> None:
    ask.world.clock.advance(ask.body["advance"])

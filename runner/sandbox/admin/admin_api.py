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
                                                    times? (null: always), seconds?, where?}; see
                                                    runner.sandbox.fault_injection
DELETE /__sandbox__/faults                          drop all rules
PUT    /__sandbox__/rates                           {rates: {fault: probability}, seed?}
POST   /__sandbox__/tokens/expire, .../revoke       tokens given so far are expired, or unknown
PUT    /__sandbox__/consent                         {clientId, advertisers?: [...], accounts?: [...]}: who consents to
                                                    the app from now on
POST   /__sandbox__/clock                           {advance: seconds}
POST   /__sandbox__/reset                           forget everything but the options and the clock
"""

from __future__ import annotations

from typing import Any

from starlette.routing import Mount

from runner.sandbox.admin import ui_edits
from runner.sandbox.admin.admin_requests import Ask, Wrong, admin_route
from runner.sandbox.api.validators import array, fields, flag, nullable, number, text, whole
from runner.sandbox.fault_injection import Rule, fault_named
from runner.sandbox.sandbox_options import check_rates
from runner.sandbox.world.segment_records import CriteoService
from runner.sandbox.world.world import World


def mount(world: World) -> Mount:
    """The admin path."""
    return Mount(
        "/__sandbox__",
        routes=[
            admin_route(world, "GET", "/segments", ui_edits.list_all),
            admin_route(world, "POST", "/segments", ui_edits.add, ui_edits.NEW),
            admin_route(world, "PATCH", "/segments/{id:int}", ui_edits.change, ui_edits.CHANGE),
            admin_route(world, "DELETE", "/segments/{id:int}", ui_edits.delete),
            admin_route(world, "GET", "/segments/{id:int}/members", ui_edits.list_members),
            admin_route(world, "GET", "/calls", _list_calls),
            admin_route(world, "POST", "/calls", _keep_identifiers, fields({"keepIdentifiers": flag})),
            admin_route(world, "DELETE", "/calls", lambda ask: ask.world.calls.records.clear()),
            admin_route(world, "GET", "/faults", _list_faults),
            admin_route(world, "POST", "/faults", _add_fault, _FAULT),
            admin_route(world, "DELETE", "/faults", lambda ask: ask.world.faults.rules.clear()),
            admin_route(world, "PUT", "/rates", _set_rates, _RATES),
            admin_route(world, "POST", "/tokens/expire", lambda ask: ask.world.tokens.expire_all()),
            admin_route(world, "POST", "/tokens/revoke", lambda ask: ask.world.tokens.revoke_all()),
            admin_route(world, "PUT", "/consent", _consent, _CONSENT),
            admin_route(world, "POST", "/clock", _advance, fields({"advance": number})),
            admin_route(world, "POST", "/reset", lambda ask: ask.world.reset()),
        ],
    )


_CONSENT = fields({"clientId": text}, advertisers=array(text), accounts=array(text))
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


def _list_calls(ask: Ask) -> list[dict[str, Any]]:
    identifiers = ask.request.query_params.get("identifiers", "false").lower() in ("true", "1")
    if identifiers and not ask.world.calls.keep_identifiers:
        raise Wrong("identifiers are not kept; POST {keepIdentifiers: true} first", 409)
    return [record.shown(identifiers=identifiers) for record in ask.world.calls.records]


def _keep_identifiers(ask: Ask) -> None:
    ask.world.calls.keep_identifiers = ask.body["keepIdentifiers"]


def _list_faults(ask: Ask) -> list[dict[str, Any]]:
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


def _add_fault(ask: Ask) -> None:
    times, skip = ask.body.get("times", 1), ask.body.get("skip", 0)
    if skip < 0 or (times is not None and times < 1):
        raise Wrong("times must be 1 or more, or null, and skip 0 or more")
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


def _set_rates(ask: Ask) -> None:
    check_rates(ask.body["rates"])
    ask.world.faults.set_rates(ask.body["rates"], ask.body.get("seed", 0))


def _consent(ask: Ask) -> None:
    if ask.body["clientId"] not in ask.world.apps:
        raise Wrong("there is no such client id", 404)
    kinds = {"advertisers": CriteoService.MARKETING_SOLUTIONS, "accounts": CriteoService.RETAIL_MEDIA}
    given = [kind for kind in kinds if kind in ask.body]
    if not given:
        raise Wrong("advertisers or accounts consent to an app")
    for kind in given:
        ask.world.consents[kinds[kind]][ask.body["clientId"]] = tuple(ask.body[kind])


def _advance(ask: Ask) -> None:
    ask.world.clock.advance(ask.body["advance"])

"""Values for tests: each builder fills in whatever the test does not care about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from runner.core.destination import Credentials, Destination, LiveAudience, Secret
from runner.core.findings import Location
from runner.core.identifiers import IdentifierType
from runner.core.membership import ComparedMembership, Delta, Evaluation, MembershipFiles, Rejected, TypeDelta
from runner.core.project import Activation, Guardrails, Schedule, Segment, SqlText
from runner.core.records import AccountRef, AppliedAudience, Definition
from runner.destinations.registry import KINDS
from runner.planning.diff import Comparison, definition_of
from runner.planning.plan import Decision, Measured, Plan, PlannedChange

HERE = Location("activations/a.yaml", 1, 1)
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
EMAIL = IdentifierType.EMAIL
MADID = IdentifierType.MOBILE_AD_ID
SANDBOX = Credentials(Secret("sandbox"), Secret("sandbox"))
"""What the sandbox accepts by default."""


def destination(name: str = "shop", account_id: str = "12345", **changes: Any) -> Destination:
    """`type` names the kind; what is no field of Destination is an option of the kind."""
    kind = KINDS[changes.pop("type", "criteo")]
    options = {option.name: changes.pop(option.name) for option in kind.options if option.name in changes}
    credentials = Credentials(Secret("id"), Secret("secret"))
    return replace(Destination(name, kind, account_id, credentials, HERE, options), **changes)


def activation(id: str = "loyal", **changes: Any) -> Activation:
    """A `mapping` may give a single column as a text."""
    if "mapping" in changes:
        given = changes["mapping"].items()
        changes["mapping"] = {one: (named,) if isinstance(named, str) else tuple(named) for one, named in given}
    segment = Segment("Loyal", "", SqlText("select 1", "activations/a.yaml", 5), "f" * 64, HERE)
    made = Activation(
        id=id,
        segment=segment,
        destination=destination(),
        name=id.title(),
        description="",
        mapping={EMAIL: ("email",)},
        schedule=Schedule(),
        guardrails=Guardrails(),
        protect=False,
        location=HERE,
    )
    return replace(made, **changes)


def definition(of: Activation, **changes: Any) -> Definition:
    return replace(definition_of(of), **changes)


def applied(of: Activation, audience_id: str | None = "1", record_id: int = 1, **changes: Any) -> AppliedAudience:
    made = AppliedAudience(
        record_id=record_id,
        activation=of.id,
        destination=of.destination.name,
        kind=of.destination.type,
        account_id=of.destination.account_id,
        audience_id=audience_id,
        definition=definition_of(of),
        intended_at=NOON,
        applied_at=NOON,
    )
    return replace(made, **changes)


def live(id: str = "1", name: str = "Loyal", description: str = "", **changes: Any) -> LiveAudience:
    return replace(LiveAudience(id, name, description, NOON), **changes)


def evaluation(people: int = 10, rejected: tuple[Rejected, ...] = ()) -> Evaluation:
    return Evaluation(Path("nowhere"), (EMAIL,), people, people, {EMAIL: 0}, rejected)


def delta(**parts: TypeDelta) -> Delta:
    return {IdentifierType(kind): part for kind, part in parts.items()}


def measured(of: Activation | None = None, seen: Evaluation | None = None, parts: Delta | None = None) -> Measured:
    compared = ComparedMembership(MembershipFiles(), parts or {}, {})
    return Measured(of or activation(), seen or evaluation(), compared, compared.delta)


def change(id: str = "loyal", **changes: Any) -> PlannedChange:
    """A planned change; `evaluation` and `delta` say what was measured, where anything was."""
    declared = activation(id)
    if "evaluation" in changes or "delta" in changes:
        changes["measured"] = measured(declared, changes.pop("evaluation", None), changes.pop("delta", None))
    made = PlannedChange(
        id=id,
        intended=changes.pop("intended"),
        destination="shop",
        account=AccountRef("criteo", "12345"),
        name=declared.name,
        activation=declared,
        definition=definition_of(declared),
    )
    return replace(made, **changes)


def plan(*changes: PlannedChange) -> Plan:
    return Plan.of(changes, NOON, date(2026, 11, 24))


def compare(
    declared: tuple[Activation, ...],
    records: tuple[AppliedAudience, ...] = (),
    audiences: tuple[LiveAudience, ...] = (),
    *,
    selected: tuple[Activation, ...] | None = None,
    prune: bool = False,
    others: Mapping[AccountRef, tuple[LiveAudience, ...]] | None = None,
) -> tuple[Decision, ...]:
    world = {**{AccountRef(kind, "12345"): audiences for kind in KINDS}, **(others or {})}
    orphans = frozenset(record.record_id for record in records)
    return Comparison(declared if selected is None else selected, declared, records, world, prune, orphans).decisions()

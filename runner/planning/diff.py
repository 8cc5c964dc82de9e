"""Declared against applied against live: what has to happen to each audience, before anyone looks at its members."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from runner.core.destination import LiveAudience
from runner.core.project import Activation
from runner.core.records import AccountRef, Action, AppliedAudience, Definition, redefined
from runner.planning.lost_creates import found_again
from runner.planning.plan import Change, FieldChange


def definition_of(activation: Activation) -> Definition:
    """The part of an activation that must have been applied before `sync` touches its members."""
    return Definition(
        name=activation.name,
        description=activation.description,
        mapping={str(kind): column for kind, column in sorted(activation.mapping.items())},
        sql=activation.segment.fingerprint,
        gum_caller_id=activation.destination.gum_caller_id if "gum_id" in activation.mapping else None,
        protect=activation.protect,
        undated_name=activation.undated.name if activation.undated else None,
        undated_description=activation.undated.description if activation.undated else None,
    )


def undecided(activation: Activation) -> Change:
    """The change of an activation of which nothing is known yet but what is declared."""
    return Change(
        id=activation.id,
        intended=Action.UNCHANGED,
        destination=activation.destination.name,
        account=activation.account,
        name=activation.name,
        activation=activation,
        definition=definition_of(activation),
    )


@dataclass(frozen=True, slots=True)
class Comparison:
    """The three views of the world, and which names are about to become free.

    `selected` are the activations this run looks at, `declared` all of the project's; `live` has the audiences of each
    account that was read. `orphans` are the keys of the audiences that may be reported as no longer declared, and
    deleted with `prune`.
    """

    selected: tuple[Activation, ...]
    declared: tuple[Activation, ...]
    applied: tuple[AppliedAudience, ...]
    live: Mapping[AccountRef, tuple[LiveAudience, ...]]
    prune: bool
    orphans: frozenset[int]

    def changes(self) -> tuple[Change, ...]:
        """One change per selected activation, then one per orphan whose account was read."""
        return (*(self._declared(activation) for activation in self.selected), *self._orphans())

    # -- what is declared ----------------------------------------------------------------------------------------

    def _declared(self, activation: Activation) -> Change:
        change = undecided(activation)
        applied = self.record(activation)
        if applied is None:
            return self._create(change, self._why_new(activation))
        audience = self.locate(applied)
        change = replace(change, applied=applied)
        if audience is None:
            if applied.audience_id is None:
                return self._create(change, "its creation was interrupted")
            return self._create(replace(change, intended=Action.RECREATE), "gone in Criteo")
        return self._existing(replace(change, audience_id=audience.id, live=audience), activation, applied, audience)

    def _why_new(self, activation: Activation) -> str:
        others = [one for one in self.applied if one.activation == activation.id and one.account != activation.account]
        return f"moved here from account {others[0].account_id}" if others else "new"

    def _create(self, change: Change, reason: str) -> Change:
        intended = Action.RECREATE if change.intended is Action.RECREATE else Action.CREATE
        return self._unless_taken(replace(change, intended=intended, reasons=(reason,)))

    def _existing(
        self, change: Change, activation: Activation, applied: AppliedAudience, audience: LiveAudience
    ) -> Change:
        if audience.read_only:
            return replace(
                change,
                intended=Action.FAILED,
                error=f"Criteo marks audience {audience.id} as read-only",
                hint="Headcount can only keep lists that this account may amend; import or create another one",
            )
        changed = redefined(applied.definition, change.definition)
        misfits = tuple(misfit(activation, audience, applied.definition))
        if misfits:
            change = replace(change, intended=Action.RECREATE, redefined=changed, reasons=misfits)
            return self._unless_taken(change)
        fields = _field_changes(change, applied, audience)
        before = applied.definition
        # Members sent under one caller id mean nothing under another.
        other_caller = before is not None and before.gum_caller_id not in (None, _caller(change))
        change = replace(
            change,
            intended=Action.UPDATE if fields else Action.UNCHANGED,
            fields=fields,
            redefined=changed,
            refill=applied.refill or other_caller,
            reasons=(*_why_fields(fields), *_why_redefined(change, applied)),
        )
        return self._unless_taken(change) if any(part.field == "name" for part in fields) else change

    # -- names ---------------------------------------------------------------------------------------------------

    def _unless_taken(self, change: Change) -> Change:
        """The change, or a conflict where another audience of the account has the name and keeps it."""
        for audience in self.live[change.account]:
            if audience.name == change.name and audience.id != change.audience_id:
                owner = self.owner(change.account, audience)
                taken = replace(change, holder=audience)
                if audience.other_kind:
                    return _conflict(
                        taken,
                        f'a segment of type {audience.other_kind} (id {audience.id}) is called "{audience.name}"',
                        "names are unique in an account, whatever the type: choose another name, or rename that one",
                    )
                if owner is None:
                    return _conflict(
                        taken,
                        f'audience {audience.id} of the account is called "{audience.name}" and is not ours',
                        f"take it over with `headcount import {change.id} {audience.id}`, or choose another name",
                    )
                if not self._gives_up_name(owner, audience.name):
                    return _conflict(
                        taken,
                        f'the audience of {owner.activation} (audience {audience.id}) is called "{audience.name}"',
                        "apply both together, delete the other with --prune, or choose another name",
                    )
        return change

    def _gives_up_name(self, record: AppliedAudience, name: str) -> bool:
        for activation in self.selected:
            if activation.key == record.key and record.given_up_at is None:
                return activation.name != name
        return self.prune and record.record_id in self.orphans and self.is_orphan(record) and not _protected(record)

    # -- what is no longer declared --------------------------------------------------------------------------------

    def _orphans(self) -> Iterable[Change]:
        for record in self.applied:
            if record.record_id in self.orphans and self.is_orphan(record) and record.account in self.live:
                audience = self.locate(record)
                settled = record.audience_id is not None or (self.prune and record.given_up_at is None)
                if audience is not None or settled:
                    yield self._orphan(record, audience)

    def _orphan(self, record: AppliedAudience, audience: LiveAudience | None) -> Change:
        moved = any(activation.id == record.activation for activation in self.declared)
        why = "moved to another account" if moved else "no longer declared"
        if audience is None:
            why += ", and gone in Criteo" if record.audience_id else ", and never created"
        name = record.activation
        if record.given_up_at is not None and audience is not None:
            name, why = f'{name} as "{audience.name}"', "made by a create that was given up"
        return Change(
            id=name,
            intended=Action.DELETE if self.prune else Action.ORPHANED,
            destination=record.destination,
            account=record.account,
            name=audience.name if audience else record.definition.name if record.definition else "",
            reasons=(why,),
            applied=record,
            audience_id=audience.id if audience else record.audience_id,
            live=audience,
        )

    def owner(self, account: AccountRef, audience: LiveAudience) -> AppliedAudience | None:
        """The record that an audience belongs to, if any, answered creates and lost ones alike."""
        for record in self.applied:
            if record.account == account and self.identify(record) == audience.id:
                return record
        return None

    def is_orphan(self, record: AppliedAudience) -> bool:
        """Whether no activation declares the audience, there where it is, any more."""
        return record.given_up_at is not None or all(one.key != record.key for one in self.declared)

    # -- which audience is which -----------------------------------------------------------------------------------

    def record(self, activation: Activation) -> AppliedAudience | None:
        """What the state knows of an activation's audience in the account it is declared for."""
        return next((one for one in self.applied if one.key == activation.key and one.given_up_at is None), None)

    def identify(self, record: AppliedAudience) -> str | None:
        """The audience's id: the one we know, or, when the answer to a create was lost, the one that must be ours."""
        if record.audience_id is not None:
            return record.audience_id
        audience = self.locate(record)
        return audience.id if audience else None

    def locate(self, record: AppliedAudience) -> LiveAudience | None:
        """The live audience of a record, or None when there is none."""
        live = self.live.get(record.account, ())
        if record.audience_id is not None:
            return next((one for one in live if one.id == record.audience_id and not one.other_kind), None)
        return found_again(record, live, self.applied)


def misfit(activation: Activation, audience: LiveAudience, before: Definition | None = None) -> Iterator[str]:
    """Why an audience can never become what is declared: what was fixed when it was made is declared otherwise.

    `before` tells of what an audience was made for that the destination itself says nothing about.
    """
    destination = activation.destination
    held: Collection[str] = ()
    if audience.identifier_type is not None:
        held = (audience.identifier_type,)
    elif destination.one_type and before is not None:
        held = before.mapping
    if held and activation.mapping.keys().isdisjoint(held):
        yield f"identifier type changed from {', '.join(held)} to {', '.join(activation.mapping)}"
    if None not in (audience.retailer_id, destination.retailer_id) and audience.retailer_id != destination.retailer_id:
        yield f"retailer changed from {audience.retailer_id} to {destination.retailer_id}"


def _caller(change: Change) -> int | None:
    return change.activation.destination.gum_caller_id if change.activation else None


def _protected(record: AppliedAudience) -> bool:
    return record.definition is not None and record.definition.protect


def _conflict(change: Change, error: str, hint: str) -> Change:
    return replace(change, intended=Action.CONFLICT, error=error, hint=hint)


def _field_changes(change: Change, applied: AppliedAudience, audience: LiveAudience) -> tuple[FieldChange, ...]:
    assert change.definition is not None
    before = applied.definition
    pairs = (
        ("name", audience.name, change.definition.name, before.name if before else None),
        ("description", audience.description, change.definition.description, before.description if before else None),
    )
    return tuple(
        FieldChange(name, live, declared, drift=last == declared)
        for name, live, declared, last in pairs
        if live != declared
    )


def _why_fields(fields: tuple[FieldChange, ...]) -> Iterable[str]:
    for part in fields:
        if part.drift:
            yield "renamed in Criteo" if part.field == "name" else "description changed in Criteo"
        else:
            yield f"{part.field} changed"


def _why_redefined(change: Change, applied: AppliedAudience) -> Iterable[str]:
    before, now = applied.definition, change.definition
    assert now is not None
    if before is None:
        yield "imported: it is cleared and refilled"
        return
    if applied.refill:
        yield "its content is not known: it is cleared and refilled"
    if before.sql != now.sql:
        yield "SQL changed"
    if before.mapping != now.mapping:
        yield "mapping changed"
    if before.gum_caller_id != now.gum_caller_id:
        yield "gum_caller_id changed"
    if before.protect != now.protect:
        yield "protected" if now.protect else "no longer protected"

"""Declared against applied against live: what has to happen to each audience, before anyone looks at its members."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import cached_property

from runner.core.destination import LiveAudience
from runner.core.project import Activation
from runner.core.records import AccountRef, Action, AppliedAudience, AudienceKey, Definition, redefined, same_sql
from runner.destinations.registry import platform_of
from runner.planning.lost_creates import found_again
from runner.planning.plan import Decision, FieldChange
from runner.quick_dataclass import dataclass, replace


def definition_of(activation: Activation) -> Definition:
    """The part of an activation that must have been applied before `sync` touches its members."""
    destination = activation.destination
    needed = {option.name for option in destination.kind.options if option.goes_with in activation.mapping}
    return Definition(
        name=activation.name,
        description=activation.description,
        mapping={
            str(kind): columns[0] if len(columns) == 1 else columns
            for kind, columns in sorted(activation.mapping.items())
        },
        sql=activation.segment.fingerprint,
        meaning=activation.segment.meaning,
        text=activation.segment.declared,
        options={name: value for name, value in destination.options.items() if name in needed},
        protect=activation.protect,
        holdout=activation.holdout.data if activation.holdout else {},
        undated_name=activation.any_day.name if activation.any_day else None,
        undated_description=activation.any_day.description if activation.any_day else None,
    )


def declared_decision(activation: Activation) -> Decision:
    """The decision about an activation from what is declared alone: nothing to do."""
    return Decision(
        id=activation.id,
        intended=Action.UNCHANGED,
        destination=activation.destination.name,
        account=activation.account,
        name=activation.name,
        activation=activation,
        definition=definition_of(activation),
    )


def orphan_decision(record: AppliedAudience, audience: LiveAudience | None, *reasons: str) -> Decision:
    """The decision about an audience that no activation declares any more: it is reported."""
    return Decision(
        id=record.activation,
        intended=Action.ORPHANED,
        destination=record.destination,
        account=record.account,
        name=audience.name if audience else record.definition.name if record.definition else "",
        reasons=reasons,
        applied=record,
        audience_id=audience.id if audience else record.audience_id,
        live=audience,
    )


@dataclass(frozen=True)
class Comparison:
    """The three views of the world, and which names are about to become free.

    `selected` are the activations this run looks at, `declared` all of the project's; `live` has the audiences of each
    account that was read. `orphans` are the record ids of the audiences that may be reported as no longer declared, and
    deleted with `prune`.
    """

    selected: tuple[Activation, ...]
    declared: tuple[Activation, ...]
    applied: tuple[AppliedAudience, ...]
    live: Mapping[AccountRef, tuple[LiveAudience, ...]]
    prune: bool = False
    orphans: frozenset[int] = frozenset()

    def decisions(self) -> tuple[Decision, ...]:
        """One per selected activation, then one per orphan whose account was read."""
        return (*(self._declared(activation) for activation in self.selected), *self._orphans())

    # -- what is declared ----------------------------------------------------------------------------------------

    def _declared(self, activation: Activation) -> Decision:
        decision = declared_decision(activation)
        applied = self.record(activation)
        if applied is None:
            return self._unless_taken(replace(decision, intended=Action.CREATE, reasons=(self._why_new(activation),)))
        audience = self.locate(applied)
        if audience is not None:
            decision = replace(decision, applied=applied, audience_id=audience.id, live=audience)
            return self._existing(decision, activation, applied, audience)
        never = applied.audience_id is None
        if never:
            why = "its creation was interrupted"
            return self._unless_taken(replace(decision, applied=applied, intended=Action.CREATE, reasons=(why,)))
        gone = f"gone in {activation.destination.kind.platform}"
        decision = replace(decision, applied=applied, intended=Action.RECREATE, reasons=(gone,))
        return self._unless_taken(replace(decision, vanished=self._vanished.get(activation.account, 0)))

    def _why_new(self, activation: Activation) -> str:
        others = [one for one in self.applied if one.activation == activation.id and one.account != activation.account]
        return f"moved here from account {others[0].account_id}" if others else "new"

    def _existing(
        self, decision: Decision, activation: Activation, applied: AppliedAudience, audience: LiveAudience
    ) -> Decision:
        if audience.read_only:
            return decision.failed(
                f"{activation.destination.kind.platform} marks audience {audience.id} as read-only",
                "Headcount can only keep lists that this account may amend; import or create another one",
            )
        before, now = applied.definition, definition_of(activation)
        decision = replace(decision, redefined=redefined(before, now))
        misfits = tuple(misfit(activation, audience, before))
        if misfits:
            return self._unless_taken(replace(decision, intended=Action.RECREATE, reasons=misfits))
        fields = _field_changes(before, now, audience)
        options = activation.destination.options
        unlike = before is not None and any(options.get(name) != value for name, value in before.options.items())
        decision = replace(
            decision,
            intended=Action.UPDATE if fields else Action.UNCHANGED,
            fields=fields,
            refill=applied.refill or unlike,
            reasons=(
                *_why_fields(fields, activation.destination.kind.platform),
                *_why_redefined(applied, now, audience.name),
            ),
        )
        return self._unless_taken(decision) if decision.old_name else decision

    # -- names ---------------------------------------------------------------------------------------------------

    def _unless_taken(self, decision: Decision) -> Decision:
        """The decision, or a conflict where another audience of the account has the name and keeps it."""
        for audience in self._named.get((decision.account, decision.name), ()):
            owner = self.owner(decision.account, audience)
            taken = replace(decision, holder=audience)
            if audience.id == decision.audience_id:
                continue
            if audience.other_kind:
                return taken.in_conflict(
                    f'a segment of type {audience.other_kind} (id {audience.id}) is called "{audience.name}"',
                    "names are unique in an account, whatever the type: choose another name, or rename that one",
                )
            if owner is None:
                return taken.in_conflict(
                    f'audience {audience.id} of the account is called "{audience.name}" and is not ours',
                    f"take it over with `headcount import {decision.id} {audience.id}`, or choose another name",
                )
            if not self._gives_up_name(owner, audience.name):
                return taken.in_conflict(
                    f'the audience of {owner.activation} (audience {audience.id}) is called "{audience.name}"',
                    "apply both together, delete the other with --prune, or choose another name",
                )
        return decision

    def _gives_up_name(self, record: AppliedAudience, name: str) -> bool:
        declared = next((one for one in self.selected if one.key == record.key), None)
        if declared is not None and record.given_up_at is None:
            return declared.name != name
        return self.prune and record.record_id in self.orphans and self.is_orphan(record) and not record.protected

    # -- what is no longer declared --------------------------------------------------------------------------------

    def _orphans(self) -> Iterable[Decision]:
        for record in self.applied:
            if record.record_id in self.orphans and self.is_orphan(record) and record.account in self.live:
                audience = self.locate(record)
                settled = record.audience_id is not None or (self.prune and record.given_up_at is None)
                if audience is not None or settled:
                    yield self._orphan(record, audience)

    def _orphan(self, record: AppliedAudience, audience: LiveAudience | None) -> Decision:
        moved = any(activation.id == record.activation for activation in self.declared)
        why = "moved to another account" if moved else "no longer declared"
        if audience is None:
            why += f", and gone in {platform_of(record.kind)}" if record.audience_id else ", and never created"
        name = record.activation
        if record.given_up_at is not None and audience is not None:
            name, why = f'{name} as "{audience.name}"', "made by a create that was given up"
        intended = Action.DELETE if self.prune else Action.ORPHANED
        return replace(orphan_decision(record, audience, why), id=name, intended=intended)

    def owner(self, account: AccountRef, audience: LiveAudience) -> AppliedAudience | None:
        """The record that an audience belongs to, if any, answered creates and lost ones alike."""
        return self._owners.get((account, audience.id))

    def is_orphan(self, record: AppliedAudience) -> bool:
        """Whether no activation declares the audience, there where it is, any more."""
        return record.given_up_at is not None or record.key not in self._declared_keys

    # -- which audience is which -----------------------------------------------------------------------------------

    def record(self, activation: Activation) -> AppliedAudience | None:
        """What the state knows of an activation's audience in the account it is declared for."""
        return self._records.get(activation.key)

    def locate(self, record: AppliedAudience) -> LiveAudience | None:
        """The live audience of a record (for a create whose answer was lost, the one that must be ours), if any."""
        if record.audience_id is not None:
            return self._lists.get((record.account, record.audience_id))
        return found_again(record, self.live.get(record.account, ()), self.applied)

    # -- indexes: an account may have thousands of audiences -------------------------------------------------------

    @cached_property
    def _records(self) -> Mapping[AudienceKey, AppliedAudience]:
        return {record.key: record for record in reversed(self.applied) if record.given_up_at is None}

    @cached_property
    def _vanished(self) -> Mapping[AccountRef, int]:
        """Accounts that have none of several audiences of ours any more, and how many those were."""
        known: dict[AccountRef, list[bool]] = {}
        for record in self.applied:
            if record.audience_id is not None and record.account in self.live:
                there = (record.account, record.audience_id) in self._lists
                known.setdefault(record.account, []).append(there)
        return {account: len(there) for account, there in known.items() if len(there) > 1 and not any(there)}

    @cached_property
    def _declared_keys(self) -> frozenset[AudienceKey]:
        return frozenset(activation.key for activation in self.declared)

    @cached_property
    def _lists(self) -> Mapping[tuple[AccountRef, str], LiveAudience]:
        """The audiences that can hold members, by id."""
        each = ((account, audience) for account, audiences in self.live.items() for audience in reversed(audiences))
        return {(account, audience.id): audience for account, audience in each if not audience.other_kind}

    @cached_property
    def _named(self) -> Mapping[tuple[AccountRef, str], list[LiveAudience]]:
        """All audiences, by name."""
        named: dict[tuple[AccountRef, str], list[LiveAudience]] = {}
        for account, audiences in self.live.items():
            for audience in audiences:
                named.setdefault((account, audience.name), []).append(audience)
        return named

    @cached_property
    def _owners(self) -> Mapping[tuple[AccountRef, str], AppliedAudience]:
        owners: dict[tuple[AccountRef, str], AppliedAudience] = {}
        for record in self.applied:
            audience = None if record.audience_id is not None else self.locate(record)
            id_ = audience.id if audience else record.audience_id
            if id_ is not None:
                owners.setdefault((record.account, id_), record)
        return owners


def misfit(activation: Activation, audience: LiveAudience, before: Definition | None = None) -> Iterator[str]:
    """Why an audience can never become what is declared: what was fixed when it was made is declared otherwise.

    `before` says what an audience was made for where the destination itself does not.
    """
    destination = activation.destination
    held: Collection[str] = ()
    if audience.identifier_type is not None:
        held = (audience.identifier_type,)
    elif destination.kind.one_type and before is not None:
        held = before.mapping
    if held and activation.mapping.keys().isdisjoint(held):
        yield f"identifier type changed from {', '.join(held)} to {', '.join(activation.mapping)}"
    for option in destination.kind.options:
        was, declared = audience.made_for.get(option.name), destination.options.get(option.name)
        if option.fixed_as and None not in (was, declared) and was != declared:
            yield f"{option.fixed_as} changed from {was} to {declared}"


def _field_changes(before: Definition | None, now: Definition, audience: LiveAudience) -> tuple[FieldChange, ...]:
    pairs = (
        ("name", audience.name, now.name, before.name if before else None),
        ("description", audience.description, now.description, before.description if before else None),
    )
    return tuple(
        FieldChange(name, live, declared, drift=last == declared)
        for name, live, declared, last in pairs
        if live != declared
    )


def _why_fields(fields: tuple[FieldChange, ...], platform: str) -> Iterable[str]:
    for part in fields:
        if part.drift:
            yield f"{'renamed' if part.field == 'name' else 'description changed'} in {platform}"
        else:
            yield f"{part.field} changed"


def _why_redefined(applied: AppliedAudience, now: Definition, live_name: str) -> Iterable[str]:
    before = applied.definition
    if before is None:
        yield "imported: it is cleared and refilled"
        return
    if applied.refill:
        yield "its content is not known: it is cleared and refilled"
    if not same_sql(before, now):
        yield "SQL changed"
    if before.mapping != now.mapping:
        yield "mapping changed"
    if before.undated.name != now.undated.name and live_name == now.name:
        yield "name changed, which the audience has already"
    if before.holdout != now.holdout:
        yield f"holdout {'changed' if before.holdout and now.holdout else 'added' if now.holdout else 'removed'}"
    for name in sorted(before.options.keys() | now.options.keys()):
        if before.options.get(name) != now.options.get(name):
            yield f"{name} changed"
    if before.protect != now.protect:
        yield "protected" if now.protect else "no longer protected"

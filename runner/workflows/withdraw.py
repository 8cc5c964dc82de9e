"""Carrying out what suppressions ask for: whom they name is remembered, and leaves every audience before anything else
is sent.
"""

from __future__ import annotations

import shutil
from collections.abc import Collection, Mapping
from datetime import datetime
from functools import partial
from math import ceil
from pathlib import Path

from runner.core.destination import DestinationClient
from runner.core.identifiers import IdentifierType
from runner.core.records import SUPPRESS, SUPPRESSION_LINE, ActivationRun, AudienceKey, Outcome, with_advice
from runner.core.suppression import moved_words
from runner.planning.plan import Plan
from runner.planning.suppression_rules import (
    PlannedSuppression,
    Standing,
    Withdrawal,
    definition_of_suppression,
    no_identifiers,
)
from runner.planning.ways_out import ways_out_of_suppression
from runner.quick_dataclass import replace
from runner.workflows.concurrency import Task
from runner.workflows.context import RunContext
from runner.workflows.send import Tally, Target, send_delta, send_unrecorded

MISTAKEN = (
    "fingerprints of whom it named led to other identifiers than the texts themselves: everybody was hashed, and the "
    "fingerprints were made again"
)


def remember(plan: Plan, context: RunContext) -> None:
    """Write down what the plan's suppressions are and whom they name, before anything of it is sent."""
    for one in plan.suppressions:
        if one.takes_effect:
            _remember(one, context)
        elif one.applied is not None and not one.waits:
            context.state.suppression_failing(one.name, context.clock())


def _remember(one: PlannedSuppression, context: RunContext) -> None:
    state, now = context.state, context.clock()
    if one.standing is Standing.UNDECLARED:
        state.forget_suppression(one.name)
        return
    assert one.declared is not None
    assert one.named is not None
    asked_at = one.asked_at or now  # and not now: a person may have thought about the plan for an hour
    if one.changes_definition:
        state.define_suppression(one.name, definition_of_suppression(one.declared), now)
    if one.is_forgotten:
        state.suppression_suspect(one.name)
    if one.is_new or one.renews_fingerprints or state.suppression_files(one.name) is None:
        # Somebody who is not named any more may be in audiences again.
        lasting = partial(_write_lasting, one.named, one.base, context) if one.left and one.base is not None else None
        write = partial(_copy, one.named, one.members)
        state.remember_suppression(one.name, write, asked_at, lasting, one.fingerprints)
    else:
        state.suppression_evaluated(one.name, asked_at)


def _write_lasting(named: Path, base: Path, context: RunContext, target: Path) -> None:
    shutil.copyfile(context.memberships.named_still(named, base), target)


def _copy(named: Path, members: Mapping[IdentifierType, int], target: Path) -> Mapping[IdentifierType, int]:
    shutil.copyfile(named, target)
    return members


def withdraw(withdrawal: Withdrawal, client: DestinationClient, context: RunContext, tally: Tally) -> Task:
    """Send what leaves one audience; nobody is added to it.

    Of an audience whose members nobody knows, nothing is recorded: all who are named leave it, in each run again.
    """
    record = withdrawal.record
    assert record.audience_id is not None
    target = Target(record.record_id, record.audience_id)
    size = withdrawal.batch_size
    if withdrawal.is_blind:
        yield from send_unrecorded(record.activation, target, withdrawal.compared, size, client, context, tally)
    else:
        what = (record.activation, target, withdrawal.compared, size)
        yield from send_delta(*what, client, context, tally, withdrawal=True)


def mark_clean(plan: Plan, failed: Mapping[AudienceKey, str], context: RunContext) -> None:
    """Record of each suppression that takes effect that no audience holds anybody it names, where that is certain."""
    records = [record for record in context.state.audiences() if record.audience_id is not None]
    # What was said to be gone, and was not made again, may turn up with everybody in it.
    gone = {(one.key, one.applied.audience_id) for one in plan.changes if one.is_gone and one.applied is not None}
    for one in plan.suppressions:
        declared = one.declared
        if not one.takes_effect or declared is None:
            continue
        concerned = [record for record in records if declared.concerns(record.account)]
        if all(
            not record.unfinished
            and not record.doubtful
            and record.key not in failed
            and (record.key, record.audience_id) not in gone
            for record in concerned
        ):
            known = {applied.name: applied for applied in context.state.suppressions()}
            if one.name in known and not known[one.name].is_clean:
                context.state.suppression_clean(one.name)


def _longest(one: PlannedSuppression, ended: datetime) -> str:
    """Within which time at most they left who entered: since it was evaluated last, when they were not in it yet.

    Nothing where somebody may have waited for longer than since then.
    """
    known = one.applied
    if known is None or known.evaluated_at is None or not known.is_clean or one.changes_definition:
        return ""
    minutes = ceil((ended - known.evaluated_at).total_seconds() / 60)
    many = f"{minutes:,} min" if minutes < 120 else f"{ceil(minutes / 60):,} h"
    return f" and at most {many} after its data first had them"


def outcome_of(
    one: PlannedSuppression, plan: Plan, withdrawn: Collection[AudienceKey], began: datetime, ended: datetime
) -> ActivationRun | None:
    """What the history says of a suppression; None where there is nothing to say.

    `withdrawn` are the audiences out of which everybody named has been taken.
    """
    concerned = (each for each in plan.withdrawals if one.concerns(each.record.account))
    audiences = [each for each in concerned if each.record.key in withdrawn]
    members = sum(one.members.values())
    seconds = round((ended - began).total_seconds(), 3)
    name = f"{SUPPRESSION_LINE}{one.name}"
    if one.waits:
        return None  # it is among what a sync skipped
    if not one.takes_effect:
        outcome = Outcome.FAILED if one.error else Outcome.BLOCKED
        said = f"{one.why_not()}; nobody is added where it applies"
        detail = with_advice(said, *ways_out_of_suppression(one))
        before = one.rejected_before
        return ActivationRun(name, SUPPRESS, outcome, rejected=before, members=members, seconds=seconds, detail=detail)
    if not (one.is_new or audiences or one.rejects_others or one.mistaken):
        return None
    moved = moved_words(one.entered, one.left)
    detail = str(one.standing) if one.changes_definition else moved
    if one.rejects_others or (one.rejected and one.changes_definition):
        detail += f"; {no_identifiers(one)}"
    if one.standing is Standing.CHANGED:
        detail += f"; {moved}"
    if audiences:
        left = sum(each.removed for each in audiences)
        s = "" if len(audiences) == 1 else "s"
        detail += f"; {left:,} taken out of {len(audiences):,} audience{s}, {seconds:.1f} s after the run began"
        detail += _longest(one, ended)
    if one.mistaken:
        detail += f"; {MISTAKEN}"
    rejected = one.rejected if one.named is not None else one.rejected_before
    outcome = Outcome.FAILED if one.mistaken else Outcome.DONE
    done = ActivationRun(name, SUPPRESS, outcome, members=members, seconds=seconds, detail=detail)
    return replace(done, rejected=rejected, permission=one.let_pass_by)

"""Results as plain data for `--format json`; each document has a schema in schemas/."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from runner.core.destination import AdAccount
from runner.core.erasure_receipts import Receipt
from runner.core.findings import Finding, Location
from runner.core.holdout import Choice
from runner.core.identifiers import IdentifierType
from runner.core.membership import Evaluation
from runner.core.project import Activation
from runner.core.records import Action, AppliedAudience, Run
from runner.core.schedule import describe
from runner.planning.allowances import AllowedRemovals
from runner.planning.plan import Plan, PlannedChange
from runner.planning.refill_cost import refills_of
from runner.planning.sql_diff import sql_diff
from runner.planning.staleness import id_of
from runner.reports.format import json_time, timestamp
from runner.reports.hints import members_of
from runner.reports.history_data import detail_data, outcome_data, run_data
from runner.reports.import_report import import_data
from runner.reports.overlap_text import overlap_data
from runner.reports.refill_text import cost_data
from runner.reports.suppressions_data import suppressions_data
from runner.workflows.apply import Applied
from runner.workflows.import_all import ImportedAll
from runner.workflows.status import ActivationStatus, SuppressionStatus
from runner.workflows.sync import Synced
from runner.workflows.upcoming import Slot

JSON_FORMAT = 1


def document(kind: str, **content: Any) -> dict[str, Any]:
    """The frame that every document shares."""
    return {"format_version": JSON_FORMAT, "kind": kind, **content}


def plan_document(plan: Plan) -> dict[str, Any]:
    """schemas/plan.schema.json"""
    return document("plan", **_plan(plan))


def gitlab_document(plan: Plan) -> dict[str, int]:
    """A plan as GitLab's merge-request widget counts it (`artifacts:reports:terraform`); a re-create is two changes."""
    recreated = plan.having(Action.RECREATE)
    return {
        "create": len(plan.having(Action.CREATE)) + len(recreated),
        "update": len(plan.having(Action.UPDATE, Action.SYNC)),
        "delete": len(plan.having(Action.DELETE)) + sum(change.replaces for change in recreated),
    }


def run_document(command: str, applied: Applied) -> dict[str, Any]:
    """schemas/run.schema.json"""
    return document(
        "run",
        command=command,
        approved=applied.approved,
        interrupted=applied.interrupted,
        plan=_plan(applied.plan),
        activations=[outcome_data(run) for run in applied.outcomes],
        skipped=[],
        waiting=[],
        orphans=[],
    )


def sync_document(synced: Synced) -> dict[str, Any]:
    """schemas/run.schema.json"""
    skipped = [{"activation": part.activation, "reason": part.reason} for part in synced.skipped]
    waiting = [{"activation": slot.activation, "next_due": json_time(slot.at)} for slot in synced.waiting]
    orphans = [_orphan(record) for record in synced.orphans]
    run = run_document("sync", synced.applied)
    return {**run, "skipped": skipped, "waiting": waiting, "orphans": orphans}


def _orphan(record: AppliedAudience) -> dict[str, Any]:
    return {
        "activation": record.activation,
        "destination": record.destination,
        "account_id": record.account_id,
        "audience_id": record.audience_id,
        "members": {str(kind): count for kind, count in record.members.items()},
    }


def status_document(
    rows: tuple[ActivationStatus, ...],
    suppressions: tuple[SuppressionStatus, ...] = (),
    receipts: tuple[Receipt, ...] = (),
    findings: tuple[Finding, ...] = (),
) -> dict[str, Any]:
    """schemas/status.schema.json"""
    never = [_suppression_status(row) for row in suppressions]
    unfinished = [{"number": one.number, "at": timestamp(one.at), "fate": str(one.fate)} for one in receipts]
    activations = [_status(row) for row in rows]
    wrong = [finding_data(one) for one in findings]
    return document("status", activations=activations, suppressions=never, open_receipts=unfinished, findings=wrong)


def _suppression_status(row: SuppressionStatus) -> dict[str, Any]:
    known, last = row.applied, row.latest.run
    return {
        "name": row.name,
        "standing": str(row.standing),
        "reason": row.reason,
        "members": _by_type(known.members) if known else {},
        "looked_at": json_time(known.evaluated_at) if known else None,
        "failing_since": json_time(known.failing_since) if known else None,
        "all_have_left": known.is_clean if known else False,
        "last_run": json_time(last.started_at) if last else None,
        "last_outcome": str(last.outcome) if last else None,
        **detail_data("last_detail", "last_hint", last.detail if last else ""),
        "next_due": json_time(row.next_due),
    }


def history_document(runs: tuple[Run, ...]) -> dict[str, Any]:
    """schemas/history.schema.json"""
    return document("history", runs=[run_data(run) for run in runs])


def import_document(done: ImportedAll) -> dict[str, Any]:
    """schemas/import.schema.json"""
    return document("import", **import_data(done))


def schedule_document(
    slots: tuple[Slot, ...],
    awaiting: tuple[str, ...] = (),
    unknown: tuple[str, ...] = (),
    findings: tuple[Finding, ...] = (),
) -> dict[str, Any]:
    """schemas/schedule.schema.json"""
    return document(
        "schedule",
        runs=[
            {"activation": slot.activation, "at": json_time(slot.at), "schedule": describe(slot.schedule)}
            for slot in slots
        ],
        awaiting_apply=list(awaiting),
        not_readable=list(unknown),
        findings=[finding_data(one) for one in findings],
    )


def accounts_document(accounts: dict[str, tuple[AdAccount, ...]]) -> dict[str, Any]:
    """schemas/accounts.schema.json"""
    return document(
        "accounts",
        destinations=[
            {"destination": name, "accounts": [asdict(account) for account in listed]}
            for name, listed in accounts.items()
        ],
    )


def findings_document(findings: tuple[Finding, ...]) -> dict[str, Any]:
    """schemas/findings.schema.json"""
    wrong, warnings = (
        [finding_data(part) for part in findings if part.is_warning is warning] for warning in (False, True)
    )
    return document("findings", valid=not wrong, findings=wrong, warnings=warnings)


def finding_data(part: Finding) -> dict[str, Any]:
    """One finding."""
    return {"code": part.code, "message": part.message, "hint": part.hint, "location": location_data(part.location)}


def resolved_document(activation: Activation) -> dict[str, Any]:
    """schemas/resolved.schema.json"""
    return document(
        "resolved",
        activation=activation.id,
        settings=settings_data(activation),
    )


def settings_data(activation: Activation) -> list[dict[str, Any]]:
    """Each setting of an activation, with the place it came from."""
    return [
        {"key": part.key, "value": part.value, "location": location_data(part.location)} for part in activation.settings
    ]


def _plan(plan: Plan) -> dict[str, Any]:
    return {
        "plan_id": id_of(plan),
        **({"target": plan.options.target} if plan.options.target else {}),
        "made_at": json_time(plan.made_at),
        "today": plan.today.isoformat(),
        "summary": {str(action): len(plan.having(action)) for action in Action},
        **suppressions_data(plan),
        "refills": cost_data(cost) if (cost := refills_of(plan)) is not None else None,
        "changes": [_change(change) for change in plan.changes],
    }


def _change(change: PlannedChange) -> dict[str, Any]:
    return {
        "id": change.id,
        "action": str(change.action),
        "intended": str(change.intended),
        "destination": change.destination,
        "type": change.account.kind,
        "account_id": change.account.account_id,
        "audience_id": change.audience_id,
        "name": change.name,
        "reasons": list(change.reasons),
        "location": location_data(change.location),
        "fields": [asdict(part) for part in change.fields],
        "sql_diff": list(sql_diff(change)),
        "refill": change.refill,
        "replaces": change.replaces,
        "members": [{"identifier_type": str(kind), **asdict(part)} for kind, part in members_of(change).items()],
        "segment": _segment(change),
        "overlap": overlap_data(change.overlap) if change.overlap else None,
        "blocks": [asdict(block) for block in change.blocks],
        "newly_held_out": _by_type(change.measured.newly_held_out) if change.measured else {},
        "let_pass_by": change.grant.by if change.grant else "",
        "allowance": _allowance(change.allowance) if change.allowance else None,
        "warnings": [finding_data(warning) for warning in change.warnings],
        "error": change.error,
        "hint": change.hint,
    }


def _by_type(counts: Mapping[IdentifierType, int]) -> dict[str, int]:
    return {str(kind): count for kind, count in counts.items()}


def _allowance(allowance: AllowedRemovals) -> dict[str, Any]:
    permission = allowance.permission
    return {
        "removals": permission.removals,
        "used": allowance.used,
        "until": permission.until.isoformat(),
        "ended": allowance.ended,
        "reason": permission.reason,
    }


def holdout_document(activation: str, file: str, choice: Choice) -> dict[str, Any]:
    """schemas/holdout.schema.json"""
    counts = {"keys": choice.keys, "held_out": choice.held_out, "without_key": choice.without_key}
    return document("holdout", activation=activation, file=file, **counts)


def _segment(change: PlannedChange) -> dict[str, Any] | None:
    if change.measured is None:
        return None
    return {**evaluation_data(change.measured.evaluation), "seconds": round(change.seconds or 0.0, 3)}


def evaluation_data(evaluation: Evaluation) -> dict[str, Any]:
    """What a segment came to."""
    return {
        "rows": evaluation.rows,
        "suppressed": evaluation.suppressed,
        "held_out": evaluation.held_out,
        "without_key": evaluation.without_key,
        "people": evaluation.people,
        "blank": {str(kind): count for kind, count in evaluation.blank.items()},
        "rejected": [{**asdict(part), "identifier_type": str(part.identifier_type)} for part in evaluation.rejected],
    }


def _status(row: ActivationStatus) -> dict[str, Any]:
    declared, runs = row.declared, row.latest
    return {
        "activation": row.activation,
        "tags": list(declared.tags) if declared else [],
        "owner": declared.owner if declared else "",
        "condition": str(row.condition),
        "destination": row.destination,
        "account_id": row.account_id,
        "audience_id": row.audience_id,
        "name": row.name,
        **_membership(row.applied),
        "schedule": describe(declared.schedule) if declared else "",
        "last_run": json_time(runs.run.started_at) if runs.run else None,
        "last_outcome": str(runs.run.outcome) if runs.run else None,
        **detail_data("last_detail", "last_hint", runs.run.detail if runs.run else ""),
        "wrong_since": json_time(row.wrong_since),
        "outcome_since": json_time(row.wrong_alike_since),
        "recovered_at": json_time(row.setback.over_at) if row.setback else None,
        "last_change": json_time(runs.change.started_at) if runs.change else None,
        "live_size": row.live_size,
        "suspected_drift": row.suspected_drift,
        "next_due": json_time(row.next_due),
        "last_good": json_time(runs.good.started_at) if runs.good else None,
        "freshness": declared.freshness if declared else None,
        "stale": row.stale,
        "overdue_since": json_time(row.overdue_since),
    }


def _membership(record: AppliedAudience | None) -> dict[str, Any]:
    """What the state knows of an audience's members; of none, as much as of an empty one."""
    unfinished = record.unfinished if record else None
    return {
        "members": {str(kind): count for kind, count in record.members.items()} if record else {},
        "unknown": record.doubtful if record else 0,
        "invalid": record.invalid if record else 0,
        "refill": record.refill if record else False,
        "unfinished": asdict(unfinished) if unfinished else None,
    }


def location_data(location: Location | None) -> dict[str, Any] | None:
    """A place in a file; None for what is built-in."""
    if location is None:
        return None
    return {"file": location.file, "line": location.line or 1, "column": location.column or 1}

"""Past runs as plain data, for `headcount history --format json`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from runner.core.records import ActivationRun, DefinitionThen, Run, taken_apart
from runner.reports.format import json_time


def run_data(run: Run) -> dict[str, Any]:
    """One run of schemas/history.schema.json."""
    return {
        "id": run.id,
        "command": run.command,
        "started_at": json_time(run.started_at),
        "finished_at": json_time(run.finished_at),
        "user": run.origin.user,
        "host": run.origin.host,
        "ci_job": run.origin.ci_job,
        "ci_url": run.origin.ci_url,
        "commit": run.origin.commit,
        "dirty": run.origin.dirty,
        "plan_id": run.plan_id,
        "today": None if run.today is None else run.today.isoformat(),
        "activations": [{**outcome_data(one), "definition": _definition(one.definition)} for one in run.activations],
        "unchanged": run.unchanged,
        "segments": asdict(run.cost) if run.cost else None,
        "whole": run.is_whole,
    }


def outcome_data(run: ActivationRun) -> dict[str, Any]:
    """How one activation fared, without the definition that was applied."""
    data = {**asdict(run), "outcome": str(run.outcome), **detail_data("detail", "hint", run.detail)}
    del data["definition"]
    return data


def _definition(one: DefinitionThen | None) -> dict[str, Any] | None:
    if one is None:
        return None
    accounts = None if one.accounts is None else [{"type": of.kind, "account_id": of.account_id} for of in one.accounts]
    return {**asdict(one), "mapping": _columns(one.mapping), "accounts": accounts}


def _columns(mapping: Mapping[str, str | tuple[str, ...]]) -> dict[str, str | list[str]]:
    return {kind: columns if isinstance(columns, str) else list(columns) for kind, columns in mapping.items()}


def detail_data(what: str, to_do: str, detail: str) -> dict[str, str]:
    """What happened, and what to do about it, under two names."""
    sentence, advice = taken_apart(detail)
    return {what: sentence, to_do: "; ".join(advice)}

"""How times, counts and definitions are written in the database."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from datetime import UTC, date, datetime
from typing import Any

from runner.core.fingerprints import FingerprintOrigin
from runner.core.identifiers import IdentifierType
from runner.core.records import (
    AccountRef,
    ActivationRun,
    Definition,
    DefinitionThen,
    Outcome,
    RunCost,
    SegmentCost,
)

_CALLER = "gum_caller_id"
_ALWAYS = ("action", "outcome")


def from_time(at: datetime) -> str:
    """ISO 8601 in UTC. Raises ValueError for a time without a zone: it could be anything."""
    if at.tzinfo is None:
        raise ValueError("a time without a zone")
    return at.astimezone(UTC).isoformat()


def to_time(text: str) -> datetime:
    """A time as it was recorded."""
    return datetime.fromisoformat(text)


def definition_data(definition: Definition) -> dict[str, Any]:
    """A definition in JSON's types. `gum_caller_id` has had a field of its own since before there were `options`."""
    fields = asdict(definition)
    options = fields.pop("options")
    fields[_CALLER] = options.pop(_CALLER, None)
    if options:
        fields["options"] = options
    absent = {key for key in ("undated_name", "undated_description", "meaning", "text", "holdout") if not fields[key]}
    absent -= {key for key in ("undated_name", "undated_description") if fields[key] is not None}
    return {key: fields[key] for key in fields.keys() - absent}


def definition_of_data(data: Mapping[str, Any]) -> Definition:
    """The definition that `definition_data` was made of."""
    fields = dict(data)
    mapping = fields["mapping"].items()
    fields["mapping"] = {kind: tuple(column) if isinstance(column, list) else column for kind, column in mapping}
    caller = fields.pop(_CALLER, None)
    options = {**fields.pop("options", {}), **({} if caller is None else {_CALLER: caller})}
    return Definition(**fields, options=options)


def from_definition(definition: Definition) -> str:
    """A definition as it is recorded: JSON with sorted keys."""
    return json.dumps(definition_data(definition), sort_keys=True, ensure_ascii=False)


def to_definition(text: str) -> Definition:
    """A definition as it was recorded."""
    return definition_of_data(json.loads(text))


def definition_then(data: Mapping[str, Any]) -> DefinitionThen:
    """What people may want to know of a definition that was recorded, of an audience or of a suppression."""
    mapping = data["mapping"].items()
    accounts, caller = data.get("accounts"), data.get(_CALLER)
    return DefinitionThen(
        sql=data.get("text", ""),
        mapping={kind: tuple(column) if isinstance(column, list) else column for kind, column in mapping},
        name=data.get("name", ""),
        description=data.get("description", ""),
        options={**data.get("options", {}), **({} if caller is None else {_CALLER: caller})},
        holdout=data.get("holdout", {}),
        protect=data.get("protect", False),
        reason=data.get("reason", ""),
        accounts=None if accounts is None else tuple(AccountRef(kind, account) for kind, account in accounts),
    )


def outcomes_data(outcomes: Iterable[ActivationRun]) -> list[dict[str, Any]]:
    """Outcomes in JSON's types, without what is not known of them; those that are alike share one entry."""
    alike: dict[str, tuple[dict[str, Any], list[str]]] = {}
    for one in outcomes:
        data = asdict(one)
        activation = data.pop("activation")
        data = {name: value for name, value in data.items() if value or name in _ALWAYS or (name, value) == ("rows", 0)}
        alike.setdefault(json.dumps(data, sort_keys=True), (data, []))[1].append(activation)
    return [{"activations": names, **data} for data, names in alike.values()]


def outcomes_of_data(data: Iterable[Mapping[str, Any]]) -> Iterator[ActivationRun]:
    """The outcomes that `outcomes_data` was made of; their order is kept among those that are alike."""
    for group in data:
        fields = {name: value for name, value in group.items() if name != "activations"}
        for activation in group["activations"]:
            yield ActivationRun(activation, **{**fields, "outcome": Outcome(fields["outcome"])})


def cost_data(cost: RunCost) -> dict[str, Any]:
    """What segments cost in JSON's types; each of the costliest is a list of three."""
    return {**asdict(cost), "costliest": [[one.activation, one.rows, one.seconds] for one in cost.costliest]}


def known_of_run(cost: RunCost | None, today: date | None) -> dict[str, Any]:
    """What a run says of itself when it begins, as arguments of a step: as much as is known."""
    said = {} if cost is None else {"cost": cost_data(cost)}
    return said if today is None else {**said, "today": today.isoformat()}


def cost_of_data(data: Mapping[str, Any]) -> RunCost:
    """The cost that `cost_data` was made of."""
    return RunCost(**{**data, "costliest": tuple(SegmentCost(*one) for one in data["costliest"])})


def from_counts(counts: Mapping[IdentifierType, int]) -> str:
    """Counts by identifier type as they are recorded."""
    return json.dumps({str(kind): count for kind, count in counts.items()}, sort_keys=True)


def to_counts(text: str) -> Mapping[IdentifierType, int]:
    """Counts by identifier type as they were recorded."""
    return {IdentifierType(kind): int(count) for kind, count in json.loads(text).items()}


def made_with(fingerprints: FingerprintOrigin | None) -> dict[str, Any]:
    """What fingerprints were made with, as arguments of a step; none for a file without any."""
    return {} if fingerprints is None else {"fingerprints": asdict(fingerprints)}

"""An activation's settings out of layers: built-in, the Project's defaults, the destination's, and then its own.

Mappings and guardrails merge key by key, tags add up, a schedule replaces the one below whole, and null switches off.
Each value remembers the place it was written at.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from runner.config.document import Document
from runner.config.resolve.permissions import build_permission
from runner.config.resolve.schedules import build_schedule, seconds
from runner.config.yaml.nodes import ListNode, MapNode, Node, ScalarNode, Span, Value
from runner.core.findings import Location
from runner.core.identifiers import IdentifierType
from runner.core.project import Guardrails, Limit, Schedule, Setting
from runner.core.schedule import describe
from runner.quick_dataclass import dataclass

OFF = "off"
LIMITS = ("max_removed", "max_added", "min_members")


@dataclass(frozen=True, slots=True)
class Given:
    """A value that someone wrote, and where: the place of its key, or of the section that set them all."""

    node: Node
    span: Span
    document: Document

    @property
    def location(self) -> Location:
        return self.document.location(self.span)

    @property
    def value(self) -> Value:
        return self.node.value if isinstance(self.node, ScalarNode) else None

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that a mapping names for a type; none where it is switched off."""
        items = self.node.items if isinstance(self.node, ListNode) else (self.node,)
        return tuple(item.value for item in items if isinstance(item, ScalarNode) and isinstance(item.value, str))


@dataclass(frozen=True, slots=True)
class Layer:
    """Fields that say settings: defaults of the Project or of a destination, or an activation's own."""

    fields: MapNode
    document: Document

    def section(self, key: str) -> Given | None:
        entry = self.fields.entries.get(key)
        return Given(entry.value, entry.key, self.document) if entry else None


@dataclass(frozen=True, slots=True)
class ResolvedSettings:
    """The settings that layers come to, and what `validate --resolved` says about them."""

    mapping: Mapping[IdentifierType, tuple[str, ...]]
    schedule: Schedule
    freshness: int | None
    guardrails: Guardrails
    protect: bool
    tags: tuple[str, ...]
    owner: str
    settings: tuple[Setting, ...]


_ALL_TAKEN: Mapping[str, str] = {}


def resolve_settings(layers: Sequence[Layer], left_out: Mapping[str, str] = _ALL_TAKEN) -> ResolvedSettings | None:
    """What the layers, the lowest first, come to; None after findings.

    `left_out` are the identifier types that are mapped but not sent, each with why.
    """
    mapping = _merged(layers, "mapping", tuple(IdentifierType))
    limits = _merged(layers, "guardrails", LIMITS)
    guardrails = _guardrails(limits)
    scheduled, protected = _uppermost(layers, "schedule"), _uppermost(layers, "protect")
    fresh = _uppermost(layers, "freshness")
    freshness = fresh.value if fresh is not None and isinstance(fresh.value, str) else None
    schedule = build_schedule(scheduled.node, scheduled.document) if scheduled else Schedule()
    if guardrails is None or schedule is None:
        return None
    protect = protected is not None and protected.value is True
    tags, owned = _tags(layers), _uppermost(layers, "owner")
    owner = owned.value if owned is not None and isinstance(owned.value, str) else ""
    settings = (
        *_mapping_settings(mapping, left_out),
        Setting("schedule", describe(schedule), scheduled.location if scheduled else None),
        Setting("freshness", freshness or OFF, fresh.location if fresh else None),
        *_guardrail_settings(guardrails, limits),
        Setting("protect", "true" if protect else "false", protected.location if protected else None),
        *_labels(layers, tags, owner),
    )
    fresh_for = seconds(freshness) if freshness else None
    sent = {kind: given for kind, given in mapping.items() if kind not in left_out}
    return ResolvedSettings(_mapping(sent), schedule, fresh_for, guardrails, protect, tags, owner, settings)


def mapped(layers: Sequence[Layer]) -> dict[str, Given]:
    """Every identifier type that the layers map to a column, with where that is said."""
    merged = _merged(layers, "mapping", tuple(IdentifierType))
    return {kind: given for kind, given in merged.items() if given.columns}


def _uppermost(layers: Sequence[Layer], section: str) -> Given | None:
    return next((given for layer in reversed(layers) if (given := layer.section(section))), None)


def _merged(layers: Sequence[Layer], section: str, keys: tuple[str, ...]) -> dict[str, Given]:
    """Each key's uppermost value; a section that is null as a whole sets every key to null."""
    result: dict[str, Given] = {}
    for layer in layers:
        given = layer.section(section)
        if given is None:
            continue
        if isinstance(given.node, MapNode):
            for key, entry in given.node.entries.items():
                result[key] = Given(entry.value, entry.key, given.document)
        else:
            result.update(dict.fromkeys(keys, given))
    return result


def _tags(layers: Sequence[Layer]) -> tuple[str, ...]:
    """The tags of all layers, each once; those below a null do not count."""
    tags: list[str] = []
    for layer in layers:
        given = layer.section("tags")
        if given is not None and isinstance(given.node, ListNode):
            tags += [str(item.value) for item in given.node.items if isinstance(item, ScalarNode)]
        elif given is not None:
            tags.clear()
    return tuple(dict.fromkeys(tags))


def _labels(layers: Sequence[Layer], tags: tuple[str, ...], owner: str) -> Iterator[Setting]:
    """What an activation is known by; only what is written, for nothing is built in."""
    for key, value in (("tags", ", ".join(tags)), ("owner", one_line(owner))):
        given = _uppermost(layers, key)
        if given is not None:
            yield Setting(key, value or OFF, given.location)


def _mapping(given: Mapping[str, Given]) -> dict[IdentifierType, tuple[str, ...]]:
    """The columns of each identifier type that is mapped, in the order of the types."""
    return {kind: given[kind].columns for kind in IdentifierType if kind in given and given[kind].columns}


def _guardrails(given: Mapping[str, Given]) -> Guardrails | None:
    """The guardrails; None after a finding."""
    limits = {key: limit_of(key, given[key]) for key in ("max_removed", "max_added") if key in given}
    if any(limit is not None and limit.value < 0 for limit in limits.values()):
        return None
    allowed = given.get("allow")
    allow = None
    if allowed is not None and isinstance(allowed.node, MapNode):
        allow = build_permission(allowed.node, allowed.document)
        if allow is None:
            return None
    members = (given["min_members"].value or 0) if "min_members" in given else None  # null: nobody is needed
    return Guardrails(
        max_removed=limits.get("max_removed", Guardrails().max_removed),
        max_added=limits.get("max_added"),
        min_members=int(members) if isinstance(members, int | float) else None,
        max_removed_declared="max_removed" in limits,
        allow=allow,
    )


_WRONG = Limit(-1, percent=False)


def limit_of(key: str, given: Given) -> Limit | None:
    """A limit as it is written, None where it is switched off; one below zero after a finding."""
    value = given.value
    if value is None or isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return Limit(int(value), percent=False)
    text = value.strip()
    if not text.endswith("%"):
        return Limit(int(text), percent=False)
    share = float(text[:-1])
    if key == "max_removed" and share > 100:
        message = f"max_removed {text} can never be reached; write 100% or less, or null to switch it off"
        given.document.refuse(given.node.span, "invalid-value", message)
        return _WRONG
    return Limit(share, percent=True)


def _mapping_settings(given: Mapping[str, Given], left_out: Mapping[str, str]) -> tuple[Setting, ...]:
    def written(kind: IdentifierType) -> str:
        return f"left out: {left_out[kind]}" if kind in left_out else ", ".join(given[kind].columns) or OFF

    return tuple(
        Setting(f"mapping.{kind}", written(kind), given[kind].location) for kind in IdentifierType if kind in given
    )


def _guardrail_settings(guardrails: Guardrails, given: Mapping[str, Given]) -> Iterator[Setting]:
    values: dict[str, Limit | int | None] = {key: getattr(guardrails, key) for key in LIMITS}
    for key, value in values.items():
        yield Setting(f"guardrails.{key}", _amount(value), given[key].location if key in given else None)
    if guardrails.allow is not None:
        yield Setting("guardrails.allow", f"{guardrails.allow}: {guardrails.allow.reason}", given["allow"].location)


def _amount(value: Limit | int | None) -> str:
    return OFF if value is None else str(value) if isinstance(value, Limit) else f"{value:,}"


def one_line(text: str) -> str:
    """The text with every run of white space as one space."""
    return " ".join(text.split())

"""Which of the identifier types that are mapped go to a destination.

What an activation itself maps and its destination cannot take is a finding. What stands in a layer below is meant for
more than one destination: there, a type that this one cannot take is left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from runner.config.document import Document
from runner.config.resolve.defaults import Given, Layer, mapped
from runner.config.yaml.nodes import MapNode
from runner.core.destination import DestinationField, DestinationKind
from runner.core.identifiers import IdentifierType
from runner.core.suggest import quoted_word
from runner.destinations.registry import KINDS

_TYPES = frozenset(IdentifierType)


def kind_of(document: Document) -> DestinationKind | None:
    """The kind that the document's `type` names; None where there is none of that name."""
    return KINDS.get(document.root.text("type") or "")


def left_out(layers: Sequence[Layer], destination: Document) -> Mapping[str, str]:
    """The identifier types that layers, the lowest first, map and that the destination is not sent: each with why.

    What of the last layer, the activation's own, does not fit is recorded as a finding.
    """
    kind, own = kind_of(destination), layers[-1]
    if kind is None:
        return {}
    _check_taken(own, destination, kind)
    every = mapped(layers)
    reasons = {key: reason for key in every if (reason := _not_taken(key, destination, kind))}
    if kind.one_type:
        taken = {key: given for key, given in every.items() if key not in reasons}
        reasons |= _all_but_one(taken, layers, destination, kind)
    return {key: reason for key, reason in reasons.items() if every[key].document is not own.document}


def _not_taken(key: str, destination: Document, kind: DestinationKind) -> str:
    if key not in kind.takes:
        return f"{kind.title} takes none"
    option = _missing_option(key, destination, kind)
    return f"the destination has no {option.name}" if option else ""


def _missing_option(key: str, destination: Document, kind: DestinationKind) -> DestinationField | None:
    """The option of the destination that a type needs, and that is not there."""
    missing = (one for one in kind.options if key == one.goes_with and destination.root.get(one.name) is None)
    return next(missing, None)


def _check_taken(own: Layer, destination: Document, kind: DestinationKind) -> None:
    name = quoted_word(destination.root.text("name") or "")
    for key, given in mapped((own,)).items():
        if key not in _TYPES:
            continue
        if key not in kind.takes:
            message = f"destination {name} is {kind.title}, which takes no {key}; map another type"
            own.document.refuse(given.span, "identifier-not-taken", message, kind.takes_advice)
        option = _missing_option(key, destination, kind)
        if option is not None:
            message = f"{key} needs the destination's `{option.name}`; write it into destination {name}"
            own.document.refuse(given.span, f"missing-{option.name.replace('_', '-')}", message, option.hint)


def _all_but_one(
    taken: Mapping[str, Given], layers: Sequence[Layer], destination: Document, kind: DestinationKind
) -> Mapping[str, str]:
    """Where an audience holds one type: all but the first that the uppermost of the layers maps.

    Several in the activation's own layer are a finding, at the last of them.
    """
    for layer in reversed(layers):
        section = layer.section("mapping")
        written = section.node.entries if section is not None and isinstance(section.node, MapNode) else {}
        here = [key for key in written if key in taken and taken[key].document is layer.document]
        if not here:
            continue
        if len(here) > 1 and layer is layers[-1]:
            name, which = quoted_word(destination.root.text("name") or ""), "both" if len(here) == 2 else "all of them"
            message = f"destination {name} is {kind.title}, where an audience holds one type of identifier"
            advice = f"map {' or '.join(here)}, not {which}"
            layer.document.refuse(taken[here[-1]].span, "several-identifiers", f"{message}; {advice}")
        return {key: f"{kind.title} takes one type, {here[0]}" for key in taken if key not in here[:1]}
    return {}

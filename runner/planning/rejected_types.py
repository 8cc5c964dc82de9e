"""Types of identifiers of which a segment yields values and not one that can be sent: another column is meant."""

from __future__ import annotations

from collections.abc import Iterator

from runner.core.findings import Finding, Location
from runner.core.identifiers import IdentifierType
from runner.core.membership import Delta, Evaluation
from runner.core.project import Activation

CODE = "all-values-rejected"


def rejected_whole(activation: Activation, evaluation: Evaluation, delta: Delta) -> tuple[Finding, ...]:
    """A warning for each type whose every value is rejected, while other types find people.

    Where no type finds anybody, a guardrail speaks. Where people are suppressed or held out, those left may be few, and
    nothing is said.
    """
    if evaluation.suppressed or evaluation.held_out or not evaluation.people:
        return ()
    return tuple(_rejected_whole(activation, evaluation, delta))


def _rejected_whole(activation: Activation, evaluation: Evaluation, delta: Delta) -> Iterator[Finding]:
    for kind in activation.mapping:
        reasons = {part.reason: part.count for part in evaluation.rejected if part.identifier_type is kind}
        if not reasons or (kind in delta and delta[kind].after):
            continue
        why = ", ".join(f"{count:,} {reason}" for reason, count in reasons.items())
        columns = " and ".join(activation.mapping[kind])
        message = f"every {kind} is rejected ({why}): nobody is found by it"
        hint = f"see what column {columns} of the segment holds, and map the one that holds a {kind}"
        yield Finding(_place(activation, kind), CODE, message, hint, is_warning=True)


def _place(activation: Activation, kind: IdentifierType) -> Location:
    written = (one.location for one in activation.settings if one.key == f"mapping.{kind}")
    return next((place for place in written if place is not None), activation.location)

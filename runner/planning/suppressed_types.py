"""Types of identifiers that a suppression cannot keep out, since it does not map them."""

from __future__ import annotations

from collections.abc import Iterable

from runner.core.findings import Finding
from runner.core.project import Activation, Suppression

CODE = "suppression-lacks-type"


def missing_type_warnings(
    suppressions: Iterable[Suppression], activations: Iterable[Activation]
) -> tuple[Finding, ...]:
    """A warning for each suppression that lacks a type which an activation it is for sends.

    Whom it names leaves such an audience with what it maps; what it does not map can only be found in a row of the
    segment, and so stays while that is not evaluated. Where it maps nothing that is sent, that is refused before this.
    """
    active, found = tuple(activations), []
    for suppression in suppressions:
        lacking = {
            kind: one.id
            for one in reversed(active)
            if suppression.concerns(one.account)
            for kind in one.mapping
            if kind not in suppression.mapping
        }
        if lacking:
            sends = ", ".join(f"{kind} (activation {sender})" for kind, sender in sorted(lacking.items()))
            message = f"suppression {suppression.name} does not map {sends}: it finds these in rows of the segment only"
            hint = "map every type that is sent, so that people leave with all of it whatever becomes of the segment"
            found.append(Finding(suppression.location, CODE, message, hint, is_warning=True))
    return tuple(sorted(found))

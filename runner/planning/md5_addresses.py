"""Addresses that a segment has as MD5, and suppressions that cannot recognise them: they have none as MD5.

From a SHA-256 nobody can tell the MD5 of the same address, so people who asked not to be sent are sent all the same.
"""

from __future__ import annotations

from collections.abc import Iterable

from runner.core.findings import Finding
from runner.core.identifiers import IdentifierType
from runner.core.project import Activation
from runner.planning.suppression_rules import PlannedSuppression

NOT_RECOGNISED = "md5-not-recognised"
_EMAIL = IdentifierType.EMAIL
_HINT = (
    "let the suppression yield both, the address and md5(lower(trim(email))), or give the segment's addresses in clear "
    "or as SHA-256"
)


def blind_to_md5(activation: Activation, suppressions: Iterable[PlannedSuppression]) -> tuple[str, ...]:
    """The suppressions for an activation that name people by their addresses, none of these as MD5."""
    if _EMAIL not in activation.mapping:
        return ()
    return tuple(
        one.name
        for one in suppressions
        if one.named is not None and one.members.get(_EMAIL) and not one.md5s and one.concerns(activation.account)
    )


def not_recognised(activation: Activation, md5s: int, suppressions: tuple[str, ...]) -> Finding:
    """The warning about so many addresses of a segment that these suppressions cannot recognise."""
    written = (one.location for one in activation.settings if one.key == f"mapping.{_EMAIL}")
    place = next((one for one in written if one is not None), activation.location)
    named = f"suppression{'s' if len(suppressions) > 1 else ''} {', '.join(suppressions)}"
    given = f"{md5s:,} of its e-mail addresses {'is' if md5s == 1 else 'are'} given as MD5"
    sent = "they are sent, also where the person asked not to be"
    message = f"{given}, by which {named} cannot recognise anybody: {sent}"
    return Finding(place, NOT_RECOGNISED, message, _HINT, is_warning=True)

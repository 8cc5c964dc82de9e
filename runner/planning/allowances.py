"""What lets removals pass that a guardrail would stop: an option for one run, or a permission that the files hold."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from runner.core.findings import Finding
from runner.core.project import Activation, Permission
from runner.quick_dataclass import dataclass

CODE = "permission-ended"


@dataclass(frozen=True, slots=True)
class Grant:
    """What let a change pass: the option or the setting, and the reason that the files give.

    `is_for_removals` is false where it let an audience be made again.
    """

    by: str
    reason: str = ""
    is_for_removals: bool = True


def option_grant(pattern: str) -> Grant:
    """What removals say that were let pass for one run; a pattern is quoted, as a shell wants it."""
    return Grant(f"--allow-removals '{pattern}'" if set("*?[") & set(pattern) else f"--allow-removals {pattern}")


@dataclass(frozen=True, slots=True)
class AllowedRemovals:
    """A permission of the files, with how many of its removals were used; `ended` once its day is over."""

    permission: Permission
    used: int
    ended: bool

    @property
    def left(self) -> int:
        """How many more identifiers may be removed."""
        return 0 if self.ended else max(0, self.permission.removals - self.used)

    @property
    def grant(self) -> Grant:
        """What a change says that it lets pass."""
        return Grant(f"guardrails.allow ({self.permission})", self.permission.reason)


def allowance_of(activation: Activation, used: int, today: date) -> AllowedRemovals | None:
    """What the files allow the activation, None where they allow nothing."""
    permission = activation.guardrails.allow
    return None if permission is None else AllowedRemovals(permission, used, ended=today > permission.until)


def ended_permissions(activations: Iterable[Activation], today: date, *, is_warning: bool) -> tuple[Finding, ...]:
    """A finding for each permission whose day is over: it lets nothing pass any more."""
    return tuple(
        Finding(
            permission.location,
            CODE,
            f"the permission of {activation.id} to remove {permission.removals:,} identifiers ended on"
            f" {permission.until}",
            "remove `allow`, or have a later day reviewed if more removals are meant",
            is_warning=is_warning,
        )
        for activation in activations
        if (permission := activation.guardrails.allow) is not None and today > permission.until
    )

"""What goes wrong on purpose, and when.

    401 403 404 429 500 502 503   an error answer with that status (any from 400 to 599); nothing takes effect
    html                          a gateway's HTML error page (502); nothing takes effect
    drop-before                   the connection is closed without an answer; nothing takes effect
    hang                          no answer, until the client gives up; nothing takes effect
    reject                        200, and the item is refused where the service reports it; nothing takes effect
    late                          the connection is closed without an answer, and the call takes effect after `seconds`
    drop-after                    the call takes effect, and the connection is closed without an answer
    empty                         the call takes effect, and the answer is 200 without a body
    truncate                      the call takes effect, and the connection is closed in the middle of the answer
    slow                          the call takes effect, and the answer comes after `seconds`
    endless                       the call takes effect, and the answer trickles for ever

A rule waits for calls whose path contains `path` (and, where given, of that method, operation and identifier type),
lets the first `skip` of them pass, hits the next `times` (None: all of them) and is then used up. Rules are asked in
the order they were given and each call meets one at most; rates come after them.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from runner.core.errors import UsageError


class FaultKind(StrEnum):
    """The kinds of fault, by the name that options and the admin path use; STATUS goes by its number."""

    STATUS = "status"
    HTML = "html"
    DROP_BEFORE = "drop-before"
    HANG = "hang"
    REJECT = "reject"
    LATE = "late"
    DROP_AFTER = "drop-after"
    EMPTY = "empty"
    TRUNCATE = "truncate"
    SLOW = "slow"
    ENDLESS = "endless"


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault. `status` is the answer's status where the kind has a choice; `seconds` is the delay of a slow answer
    or a late effect, and for a 429 how long the client is to wait; `where` is the array that a rejected item
    appears in, None for the one that the service uses."""

    kind: FaultKind
    status: int = 0
    seconds: float = 1.0
    where: str | None = None

    @property
    def name(self) -> str:
        return str(self.status) if self.kind is FaultKind.STATUS else self.kind.value

    @property
    def before_effect(self) -> bool:
        """Whether the call is answered without taking effect."""
        return self.kind in (FaultKind.STATUS, FaultKind.HTML, FaultKind.DROP_BEFORE, FaultKind.HANG, FaultKind.REJECT)


def fault_named(name: str, *, seconds: float = 1.0, where: str | None = None) -> Fault:
    """The fault of that name. Raises UsageError, listing the names, when there is none."""
    if name.isascii() and name.isdigit() and 400 <= int(name) <= 599:
        return Fault(FaultKind.STATUS, int(name), seconds)
    if where not in (None, "errors", "warnings"):
        raise UsageError("a rejected item appears in `errors` or in `warnings`")
    if name in set(FaultKind) - {FaultKind.STATUS}:
        return Fault(FaultKind(name), 0, seconds, where)
    names = ", ".join(kind.value for kind in FaultKind if kind is not FaultKind.STATUS)
    raise UsageError(f"there is no fault {name!r}", f"use a status from 400 to 599, or one of {names}")


@dataclass(frozen=True, slots=True)
class Rule:
    """A fault that waits for its calls."""

    fault: Fault
    path: str = ""
    method: str | None = None
    operation: str | None = None
    identifier_type: str | None = None
    skip: int = 0
    times: int | None = 1


@dataclass(frozen=True, slots=True)
class Occasion:
    """A call as the rules see it; `operation` and `identifier_type` are only worked out when a rule asks."""

    method: str
    path: str
    amendment: Callable[[], tuple[str | None, str | None]]

    def meets(self, rule: Rule) -> bool:
        """Whether the rule is about this call."""
        if rule.path not in self.path or (rule.method or self.method).upper() != self.method:
            return False
        if rule.operation is None and rule.identifier_type is None:
            return True
        operation, identifier_type = self.amendment()
        return rule.operation in (None, operation) and rule.identifier_type in (None, identifier_type)


class Faults:
    """The rules that wait, and the rates."""

    def __init__(self, rates: Mapping[str, float], seed: int) -> None:
        self.rules: list[Rule] = []
        self.set_rates(rates, seed)

    def set_rates(self, rates: Mapping[str, float], seed: int) -> None:
        """Replace the rates and start their random sequence again."""
        self._rates = dict(rates)
        self._random = random.Random(seed)  # noqa: S311 - a reproducible sequence, not a secret

    def add(self, rule: Rule) -> None:
        self.rules.append(rule)

    def pick(self, occasion: Occasion) -> Fault | None:
        """The fault that this call meets, if any; a rule that has hit or let pass counts down."""
        for index, rule in enumerate(self.rules):
            if not occasion.meets(rule):
                continue
            if rule.skip:
                self.rules[index] = replace(rule, skip=rule.skip - 1)
                continue
            if rule.times is not None:
                left = replace(rule, times=rule.times - 1)
                self.rules[index : index + 1] = [left] if left.times else []
            return rule.fault
        return self._drawn()

    def _drawn(self) -> Fault | None:
        if not self._rates:
            return None
        draw = self._random.random()
        for name, rate in self._rates.items():
            draw -= rate
            if draw < 0:
                return fault_named(name)
        return None

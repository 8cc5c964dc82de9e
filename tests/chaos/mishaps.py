"""What goes wrong during one run: with its process, with its disk, with Criteo, with the clock."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from subprocess import Popen
from typing import Any

from tests.chaos import namespaces
from tests.sandbox_client import Sandbox

Point = tuple[str, str, int]
"""A call of the code, whether before or after it, and how many times at most it may pass."""


def both(method: str, when: str, most: int) -> tuple[Point, ...]:
    """The same point in both of Criteo's services."""
    return ((f"MarketingSolutions.{method}", when, most), (f"RetailMedia.{method}", when, most))


NAMED: dict[str, tuple[Point, ...]] = {
    "after the outbox is durable": (("StateStore.open_delta", "before", 3), ("StateStore.open_delta", "after", 3)),
    "between a mark and its call": (("StateStore.mark_in_flight", "after", 12),),
    "between a call and its mark": (("StateStore.mark_taken", "before", 12), *both("send", "after", 12)),
    "between two batches": (("StateStore.mark_taken", "after", 12),),
    "between the last mark and the pointer move": (
        ("DuckDBMembershipStore.settle", "before", 4),
        ("DuckDBMembershipStore.settle", "after", 4),
        ("StateStore.close_delta", "before", 4),
        ("StateStore.close_delta", "after", 4),
    ),
    "during a snapshot write": (
        ("DuckDBMembershipStore.write_outbox", "after", 4),
        ("state.flush", "before", 12),
        ("state.flush", "after", 12),
    ),
    "in the middle of create": (
        ("StateStore.intend", "before", 3),
        ("StateStore.intend", "after", 3),
        *both("create", "before", 3),
        *both("create", "after", 3),
        ("StateStore.created", "before", 3),
        ("StateStore.created", "after", 3),
        ("StateStore.define", "before", 3),
        ("StateStore.define", "after", 3),
    ),
    "in the middle of a delete": (
        ("AccountClient.delete", "after", 2),
        ("StateStore.forget", "before", 2),
        ("StateStore.forget", "after", 2),
    ),
    "in the middle of a rename": (
        ("AccountClient.update", "before", 4),
        ("AccountClient.update", "after", 4),
    ),
    "in the middle of a clear": (
        ("AccountClient.clear", "before", 1),
        ("AccountClient.clear", "after", 1),
        ("StateStore.cleared", "after", 1),
    ),
    "while planning": (*both("audiences", "after", 2), ("DuckDBSegmentEvaluator.write", "after", 5)),
    "in the history": (
        ("StateStore.begin_run", "after", 1),
        ("StateStore.record", "before", 6),
        ("StateStore.record_rest", "before", 1),
        ("StateStore.record_rest", "after", 1),
        ("StateStore.end_run", "before", 1),
        ("StateStore.end_run", "after", 1),
    ),
    "after some calls": (("Http.exchange", "before", 40), ("Http.exchange", "after", 40)),
}
"""Where a process may be hit: what the moment is called, and the points with how many times they may pass before."""

DEEDS = {"kill": 10, "interrupt": 2, "terminate": 2, "interrupt twice": 2, "full": 2, "read-only": 2}
WHILE_WRITING = {"kill": 4, "tear": 4, "no space": 2}

FAULTS = ("429", "500", "502", "503", "html", "empty", "truncate", "drop-before", "drop-after", "reject")
JUMPS = (0, -1, 1, -3_600, 3_600, -259_200, 259_200)
"""Seconds by which the machine's clock may be wrong."""

STEP = 60.0
"""Seconds by which Criteo's clock is set back while a run is under way, and forth again after it."""

PATHS = (
    "oauth2/token",
    "advertisers/me",
    "retail-media/accounts",
    "/search",
    "/create",
    "/delete",
    "contact-list",
    "audience-segments",
)


@dataclass(slots=True)
class Mishap:
    """What is about to go wrong. `orders` are for the process (see tests.chaos.victim); `words` say it all.

    `late` is after how many seconds at most a call takes effect that got no answer. `watch` is called as soon as the
    process runs; `disk` is what its state lies on (see tests.chaos.namespaces), `room`
    the bytes that a small one has left; `unanswered` is the share of the calls to a bucket that get no answer.
    """

    orders: dict[str, Any] = field(default_factory=dict)
    words: list[str] = field(default_factory=list)
    two_at_once: bool = False
    meanwhile: tuple[str, float] | None = None
    watch: Callable[[Popen[str], Sandbox], None] | None = None
    disk: str = ""
    room: int = 0
    unanswered: float = 0.0
    late: float = 0.0


def some_mishap(chance: random.Random, sandbox: Sandbox, state: str | None, *, late: bool = False) -> Mishap:
    """Prepare the sandbox, and orders for the process; `state` is the folder of the state where that is a folder.

    With `late`, calls may take effect some time after they were given up, and clocks are right: a wrong one cannot tell
    for how long to wait for them.
    """
    mishap = Mishap()
    if late and chance.random() < 0.7:
        _late(mishap, chance, sandbox)
    if chance.random() < 0.75:
        _to_the_process(mishap, chance, state)
    if chance.random() < 0.5:
        _to_criteo(mishap, chance, sandbox)
    if state is None and chance.random() < 0.4:
        mishap.unanswered = chance.choice((0.02, 0.1, 0.3))
        mishap.words.append(f"{mishap.unanswered:.0%} of the calls to the bucket go without an answer")
    if not mishap.disk and chance.random() < 0.12:
        mishap.two_at_once = True
        mishap.words.append("two at once")
    if not late and chance.random() < 0.15:
        before, after = chance.choice(JUMPS), chance.choice(JUMPS)
        mishap.orders["clock"] = {"before": before, "after": after, "nth": chance.randint(1, 12)}
        mishap.words.append(f"the machine's clock is {before:+} s off, then {after:+} s")
    if chance.random() < 0.15:
        mishap.meanwhile = chance.choice(("expire", "revoke", "advance", "step back")), chance.uniform(0.3, 1.2)
        mishap.words.append(f"{mishap.meanwhile[0]} after {mishap.meanwhile[1]:.2f} s")
    return mishap


def _late(mishap: Mishap, chance: random.Random, sandbox: Sandbox) -> None:
    skip, mishap.late = chance.randint(0, 5), chance.uniform(0.3, 3.0)
    sandbox.fault("late", "contact-list", skip=skip, times=1, seconds=mishap.late)
    mishap.words.append(f"a call takes effect {mishap.late:.1f} s late, after {skip}")


def _to_the_process(mishap: Mishap, chance: random.Random, state: str | None) -> None:
    kind = chance.choices(("point", "moment", "largest file", "read only", "small disk"), (14, 4, 2, 1, 2))[0]
    if state is None and kind in ("read only", "small disk"):
        kind = "point"
    if kind == "moment":
        mishap.orders["alarm"] = chance.uniform(0.0, 0.6)
        mishap.words.append(f"killed {mishap.orders['alarm']:.3f} s after locking")
    elif kind == "largest file":
        mishap.orders["largest_file"] = chance.choice((200, 800, 1_000, 1_500, 3_000, 8_000, 30_000, 60_000, 100_000))
        mishap.words.append(f"no file over {mishap.orders['largest_file']} bytes")
    elif kind == "read only":
        if namespaces.available():
            mishap.disk = "read-only"
        else:
            mishap.orders["read_only"] = state
        mishap.words.append("state folder read-only")
    elif kind == "small disk":
        if namespaces.available():
            mishap.disk, mishap.room = "small", chance.randint(0, 40) * 4096
            mishap.words.append(f"{mishap.room} bytes left on the disk")
    else:
        for moment in chance.sample(list(NAMED), chance.randint(1, 4)):
            point = _some_point(chance, moment)
            mishap.orders.setdefault("points", []).append(point)
            mishap.words.append("{deed} {when} {at} #{nth}".format(**point))


def _some_point(chance: random.Random, moment: str) -> dict[str, Any]:
    """Several are prepared for one run, since not every run creates, renames or clears; the first kill is the last."""
    at, when, most = chance.choice(NAMED[moment])
    choices = WHILE_WRITING if at.endswith("flush") else DEEDS
    deed = chance.choices(list(choices), list(choices.values()))[0]
    return {"at": at, "when": when, "nth": chance.randint(1, chance.randint(1, most)), "deed": deed}


def _to_criteo(mishap: Mishap, chance: random.Random, sandbox: Sandbox) -> None:
    if chance.random() < 0.4:
        kinds = chance.sample(FAULTS, chance.randint(1, 4))
        share = chance.choice((0.02, 0.05, 0.15, 0.3))
        sandbox.rates(dict.fromkeys(kinds, share / len(kinds)), seed=chance.randrange(1_000_000))
        mishap.words.append(f"{share:.0%} of calls meet {'/'.join(kinds)}")
        return
    for _ in range(chance.randint(1, 3)):
        fault = chance.choice((*FAULTS, *FAULTS, "slow", "hang", "endless", "401", "403", "404"))
        path = chance.choice(PATHS)
        skip, times = chance.randint(0, 6), chance.choice((1, 1, 2, 8))
        if fault in ("hang", "endless"):
            times = 1
        where = chance.choice(("errors", "warnings"))
        sandbox.fault(fault, path, skip=skip, times=times, seconds=0.2, where=where)
        mishap.words.append(f"{fault} x{times} at {path} after {skip}")


def meanwhile(what: str, sandbox: Sandbox) -> None:
    """Something that happens while a run is under way."""
    if what == "expire":
        sandbox.expire_tokens()
    elif what == "revoke":
        sandbox.revoke_tokens()
    elif what == "step back":
        sandbox.advance(-STEP)
    else:
        sandbox.advance(1_000)

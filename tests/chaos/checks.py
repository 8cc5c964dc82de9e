"""What must hold: after every run, and after the clean one. Each check raises AssertionError."""

from __future__ import annotations

import signal
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from tests.chaos.ledger import Account, Identifiers
from tests.chaos.places import STORE_SECRET
from tests.chaos.world import ACCOUNTS, BATCH_SIZES, SECRET, WORDS, World, home, members
from tests.end_to_end.shop import CANARY, Shop
from tests.sandbox_client import CallView, Sandbox, SegmentView

CODES = {0, 1, 4, 5, 7, 130, -signal.SIGKILL, -signal.SIGALRM}
TRACES = (CANARY, CANARY.upper(), CANARY.split("@")[0], CANARY.split("@")[1], SECRET, STORE_SECRET)


def ended_well(code: int, out: str, err: str) -> None:
    """A documented exit code, or killed; never a traceback, never a bug."""
    told = f"\n{out}\n{err}"
    assert code in CODES, f"exit code {code}{told}"
    assert "Traceback" not in err, f"a traceback{told}"
    assert "did not expect" not in err, f"a bug{told}"
    assert code < 0 or out or err, "it ended without a word"


def nothing_leaked(shop: Shop, elsewhere: Mapping[str, bytes]) -> None:
    """No clear identifier and no secret in any output, file of the state, or file that a dead run left.

    `elsewhere` is what is kept in other places than folders, by name.
    """
    for text in shop.outputs:
        for trace in TRACES:
            assert trace not in text, f"{trace} leaked into output"
    shop.outputs.clear()
    places = (shop.folder / ".headcount", shop.folder / "tmp", *shop.folder.glob("cache-*"))
    files = [path for place in places for path in place.rglob("*") if path.is_file()]
    contents = {**{str(path): path.read_bytes() for path in files}, **elsewhere}
    for name, content in contents.items():
        for trace in TRACES:
            assert trace.encode() not in content, f"{trace} leaked into {name}"


def foreign_untouched(
    foreign: Mapping[str, tuple[SegmentView, Identifiers]], sandbox: Sandbox, calls: tuple[CallView, ...]
) -> None:
    """Other people's audiences are as they were."""
    live = {segment.id: segment for segment in sandbox.segments()}
    for key, (view, held) in foreign.items():
        assert live.get(key) == view, f"somebody else's audience {key} was {view} and is {live.get(key)}"
        assert members(sandbox, view) == held, f"the members of somebody else's {key} changed"
    touched = [call for call in calls if call.segment_id in foreign and call.method != "GET"]
    assert not touched, f"a call went to somebody else's audience: {touched}"


def only_needed(world: World, accounts: tuple[Account, ...], calls: tuple[CallView, ...]) -> None:
    """Whoever was added is in the segment, whoever was removed is not."""
    owners = {account.audience_id: account for account in accounts if account.audience_id}
    for call in calls:
        if not call.identifiers or call.segment_id not in owners:
            continue
        if call.operation == "remove" and world.never.ever.issuperset(call.identifiers):
            continue  # they leave whatever becomes of an audience, and go on leaving while it does not take effect
        if call.operation == "remove" and world.asked.issuperset(call.identifiers):
            continue  # they asked to be erased, everywhere
        owner = owners[call.segment_id]
        one = world.declared.get(owner.activation)
        assert one is not None, f"identifiers were sent for {owner.activation}, which is not declared"
        assert one.account == owner.account_id, f"{owner.activation} was sent to the account it has left"
        wanted = world.expected(one.id)[_type_of(call)]
        sent = set(call.identifiers)
        assert len(sent) == len(call.identifiers), "an identifier was twice in one call"
        assert len(sent) <= BATCH_SIZES[one.destination], "a call was larger than the batch size"
        # Whom a suppression named last goes on leaving while it does not take effect.
        wrong = sent - wanted if call.operation == "add" else (sent & wanted) - world.never.ever
        assert not wrong, f"{call.operation} of {len(wrong)} identifiers that it should not be for {one.id}"


def certainty_is_true(accounts: tuple[Account, ...], sandbox: Sandbox) -> None:
    """What the state takes for certain is true, and whoever is there beyond that is known to be in doubt."""
    live = {segment.id: segment for segment in sandbox.segments()}
    for account in accounts:
        if account.refill or account.audience_id is None or account.audience_id not in live:
            continue
        for kind, held in members(sandbox, live[account.audience_id]).items():
            certain, doubtful = account.certain.get(kind, set()), account.doubtful.get(kind, set())
            where = f"{account.activation} (audience {account.audience_id}, {kind})"
            assert certain <= held, f"{where}: {len(certain - held)} taken for certain are not in Criteo"
            assert held <= certain | doubtful, f"{where}: {len(held - certain - doubtful)} in Criteo are not known of"


def nobody_named(world: World, accounts: tuple[Account, ...], sandbox: Sandbox) -> None:
    """After an apply that went well: whoever may not be sent is in no audience of ours, selected or not."""
    never = world.never
    if not never.is_declared or never.data != "there":
        return
    ours = {account.audience_id: account.activation for account in accounts if not account.refill}
    for segment in sandbox.segments():
        if segment.id in ours:
            for kind, held in members(sandbox, segment).items():
                there = held & world.named()
                assert not there, f"{len(there)} {kind} in {ours[segment.id]} belong to people who may not be sent"


def as_declared(
    world: World,
    accounts: tuple[Account, ...],
    foreign: Mapping[str, tuple[SegmentView, Identifiers]],
    sandbox: Sandbox,
) -> None:
    """In each account exactly the declared audiences and the foreign ones, named and filled as declared."""
    for account_id in ACCOUNTS.values():
        live = Counter(segment.name for segment in sandbox.segments() if home(segment) == account_id)
        wanted = [one.name for one in world.declared.values() if one.account == account_id]
        wanted += [view.name for view, _ in foreign.values() if home(view) == account_id]
        assert live == Counter(wanted), f"account {account_id} has {sorted(live)} instead of {sorted(wanted)}"
    ours = {(account.activation, account.account_id): account for account in accounts}
    for one in world.declared.values():
        segment = next(s for s in sandbox.segments() if home(s) == one.account and s.name == one.name)
        assert (segment.description or "") == one.description, f"{one.id} is described {segment.description!r}"
        assert ours[one.id, one.account].audience_id == segment.id, f"the state has another audience for {one.id}"
        held = members(sandbox, segment)
        for kind, expected in world.expected(one.id).items():
            missing, more = len(expected - held[kind]), len(held[kind] - expected)
            assert held[kind] == expected, f"{one.id} ({kind}): {missing} are missing, {more} are too many"
        certain = ours[one.id, one.account].certain
        doubtful = ours[one.id, one.account].doubtful
        assert not any(doubtful.values()), f"{one.id} has identifiers in doubt after the clean run"
        assert {kind: held for kind, held in certain.items() if held} == {
            kind: held for kind, held in world.expected(one.id).items() if held
        }, f"the state has other members for {one.id}"


@dataclass(frozen=True, slots=True)
class Before:
    """What Criteo held before the clean run, and what was in doubt; both by audience id and identifier type."""

    held: Mapping[str, Identifiers]
    doubtful: Mapping[str, Identifiers]
    refilled: frozenset[str]

    @classmethod
    def of(cls, accounts: tuple[Account, ...], sandbox: Sandbox) -> Before:
        held = {segment.id: members(sandbox, segment) for segment in sandbox.segments()}
        known = [account for account in accounts if account.audience_id]
        return cls(
            held,
            {str(account.audience_id): account.doubtful for account in known},
            frozenset(str(account.audience_id) for account in known if account.refill),
        )


def sent_no_more(world: World, before: Before, accounts: tuple[Account, ...], calls: tuple[CallView, ...]) -> None:
    """The clean run sent what was required, once, and beyond that only what was in flight when runs died."""
    sent: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for call in calls:
        if call.identifiers:
            sent[str(call.segment_id), _type_of(call), str(call.operation)] += call.identifiers
    owners = {account.audience_id: account.activation for account in accounts}
    for (segment_id, kind, operation), identifiers in sent.items():
        if segment_id not in owners:
            continue  # it was deleted, after people who may not be sent were taken out of it
        expected = world.expected(owners[segment_id])[kind]
        held = set() if segment_id in before.refilled else before.held.get(segment_id, {}).get(kind, set())
        doubtful = before.doubtful.get(segment_id, {}).get(kind, set())
        required = expected - held if operation == "add" else held - expected
        if segment_id in before.refilled and operation == "remove":
            required = required | (world.never.ever - expected)  # nobody knew whom it held
        where = f"{owners[segment_id]} ({kind}, {operation})"
        assert len(set(identifiers)) == len(identifiers), f"{where}: something was sent twice"
        more = set(identifiers) - required - doubtful
        assert not more, f"{where}: {len(more)} were sent that nothing required"


def _type_of(call: CallView) -> str:
    return next(kind for kind, words in WORDS.items() if call.identifier_type in words)

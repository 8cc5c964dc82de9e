"""What every membership store must do: subclass, and give a `store` and how to make an `evaluation` for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import pytest

from runner.core.errors import StateError
from runner.core.identifiers import IdentifierType, Operation
from runner.core.membership import ComparedMembership, Evaluation, MembershipFiles, TypeDelta
from runner.engine.interface import MembershipStore, SettledMembership

GUM, CUSTOMER = IdentifierType.GUM_ID, IdentifierType.CUSTOMER_ID
"""Types whose wire form is the identifier as it was given."""
People = Mapping[IdentifierType, set[str]]
Evaluate = Callable[[People], Evaluation]


@dataclass
class Audience:
    """A membership as the state would keep it, brought on by deltas of which only some batches arrive."""

    store: MembershipStore
    folder: Path
    held: MembershipFiles = field(default_factory=MembershipFiles)

    def __post_init__(self) -> None:
        self._numbers = count()

    def path(self) -> Path:
        return self.folder / f"{next(self._numbers)}.file"

    def become(self, evaluation: Evaluation | None) -> TypeDelta:
        """All of a delta arrives; what it was, over all types."""
        compared = self.store.compare(evaluation, self.held)
        self.send(compared, arrived=None)
        parts = compared.delta.values()
        return TypeDelta(
            *(sum(getattr(part, name) for part in parts) for name in ("before", "after", "added", "removed", "unknown"))
        )

    def send(
        self,
        compared: ComparedMembership,
        arrived: set[int] | None,
        doubtful: frozenset[int] = frozenset(),
        batch_size: int = 100,
    ) -> SettledMembership | None:
        """Send a delta of which some batches are answered (None: all) and some may have arrived, and settle it."""
        outbox = self.path()
        batches = self.store.write_outbox(compared, outbox, batch_size)
        if not batches:
            return None
        taken = frozenset(batch.number for batch in batches) if arrived is None else frozenset(arrived)
        members = self.path()
        unfinished = MembershipFiles(
            self.held.members, outbox, taken, doubtful, changes=self.held.changes, counts=self.held.counts
        )
        settled = self.store.settle(unfinished, members)
        counts = {kind: (number, settled.unknown.get(kind, 0)) for kind, number in settled.members.items()}
        whole, changes = (self.held.members, members) if settled.changes_only else (members, None)
        self.held = MembershipFiles(whole, changes=changes, counts=counts)
        return settled


class MembershipsContract:
    @pytest.fixture
    def store(self, tmp_path: Path) -> MembershipStore:
        raise NotImplementedError

    @pytest.fixture
    def evaluation(self, tmp_path: Path) -> Evaluate:
        """Makes an evaluation that the store can read, of these people."""
        raise NotImplementedError

    @pytest.fixture
    def audience(self, store: MembershipStore, tmp_path: Path) -> Audience:
        (tmp_path / "state").mkdir()
        return Audience(store, tmp_path / "state")

    def test_the_first_fill_adds_everyone(self, audience: Audience, evaluation: Evaluate) -> None:
        assert audience.become(evaluation({GUM: {"a", "b"}})) == TypeDelta(0, 2, 2, 0)

    def test_what_is_held_is_not_sent_again(self, audience: Audience, evaluation: Evaluate) -> None:
        audience.become(evaluation({GUM: {"a", "b"}}))
        assert audience.become(evaluation({GUM: {"a", "b"}})) == TypeDelta(2, 2, 0, 0)

    def test_only_what_differs_is_sent(self, audience: Audience, evaluation: Evaluate) -> None:
        audience.become(evaluation({GUM: {"a", "b", "c"}}))
        assert audience.become(evaluation({GUM: {"c", "d"}})) == TypeDelta(3, 2, 1, 2)

    def test_to_nothing_removes_everyone(self, audience: Audience, evaluation: Evaluate) -> None:
        audience.become(evaluation({GUM: {"a", "b"}}))
        assert audience.become(None) == TypeDelta(2, 0, 0, 2)

    def test_each_type_is_compared_with_its_own_and_one_that_is_gone_is_removed(
        self, audience: Audience, store: MembershipStore, evaluation: Evaluate
    ) -> None:
        audience.become(evaluation({GUM: {"a", "b"}, CUSTOMER: set()}))
        compared = store.compare(evaluation({CUSTOMER: {"a"}}), audience.held)
        assert compared.delta == {GUM: TypeDelta(2, 0, 0, 2), CUSTOMER: TypeDelta(0, 1, 1, 0)}
        assert compared.held == audience.held

    def test_a_type_that_is_mapped_is_told_of_even_when_it_has_nobody(
        self, store: MembershipStore, evaluation: Evaluate
    ) -> None:
        assert store.compare(evaluation({GUM: set()}), MembershipFiles()).delta == {GUM: TypeDelta(0, 0, 0, 0)}

    def test_what_an_audience_holds_or_may_hold_of_a_segment_is_counted_by_type(
        self, audience: Audience, store: MembershipStore, evaluation: Evaluate
    ) -> None:
        audience.become(evaluation({GUM: {"a", "b", "c", "d"}}))
        nobody = evaluation({GUM: {"a", "e"}})
        audience.send(store.compare(nobody, audience.held), arrived={0}, doubtful=frozenset({1}), batch_size=2)
        segment = store.compare(evaluation({GUM: {"a", "b", "c", "d", "e", "f"}, CUSTOMER: {"a"}}), MembershipFiles())
        shared = store.shared(store.sample(segment), audience.held)
        # Of b, c and d two are gone for certain; the third may be gone. Nothing is known of e, which was not sent.
        assert shared == {GUM: 2}

    def test_batches_are_no_larger_than_asked_for_and_remove_first(
        self, audience: Audience, store: MembershipStore, evaluation: Evaluate
    ) -> None:
        audience.become(evaluation({GUM: {"a", "b", "c"}}))
        compared = store.compare(evaluation({GUM: {"d", "e", "f"}}), audience.held)
        outbox = audience.path()
        batches = store.write_outbox(compared, outbox, 2)
        assert [batch.number for batch in batches] == [0, 1, 2, 3]
        assert [batch.operation for batch in batches] == [Operation.REMOVE] * 2 + [Operation.ADD] * 2
        assert {batch.identifier_type for batch in batches} == {GUM}
        sent = {number: set(identifiers) for number, identifiers in store.batches(outbox)}
        assert [batch.identifiers for batch in batches] == [len(sent[number]) for number in range(4)]
        assert (sent[0] | sent[1], sent[2] | sent[3]) == ({"a", "b", "c"}, {"d", "e", "f"})

    def test_nothing_is_written_where_there_is_nothing_to_send(
        self, audience: Audience, store: MembershipStore, evaluation: Evaluate
    ) -> None:
        outbox = audience.path()
        assert store.write_outbox(store.compare(evaluation({GUM: set()}), MembershipFiles()), outbox, 10) == ()
        assert not outbox.exists()

    def test_what_was_answered_counts_what_may_have_arrived_is_doubtful_and_the_rest_was_never_sent(
        self, audience: Audience, store: MembershipStore, evaluation: Evaluate
    ) -> None:
        everyone = evaluation({GUM: {"a", "b", "c"}})
        settled = audience.send(store.compare(everyone, audience.held), {0}, frozenset({1}), batch_size=1)
        assert settled is not None
        assert (settled.members, settled.unknown) == ({GUM: 2}, {GUM: 1})
        assert store.compare(everyone, audience.held).delta == {GUM: TypeDelta(2, 3, 2, 0, 1)}

    def test_what_is_doubtful_and_not_wanted_is_removed(
        self, audience: Audience, store: MembershipStore, evaluation: Evaluate
    ) -> None:
        audience.send(store.compare(evaluation({GUM: {"a"}}), audience.held), set(), frozenset({0}))
        assert audience.become(evaluation({GUM: set()})) == TypeDelta(1, 0, 0, 1, 1)
        assert audience.become(evaluation({GUM: set()})) == TypeDelta(0, 0, 0, 0)

    def test_a_removal_that_may_have_arrived_leaves_doubt(
        self, audience: Audience, store: MembershipStore, evaluation: Evaluate
    ) -> None:
        audience.become(evaluation({GUM: {"a"}}))
        audience.send(store.compare(evaluation({GUM: set()}), audience.held), set(), frozenset({0}))
        assert audience.become(evaluation({GUM: {"a"}})) == TypeDelta(1, 1, 1, 0, 1)
        assert audience.become(evaluation({GUM: {"a"}})) == TypeDelta(1, 1, 0, 0)

    def test_a_membership_that_is_not_there_is_never_taken_for_an_empty_one(
        self, store: MembershipStore, evaluation: Evaluate, tmp_path: Path
    ) -> None:
        with pytest.raises(StateError):
            store.compare(evaluation({GUM: {"a"}}), MembershipFiles(tmp_path / "gone"))

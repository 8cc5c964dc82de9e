"""An evaluator and a membership store without SQL: people are given by hand, and every file is JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from runner.core.errors import StateError
from runner.core.findings import Finding
from runner.core.fingerprints import Fingerprinting
from runner.core.holdout import Choice
from runner.core.identifiers import IdentifierType, Operation
from runner.core.membership import (
    Batch,
    ComparedMembership,
    Evaluation,
    MembershipFiles,
    Rejected,
    Sample,
    Sampled,
    SettledMembership,
    TypeDelta,
)
from runner.core.project import Activation, Evaluated, Source
from runner.engine.interface import SegmentEvaluator


@dataclass
class FakeEvaluator:
    """`people` are the identifiers of a segment, by activation and type; what is not there is empty.

    `fails` are the errors that evaluating an activation raises; `evaluated` are those that were evaluated, in order.
    """

    folder: Path
    people: dict[str, dict[IdentifierType, set[str]]] = field(default_factory=dict)
    rejected: tuple[Rejected, ...] = ()
    fails: dict[str, Exception] = field(default_factory=dict)
    evaluated: list[str] = field(default_factory=list)
    run: str = ""

    def check(self, activation: Evaluated, sources: tuple[Source, ...]) -> tuple[Finding, ...]:
        return ()

    def name(self, run: str) -> None:
        self.run = run

    def advise(self, activation: Evaluated) -> tuple[Finding, ...]:
        return ()

    def evaluate(
        self, activation: Evaluated, sources: tuple[Source, ...], by: Fingerprinting | None = None
    ) -> Evaluation:
        self.evaluated.append(activation.id)
        if activation.id in self.fails:
            raise self.fails[activation.id]
        people = self.people.get(activation.id, {})
        found = {kind: sorted(people.get(kind, ())) for kind in activation.mapping}
        path = self.folder / f"evaluation-{len(self.evaluated)}.json"
        path.write_text(json.dumps(found))
        count = max((len(ids) for ids in found.values()), default=0)
        return Evaluation(path, tuple(found), count, count, dict.fromkeys(found, 0), self.rejected)

    def evaluate_small(
        self, activations: Sequence[Activation], sources: tuple[Source, ...]
    ) -> Mapping[int, Evaluation]:
        return {}

    def md5s(self, of: Evaluated, evaluation: Evaluation) -> int:
        return 0

    def choose(self, activation: Activation, sources: tuple[Source, ...]) -> Choice:
        raise NotImplementedError

    def prepare(self, sources: tuple[Source, ...]) -> None:
        """Nothing takes time."""

    def expect(self, segments: Iterable[Evaluated], sources: tuple[Source, ...]) -> None:
        """Nothing is read but once."""

    def release(self) -> None:
        """Nothing is held."""

    def close(self) -> None:
        pass


@dataclass
class FakeMemberships:
    """Memberships as sets. A file that is missing is a StateError, as one that is damaged would be."""

    folder: Path
    compared: int = 0

    def evaluate_and_compare(
        self,
        evaluator: SegmentEvaluator,
        activation: Activation,
        sources: tuple[Source, ...],
        held: MembershipFiles,
        by: Fingerprinting | None = None,
        *,
        counts_only: bool = False,
    ) -> tuple[Evaluation, ComparedMembership]:
        evaluation = evaluator.evaluate(activation, sources)
        compared = self.compare(evaluation, held)
        if counts_only and not held.files:
            return replace(evaluation, path=None), replace(compared, differing={})
        return evaluation, compared

    def compare_small(self, asked: Sequence[tuple[Evaluation, MembershipFiles]]) -> Mapping[int, ComparedMembership]:
        return {}

    def compare(self, evaluation: Evaluation | None, held: MembershipFiles) -> ComparedMembership:
        segment = {} if evaluation is None or evaluation.path is None else _read(evaluation.path)
        certain, doubtful = _membership(held)
        delta, differing = {}, {}
        for kind in IdentifierType:
            wanted, sure, unsure = set(segment.get(kind, ())), certain.get(kind, set()), doubtful.get(kind, set())
            if kind not in segment and not sure | unsure:
                continue
            add, remove = (wanted - sure) | (wanted & unsure), (sure | unsure) - wanted
            delta[kind] = TypeDelta(len(sure | unsure), len(wanted), len(add), len(remove), len(unsure))
            self.compared += 1
            path = self.folder / f"differing-{self.compared}.json"
            path.write_text(json.dumps({"add": sorted(add), "remove": sorted(remove)}))
            differing[kind] = (path,)
        return ComparedMembership(held, delta, differing)

    def sample(self, compared: ComparedMembership) -> Sample:
        every = {kind: len(_read(file)["add"]) for kind, (file,) in compared.differing.items()}
        return {kind: Sampled(compared.differing[kind][0], count, count) for kind, count in every.items() if count}

    def shared(self, sample: Sample, held: MembershipFiles) -> dict[IdentifierType, int]:
        certain, doubtful = _membership(held)
        there = {kind: certain.get(kind, set()) | doubtful.get(kind, set()) for kind in sample}
        return {kind: len(set(_read(part.path)["add"]) & there[kind]) for kind, part in sample.items() if there[kind]}

    def write_outbox(
        self, compared: ComparedMembership, path: Path, batch_size: int, run: int | None = None
    ) -> tuple[Batch, ...]:
        batches: list[Batch] = []
        rows: list[Any] = []
        for operation in (Operation.REMOVE, Operation.ADD):
            for kind, (file,) in compared.differing.items():
                identifiers = _read(file)[str(operation)]
                for start in range(0, len(identifiers), batch_size):
                    part = identifiers[start : start + batch_size]
                    batches.append(Batch(len(batches), operation, kind, len(part)))
                    rows.append([str(operation), str(kind), part])
        if batches:
            path.write_text(json.dumps(rows))
        return tuple(batches)

    def batches(self, outbox: Path) -> Iterator[tuple[int, Any]]:
        for number, (_, _, identifiers) in enumerate(_read(outbox)):
            yield number, identifiers

    def settle(self, held: MembershipFiles, path: Path) -> SettledMembership:
        certain, doubtful = _membership(held)
        kinds = [kind for kind in IdentifierType if certain.get(kind) or doubtful.get(kind)]
        content = {kind: [sorted(certain.get(kind, ())), sorted(doubtful.get(kind, ()))] for kind in kinds}
        path.write_text(json.dumps(content))
        sizes = {kind: len(certain.get(kind, set()) | doubtful.get(kind, set())) for kind in kinds}
        return SettledMembership(sizes, {kind: len(ids) for kind in kinds if (ids := doubtful.get(kind))})


def _membership(held: MembershipFiles) -> tuple[dict[str, set[str]], dict[str, set[str]]]:
    """What the destination certainly holds and what it may hold, by type, with the batches of an open delta."""
    certain: dict[str, set[str]] = {}
    doubtful: dict[str, set[str]] = {}
    if held.members is not None:
        for kind, (sure, unsure) in _read(held.members).items():
            certain[kind], doubtful[kind] = set(sure), set(unsure)
    for number, (operation, kind, ids) in enumerate(_read(held.outbox) if held.outbox is not None else ()):
        sure, unsure = certain.setdefault(kind, set()), doubtful.setdefault(kind, set())
        if number in held.taken:
            unsure -= set(ids)
            certain[kind] = sure | set(ids) if operation == Operation.ADD else sure - set(ids)
        elif number in held.in_flight:
            certain[kind] = sure - set(ids)
            unsure |= set(ids)
    return certain, doubtful


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text())
    except OSError:
        raise StateError(f"{path.name} is not there") from None

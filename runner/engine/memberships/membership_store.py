"""The embedded membership store: set algebra in DuckDB over the Parquet files of the state."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from runner.core.asked_people import AskedPeople, FoundMembers, FoundSuppressed
from runner.core.errors import StateError
from runner.core.fingerprints import Fingerprinting, FingerprintOrigin
from runner.core.identifiers import IdentifierType, WireForms
from runner.core.membership import (
    Batch,
    ComparedMembership,
    Evaluation,
    MembershipFiles,
    Sample,
    SettledMembership,
)
from runner.core.project import Activation, Evaluated, Source
from runner.core.suppression import NamedPeople, SuppressionFiles
from runner.engine.counted_pass import count_new
from runner.engine.duckdb.workspace import Workspace
from runner.engine.fingerprinted_pass import Mistaken, evaluate_by_fingerprints
from runner.engine.interface import NOBODY_GONE, SegmentEvaluator
from runner.engine.joined_pass import evaluate_joined
from runner.engine.looked_up_pass import compared_rows, look_up
from runner.engine.memberships import (
    differences,
    looked_up_people,
    people_asked,
    sampling,
    small_audiences,
    suppressed_people,
)
from runner.engine.memberships.compaction import fold_delta
from runner.engine.memberships.pairwise import pairwise
from runner.engine.memberships.parquet_files import translating_errors
from runner.engine.memberships.refingerprinting import write_fingerprints
from runner.quick_dataclass import replace


class DuckDBMembershipStore:
    """Implements runner.engine.interface.MembershipStore. May be used from several threads."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._gone: dict[tuple[tuple[Path, ...], tuple[Path, ...]], Path] = {}

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
        new = count_new(evaluator, self._workspace, activation, sources) if counts_only and not held.files else None
        if new:
            return new
        try:
            known = by and evaluate_by_fingerprints(
                evaluator, self._workspace, activation, sources, held, by, counts_only=counts_only
            )
        except Mistaken:
            evaluation = evaluator.evaluate(activation, sources)
            return evaluation, replace(self.compare(evaluation, held), mistaken=True)
        if known:
            return known
        joined = evaluate_joined(evaluator, self._workspace, activation, sources, held, by)
        if joined is None:
            evaluation = evaluator.evaluate(activation, sources, by)
            return evaluation, self.compare(evaluation, held)
        evaluation, file = joined
        return evaluation, self._compared(evaluation, held, {evaluation.types[0]: file})

    def look_up(
        self,
        evaluator: SegmentEvaluator,
        activation: Activation,
        sources: tuple[Source, ...],
        held: MembershipFiles,
        remembered: Sequence[SuppressionFiles],
        by: Fingerprinting | None = None,
    ) -> Evaluation:
        try:
            found = by and look_up(evaluator, self._workspace, activation, sources, held, remembered, by)
        except Mistaken:
            return replace(evaluator.evaluate(activation, sources), mistaken=True)
        return found or evaluator.evaluate(activation, sources, by)

    def compare(self, evaluation: Evaluation | None, held: MembershipFiles) -> ComparedMembership:
        looked = None if evaluation is None else evaluation.looked_up
        if evaluation is not None and looked is not None and looked.held == held:
            return compared_rows(self._workspace, evaluation)
        if evaluation is not None and evaluation.path is None:
            raise StateError("the membership changed after the segment was compared with it", "run the command again")
        compared = self._compared(evaluation, held, None)
        return replace(compared, mistaken=True) if evaluation is not None and evaluation.mistaken else compared

    def without_those_gone(self, compared: ComparedMembership, held: MembershipFiles) -> ComparedMembership:
        folder = self._workspace.next_folder()
        with translating_errors("the comparison", held.files, self._workspace.folder):
            folder.mkdir(mode=0o700)
            return differences.without_those_gone(self._workspace.connection(), compared, held, folder)

    def compare_small(self, asked: Sequence[tuple[Evaluation, MembershipFiles]]) -> Mapping[int, ComparedMembership]:
        may = [place for place, one in enumerate(asked) if small_audiences.may_be_compared(*one)]
        if not may:
            return {}
        some = [asked[place] for place in may]
        files = tuple(path for _, held in some for path in held.files)
        with translating_errors("the comparison", files, self._workspace.folder):
            found = small_audiences.compared(self._workspace.connection(), some, self._workspace.next_folder())
        return {may[place]: compared for place, compared in found.items()}

    def write_outbox(
        self, compared: ComparedMembership, path: Path, batch_size: int, run: int | None = None
    ) -> tuple[Batch, ...]:
        with translating_errors("writing the outbox", (), self._workspace.folder):
            connection = self._workspace.connection()
            return differences.write_outbox(connection, compared, path, batch_size, run, self._workspace.folder)

    def batches(self, outbox: Path) -> Iterator[tuple[int, WireForms]]:
        with translating_errors("reading the outbox", (outbox,), self._workspace.folder):
            yield from differences.read_batches(self._workspace.connection(), outbox)

    def settle(self, held: MembershipFiles, path: Path, *, whole: bool = False) -> SettledMembership:
        with translating_errors("settling the membership", held.files, self._workspace.folder):
            return fold_delta(self._workspace.connection(), held, path, self._workspace.folder, whole=whole)

    def fingerprint(self, held: MembershipFiles, compared: ComparedMembership, path: Path) -> FingerprintOrigin:
        with translating_errors("writing the membership", held.files, self._workspace.folder):
            origin = next(iter(compared.refreshed.values())).origin
            write_fingerprints(self._workspace.connection(), held, compared, origin, path, self._workspace.folder)
        return origin

    def sample(self, compared: ComparedMembership) -> Sample:
        folder = self._workspace.next_folder()
        with translating_errors("the comparison", (), self._workspace.folder):
            folder.mkdir(mode=0o700)
            return sampling.sampled(self._workspace.connection(), compared, folder)

    def shared(self, sample: Sample, held: MembershipFiles) -> Mapping[IdentifierType, int]:
        with translating_errors("the comparison with another audience", held.files, self._workspace.folder):
            return sampling.shared(self._workspace.connection(), sample, held)

    def pairwise(self, held: Sequence[MembershipFiles]) -> Mapping[tuple[int, int], int]:
        files = tuple(path for one in held for path in one.files)
        with translating_errors("the comparison of audiences", files, self._workspace.folder):
            return pairwise(self._workspace.connection(), held)

    def named(self, evaluation: Evaluation, last: Path | None = None, run: int | None = None) -> Path:
        path = self._file("named")
        read = () if last is None else (last,)
        with translating_errors("the people of a suppression", read, self._workspace.folder):
            suppressed_people.write_named(self._workspace.connection(), evaluation, path, last, run)
        return path

    def evaluate_and_name(
        self,
        evaluator: SegmentEvaluator,
        suppression: Evaluated,
        sources: tuple[Source, ...],
        last: SuppressionFiles | None,
        run: int | None,
        by: Fingerprinting | None = None,
    ) -> tuple[Evaluation, NamedPeople]:
        found, mistaken = None, False
        if by is not None and last is not None and last.fingerprints is not None:
            try:
                found = self._named_by_fingerprints(evaluator, suppression, sources, last, last.fingerprints, run, by)
            except Mistaken:
                mistaken = True
        if found is not None:
            return found
        evaluation = evaluator.evaluate(suppression, sources, by)
        before, made = None if last is None else last.members, evaluation.fingerprints
        path = self.named(evaluation, before, run)
        entered, left = self.came_and_went(path, before)
        renewed = made is not None and last is not None and (mistaken or made != last.fingerprints)
        return evaluation, NamedPeople(path, self.counted(path), entered, left, None, made, renewed, mistaken)

    def _named_by_fingerprints(
        self,
        evaluator: SegmentEvaluator,
        suppression: Evaluated,
        sources: tuple[Source, ...],
        last: SuppressionFiles,
        made: FingerprintOrigin,
        run: int | None,
        by: Fingerprinting,
    ) -> tuple[Evaluation, NamedPeople] | None:
        """The same, where fingerprints serve. Raises Mistaken."""
        counts = {kind: (count, 0) for kind, count in self.counted(last.members).items()}
        held = MembershipFiles(last.members, counts=counts, fingerprints={last.members: made})
        found = evaluate_by_fingerprints(evaluator, self._workspace, suppression, sources, held, by)
        if found is None:
            return None
        evaluation, compared = found
        path, gone = self._file("named"), self._file("gone")
        with translating_errors("the people of a suppression", held.files, self._workspace.folder):
            connection = self._workspace.connection()
            suppressed_people.write_named_beside(connection, compared, last.members, run, path, gone)
        entered = sum(part.added for part in compared.delta.values())
        left = sum(part.removed for part in compared.delta.values())
        renewed = by.writes and bool(compared.refreshed)
        return evaluation, NamedPeople(path, self.counted(path), entered, left, gone, made, renewed)

    def came_and_went(self, named: Path, last: Path | None) -> tuple[int, int]:
        read = (named,) if last is None else (named, last)
        with translating_errors("the people of a suppression", read, self._workspace.folder):
            return suppressed_people.came_and_went(self._workspace.connection(), named, last)

    def named_since(self, files: SuppressionFiles) -> Path:
        path = self._file("new")
        read = tuple(one for one in (files.members, files.before) if one is not None)
        with translating_errors("the people of a suppression", read, self._workspace.folder):
            suppressed_people.write_new(self._workspace.connection(), files.members, files.before, path)
        return path

    def entered(self, named: Path) -> Path:
        path = self._file("entered")
        with translating_errors("the people of a suppression", (named,), self._workspace.folder):
            suppressed_people.write_entered(self._workspace.connection(), named, path)
        return path

    def md5s(self, named: Path) -> int:
        with translating_errors("the people of a suppression", (named,), self._workspace.folder):
            return suppressed_people.md5s(self._workspace.connection(), named)

    def named_still(self, named: Path, before: Path) -> Path:
        path = self._file("lasting")
        with translating_errors("the people of a suppression", (named, before), self._workspace.folder):
            suppressed_people.write_lasting(self._workspace.connection(), named, before, path)
        return path

    def left_out(self, whole: Evaluation, left: Evaluation) -> Path:
        if left.looked_up is not None and left.looked_up.left_out is not None:
            return left.looked_up.left_out
        path = self._file("left-out")
        with translating_errors("the people of suppressions", (), self._workspace.folder):
            suppressed_people.write_left_out(self._workspace.connection(), whole, left, path)
        return path

    def counted(self, named: Path) -> Mapping[IdentifierType, int]:
        with translating_errors("the people of a suppression", (named,), self._workspace.folder):
            return suppressed_people.counts(self._workspace.connection(), named)

    def found(self, named: tuple[Path, ...], evaluations: Iterable[Evaluation]) -> Path:
        path = self._file("found")
        with translating_errors("the people of suppressions", named, self._workspace.folder):
            suppressed_people.write_found(self._workspace.connection(), named, evaluations, path)
        return path

    def without(self, evaluation: Evaluation, named: tuple[Path, ...]) -> Evaluation:
        path = self._file("wire")
        with translating_errors("the people of suppressions", named, self._workspace.folder):
            connection = self._workspace.connection()
            suppressed, people = suppressed_people.write_rows_without(connection, evaluation, named, path)
        return replace(evaluation, path=path, people=people, suppressed=suppressed)

    def without_each(self, evaluations: Sequence[Evaluation], named: tuple[Path, ...]) -> tuple[Evaluation, ...]:
        left: dict[Path, tuple[Path, Mapping[int, int]]] = {}
        found: list[Evaluation] = []
        for evaluation in evaluations:
            if evaluation.number is None or evaluation.path is None:
                found.append(self.without(evaluation, named))
                continue
            if evaluation.path not in left:
                path, connection = self._file("wire"), self._workspace.connection()
                with translating_errors("the people of suppressions", named, self._workspace.folder):
                    rows = suppressed_people.write_rows_of_each_without(connection, evaluation, named, path)
                left[evaluation.path] = path, rows
            path, rows = left[evaluation.path]
            people = rows.get(evaluation.number, 0)
            found.append(replace(evaluation, path=path, people=people, suppressed=evaluation.people - people))
        return tuple(found)

    def without_looked_up(
        self,
        evaluation: Evaluation,
        named: tuple[Path, ...],
        since: tuple[Path, ...],
        gone: Mapping[Path, tuple[Path, Path]] = NOBODY_GONE,
    ) -> Evaluation:
        looked = evaluation.looked_up
        assert looked is not None
        folder = self._file("left").parent
        read = (*named, *since, *looked.remembered, *looked.held.files)
        with translating_errors("the people of suppressions", read, self._workspace.folder):
            connection, key = self._workspace.connection(), (looked.remembered, named)
            if key not in self._gone:  # several segments may be for the same ones
                self._gone[key] = folder / "gone.parquet"
                looked_up_people.write_gone(connection, looked.remembered, named, gone, self._gone[key])
            of = looked_up_people.Named(named, self._gone[key], since)
            left = looked_up_people.write_left(connection, evaluation, of, folder)
        rows = replace(looked, files=left.files, left_out=left.left_out)
        return replace(evaluation, looked_up=rows, people=left.people, suppressed=evaluation.people - left.people)

    def leaving(self, held: MembershipFiles, named: tuple[Path, ...]) -> ComparedMembership:
        folder = self._file("leaving").parent
        with translating_errors("the comparison with suppressions", (*held.files, *named), self._workspace.folder):
            return suppressed_people.leaving(self._workspace.connection(), held, named, folder)

    def everybody(
        self, held: MembershipFiles, named: tuple[Path, ...], types: frozenset[IdentifierType]
    ) -> ComparedMembership:
        folder = self._file("everybody").parent
        with translating_errors("the people of suppressions", named, self._workspace.folder):
            return suppressed_people.everybody(self._workspace.connection(), held, named, types, folder)

    def found_members(self, held: MembershipFiles, people: AskedPeople) -> tuple[FoundMembers, ...]:
        with translating_errors("looking for people", held.files, self._workspace.folder):
            return people_asked.found_members(self._workspace.connection(), held, people.files)

    def found_suppressed(self, named: Path, people: AskedPeople) -> tuple[FoundSuppressed, ...]:
        with translating_errors("looking for people", (named,), self._workspace.folder):
            return people_asked.found_suppressed(self._workspace.connection(), named, people.files)

    def mentioned(self, files: tuple[Path, ...], people: AskedPeople) -> int:
        with translating_errors("looking for people", files, self._workspace.folder):
            return people_asked.mentioned(self._workspace.connection(), files, people.files)

    def rows_of(self, evaluation: Evaluation, people: AskedPeople) -> Evaluation:
        path = self._file("wire")
        with translating_errors("looking for people", (), self._workspace.folder):
            rows = people_asked.write_rows_of(self._workspace.connection(), evaluation, people.files, path)
        return replace(evaluation, path=path, rows=rows, people=rows)

    def without_people(self, file: Path, people: AskedPeople, path: Path, kept: Path) -> None:
        with translating_errors("the people of a suppression", (file, kept), self._workspace.folder):
            people_asked.write_without(self._workspace.connection(), file, people.files, path, kept)

    def _file(self, name: str) -> Path:
        """A file in a new folder of the workspace."""
        folder = self._workspace.next_folder()
        with translating_errors("the comparison", (), self._workspace.folder):
            folder.mkdir(mode=0o700)
        return folder / f"{name}.parquet"

    def _compared(
        self, evaluation: Evaluation | None, held: MembershipFiles, joined: Mapping[IdentifierType, Path] | None
    ) -> ComparedMembership:
        folder = self._workspace.next_folder()
        with translating_errors("the comparison", held.files, self._workspace.folder):
            folder.mkdir(mode=0o700)
            connection, limits = self._workspace.connection(), self._workspace.limits
            return differences.compared(connection, limits, evaluation, held, folder, joined)

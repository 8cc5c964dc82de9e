"""Looking at suppressions in a run: whom they name now, which rows of segments are theirs, what leaves which audience.

They are evaluated after all segments, so that who withdraws meanwhile is caught.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from time import monotonic
from typing import TypeVar

from runner.core.errors import HeadcountError, Interrupted, StateError, UsageError
from runner.core.membership import ComparedMembership, Delta, Evaluation, MembershipFiles
from runner.core.project import Activation, Project, Suppression
from runner.core.records import AccountRef, AppliedAudience, AudienceKey
from runner.core.suggest import closest
from runner.core.suppression import SuppressionFiles
from runner.planning.suppression_rules import PlannedSuppression, Standing, Taken, Withdrawal, blocks_of, standing_of
from runner.quick_dataclass import dataclass, field, replace
from runner.workflows.accounts import way_to
from runner.workflows.audience_types import types_of
from runner.workflows.context import RunContext
from runner.workflows.failure_messages import as_failure
from runner.workflows.small_ones import evaluated_together

NO_DESTINATION = "suppressed people are in it, and no destination of the files uses its account: declare one"
NOT_APPLIED = "it is {standing}, and only `headcount apply` changes what is in effect"


@dataclass(frozen=True, slots=True)
class Suppressing:
    """What a run knows of suppressions: each of them, what leaves which audience, by the state's number for it, and the
    segments of the activations that they are for, without the rows of people named.

    `evaluated` has the error where a segment could not be evaluated; `seconds` is how long that took. `named` are the
    files of everybody who may not be in audiences of an account, of those that were asked about.
    """

    suppressions: tuple[PlannedSuppression, ...] = ()
    withdrawals: Mapping[int, Withdrawal] = field(default_factory=dict)
    evaluated: Mapping[AudienceKey, Evaluation | HeadcountError] = field(default_factory=dict)
    seconds: Mapping[AudienceKey, float] = field(default_factory=dict)
    named: Mapping[AccountRef, tuple[Path, ...]] = field(default_factory=dict)

    def evaluation(self, key: AudienceKey) -> Evaluation | None:
        """The segment of an activation, None where no suppression is for it. Raises what evaluating it raised."""
        found = self.evaluated.get(key)
        if isinstance(found, HeadcountError):
            raise found
        return found

    def waits_for(self, account: AccountRef) -> tuple[PlannedSuppression, ...]:
        """The suppressions for which nobody may be added to audiences of an account."""
        return tuple(one for one in self.suppressions if not one.takes_effect and one.concerns(account))

    def leaving(self, record: AppliedAudience | None) -> Delta:
        """What of an audience's removals is there because suppressions name it."""
        found = self.withdrawals.get(record.record_id) if record is not None else None
        return {} if found is None or found.error else found.compared.delta


NOTHING = Suppressing()

Found = TypeVar("Found")


def look(
    project: Project,
    to_evaluate: Mapping[AudienceKey, Activation],
    context: RunContext,
    small: Iterable[Mapping[AudienceKey, Activation]],
    held: Mapping[AudienceKey, int],
    *,
    allowed: frozenset[str],
    ships: bool,
    due: frozenset[str] = frozenset(),
    gone: frozenset[int] = frozenset(),
) -> Suppressing:
    """Evaluate the segments of `to_evaluate` that a suppression is for, then those suppressions, and those `due`.

    With `ships`, new and changed suppressions take effect, where no guardrail stops them that is not `allowed`. Nobody
    is taken out of the audiences `gone`, by the state's numbers for them. `small` are those that may be evaluated
    together; `held` are the state's numbers for the audiences that are compared with what they hold and nothing else.
    """
    found = concerned(project, (activation.account for activation in to_evaluate.values()), context, due)
    if not found:
        return NOTHING
    evaluated: dict[AudienceKey, Evaluation | HeadcountError] = {}
    seconds: dict[AudienceKey, float] = {}
    meant = {key: one for key, one in to_evaluate.items() if any(each.concerns(one.account) for each in found)}
    for some in small:
        began = monotonic()
        evaluated |= evaluated_together({key: one for key, one in some.items() if key in meant}, project, context)
        seconds |= dict.fromkeys(evaluated.keys() - seconds.keys(), (monotonic() - began) / max(len(some), 1))
    look = _Look(project, context, held, allowed, ships, gone)
    for key, activation in meant.items():
        if key not in evaluated:
            began = monotonic()
            evaluated[key] = look.segment(key, activation, found)
            seconds[key] = monotonic() - began
    while True:
        planned = tuple(look.at(one) for one in found)
        whole, left = look.without_named(planned, to_evaluate, evaluated)
        if whole == evaluated:
            break
        evaluated = look.once_more(whole)
    withdrawals = look.withdrawals(planned, look.left_out(whole, left))
    return Suppressing(planned, withdrawals, left, seconds, look.named)


def concerned(
    project: Project, accounts: Iterable[AccountRef], context: RunContext, due: frozenset[str] = frozenset()
) -> tuple[PlannedSuppression, ...]:
    """The suppressions, declared or in effect, that are for one of the accounts, and those due; none is evaluated."""
    applied = {one.name: one for one in context.state.suppressions()}
    declared = {one.name: one for one in project.suppressions}
    if not (applied or declared):
        return ()
    asked = frozenset(accounts)
    every = (
        PlannedSuppression(
            name, standing_of(declared.get(name), applied.get(name)), declared.get(name), applied.get(name)
        )
        for name in sorted(declared.keys() | applied.keys())
    )
    return tuple(one for one in every if one.name in due or any(one.concerns(account) for account in asked))


def require_suppressions(names: Iterable[str], project: Project, context: RunContext) -> None:
    """Raise UsageError for a name that no suppression has, declared or in effect: a name is meant, and no pattern."""
    known = {one.name for one in project.suppressions} | {one.name for one in context.state.suppressions()}
    for unknown in sorted(set(names) - known):
        there = f"there are: {', '.join(sorted(known))}" if known else "there is none in this project"
        near = closest(unknown, known)
        hint = f'did you mean "{near}"?' if near else f"write the whole name of a suppression; {there}"
        raise UsageError(f'--allow-suppression: there is no suppression "{unknown}"', hint)


def _evaluated(evaluate: Callable[[], Found], context: RunContext) -> Found | HeadcountError:
    try:
        return evaluate()
    except Interrupted:
        raise
    except Exception as error:  # noqa: BLE001 - it stops no other activation, and a suppression fails closed
        if context.stopping():
            raise Interrupted("nothing was sent", "interrupted; nothing was sent") from None
        return as_failure(error)


class _Look:
    """One look at the suppressions of a run. `_remembered` are whom they named last, or why that cannot be read."""

    def __init__(
        self,
        project: Project,
        context: RunContext,
        held: Mapping[AudienceKey, int],
        allowed: frozenset[str],
        ships: bool,
        gone: frozenset[int],
    ) -> None:
        self._project, self._context, self._held = project, context, held
        self._allowed, self._ships, self._gone = allowed, ships, gone
        self._remembered: dict[str, SuppressionFiles | StateError | None] = {}
        self._new: dict[str, Path | None] = {}
        self._is_mistaken = False
        self.named: dict[AccountRef, tuple[Path, ...]] = {}

    def once_more(self, whole: Mapping[AudienceKey, Found]) -> dict[AudienceKey, Found]:
        """The segments, some of which were evaluated after the suppressions: these are looked at again, after them."""
        self._remembered, self._new, self.named = {}, {}, {}
        return dict(whole)

    def segment(
        self, key: AudienceKey, activation: Activation, found: Iterable[PlannedSuppression]
    ) -> Evaluation | HeadcountError:
        """A segment evaluated, by what is known of its audience and of people whom suppressions named."""
        context, held = self._context, self._held.get(key)
        remembered = [self._known(one.name) for one in found if one.concerns(activation.account)]

        def evaluate() -> Evaluation:
            if held is None or context.fingerprinting is None:
                return self._hashed(activation)
            known, by = tuple(one for one in remembered if one is not None), context.fingerprinting
            try:
                members, sources = context.state.held(held), self._project.sources
                return context.memberships.look_up(context.evaluator, activation, sources, members, known, by)
            except StateError:  # the comparison says so, unless another run has moved on by then
                return self._hashed(activation)

        evaluation = _evaluated(evaluate, context)
        self._is_mistaken |= isinstance(evaluation, Evaluation) and evaluation.mistaken
        return evaluation

    def _known(self, name: str) -> SuppressionFiles | None:
        """Whom a suppression named last, as far as that can be read."""
        found = self._files(name)
        return None if isinstance(found, StateError) else found

    def _files(self, name: str) -> SuppressionFiles | StateError | None:
        if name not in self._remembered:
            try:
                self._remembered[name] = self._context.state.suppression_files(name)
            except StateError as error:
                self._remembered[name] = error
        return self._remembered[name]

    def at(self, one: PlannedSuppression) -> PlannedSuppression:
        """The suppression, evaluated where it may take effect, and judged."""
        name = one.name
        files = None if one.applied is None else self._files(name)
        if isinstance(files, StateError):
            if name not in self._allowed:
                return replace(one, error=files.message, hint=files.hint)
            one = replace(one, is_forgotten=True)
        if one.changes_definition and not self._ships:
            return replace(one, waits=NOT_APPLIED.format(standing=one.standing))
        if one.declared is not None:
            one = self._measured(one, one.declared)
        if one.error:
            return one
        blocks = blocks_of(one)
        if name in self._allowed:
            needed = bool(blocks) or one.is_forgotten
            return replace(one, let_pass_by=f"--allow-suppression {name}" if needed else "")
        return replace(one, blocks=blocks)

    def _measured(self, one: PlannedSuppression, declared: Suppression) -> PlannedSuppression:
        """Whom it names now, who came and went, and what it takes out of audiences where it is new or changed."""
        context, files, asked_at = self._context, self._known(one.name), self._context.clock()
        if files is not None and self._is_mistaken:
            files = replace(files, fingerprints=None)  # perhaps it was theirs that were wrong: they are made again
        evaluate = partial(
            context.memberships.evaluate_and_name, context.evaluator, declared, self._project.sources, files
        )
        found = _evaluated(partial(evaluate, context.state.next_run(), context.fingerprinting), context)
        if isinstance(found, HeadcountError):
            return replace(one, error=found.message, hint=found.hint)
        evaluation, people = found
        one = replace(
            one,
            named=people.path,
            members=people.members,
            entered=people.entered,
            left=people.left,
            gone=people.gone,
            base=self._clean_base(one, files),
            rejected=sum(each.count for each in evaluation.rejected),
            asked_at=asked_at,
            fingerprints=people.fingerprints,
            renews_fingerprints=people.renewed,
            mistaken=people.mistaken,
        )
        try:
            one = replace(one, md5s=context.memberships.md5s(people.path))
            is_new = one.changes_definition or one.is_forgotten
            return replace(one, takes=tuple(self._takes(one, people.path))) if is_new else one
        except StateError as error:
            return replace(one, error=error.message, hint=error.hint)

    def _takes(self, one: PlannedSuppression, named: Path) -> Iterable[Taken]:
        """What it takes out of each audience whose members are known."""
        for record in self._audiences(one.declared):
            try:
                compared = self._context.memberships.leaving(self._context.state.held(record.record_id), (named,))
            except StateError:
                continue
            for kind, part in compared.delta.items():
                yield Taken(record.activation, kind, part.removed, part.before)

    def _audiences(self, of: Suppression | None) -> Iterable[AppliedAudience]:
        return (
            record
            for record in self._context.state.audiences()
            if record.audience_id is not None and of is not None and of.concerns(record.account)
        )

    def without_named(
        self,
        planned: tuple[PlannedSuppression, ...],
        to_evaluate: Mapping[AudienceKey, Activation],
        evaluated: Mapping[AudienceKey, Evaluation | HeadcountError],
    ) -> tuple[Mapping[AudienceKey, Evaluation | HeadcountError], Mapping[AudienceKey, Evaluation | HeadcountError]]:
        """The segments, and what is left of each without the rows of people named: looked for in one pass for all that
        the same ones are for. Those whose rows were looked up to no avail are evaluated again, the long way."""
        groups: dict[tuple[Path, ...], dict[AudienceKey, Evaluation]] = {}
        whole, left = dict(evaluated), dict(evaluated)
        memberships = self._context.memberships
        for key, evaluation in evaluated.items():
            if not isinstance(evaluation, Evaluation):
                continue
            activation = to_evaluate[key]
            named = self.named.setdefault(activation.account, self._named_for(planned, activation.account))
            if evaluation.looked_up is not None:
                rest = _evaluated(partial(self._without, evaluation, key, named, planned), self._context)
                if rest is not None:
                    left[key] = rest
                    continue
                whole[key] = left[key] = evaluation = _evaluated(partial(self._hashed, activation), self._context)
            if isinstance(evaluation, Evaluation):
                groups.setdefault(named, {})[key] = evaluation
        for named, segments in groups.items():
            if not named:
                continue
            found = memberships.found(named, segments.values())
            if memberships.counted(found):
                left |= zip(segments, memberships.without_each(tuple(segments.values()), (found,)), strict=True)
        return whole, left

    def _hashed(self, activation: Activation) -> Evaluation:
        """A segment evaluated without fingerprints of anybody known."""
        return self._context.evaluator.evaluate(activation, self._project.sources, self._context.fingerprinting)

    def _without(
        self,
        evaluation: Evaluation,
        key: AudienceKey,
        named: tuple[Path, ...],
        planned: tuple[PlannedSuppression, ...],
    ) -> Evaluation | None:
        """What is left of a segment that was looked up, without the rows of people named; None where fingerprints that
        it may have been looked up by are wrong, or what it was looked up in has gone."""
        if self._is_mistaken or any(one.mistaken for one in planned):
            return None
        since, gone = self._since(key, planned), self._gone_since(planned)
        try:
            return self._context.memberships.without_looked_up(evaluation, named, since, gone)
        except StateError:  # another run moved on; else the next step says so
            return None

    def _gone_since(self, planned: tuple[PlannedSuppression, ...]) -> Mapping[Path, tuple[Path, Path]]:
        """By the file of whom each suppression named last, that of whom it names now and of whom it does not any more,
        where somebody looked for these."""
        return {
            last.members: (one.named, one.gone)
            for one in planned
            if one.named is not None and one.gone is not None and (last := self._known(one.name)) is not None
        }

    def _since(self, key: AudienceKey, planned: tuple[PlannedSuppression, ...]) -> tuple[Path, ...]:
        """Files of people named whom the audience of a key may hold all the same."""
        record = self._context.state.audience(self._held[key])
        files = (self._to_leave(one, record) for one in planned)
        return tuple(path for path in files if path is not None)

    def left_out(
        self,
        evaluated: Mapping[AudienceKey, Evaluation | HeadcountError],
        left: Mapping[AudienceKey, Evaluation | HeadcountError],
    ) -> Mapping[AudienceKey, Path]:
        """What is on rows of people named and on no other, of each segment whose rows have several identifiers.

        People leave with all of it, also where a suppression itself yields only a part.
        """
        found: dict[AudienceKey, Path] = {}
        for key, whole in evaluated.items():
            rest = left[key]
            if isinstance(whole, HeadcountError) or isinstance(rest, HeadcountError) or not rest.suppressed:
                continue
            if len(whole.types) > 1 or any(columns > 1 for columns in whole.columns.values()):
                found[key] = self._context.memberships.left_out(whole, rest)
        return found

    def _named_for(self, planned: tuple[PlannedSuppression, ...], account: AccountRef) -> tuple[Path, ...]:
        """Files of everybody who may not be in an audience of an account, as far as that is known.

        Whom a suppression named last counts until a new definition or evaluation of it takes effect.
        """
        files = (self._counting(one, account) for one in planned)
        return tuple(path for path in files if path is not None)

    def _counting(self, one: PlannedSuppression, account: AccountRef) -> Path | None:
        """A file of those who may not be in an account's audiences because of one suppression; None where nobody is."""
        if one.takes_effect:
            return one.named if one.declared is not None and one.declared.concerns(account) else None
        remembered = self._known(one.name)
        stands = one.applied is not None and one.applied.definition.concerns(account)
        return remembered.members if remembered is not None and stands else None

    def withdrawals(
        self, planned: tuple[PlannedSuppression, ...], left_out: Mapping[AudienceKey, Path]
    ) -> Mapping[int, Withdrawal]:
        """What leaves each audience, whatever else happens to it, by the state's number for it.

        `left_out` is what leaves the audiences whose segments were evaluated beside those whom suppressions yield.
        """
        found: dict[int, Withdrawal] = {}
        for record in self._context.state.audiences():
            if record.audience_id is None or record.record_id in self._gone:
                continue
            files = [path for one in planned if (path := self._to_leave(one, record)) is not None]
            beside = left_out.get(record.key)
            if not (files or beside):
                continue
            found_there = self._withdrawal(record, tuple(files), beside)
            withdrawal = replace(found_there, destination=way_to(record, self._project.destinations))
            if withdrawal.removed and withdrawal.destination is None:
                withdrawal = replace(withdrawal, error=NO_DESTINATION)
            if withdrawal.removed or withdrawal.error:
                found[record.record_id] = withdrawal
        return found

    def _withdrawal(self, record: AppliedAudience, files: tuple[Path, ...], beside: Path | None) -> Withdrawal:
        memberships, state = self._context.memberships, self._context.state
        nobody = Withdrawal(record, ComparedMembership(MembershipFiles(), {}, {}))
        try:
            if not record.refill:
                named = (*files, *([beside] if beside is not None else []))
                return Withdrawal(record, memberships.leaving(state.held(record.record_id), named))
        except StateError:
            pass  # nobody knows what it holds: all who are named leave
        if not files:
            return nobody
        types = types_of(record, self._project)
        try:
            return Withdrawal(record, memberships.everybody(MembershipFiles(), files, types), is_blind=True)
        except StateError as error:
            return replace(nobody, error=error.message)

    def _to_leave(self, one: PlannedSuppression, record: AppliedAudience) -> Path | None:
        """A file of those whom a suppression names and an audience may hold; None where there can be none.

        A clean run left nobody of those who were named then, so only new ones are looked for, but in audiences of
        which that is not known.
        """
        remembered = self._known(one.name)
        members = self._counting(one, record.account)
        if members is None:
            return None
        files = SuppressionFiles(members, self._clean_base(one, remembered))
        if record.refill or self._context.older:
            return files.members
        if remembered is not None and files.before == remembered.members and not (one.takes_effect and one.entered):
            return None  # whom it names was named when no audience held any of them
        if one.name not in self._new:
            memberships = self._context.memberships
            is_beside = remembered is not None and one.takes_effect and files.before == remembered.members
            path = memberships.entered(members) if is_beside else memberships.named_since(files)
            self._new[one.name] = path if memberships.counted(path) else None
        return self._new[one.name]

    def _clean_base(self, one: PlannedSuppression, remembered: SuppressionFiles | None) -> Path | None:
        """Whom it named when every audience was last known to hold none of them; None where none ever was."""
        if remembered is None or one.applied is None or (one.takes_effect and one.standing is Standing.CHANGED):
            return None
        if one.applied.is_clean:
            return remembered.members
        return remembered.before

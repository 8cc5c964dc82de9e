"""What a person agreed to when a plan was reviewed, and whether a plan made later is still about the same.

Agreed to are definitions: as declared, as applied, as they are in the destination. Members and dates are not part of
it, since they move by the hour.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields

from runner.core.destination import LiveAudience
from runner.core.errors import HeadcountError
from runner.core.membership import Delta
from runner.core.project import ANY_DAY, Activation
from runner.core.records import Action, AppliedAudience, AudienceKey, Definition, redefined
from runner.core.suppression import SuppressionDefinition
from runner.planning.plan import CHANGING, Decision, Options, Plan, PlannedChange
from runner.planning.suppression_rules import PlannedSuppression, definition_of_suppression
from runner.quick_dataclass import dataclass

_LATER = ("allow_recreate", "allow_suppressions", "target")
"""Options that came later than plans were saved."""

DefinitionView = Mapping[str, str]
"""One look at a definition: field -> text. It holds no date, no count and no secret."""


@dataclass(frozen=True, slots=True)
class DefinitionViews:
    """The definitions that a change is about. None stands for what is not there: an orphan is not declared.

    `holder` is another audience that has the name which is wanted.
    """

    key: AudienceKey
    declared: DefinitionView | None
    applied: DefinitionView | None
    live: DefinitionView | None
    holder: DefinitionView | None

    @property
    def views(self) -> Mapping[str, DefinitionView | None]:
        return {"declared": self.declared, "applied": self.applied, "live": self.live, "holder": self.holder}


@dataclass(frozen=True, slots=True)
class AnnouncedChange:
    """What a saved plan said that it would do to one audience."""

    action: Action
    refill: bool
    members: Delta


@dataclass(frozen=True, slots=True)
class ReviewedPlan:
    """A saved plan: what was asked for, the definitions it is about, and what it said of each audience."""

    plan_id: str
    options: Options
    definitions: tuple[DefinitionViews, ...]
    announced: Mapping[AudienceKey, AnnouncedChange]


@dataclass(frozen=True, slots=True)
class Deviation:
    """Something that is not as it was when the plan was made. `what` is empty where a whole audience came or went."""

    id: str
    what: str
    planned: str
    now: str


class StalePlan(HeadcountError):
    """A plan made now is not the one that was reviewed: `deviations` says in what, where that is known.

    `plan` is the one made now, where one could be made. Nothing was sent.
    """

    exit_code = 6

    def __init__(self, plan_id: str, deviations: tuple[Deviation, ...], plan: Plan | None = None) -> None:
        super().__init__(
            f"plan {plan_id} is stale: the definitions are not those that it was made for; nothing was sent",
            "make a new plan and have it reviewed",
        )
        self.deviations = deviations
        self.plan = plan


def views_of(change: Decision) -> DefinitionViews:
    """The definitions that a change is about."""
    return DefinitionViews(
        key=change.key,
        declared=_declared(change.activation, change.definition) if change.activation else None,
        applied=_applied(change.applied) if change.applied else None,
        live=_live(change.live) if change.live else None,
        holder=_live(change.holder) if change.holder else None,
    )


def all_views(decisions: Iterable[Decision]) -> tuple[DefinitionViews, ...]:
    """The definitions that a plan's changes are about, in an order that members have no part in."""
    return tuple(sorted(map(views_of, decisions), key=lambda views: views.key))


def id_of(plan: Plan) -> str:
    """The plan's id: the same as long as the same was asked for and the definitions are the same."""
    return plan_fingerprint(plan.options, views_of_plan(plan))


def id_before(decisions: Iterable[Decision], options: Options, suppressions: Iterable[PlannedSuppression] = ()) -> str:
    """The id of the plan that comes of decisions, before members are looked at."""
    return plan_fingerprint(options, (*all_views(decisions), *map(_suppression_views, suppressions)))


def views_of_plan(plan: Plan) -> tuple[DefinitionViews, ...]:
    """The definitions that a plan is about: of its changes, then of suppressions."""
    return (*all_views(plan.changes), *map(_suppression_views, plan.suppressions))


def _suppression_views(one: PlannedSuppression) -> DefinitionViews:
    declared = None if one.declared is None else _suppressed(definition_of_suppression(one.declared), one)
    applied = None if one.applied is None else _suppressed(one.applied.definition, None)
    return DefinitionViews(AudienceKey(f"suppression {one.name}", "", ""), declared, applied, None, None)


def _suppressed(definition: SuppressionDefinition, one: PlannedSuppression | None) -> DefinitionView:
    accounts = definition.accounts
    view = {
        "sql": definition.meaning or definition.sql,
        "accounts": "all" if accounts is None else ", ".join(f"{kind} {account}" for kind, account in accounts),
    }
    if one is not None and one.declared is not None:
        limits = one.declared.limits
        view |= {f"guardrails.{name}": str(getattr(limits, name)) for name in ("max_removed", "max_added", "max_lost")}
    return view | {f"mapping.{kind}": column for kind, column in definition.mapping.items()}


def plan_fingerprint(options: Options, definitions: tuple[DefinitionViews, ...]) -> str:
    """16 hex digits (of a SHA-256 of canonical JSON) over what was asked for and the definitions."""
    listed = [[*part.key, *(dict(view) if view is not None else None for view in part.views.values())]
              for part in definitions]  # fmt: skip
    # What came later counts only where it was asked for: plans of before keep their ids.
    named = {name: getattr(options, name) for name in _LATER if getattr(options, name)}
    asked = [getattr(options, option.name) for option in fields(options) if option.name not in _LATER]
    asked += [named] if named else []
    text = json.dumps([asked, listed], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("ascii")).hexdigest()[:16]


# -- the views -------------------------------------------------------------------------------------------------------


def _declared(activation: Activation, definition: Definition | None) -> DefinitionView:
    limits, destination = activation.guardrails, activation.destination
    view = _definition(definition) if definition is not None else {}
    view["destination"] = destination.name
    view.update((option, str(value)) for option, value in destination.options.items())
    built_in = "" if limits.max_removed_declared else " (built-in)"
    view["guardrails.max_removed"] = "off" if limits.max_removed is None else f"{limits.max_removed}{built_in}"
    view["guardrails.max_added"] = "off" if limits.max_added is None else str(limits.max_added)
    view["guardrails.min_members"] = "off" if limits.min_members is None else str(limits.min_members)
    if limits.allow is not None:
        view["guardrails.allow"] = str(limits.allow)
    return view


def _applied(record: AppliedAudience) -> DefinitionView:
    view = _definition(record.definition) if record.definition is not None else {}
    view["audience"] = record.audience_id or "its creation was not answered"
    view["content"] = "not known" if record.refill else "known"
    return view


def _live(audience: LiveAudience) -> DefinitionView:
    return {"audience": audience.id, "name": audience.name, "description": audience.description}


def _definition(definition: Definition) -> dict[str, str]:
    """A definition field by field; words that name the day are those of one fixed day, and say so."""
    undated = definition.undated
    view = {
        "name" if definition.undated_name is None else f"name on {ANY_DAY}": undated.name,
        "description" if definition.undated_description is None else f"description on {ANY_DAY}": undated.description,
        "sql": definition.meaning or definition.sql,
        "protect": "true" if definition.protect else "false",
    }
    view.update((option, str(value)) for option, value in definition.options.items())
    view.update((f"holdout.{key}", value) for key, value in definition.holdout.items())
    return view | {
        f"mapping.{kind}": columns if isinstance(columns, str) else ", ".join(columns)
        for kind, columns in definition.mapping.items()
    }


# -- then and now ----------------------------------------------------------------------------------------------------


def deviations(reviewed: ReviewedPlan, plan: Plan) -> tuple[Deviation, ...]:
    """Why a plan made now is not the one that was reviewed; nothing where it is.

    What an apply of that very plan has done already, before it was cut off, is no difference; nor is an account that
    cannot be read now, to which nothing is sent.
    """
    planned = {views.key: views for views in reviewed.definitions if views.key.kind}
    now = {change.key: change for change in plan.changes}
    found = [*_different_options(reviewed.options, plan.options), *_different_suppressions(reviewed, plan)]
    for key in sorted(planned.keys() | now.keys()):
        if key not in now:
            if reviewed.announced[key].action is not Action.DELETE:
                found.append(Deviation(key.activation, "", str(reviewed.announced[key].action), "no longer there"))
        elif key not in planned:
            found.append(Deviation(key.activation, "", "not in the plan", str(now[key].action)))
        elif not _carries_on(planned[key], reviewed.announced[key], now[key]):
            found += _different_definitions(planned[key], views_of(now[key]))
    return tuple(found)


def _different_suppressions(reviewed: ReviewedPlan, plan: Plan) -> Iterator[Deviation]:
    """What is not as it was about suppressions; what an apply of that plan has put into effect is no difference."""
    planned = {views.key: views for views in reviewed.definitions if not views.key.kind}
    now = {views.key: views for views in map(_suppression_views, plan.suppressions)}
    for key in sorted(planned.keys() | now.keys()):
        if key not in now or key not in planned:
            there = ("there", "not there")
            yield Deviation(key.activation, "", *(there if key in planned else reversed(there)))
            continue
        done = planned[key].declared is not None and now[key].declared == planned[key].declared
        if not (done and _without_limits(now[key].applied) == _without_limits(planned[key].declared)):
            yield from _different_definitions(planned[key], now[key])


def _without_limits(view: DefinitionView | None) -> DefinitionView | None:
    return None if view is None else {name: text for name, text in view.items() if not name.startswith("guardrails.")}


def _different_options(planned: Options, now: Options) -> Iterator[Deviation]:
    for what in (option.name for option in fields(Options)):
        before, after = getattr(planned, what), getattr(now, what)
        if before != after:
            yield Deviation("options", what, str(before), str(after))


def _different_definitions(planned: DefinitionViews, now: DefinitionViews) -> Iterator[Deviation]:
    for view, before in planned.views.items():
        after = now.views[view]
        if before is None or after is None:
            if before is not after:
                yield Deviation(planned.key.activation, view, _whole(before), _whole(after))
            continue
        for field in sorted(before.keys() | after.keys()):
            if before.get(field) != after.get(field):
                yield Deviation(
                    planned.key.activation, f"{view} {field}", before.get(field, "none"), after.get(field, "none")
                )


def _whole(view: DefinitionView | None) -> str:
    return "none" if view is None else view.get("audience", "") or view.get("name", "") or "there"


def _carries_on(planned: DefinitionViews, announced: AnnouncedChange, now: PlannedChange) -> bool:
    """Whether what the plan listed is all that can have brought the audience to where it is now."""
    views = views_of(now)
    if views.declared != planned.declared:
        return False
    if now.activation is None:
        deleted = announced.action is Action.DELETE and now.live is None
        return deleted and views.applied == planned.applied
    if now.intended is Action.FAILED:
        return True
    if announced.action not in CHANGING or views.holder is not None or (now.refill and not announced.refill):
        return False
    made = announced.action in (Action.CREATE, Action.RECREATE)
    return _is_being_made(planned, now) if made else _is_being_changed(planned, now)


def _is_being_made(planned: DefinitionViews, now: Decision) -> bool:
    """Whether the audience is the one that was to be made, or the old one is gone and the new one not there yet."""
    if now.applied is None:
        return False
    if now.live is not None:
        return _is_defined(now) and _is_called(now.live, now, {})
    unanswered = now.applied.audience_id is None and _is_defined(now)
    return unanswered or _applied(now.applied) == planned.applied


def _is_being_changed(planned: DefinitionViews, now: Decision) -> bool:
    """Whether the audience is the same, and each of its words what it was or what it was to become."""
    if now.live is None or planned.live is None or now.applied is None:
        return False
    return (
        now.live.id == planned.live["audience"]
        and (_is_defined(now) or _applied(now.applied) == planned.applied)
        and _is_called(now.live, now, planned.live)
    )


def _is_defined(now: Decision) -> bool:
    """Whether what is declared has been recorded as applied."""
    return now.applied is not None and not redefined(now.applied.definition, now.definition)


def _is_called(live: LiveAudience, now: Decision, before: DefinitionView) -> bool:
    """Whether the audience has its words of before, those declared, or those that a run of another day applied."""
    wanted = [now.definition, now.applied.definition if now.applied is not None and _is_defined(now) else None]
    names = {before.get("name"), now.name_aside, *(part.name for part in wanted if part is not None)}
    descriptions = {before.get("description"), *(part.description for part in wanted if part is not None)}
    return live.name in names and live.description in descriptions

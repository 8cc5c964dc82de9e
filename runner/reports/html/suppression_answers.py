"""The questions that people bring to a suppression's page, each answered in words before anything is drawn."""

from __future__ import annotations

from datetime import datetime

from runner.core.schedule import describe
from runner.planning.suppression_rules import Standing
from runner.reports.format import counts, plural
from runner.reports.html.answers import InWords, week_of
from runner.reports.html.troubles import NOT_READABLE
from runner.reports.html.words import ago, listed, moment_words, number
from runner.workflows.look_back import SuppressionView


def suppression_answers(view: SuppressionView, now: datetime) -> tuple[InWords, ...]:
    """How many does it name, is it in effect, is it up to date, why are people in it, and what does it keep them from.

    None of them says who.
    """
    return (_size(view, now), _effect(view, now), _fresh(view, now), _reason(view), _where(view))


def _size(view: SuppressionView, now: datetime) -> InWords:
    question, known = "How many does it name?", view.status.applied
    if known is None:
        return InWords(question, "Not known yet", "It was not applied so far.")
    entered, left = week_of(view, now)
    by_type = f"{counts(known.members)}. " if len(known.members) > 1 else ""
    moved = f"In the last 7 days {number(entered)} entered and {number(left)} left."
    return InWords(question, plural(view.members, "identifier"), f"{by_type}{moved}")


def _effect(view: SuppressionView, now: datetime) -> InWords:
    question, status, known = "Is it in effect?", view.status, view.status.applied
    if known is None:
        rest = "headcount apply puts it into effect; until then nobody is added where it applies."
        return InWords(question, "Not yet", rest, is_bad=True)
    if known.failing_since is not None:
        rest = f"It first failed, or lost too many, {ago(known.failing_since, now)}. Until it goes well again, "
        return InWords(question, "As it was found last", f"{rest}nobody is added where it applies.", is_bad=True)
    if status.awaits_apply:
        rest = "headcount apply puts into effect what the files say; until then nobody is added where it applies."
        return InWords(question, "As it was applied, not as the files say", rest, is_bad=True)
    if not known.is_clean:
        return InWords(question, "Yes, and some have still to leave", "The next run takes them out.", is_bad=True)
    return InWords(question, "Yes", f"Applied {ago(known.applied_at, now)}. No audience holds anybody whom it names.")


def _fresh(view: SuppressionView, now: datetime) -> InWords:
    question, status, known = "Is it up to date?", view.status, view.status.applied
    if known is None or known.evaluated_at is None:
        return InWords(question, "It was never looked at", is_bad=True)
    short, failing = f"Looked at {ago(known.evaluated_at, now)}", known.failing_since is not None
    if status.declared is None:
        unread = status.standing is Standing.NOT_READABLE
        rest = NOT_READABLE if unread else "No file says when to look again."
        return InWords(question, short, rest, is_bad=failing)
    due = status.next_due
    when = "" if due is None else " Due now." if due <= now else f" Due next on {moment_words(due)}."
    said = f"By its own schedule: {describe(status.declared.schedule)}.{when} Every run of its audiences looks, too."
    return InWords(question, short, said, is_bad=failing)


def _reason(view: SuppressionView) -> InWords:
    question, declared = "Why are people in it?", view.status.declared
    undeclared = "No file declares it any more."
    if view.status.standing is Standing.NOT_READABLE:
        undeclared = NOT_READABLE
    file = f"Declared in {declared.location.file}." if declared else undeclared
    if not view.status.reason:
        hint = " A line `reason:` there says why." if declared else ""
        return InWords(question, "No reason is given", file + hint)
    return InWords(question, view.status.reason, file)


def _where(view: SuppressionView) -> InWords:
    question, status = "Where does it apply?", view.status
    many = plural(len(view.audiences), "audience")
    declared = [status.declared.accounts] if status.declared is not None else []
    applied = [status.applied.definition.accounts] if status.applied is not None else []
    accounts = [one for one in declared + applied if one is not None]
    if len(accounts) < len(declared + applied):
        return InWords(question, f"In {many}", "It is for every account.")
    ids = sorted({account.account_id for some in accounts for account in some})
    s = "" if len(ids) == 1 else "s"
    return InWords(question, f"In {many}", f"Those of account{s} {listed(ids)}.")

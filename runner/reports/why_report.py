"""What is known of one person, as text and as a document; neither has the value that was asked about."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Any

from runner.core.asked_people import AskedPeople
from runner.core.identifiers import IdentifierType
from runner.core.project import ANY_DAY
from runner.core.records import Run
from runner.reports.approved_where import where_approved
from runner.reports.escape import printable
from runner.reports.forget_report import EACH_BY_ITSELF
from runner.reports.format import moment, plural, timestamp
from runner.reports.json_documents import document
from runner.reports.styled_text import Text
from runner.workflows.look_up_person import Answer, Holding, InEffect, Yielded, runs_of

_STYLES = {Yielded.IN: "yellow", Yielded.FAILED: "bold red"}


def why_text(answer: Answer, people: AskedPeople, now: datetime, evident: Collection[IdentifierType] = ()) -> Text:
    """For a person at a terminal: what holds them first, then what keeps them out.

    `evident` are the types that the value is of by its look; as the other types it was looked for in case it is an id.
    """
    named = [kind for kind in people.counts if kind in evident] or list(people.counts)
    others = ", and as an id of every other kind" if len(named) < len(people.counts) else ""
    text = Text(f"Looked for as {' or '.join(named) or 'nothing'}{others}.\n")
    every = len(answer.holding) + answer.others
    if answer.holding:
        text.append(f"In {len(answer.holding):,} of {plural(every, 'audience')}:\n", style="bold")
    elif not answer.not_known:
        text.append(f"In none of {plural(every, 'audience')}.\n" if every else "There is no audience.\n", style="bold")
        text.append(f"{EACH_BY_ITSELF}\n" if every else "")
    else:
        text.append(f"In none of {plural(every, 'audience')} whose members are known.\n", style="bold")
    for holding in answer.holding:
        text.append_text(_holding(holding, answer, now))
    if answer.kept_out:
        text.append("Kept out:\n", style="bold")
    for one in answer.kept_out:
        reason = f" ({printable(one.suppression.definition.reason)})" if one.suppression.definition.reason else ""
        for found in one.found:
            since = _since(found.first_run, answer, now)
            text.append(f"  {found.identifier_type} suppressed by {printable(one.suppression.name)}{reason}{since}\n")
    for each in answer.not_known:
        text.append(f"  not known of {printable(each.what)}: {printable(each.reason)}\n", style="bold red")
    return text.append_text(_segments(answer))


def _holding(holding: Holding, answer: Answer, now: datetime) -> Text:
    record = holding.record
    name = f' "{printable(record.definition.name)}"' if record.definition is not None else ""
    text = Text()
    text.append(f"  {printable(record.activation)}", style="bold")
    place = f"{printable(record.destination)} (account {printable(record.account_id)})"
    text.append(f"  audience {printable(record.audience_id or '')}{name} in {place}\n")
    for found in holding.found:
        doubt = ", left in doubt by an interrupted run" if found.unknown else ""
        text.append(f"    {found.identifier_type}{_since(found.run, answer, now) or ' since a run not known'}{doubt}\n")
    told = {one.run.id for one in holding.distinct_definitions if one.run is not None}
    for run in sorted({found.run for found in holding.found if found.run is not None} & answer.runs.keys() - told):
        text.append(f"    run {run}: {_who(answer.runs[run])}\n")
    for one in holding.distinct_definitions:
        text.append("".join(f"    {line}\n" for line in _definition(one, now)))
        for line in (one.dated or one.sql).strip("\n").splitlines():
            text.append(f"      {printable(line)}\n", whole=True)
    return text


def _definition(one: InEffect, now: datetime) -> Iterator[str]:
    """Who applied it, who approved it, and what heads its query."""
    if not one.is_of_then:
        yield "the definition of then is not in the history; this is the one that was applied last"
    if one.run is not None:
        yield f"applied by run {one.run.id}, {moment(one.run.started_at, now)}:  {_who(one.run)}"
        if approved := where_approved(one.run.origin):
            yield f"approved {printable(approved)}"
    if one.dated:
        yield f"query, as it was on {one.on}:"
    elif one.on is not None:
        since = f"{{{{ today }}}} was {one.on}, and the files have changed since"
        yield f"query (as it would be on {ANY_DAY}; {since}):"
    else:
        yield "query:" if one.sql else "query: not recorded"


def _since(run: int | None, answer: Answer, now: datetime) -> str:
    if run is None:
        return ""
    known = answer.runs.get(run)
    return f" since run {run}, {moment(known.started_at, now) if known else 'which the history does not keep'}"


def _who(run: Run) -> str:
    """What ran, who ran it, from which commit and by which plan, as far as that is known."""
    origin = run.origin
    person = origin.person
    changed = " with changes" if origin.dirty else ""
    job = " ".join(part for part in (origin.ci_job, f"({origin.ci_url})" if origin.ci_url else "") if part)
    parts = (
        run.command,
        f"by {person}" if person else "",
        f"in {job}" if job else "",
        f"commit {origin.commit[:12]}{changed}" if origin.commit else "",
        f"plan {run.plan_id}" if run.plan_id else "",
    )
    return printable(", ".join(part for part in parts if part))


def _segments(answer: Answer) -> Text:
    text = Text()
    if answer.segments is None:
        return text
    text.append(
        "The segments, evaluated now:\n" if answer.segments else "The files declare no segment.\n", style="bold"
    )
    for one in answer.segments:
        by = {Yielded.SUPPRESSED: " by "}.get(one.yielded, ": ") if one.detail else ""
        line = f"  {printable(one.activation)}: {one.yielded}{by}{printable(one.detail)}\n"
        text.append(line, style=_STYLES.get(one.yielded))
    return text


def why_document(answer: Answer, people: AskedPeople) -> dict[str, Any]:
    """schemas/why.schema.json"""
    return document(
        "why",
        looked_for=[str(kind) for kind in people.counts],
        audiences=[_audience_data(one) for one in answer.holding],
        other_audiences=answer.others,
        suppressions=[
            {
                "name": one.suppression.name,
                "reason": one.suppression.definition.reason,
                "found": [
                    {"identifier_type": str(found.identifier_type), "run": found.first_run} for found in one.found
                ],
            }
            for one in answer.kept_out
        ],
        not_known=[{"what": one.what, "reason": one.reason} for one in answer.not_known],
        segments=None
        if answer.segments is None
        else [
            {"activation": one.activation, "found": str(one.yielded), "detail": one.detail} for one in answer.segments
        ],
        runs=[_run_data(answer.runs[run]) for run in runs_of(answer) if run in answer.runs],
    )


def _audience_data(one: Holding) -> dict[str, Any]:
    record, definition = one.record, one.record.definition
    return {
        "activation": record.activation,
        "destination": record.destination,
        "account_id": record.account_id,
        "audience_id": record.audience_id,
        "name": None if definition is None else definition.name,
        "found": [
            {"identifier_type": str(found.identifier_type), "run": found.run, "unknown": found.unknown}
            for found in one.found
        ],
        "definitions": [
            {
                "query": each.dated or each.sql or None,
                "day": None if each.on is None else (each.on if each.dated else ANY_DAY).isoformat(),
                "run": None if each.run is None else each.run.id,
                "of_then": each.is_of_then,
            }
            for each in one.distinct_definitions
        ],
    }


def _run_data(run: Run) -> dict[str, Any]:
    origin = run.origin
    return {
        "id": run.id,
        "command": run.command,
        "started_at": timestamp(run.started_at),
        "user": origin.user,
        "host": origin.host,
        "ci_job": origin.ci_job,
        "ci_url": origin.ci_url,
        "commit": origin.commit,
        "dirty": origin.dirty,
        "plan_id": run.plan_id,
    }

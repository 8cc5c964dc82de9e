"""An erasure as a person approves it and as its receipt says it: counts, and nothing that tells who was erased."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from runner.core.identifiers import IdentifierType
from runner.reports.escape import printable
from runner.reports.format import counts, moment, plural, timestamp
from runner.reports.json_documents import document
from runner.reports.older_versions_text import older_versions_text
from runner.reports.styled_text import Text
from runner.workflows.forget import Erasure, Forgotten
from runner.workflows.look_up_person import Yielded

EACH_BY_ITSELF = "Nothing says which identifiers are of one person: ask for a phone number or a mobile ad id as well."
"""Said where somebody might take one identifier for the whole person."""

AGAIN = "the next sync adds them again: remove them at the source, or let a suppression name them"


def erasure_text(erasure: Erasure) -> Text:
    """What would be erased, before it is."""
    asked = erasure.people.counts
    both = " (an address in clear is looked for by its SHA-256 and its MD5)" if IdentifierType.EMAIL in asked else ""
    text = Text(f"Looked for: {counts(asked)}{both}.\n")
    leaving = [one for one in erasure.withdrawals if one.removed or one.error]
    text.append("They leave:\n" if leaving else "They are in no audience.\n", style="bold")
    for one in leaving:
        record = one.record
        many = counts({kind: part.removed for kind, part in one.compared.delta.items()})
        why = f"; {one.error}" if one.error else ""
        unknown = " (what it holds is not known: all of them are removed)" if one.is_blind else ""
        place = f"audience {record.audience_id or ''} in {record.destination} (account {record.account_id})"
        text.append(f"  {printable(record.activation)}", style="bold")
        text.append(f"  {printable(place)}: {many}{unknown}{printable(why)}\n")
    if erasure.rows:
        text.append(f"  and {plural(erasure.rows, 'row')} of the state's files of memberships\n")
    return text.append_text(_segments(erasure)).append_text(_suppressions(erasure))


def _segments(erasure: Erasure) -> Text:
    """Who would bring them back, and what keeps them out."""
    text = Text()
    for one in erasure.segments_that(Yielded.IN):
        text.append(f"! the segment of {printable(one.activation)} still yields them: {AGAIN}\n", style="bold red")
    for one in erasure.segments_that(Yielded.FAILED):
        what = f"! the segment of {printable(one.activation)} could not be looked at: {printable(one.detail)}\n"
        text.append(what, style="bold red")
    for one in erasure.segments_that(Yielded.SUPPRESSED):
        text.append(f"  the segment of {printable(one.activation)}: kept out by {printable(one.detail)}\n")
    for one in erasure.segments_that(Yielded.HELD_OUT):
        line = f"! the segment of {printable(one.activation)} still yields them, and its holdout keeps them out\n"
        text.append(line, style="yellow")
    return text


def _suppressions(erasure: Erasure) -> Text:
    text = Text()
    for one in erasure.named_by:
        gone = one.remembered - one.keeps
        kept = f"goes on naming {one.keeps:,} of them, so that they stay out" if one.keeps else ""
        left = f"does not name {gone:,} of them any more, which is forgotten" if gone else ""
        line = f"  suppression {printable(one.name)} {' and '.join(part for part in (kept, left) if part)}\n"
        text.append(line)
    return text


def forgotten_text(done: Forgotten, now: datetime) -> Text:
    """What was erased: the receipt."""
    if done.receipt is None:
        return Text("Nothing was erased.\n")
    person = done.origin.person
    text = Text(f"Receipt {done.receipt} of run {done.run}, {moment(done.at, now)}", style="bold")
    text.append(f"{f', by {printable(person)}' if person else ''}\n")
    for one in done.audiences:
        many = ", ".join(f"{count:,} {kind}" for kind, count in one.removed.items()) or "nobody"
        text.append(f"  {printable(one.record.activation)}: removed {many}\n")
        if one.error:
            left = f"{one.left:,} left; " if one.left else ""
            text.append(f"    {left}{printable(one.error)}\n", style="bold red")
    text.append_text(older_versions_text(done.older))
    text.append(f"{_conclusion(done)}\n", style="bold" if done.is_whole else "bold red")
    return text.append(f"{EACH_BY_ITSELF}\n" if done.is_whole else "")


def _conclusion(done: Forgotten) -> str:
    again = f"`headcount forget FILE --finishes {done.receipt}` with the same people"
    if done.interrupted:
        return f"Interrupted: {again} goes on from there."
    if done.is_whole:
        kept = any(one.keeps for one in done.erasure.named_by)
        but = ", but the suppressions that keep them out" if kept else ""
        return f"Erased: no audience and no file of the state holds any of them{but}."
    if any(one.error for one in done.audiences):
        return f"Not erased everywhere: once that is put right, {again}."
    back = [one.activation for one in done.erasure.segments_that(Yielded.IN)]
    failed = [one.activation for one in done.erasure.segments_that(Yielded.FAILED)]
    parts = [f"{', '.join(back)}: {AGAIN}"] if back else []
    parts += [f"{', '.join(failed)}: not known whether the segment brings them back"] if failed else []
    if parts:
        return f"Erased, but not for long. {printable('; '.join(parts))}."
    return f"Erased, but older versions in the bucket may hold them: see to these, then {again}."


def forgotten_document(done: Forgotten, content: Mapping[str, Any]) -> dict[str, Any]:
    """schemas/receipt.schema.json"""
    at = None if done.at is None else timestamp(done.at)
    return document("receipt", number=done.receipt, run=done.run, at=at, erased=done.is_whole, **content)

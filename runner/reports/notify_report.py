"""Who is notified of what, what is open and undelivered, and what came of a test."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from runner.core.notices import KeptNotice
from runner.core.receivers import RECOVERED, NoticeCondition, Receiver
from runner.reports.escape import printable
from runner.reports.format import moment
from runner.reports.json_documents import document
from runner.reports.styled_text import Text
from runner.webhooks.delivery import Posted
from runner.workflows.send_notices import Mailing


def receivers_text(
    mailing: Mailing, kept: Sequence[KeptNotice], posted: Mapping[str, Posted], now: datetime
) -> Text:  # fmt: skip
    """A record per receiver: where it is, what it is notified of; then what came of a test, or what it knows."""
    text = Text()
    for one in mailing.receivers:
        address = mailing.addresses[one.name]
        text.append(printable(one.name), style="bold")
        text.append(f"  {one.format}, {printable(address.host) or 'no address'}\n")
        text.append(f"    of        {', '.join(_words(one))}\n")
        for name, value, style in _facts(one, mailing, kept, posted, now):
            text.append(f"    {name:<9} {printable(value)}\n", style=style)
    return text


def _words(one: Receiver) -> list[str]:
    words = [str(word) for word in NoticeCondition if word in one.when]
    words += [f"turnover over {one.max_turnover}"] if one.max_turnover is not None else []
    return words + ([RECOVERED] if one.recovered else [])


def _facts(
    one: Receiver, mailing: Mailing, kept: Sequence[KeptNotice], posted: Mapping[str, Posted], now: datetime
) -> Iterator[tuple[str, str, str | None]]:
    if one.name in posted:
        came = posted[one.name]
        if came.taken:
            yield "test", f"took the notice, in {came.seconds:.1f} s", "green"
        else:
            yield "test", f"did not take the notice: {came.problem}", "bold red"
        return
    problem = mailing.addresses[one.name].problem
    if problem:
        yield "but", f"cannot be notified: {problem}", "bold red"
    for row in (row for row in kept if row.key.receiver == one.name):
        state = f"{row.key.subject} {row.key.condition} since {moment(row.since, now)}"
        if row.content is None:
            yield "knows", state, None
        else:
            tries = f", {row.attempts:,} attempt{'' if row.attempts == 1 else 's'}" if row.attempts else ""
            yield "waits", f"{state}{', over now' if row.ends else ''}: not delivered yet{tries}", "yellow"


def receivers_document(mailing: Mailing, kept: Sequence[KeptNotice], posted: Mapping[str, Posted]) -> dict[str, Any]:
    """schemas/notify.schema.json"""
    return document("notify", receivers=[_receiver(one, mailing, kept, posted) for one in mailing.receivers])


def _receiver(
    one: Receiver, mailing: Mailing, kept: Sequence[KeptNotice], posted: Mapping[str, Posted]
) -> dict[str, Any]:  # fmt: skip
    address, came = mailing.addresses[one.name], posted.get(one.name)
    return {
        "name": one.name,
        "format": str(one.format),
        "host": address.host or None,
        "when": [*(str(word) for word in NoticeCondition if word in one.when), *([RECOVERED] if one.recovered else [])],
        "max_turnover": str(one.max_turnover) if one.max_turnover is not None else None,
        "problem": address.problem or None,
        "test": None if came is None else {"delivered": bool(came.taken), "problem": came.problem or None},
        "notices": [
            {
                "subject": row.key.subject,
                "condition": row.key.condition,
                "since": f"{row.since.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
                "over": row.ends,
                "delivered": row.content is None,
                "attempts": row.attempts,
            }
            for row in kept
            if row.key.receiver == one.name
        ],
    }

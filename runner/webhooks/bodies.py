"""What is posted: notices as Headcount's own JSON, or as the message that Slack shows."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from runner.core.receivers import ReceiverFormat

NOTICES_FORMAT = 1

MOST = 100
"""Notices that one message has at most."""

MOST_LINES = 20
"""Of how many notices a person reads; of the rest, the number."""

_MARKS = {"began": ":red_circle:", "recovered": ":large_green_circle:", "test": ":white_circle:"}


def body_of(notices: Sequence[Mapping[str, Any]], shape: ReceiverFormat) -> bytes:
    """The body of a message that says all of these."""
    document = _slack(notices) if shape is ReceiverFormat.SLACK else _plain(notices)
    return json.dumps(document, ensure_ascii=False).encode()


def _plain(notices: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """schemas/notice.schema.json"""
    return {"format_version": NOTICES_FORMAT, "kind": "notices", "notices": [dict(one) for one in notices]}


def _slack(notices: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    lines = [_line(one) for one in notices[:MOST_LINES]]
    if len(notices) > MOST_LINES:
        lines.append(f"and {len(notices) - MOST_LINES:,} more: `headcount status` shows them")
    return {"text": "\n".join(lines)}


def _line(notice: Mapping[str, Any]) -> str:
    """A notice as a line of Slack's text, in which nothing of a name is a link or calls anybody."""
    target = f"[{_escaped(notice['target'])}] " if notice.get("target") else ""
    text = f"{_MARKS[notice['status']]} {target}*{_escaped(notice['message'])}*"
    if notice["hint"]:
        text += f"\n{_escaped(notice['hint'])}"
    owner = f"owner {_escaped(notice['owner'])}" if notice.get("owner") else ""
    job = f"<{_escaped(notice['job'])}|the job>" if str(notice.get("job") or "").startswith("https://") else ""
    rest = ", ".join(part for part in (owner, job) if part)
    return f"{text} ({rest})" if rest else text


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("|", "/")

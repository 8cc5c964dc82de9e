"""When an activation is due, as the files say it."""

from __future__ import annotations

from functools import cache

from runner.config.document import Document
from runner.config.yaml.nodes import MapNode, Node, ScalarNode
from runner.core.project import Schedule
from runner.core.suggest import quoted_word, suggest

_SECONDS = {"m": 60, "h": 3_600, "d": 86_400}
_FIELDS = 5


def build_schedule(node: Node, document: Document) -> Schedule | None:
    """The schedule; None after findings. Its shape is known to be good."""
    if isinstance(node, ScalarNode):
        return Schedule()  # manual, or null
    if not isinstance(node, MapNode):
        return None
    every = node.text("every")
    if every is not None:
        return Schedule(every=seconds(every))
    cron, timezone = node.text("cron"), node.text("timezone") or "UTC"
    problems = ((node.get("cron"), cron and _cron_problem(cron)), (node.get("timezone"), _timezone_problem(timezone)))
    for part, problem in problems:
        if part is not None and problem:
            code = "invalid-timezone" if part is node.get("timezone") else "invalid-cron"
            document.refuse(part.span, code, problem)
    if any(problem for _, problem in problems):
        return None
    return Schedule(cron=cron, timezone=timezone)


def seconds(text: str) -> int:
    """A length of time such as `90m`, `26h` or `8d`, whose shape is known to be good."""
    return int(text[:-1]) * _SECONDS[text[-1]]


@cache
def _cron_problem(expression: str) -> str:
    from datetime import UTC, datetime

    from cronsim import CronSim, CronSimError

    fields = len(expression.split())
    if fields != _FIELDS:
        have = f"{fields} field" if fields == 1 else f"{fields} fields"
        return (
            f"the cron expression {quoted_word(expression)} has {have} instead of five;"
            ' write minute, hour, day of month, month, day of week, such as "0 6 * * 1-5"'
        )
    try:
        next(CronSim(expression, datetime(2026, 1, 1, tzinfo=UTC)))
    except CronSimError as error:
        what = str(error).removeprefix("Bad ").replace("-", " ")  # "Bad day-of-month"
        return f'the cron expression {quoted_word(expression)} has an impossible {what}; "0 6 * * 1-5" is weekdays at 6'
    except StopIteration:
        return f"the cron expression {quoted_word(expression)} never comes due; write one that does"
    return ""


def declared_timezone(document: Document) -> str:
    """The zone under a document's `timezone`, by default UTC; a finding where there is none of that name."""
    node, name = document.root.get("timezone"), document.root.text("timezone")
    if name is None or node is None or not document.sound("timezone"):
        return "UTC"
    problem = _timezone_problem(name)
    if problem:
        document.refuse(node.span, "invalid-timezone", problem)
    return "UTC" if problem else name


@cache
def _timezone_problem(name: str) -> str:
    from zoneinfo import ZoneInfo, available_timezones

    try:
        ZoneInfo(name)
    except (LookupError, ValueError, OSError):
        advice = (
            suggest(name, (zone for zone in available_timezones() if "/" in zone)) or "; write one such as Europe/Paris"
        )
        return f"unknown time zone {quoted_word(name)}{advice}"
    return ""

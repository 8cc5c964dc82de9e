"""The lines by which a segment's SQL differs from what was last applied."""

from __future__ import annotations

from difflib import unified_diff

from runner.core.project import ANY_DAY
from runner.core.records import same_sql
from runner.planning.plan import Decision


def sql_diff(change: Decision) -> tuple[str, ...]:
    """Lines of a unified diff without its head; none where nothing changed, or the SQL of before was not recorded.

    Where lines between two changes are left out, a line `@@ ... @@` says where the second one is.
    Both are the SQL as it is on one fixed day, so that a date that moves by itself is no difference.
    """
    before = change.applied.definition if change.applied is not None else None
    now = change.definition
    if before is None or now is None or not before.text or same_sql(before, now):
        return ()
    lines = unified_diff(before.text.splitlines(), now.text.splitlines(), n=1, lineterm="")
    return tuple(list(lines)[3:])


def readable_sql_diff(change: Decision) -> tuple[str, ...]:
    """The same for a person, who has written `{{ today }}` and would wonder what day that is."""
    lines = sql_diff(change)
    dated = any(str(ANY_DAY) in line for line in lines)
    return (f"# {{{{ today }}}} is shown as {ANY_DAY}", *lines) if dated else lines

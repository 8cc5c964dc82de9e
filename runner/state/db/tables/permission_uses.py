"""How much of a permission was used, as rows; every function works within the caller's transaction.

A permission is known by its activation and its last day: a number or a reason that is changed is the same permission,
of which what was used stays used.
"""

from __future__ import annotations

from sqlite3 import Connection

_REMOVALS = "removals"
"""What is allowed; the table has room for other guardrails."""


def used(db: Connection, activation: str, until: str) -> int:
    """How many identifiers were removed since a run first met the permission, in deltas not yet ended as well."""
    row = db.execute(
        """
        SELECT used + (
            SELECT coalesce(sum(identifiers), 0) FROM batch JOIN audience ON audience.key = batch.audience
            WHERE activation = ?1 AND operation = 'remove' AND status = 'taken'
                AND NOT EXISTS (SELECT 1 FROM meta WHERE name = 'withdrawal-' || audience.key)
        ) FROM permission WHERE activation = ?1 AND guardrail = ?2 AND until = ?3
        """,
        (activation, _REMOVALS, until),
    ).fetchone()
    return int(row[0]) if row is not None else 0


def permit(db: Connection, activation: str, until: str, allowed: int, reason: str, today: str) -> None:
    """From now on count what is removed under a permission. Those whose day is over are forgotten."""
    db.execute("DELETE FROM permission WHERE activation = ? AND until < ?", (activation, today))
    db.execute(
        """
        INSERT INTO permission (activation, guardrail, until, allowed, reason) VALUES (?, ?, ?, ?, ?)
        ON CONFLICT (activation, guardrail, until) DO UPDATE SET allowed = excluded.allowed, reason = excluded.reason
        """,
        (activation, _REMOVALS, until, allowed, reason),
    )


def begin_withdrawal(db: Connection, audience: int) -> None:
    """The delta that is open is of people whom suppressions name: no permission is used by it."""
    db.execute("INSERT OR REPLACE INTO meta (name, value) VALUES (?, '')", (_withdrawal(audience),))


def _withdrawal(audience: int) -> str:
    return f"withdrawal-{audience}"


def count_removed(db: Connection, audience: int) -> None:
    """Count the removals that the destination took of the open delta, which is about to end."""
    if db.execute("DELETE FROM meta WHERE name = ?", (_withdrawal(audience),)).rowcount:
        return
    (removed,) = db.execute(
        """
        SELECT coalesce(sum(identifiers), 0) FROM batch
        WHERE audience = ? AND operation = 'remove' AND status = 'taken'
        """,
        (audience,),
    ).fetchone()
    if removed:
        db.execute(
            "UPDATE permission SET used = used + ? WHERE activation = (SELECT activation FROM audience WHERE key = ?)",
            (removed, audience),
        )

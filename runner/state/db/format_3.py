"""Format 3 of `state.db`: what a state is bound to, who ran what, and room for what is remembered besides memberships.

docs/adr/0021 says what each table and column is for, also of those that nothing writes yet: they are here so that no
second migration is needed. Never edited once it was released.
"""

from __future__ import annotations

from runner.state.db import checksums

_RUN = ("id", "command", "started_at", "finished_at", "outcomes")
_RUN_ADDED = {
    "plan_id": "TEXT",
    "user": "TEXT",
    "host": "TEXT",
    "ci_job": "TEXT",
    "ci_url": "TEXT",
    "commit_id": "TEXT",
    "dirty": "INTEGER",
    "options": "TEXT",
    "unchanged": "TEXT",
}

_OUTCOME = (
    *("id", "run", "activation", "action", "outcome", "added", "removed", "rejected", "invalid", "members", "seconds"),
    "detail",
)
_OUTCOME_ADDED = {
    "counts": "TEXT",
    "suppressed": "INTEGER",
    "held_out": "INTEGER",
    "permission": "TEXT",
    "permission_reason": "TEXT",
    "segment_rows": "INTEGER",
    "definition": "TEXT",
}

_AUDIENCE = (
    *("key", "activation", "destination", "kind", "account_id", "audience_id", "definition", "intended_at"),
    *("applied_at", "serial", "members", "unknown", "refill", "filling", "invalid", "given_up_at"),
)
_AUDIENCE_ADDED = {"doubt_at": "TEXT", "clearing_at": "TEXT", "sizes": "TEXT"}

_FILE = ("audience", "role", "path", "size", "sha256")
_BATCH = ("audience", "number", "operation", "identifier_type", "identifiers", "status")
_BATCH_ADDED = {"sent_at": "TEXT", "lost_at": "TEXT"}

ROOM = {
    "binding": """(
        name TEXT PRIMARY KEY CHECK (name IN ('api', 'target')),
        value TEXT NOT NULL
    )""",
    "salt": """(
        id TEXT PRIMARY KEY,
        first TEXT NOT NULL,
        second TEXT NOT NULL,
        made_at TEXT NOT NULL
    )""",
    "suppression": """(
        name TEXT PRIMARY KEY,
        definition TEXT,
        applied_at TEXT,
        serial INTEGER NOT NULL DEFAULT 0,
        members TEXT NOT NULL DEFAULT '{}',
        last_good TEXT,
        failing TEXT
    )""",
    "suppression_file": """(
        suppression TEXT NOT NULL REFERENCES suppression (name) ON DELETE CASCADE,
        role TEXT NOT NULL CHECK (role IN ('members', 'previous')),
        path TEXT NOT NULL UNIQUE,
        size INTEGER NOT NULL,
        sha256 TEXT NOT NULL,
        fingerprints TEXT,
        PRIMARY KEY (suppression, role)
    )""",
    "permission": """(
        activation TEXT NOT NULL,
        guardrail TEXT NOT NULL,
        until TEXT NOT NULL,
        allowed INTEGER NOT NULL,
        used INTEGER NOT NULL DEFAULT 0,
        reason TEXT NOT NULL DEFAULT '',
        PRIMARY KEY (activation, guardrail, until)
    )""",
    "notice": """(
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        receiver TEXT NOT NULL,
        subject TEXT NOT NULL,
        condition TEXT NOT NULL,
        since TEXT NOT NULL,
        content TEXT,
        attempts INTEGER NOT NULL DEFAULT 0,
        delivered_at TEXT,
        UNIQUE (receiver, subject, condition)
    )""",
    "receipt": """(
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        run INTEGER,
        at TEXT NOT NULL,
        content TEXT NOT NULL
    )""",
}
"""The tables that decide something and were not in format 2; their values are compared when the database is opened."""

COLUMNS = {
    "binding": ("name", "value"),
    "salt": ("id", "first", "second", "made_at"),
    "suppression": ("name", "definition", "applied_at", "serial", "members", "last_good", "failing"),
    "suppression_file": ("suppression", "role", "path", "size", "sha256", "fingerprints"),
    "permission": ("activation", "guardrail", "until", "allowed", "used", "reason"),
    "notice": ("id", "receiver", "subject", "condition", "since", "content", "attempts", "delivered_at"),
    "receipt": ("id", "run", "at", "content"),
}

_DAY = """CREATE TABLE day (
    activation TEXT NOT NULL,
    day TEXT NOT NULL,
    runs INTEGER NOT NULL,
    outcomes TEXT NOT NULL,
    added INTEGER NOT NULL,
    removed INTEGER NOT NULL,
    rejected INTEGER NOT NULL,
    invalid INTEGER NOT NULL,
    suppressed INTEGER NOT NULL,
    held_out INTEGER NOT NULL,
    members INTEGER NOT NULL,
    seconds REAL NOT NULL,
    counts TEXT,
    PRIMARY KEY (activation, day)
)"""
_DAY_COLUMNS = (
    *("activation", "day", "runs", "outcomes", "added", "removed", "rejected", "invalid", "suppressed", "held_out"),
    *("members", "seconds", "counts"),
)


def _add(table: str, columns: dict[str, str]) -> tuple[str, ...]:
    return tuple(f"ALTER TABLE {table} ADD COLUMN {name} {kind}" for name, kind in columns.items())


_OUTCOMES = (*_OUTCOME, *_OUTCOME_ADDED)

# A row has more values now. What was damaged before stays so: the checksum is carried on, not made again.
_CARRY_ON = """UPDATE run SET outcomes = exchanged(
        outcomes,
        (SELECT checksum_of({before}) FROM activation_run WHERE run = run.id),
        (SELECT checksum_of({now}) FROM activation_run WHERE run = run.id)
    ) WHERE id IN (SELECT run FROM activation_run)"""
_FOLLOW = """CREATE TRIGGER activation_run_insert AFTER INSERT ON activation_run BEGIN
    UPDATE run SET outcomes = with_row(outcomes, {new}) WHERE id = NEW.run; END"""
_UNFOLLOW = """CREATE TRIGGER activation_run_delete AFTER DELETE ON activation_run BEGIN
    UPDATE run SET outcomes = with_row(outcomes, {old}) WHERE id = OLD.run; END"""

MIGRATION: tuple[str, ...] = (
    *_add("run", _RUN_ADDED),
    *_add("activation_run", _OUTCOME_ADDED),
    *_add("audience", _AUDIENCE_ADDED),
    *_add("file", {"fingerprints": "TEXT"}),
    *_add("batch", _BATCH_ADDED),
    _CARRY_ON.format(before=", ".join(_OUTCOME), now=", ".join(_OUTCOMES)),
    "DROP TRIGGER activation_run_insert",
    _FOLLOW.format(new=", ".join(f"NEW.{name}" for name in _OUTCOMES)),
    _UNFOLLOW.format(old=", ".join(f"OLD.{name}" for name in _OUTCOMES)),
    *(f"CREATE TABLE {table} {columns}" for table, columns in ROOM.items()),
    _DAY,
    *checksums.watch("run", (*_RUN, *_RUN_ADDED)),
    *checksums.watch("audience", (*_AUDIENCE, *_AUDIENCE_ADDED)),
    *checksums.watch("file", (*_FILE, "fingerprints")),
    *checksums.watch("batch", (*_BATCH, *_BATCH_ADDED)),
    *(part for table, columns in COLUMNS.items() for part in checksums.watch(table, columns)),
    *checksums.watch("day", _DAY_COLUMNS),
)

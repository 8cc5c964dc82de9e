"""The tables of `state.db`, and how a database of an older format becomes one of this format."""

from __future__ import annotations

from sqlite3 import Connection

from runner.interruption import undisturbed
from runner.state.db import checksums, format_3

Migration = tuple[str, ...]
"""The statements that lift a database by one format version."""

SCHEMA: Migration = (
    """CREATE TABLE meta (
        name TEXT PRIMARY KEY,
        value TEXT NOT NULL
    )""",
    # AUTOINCREMENT: the key of a forgotten audience is never given to another one.
    """CREATE TABLE audience (
        key INTEGER PRIMARY KEY AUTOINCREMENT,
        activation TEXT NOT NULL,
        destination TEXT NOT NULL,
        kind TEXT NOT NULL,
        account_id TEXT NOT NULL,
        audience_id TEXT,
        definition TEXT,
        intended_at TEXT NOT NULL,
        applied_at TEXT,
        serial INTEGER NOT NULL DEFAULT 0,
        members TEXT NOT NULL DEFAULT '{}',
        unknown TEXT NOT NULL DEFAULT '{}',
        refill INTEGER NOT NULL DEFAULT 0 CHECK (refill IN (0, 1)),
        filling INTEGER NOT NULL DEFAULT 1 CHECK (filling IN (0, 1)),
        invalid INTEGER NOT NULL DEFAULT 0,
        UNIQUE (activation, kind, account_id)
    )""",
    """CREATE TABLE file (
        audience INTEGER NOT NULL REFERENCES audience (key) ON DELETE CASCADE,
        role TEXT NOT NULL CHECK (role IN ('members', 'previous', 'outbox')),
        path TEXT NOT NULL UNIQUE,
        size INTEGER NOT NULL,
        sha256 TEXT NOT NULL,
        PRIMARY KEY (audience, role)
    )""",
    """CREATE TABLE batch (
        audience INTEGER NOT NULL REFERENCES audience (key) ON DELETE CASCADE,
        number INTEGER NOT NULL,
        operation TEXT NOT NULL,
        identifier_type TEXT,
        identifiers INTEGER NOT NULL,
        status TEXT NOT NULL DEFAULT 'unsent' CHECK (status IN ('unsent', 'in flight', 'taken')),
        PRIMARY KEY (audience, number)
    )""",
    # One row per folder of files, kept for good: a serial is never used twice, not even after an audience is forgotten.
    """CREATE TABLE serial (
        folder TEXT PRIMARY KEY,
        last INTEGER NOT NULL
    )""",
    """CREATE TABLE run (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        command TEXT NOT NULL,
        started_at TEXT NOT NULL,
        finished_at TEXT
    )""",
    """CREATE TABLE activation_run (
        id INTEGER PRIMARY KEY,
        run INTEGER NOT NULL REFERENCES run (id) ON DELETE CASCADE,
        activation TEXT NOT NULL,
        action TEXT NOT NULL,
        outcome TEXT NOT NULL,
        added INTEGER NOT NULL,
        removed INTEGER NOT NULL,
        rejected INTEGER NOT NULL,
        invalid INTEGER NOT NULL,
        members INTEGER NOT NULL,
        seconds REAL NOT NULL,
        detail TEXT NOT NULL
    )""",
    "CREATE INDEX activation_run_of_run ON activation_run (run)",
    "CREATE INDEX activation_run_of_activation ON activation_run (activation, run)",
    "INSERT INTO meta (name, value) VALUES ('format_version', '1')",
)
"""Format 1. Never edited once it was released: what changes is a migration."""

_AUDIENCE = (
    *("key", "activation", "destination", "kind", "account_id", "audience_id", "definition", "intended_at"),
    *("applied_at", "serial", "members", "unknown", "refill", "filling", "invalid", "given_up_at"),
)
"""The columns of the table in format 2."""

_FIRST_OF_LATEST_RUN = """INSERT INTO latest (activation, what, run, outcome, detail)
    SELECT activation, '{0}', run, outcome, detail FROM (
        SELECT *, min(id) FROM activation_run JOIN (
            SELECT activation, max(run) AS run FROM activation_run WHERE {1} GROUP BY activation
        ) USING (activation, run)
        WHERE {1} GROUP BY activation
    )"""

# SQLite cannot drop the constraint that an activation has one audience in an account: it holds for those only that
# are not given up.
_SEVERAL_INTENTS: Migration = (
    """CREATE TABLE audience_lifted (
        key INTEGER PRIMARY KEY AUTOINCREMENT,
        activation TEXT NOT NULL,
        destination TEXT NOT NULL,
        kind TEXT NOT NULL,
        account_id TEXT NOT NULL,
        audience_id TEXT,
        definition TEXT,
        intended_at TEXT NOT NULL,
        applied_at TEXT,
        serial INTEGER NOT NULL DEFAULT 0,
        members TEXT NOT NULL DEFAULT '{}',
        unknown TEXT NOT NULL DEFAULT '{}',
        refill INTEGER NOT NULL DEFAULT 0 CHECK (refill IN (0, 1)),
        filling INTEGER NOT NULL DEFAULT 1 CHECK (filling IN (0, 1)),
        invalid INTEGER NOT NULL DEFAULT 0,
        given_up_at TEXT
    )""",
    "INSERT INTO audience_lifted SELECT *, NULL FROM audience",
    "DELETE FROM sqlite_sequence WHERE name = 'audience_lifted'",
    """INSERT INTO sqlite_sequence (name, seq)
        SELECT 'audience_lifted', seq FROM sqlite_sequence WHERE name = 'audience'""",
    "DROP TABLE audience",
    "ALTER TABLE audience_lifted RENAME TO audience",
    """CREATE UNIQUE INDEX audience_of_activation ON audience (activation, kind, account_id)
        WHERE given_up_at IS NULL""",
)

_CHECKSUMS: Migration = (
    "CREATE TABLE checksum (name TEXT PRIMARY KEY, digest BLOB NOT NULL)",
    # The last run of an activation, the last that changed members and the last good one, whatever becomes of the rest.
    """CREATE TABLE latest (
        activation TEXT NOT NULL,
        what TEXT NOT NULL CHECK (what IN ('run', 'change', 'good')),
        run INTEGER NOT NULL REFERENCES run (id),
        outcome TEXT NOT NULL,
        detail TEXT NOT NULL,
        PRIMARY KEY (activation, what)
    )""",
    *(
        _FIRST_OF_LATEST_RUN.format(what, condition)
        for what, condition in (
            ("run", "outcome <> 'skipped' AND action <> 'delete'"),
            ("change", "added + removed > 0"),
            ("good", "outcome IN ('done', 'unchanged') AND action <> 'delete'"),
        )
    ),
    "DROP INDEX activation_run_of_activation",
    "ALTER TABLE run ADD COLUMN outcomes BLOB NOT NULL DEFAULT x'00000000000000000000000000000000'",
    """UPDATE run SET outcomes = coalesce(
        (SELECT checksum_of(id, run, activation, action, outcome, added, removed, rejected, invalid, members, seconds,
            detail) FROM activation_run WHERE run = run.id),
        outcomes
    )""",
    """CREATE TRIGGER activation_run_insert AFTER INSERT ON activation_run BEGIN
        UPDATE run SET outcomes = with_row(outcomes, NEW.id, NEW.run, NEW.activation, NEW.action, NEW.outcome,
            NEW.added, NEW.removed, NEW.rejected, NEW.invalid, NEW.members, NEW.seconds, NEW.detail)
        WHERE id = NEW.run; END""",
    *checksums.watch("meta", ("name", "value")),
    *checksums.watch("audience", _AUDIENCE),
    *checksums.watch("file", ("audience", "role", "path", "size", "sha256")),
    *checksums.watch("batch", ("audience", "number", "operation", "identifier_type", "identifiers", "status")),
    *checksums.watch("serial", ("folder", "last")),
    *checksums.watch("run", ("id", "command", "started_at", "finished_at", "outcomes")),
    *checksums.watch("latest", ("activation", "what", "run", "outcome", "detail")),
)
"""What is held is compared with checksums, and the last runs are known without a look at the history."""

WITH_CHECKSUMS = 2
"""The first format whose values can be compared with what was written."""

MIGRATIONS: tuple[Migration, ...] = ((*_SEVERAL_INTENTS, *_CHECKSUMS), format_3.MIGRATION)
"""In order: the first lifts format 1 to format 2, and so on. Format 2 is the first with checksums, with the latest runs
in a table of their own, and with creates that were given up; format 3 is described in docs/adr/0021."""


def newest() -> int:
    """The format version that this Headcount writes."""
    return 1 + len(MIGRATIONS)


def create(connection: Connection) -> None:
    """Make the tables in an empty database, within the caller's transaction."""
    for statement in SCHEMA:
        connection.execute(statement)
    migrate(connection, 1)


@undisturbed()
def migrate(connection: Connection, version: int) -> None:
    """Lift a database of an older format to the newest, within the caller's transaction. Foreign keys must be off."""
    for migration in MIGRATIONS[version - 1 :]:
        for statement in migration:
            connection.execute(statement)
    connection.execute("UPDATE meta SET value = ? WHERE name = 'format_version'", (str(newest()),))
    checksums.seal_schema(connection)


def version_of(connection: Connection) -> int | None:
    """The format version of a database, None when it is no state of Headcount's."""
    if connection.execute("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'meta'").fetchone() is None:
        return None
    row = connection.execute("SELECT value FROM meta WHERE name = 'format_version'").fetchone()
    return int(row[0]) if row is not None and str(row[0]).isdecimal() else None

"""The salts of fingerprints, as rows; every function works within the caller's transaction."""

from __future__ import annotations

import secrets
from sqlite3 import Connection

from runner.core.fingerprints import FIRST_LENGTH, SECOND_LENGTH, Salt


def newest(db: Connection) -> Salt | None:
    """The salt that fingerprints are made with now, None where there is none yet."""
    found = db.execute("SELECT id, first, second FROM salt ORDER BY made_at DESC, id LIMIT 1").fetchone()
    return Salt(*found) if found is not None else None


def add(db: Connection, salt: Salt, at: str) -> None:
    """Make fingerprints with this one from now on."""
    db.execute(
        "INSERT INTO salt (id, first, second, made_at) VALUES (?, ?, ?, ?)", (salt.id, salt.first, salt.second, at)
    )


def remove(db: Connection, salt: Salt) -> None:
    """Forget a salt: fingerprints that were made with it are not used any more."""
    db.execute("DELETE FROM salt WHERE id = ?", (salt.id,))


def new() -> Salt:
    """Another salt, that nobody can guess; it is kept nowhere yet."""
    return Salt(*(secrets.token_hex(length)[:length] for length in (8, FIRST_LENGTH, SECOND_LENGTH)))

"""Suppressions that were applied, and the files of whom they named; every function works within a transaction."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from sqlite3 import Connection
from typing import Any

from runner.core.fingerprints import FingerprintOrigin
from runner.core.identifiers import IdentifierType
from runner.core.records import AccountRef
from runner.core.suppression import AppliedSuppression, SuppressionDefinition, SuppressionFiles
from runner.state.db import codec
from runner.state.local.state_folder import StoredFile

_COUNTS, _SUSPECT = "counts", "suspect"
"""What the column `members` holds as JSON: how many were named last, by type; and whether audiences may hold any of
them, so that all are to be looked through."""


def definition_data(definition: SuppressionDefinition) -> dict[str, Any]:
    """A definition in JSON's types."""
    accounts = None if definition.accounts is None else [list(account) for account in definition.accounts]
    return {
        "meaning": definition.meaning,
        "sql": definition.sql,
        "mapping": dict(definition.mapping),
        "accounts": accounts,
        "text": definition.text,
        "reason": definition.reason,
    }


def definition_of_data(data: Mapping[str, Any]) -> SuppressionDefinition:
    """The definition that `definition_data` was made of."""
    accounts = data["accounts"]
    return SuppressionDefinition(
        meaning=data["meaning"],
        sql=data["sql"],
        mapping=dict(data["mapping"]),
        accounts=None if accounts is None else tuple(AccountRef(kind, account) for kind, account in accounts),
        text=data["text"],
        reason=data["reason"],
    )


def every(db: Connection) -> tuple[AppliedSuppression, ...]:
    """All of them, in the order of their names."""
    with_previous = {name for (name,) in db.execute("SELECT suppression FROM suppression_file WHERE role = 'previous'")}
    rows = db.execute("SELECT name, definition, applied_at, members, last_good, failing FROM suppression ORDER BY name")
    found = []
    for name, definition, applied_at, members, last_good, failing in rows:
        known = json.loads(members)
        found.append(
            AppliedSuppression(
                name=name,
                definition=definition_of_data(json.loads(definition)),
                applied_at=codec.to_time(applied_at),
                members={IdentifierType(kind): int(count) for kind, count in known.get(_COUNTS, {}).items()},
                evaluated_at=None if last_good is None else codec.to_time(last_good),
                is_clean=not known.get(_SUSPECT, True) and name not in with_previous,
                failing_since=None if failing is None else codec.to_time(failing),
            )
        )
    return tuple(found)


def files(db: Connection, name: str) -> dict[str, StoredFile]:
    """The files of a suppression by role: members, whom it named last, and previous (see SuppressionFiles)."""
    rows = db.execute("SELECT role, path, size, sha256 FROM suppression_file WHERE suppression = ?", (name,))
    return {role: StoredFile(path, size, sha256) for role, path, size, sha256 in rows}


def origin(db: Connection, name: str) -> FingerprintOrigin | None:
    """What the fingerprints of whom it named last were made with; None where there are none."""
    row = db.execute(
        "SELECT fingerprints FROM suppression_file WHERE suppression = ? AND role = 'members'", (name,)
    ).fetchone()
    return None if row is None or row[0] is None else FingerprintOrigin(**json.loads(row[0]))


def handles(
    found: Mapping[str, StoredFile], folder: Path, fingerprints: FingerprintOrigin | None = None
) -> SuppressionFiles | None:
    """The paths of such files below the state's folder; None where nobody was ever named."""
    if "members" not in found:
        return None
    previous = found.get("previous")
    before = None if previous is None else folder / previous.path
    return SuppressionFiles(folder / found["members"].path, before, fingerprints)


def define(db: Connection, name: str, definition: dict[str, Any], at: str) -> list[str]:
    """Put a definition into effect: every audience may hold people that it names.

    Gives the paths of the files that nothing points to any more, as do the other functions that drop one.
    """
    db.execute(
        """
        INSERT INTO suppression (name, definition, applied_at, members) VALUES (?1, ?2, ?3, ?4)
        ON CONFLICT (name) DO UPDATE SET definition = excluded.definition, applied_at = excluded.applied_at
        """,
        (name, json.dumps(definition, sort_keys=True, ensure_ascii=False), at, json.dumps({_SUSPECT: True})),
    )
    return suspect(db, name)


def remember(
    db: Connection,
    name: str,
    serial: int,
    file: StoredFile,
    base: StoredFile | None,
    members: Mapping[str, int],
    at: str,
    fingerprints: FingerprintOrigin | None = None,
) -> list[str]:
    """Whom it names from now on; the paths of the files that nothing points to any more.

    What it named before, or `base` instead of that, stays while audiences may hold people that were not among those.
    """
    found = files(db, name)
    suspect = _is_suspect(db, name)
    db.execute("DELETE FROM suppression_file WHERE suppression = ?", (name,))
    previous = None if suspect else base or found.get("previous", found.get("members"))
    if previous is not None:
        _add(db, name, "previous", previous)
    _add(db, name, "members", file, fingerprints)
    db.execute("UPDATE suppression SET serial = ? WHERE name = ?", (serial, name))
    _set_members(db, name, members, suspect=suspect)
    evaluated(db, name, at)
    kept = {one.path for one in (file, previous) if one is not None}
    dropped = [*found.values(), *([base] if base is not None else [])]
    return [stored.path for stored in dropped if stored.path not in kept]


def rewrite(
    db: Connection, name: str, serial: int, file: StoredFile, base: StoredFile | None, members: Mapping[str, int]
) -> list[str]:
    """Its files are these from now on, and all else is as it was; the paths that nothing points to any more."""
    gone, fingerprints = [stored.path for stored in files(db, name).values()], origin(db, name)
    db.execute("DELETE FROM suppression_file WHERE suppression = ?", (name,))
    if base is not None:
        _add(db, name, "previous", base)
    _add(db, name, "members", file, fingerprints)
    db.execute("UPDATE suppression SET serial = ? WHERE name = ?", (serial, name))
    _set_members(db, name, members, suspect=_is_suspect(db, name))
    return gone


def evaluated(db: Connection, name: str, at: str) -> None:
    """It was evaluated, and named whom it had named before."""
    db.execute("UPDATE suppression SET last_good = ?, failing = NULL WHERE name = ?", (at, name))


def failing(db: Connection, name: str, at: str) -> None:
    """It could not be evaluated, or may not take effect, at a time; the first such time stays."""
    db.execute("UPDATE suppression SET failing = coalesce(failing, ?) WHERE name = ?", (at, name))


def clean(db: Connection, name: str) -> list[str]:
    """No audience holds anybody that it names; the paths of the files that nothing points to any more."""
    return _without_previous(db, name, suspect=False)


def suspect(db: Connection, name: str) -> list[str]:
    """Any audience may hold people that it names; the paths of the files that nothing points to any more."""
    return _without_previous(db, name, suspect=True)


def delete(db: Connection, name: str) -> list[str]:
    """Forget it; the paths of the files that nothing points to any more."""
    gone = [stored.path for stored in files(db, name).values()]
    db.execute("DELETE FROM suppression_file WHERE suppression = ?", (name,))
    db.execute("DELETE FROM suppression WHERE name = ?", (name,))
    return gone


def _without_previous(db: Connection, name: str, *, suspect: bool) -> list[str]:
    gone = [stored.path for role, stored in files(db, name).items() if role == "previous"]
    db.execute("DELETE FROM suppression_file WHERE suppression = ? AND role = 'previous'", (name,))
    _set_members(db, name, _known(db, name).get(_COUNTS, {}), suspect=suspect)
    return gone


def _known(db: Connection, name: str) -> dict[str, Any]:
    row = db.execute("SELECT members FROM suppression WHERE name = ?", (name,)).fetchone()
    if row is None:
        raise RuntimeError(f"the state has no suppression {name}")
    known: dict[str, Any] = json.loads(row[0])
    return known


def _is_suspect(db: Connection, name: str) -> bool:
    return bool(_known(db, name).get(_SUSPECT, True))


def _set_members(db: Connection, name: str, members: Mapping[str, int], *, suspect: bool) -> None:
    text = json.dumps({_COUNTS: dict(members), _SUSPECT: suspect}, sort_keys=True)
    db.execute("UPDATE suppression SET members = ? WHERE name = ?", (text, name))


def _add(db: Connection, name: str, role: str, file: StoredFile, fingerprints: FingerprintOrigin | None = None) -> None:
    made = None if fingerprints is None else json.dumps(asdict(fingerprints), sort_keys=True)
    db.execute(
        "INSERT INTO suppression_file (suppression, role, path, size, sha256, fingerprints) VALUES (?, ?, ?, ?, ?, ?)",
        (name, role, file.path, file.size, file.sha256, made),
    )

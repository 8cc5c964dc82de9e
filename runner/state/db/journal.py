"""Every change of the state as a step: a name and arguments in JSON's types, so that it can be written down.

A folder takes each step once, in a transaction. A state in a bucket also keeps the steps since its last snapshot, and
a reader takes them again: the same steps from the same start make the same database. For that a step uses no
clock and nothing random, and what a step means is never changed once it was released; a new meaning is a new name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from sqlite3 import Connection
from typing import Any

from runner.core.errors import StateError
from runner.core.fingerprints import FingerprintOrigin
from runner.core.identifiers import IdentifierType, Operation
from runner.core.membership import Batch
from runner.core.records import ActivationRun, Outcome, RunOrigin
from runner.interruption import undisturbed
from runner.quick_dataclass import dataclass
from runner.state.db import codec
from runner.state.db.tables import (
    applied_suppressions,
    audiences,
    bindings,
    days,
    deltas,
    kept_notices,
    permission_uses,
    receipts,
    retention,
    runs,
    unchanged,
)
from runner.state.local.state_folder import StoredFile


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """One change: what is done, and with what."""

    do: str
    arguments: Mapping[str, Any]


def entries_data(entries: Iterable[JournalEntry]) -> list[dict[str, Any]]:
    """Steps in JSON's types."""
    return [{"do": one.do, "with": dict(one.arguments)} for one in entries]


def entries_of(data: Iterable[Mapping[str, Any]]) -> tuple[JournalEntry, ...]:
    """The steps that `entries_data` was made of. Raises KeyError, TypeError, ValueError for what is none."""
    return tuple(JournalEntry(str(one["do"]), dict(one["with"])) for one in data)


@undisturbed()
def apply_entry(db: Connection, step: JournalEntry) -> Any:
    """Do a step within the caller's transaction. Raises StateError for one that only a newer Headcount knows."""
    how = _STEPS.get(step.do)
    if how is None:
        raise StateError(f"the state was written by a newer Headcount (it knows `{step.do}`)", "update headcount here")
    return how(db, **step.arguments)


def _insert(db: Connection, at: str, definition: dict[str, Any] | None = None, **where: str) -> int:
    known = None if definition is None else codec.definition_of_data(definition)
    return audiences.insert(db, at=codec.to_time(at), definition=known, **where)


def _give_up(db: Connection, key: int, at: str) -> None:
    audiences.give_up(db, key, codec.to_time(at))


def _define(db: Connection, key: int, definition: dict[str, Any], destination: str, at: str) -> None:
    audiences.set_definition(db, key, codec.definition_of_data(definition), destination, codec.to_time(at))


def _cleared(db: Connection, key: int, counter: str, serial: int) -> tuple[str, ...]:
    """Gives the paths of the files that no record points to from now on, as do the other steps that end a file."""
    audiences.set_empty(db, key, serial)
    return _retire(db, key, counter, serial)


def _forget(db: Connection, key: int) -> tuple[str, ...]:
    gone = tuple(stored.path for stored in deltas.files(db, key).values())
    audiences.delete(db, key)
    return gone


def _open_delta(
    db: Connection,
    key: int,
    counter: str,
    serial: int,
    file: dict[str, Any],
    batches: list[list[Any]],
    withdrawal: bool = False,
) -> None:
    if "outbox" in deltas.files(db, key):
        raise RuntimeError(f"audience {key} has an open delta already")
    deltas.use_serial(db, counter, serial)
    deltas.add_file(db, key, "outbox", StoredFile(**file))
    deltas.insert_batches(db, key, tuple(_batch(*batch) for batch in batches))
    if withdrawal:
        permission_uses.begin_withdrawal(db, key)


def _batch(number: int, operation: str, identifier_type: str | None, identifiers: int) -> Batch:
    kind = None if identifier_type is None else IdentifierType(identifier_type)
    return Batch(number, Operation(operation), kind, identifiers)


def _close_delta(
    db: Connection,
    key: int,
    counter: str,
    serial: int,
    file: dict[str, Any],
    members: dict[str, int],
    unknown: dict[str, int],
    changes_only: bool = False,
    fingerprints: dict[str, Any] | None = None,
) -> tuple[str, ...]:
    """With `changes_only`, the file holds the changes of the whole membership file, which is kept."""
    files, before = deltas.files(db, key), deltas.origins(db, key)
    if "outbox" not in files:
        raise RuntimeError(f"audience {key} has no open delta")
    whole = deltas.all_taken(db, key)
    deltas.pass_on_doubt(db, key)
    audiences.set_membership(db, key, serial, _counts(members), _counts(unknown), whole=whole)
    gone = _retire(db, key, counter, serial)
    deltas.add_file(db, key, "members", StoredFile(**file), _origin(fingerprints))
    if changes_only:
        role = "previous" if "previous" in files else "members"
        previous = files[role]
        deltas.add_file(db, key, "previous", previous, before.get(role))
        gone = tuple(path for path in gone if path != previous.path)
    return gone


def _rewrite_members(
    db: Connection,
    key: int,
    counter: str,
    serial: int,
    file: dict[str, Any],
    members: dict[str, int],
    unknown: dict[str, int],
    fingerprints: dict[str, Any] | None = None,
) -> tuple[str, ...]:
    """The file holds the membership as it was."""
    if "outbox" in deltas.files(db, key):
        raise RuntimeError(f"audience {key} has an open delta")
    deltas.use_serial(db, counter, serial)
    gone = deltas.retire_files(db, key)
    audiences.set_membership(db, key, serial, _counts(members), _counts(unknown), whole=False)
    deltas.add_file(db, key, "members", StoredFile(**file), _origin(fingerprints))
    return gone


def _drop_files(db: Connection, key: int) -> tuple[str, ...]:
    if not audiences.must_refill(db, key):
        raise RuntimeError(f"what audience {key} holds is known")
    deltas.delete_batches(db, key)
    return deltas.retire_files(db, key)


def _fingerprinted(
    db: Connection, key: int, counter: str, serial: int, file: dict[str, Any], fingerprints: dict[str, Any]
) -> tuple[str, ...]:
    """The membership that is settled, in a whole file with other fingerprints beside its members."""
    if "outbox" in deltas.files(db, key):
        raise RuntimeError(f"audience {key} has an open delta")
    deltas.use_serial(db, counter, serial)
    audiences.set_serial(db, key, serial)
    gone = deltas.retire_files(db, key)
    deltas.add_file(db, key, "members", StoredFile(**file), _origin(fingerprints))
    return gone


def _outbox_fingerprints(db: Connection, key: int, fingerprints: dict[str, Any]) -> None:
    deltas.set_origin(db, key, "outbox", FingerprintOrigin(**fingerprints))


def _origin(fingerprints: dict[str, Any] | None) -> FingerprintOrigin | None:
    return None if fingerprints is None else FingerprintOrigin(**fingerprints)


def _retire(db: Connection, key: int, counter: str, serial: int) -> tuple[str, ...]:
    """Be done with the delta and the membership so far; the files that nothing points to from then on."""
    deltas.use_serial(db, counter, serial)
    permission_uses.count_removed(db, key)
    deltas.delete_batches(db, key)
    return deltas.retire_files(db, key)


def _counts(counts: dict[str, int]) -> dict[IdentifierType, int]:
    return {IdentifierType(kind): count for kind, count in counts.items()}


def _remember_suppression(
    db: Connection,
    name: str,
    counter: str,
    serial: int,
    file: dict[str, Any],
    before: dict[str, Any] | None,
    members: dict[str, int],
    at: str,
    fingerprints: dict[str, Any] | None = None,
) -> tuple[str, ...]:
    deltas.use_serial(db, counter, serial)
    base, made = None if before is None else StoredFile(**before), _origin(fingerprints)
    return tuple(applied_suppressions.remember(db, name, serial, StoredFile(**file), base, members, at, made))


def _rewrite_suppression(
    db: Connection,
    name: str,
    counter: str,
    serial: int,
    file: dict[str, Any],
    before: dict[str, Any] | None,
    members: dict[str, int],
) -> tuple[str, ...]:
    deltas.use_serial(db, counter, serial)
    base = None if before is None else StoredFile(**before)
    return tuple(applied_suppressions.rewrite(db, name, serial, StoredFile(**file), base, members))


def _begin_run(
    db: Connection,
    command: str,
    at: str,
    origin: dict[str, Any] | None = None,
    plan_id: str = "",
    cost: dict[str, Any] | None = None,
    today: str | None = None,
) -> int:
    known = None if cost is None else codec.cost_of_data(cost)
    return runs.begin(db, command, codec.to_time(at), RunOrigin(**origin or {}), plan_id, known, today)


def _record(db: Connection, run: int, activation: dict[str, Any], definition_of: int | str | None = None) -> None:
    fared = ActivationRun(**{**activation, "outcome": Outcome(activation["outcome"])})
    runs.record(db, run, fared, definition_of)


def _record_rest(db: Connection, run: int, outcomes: list[dict[str, Any]], same: list[list[int]]) -> None:
    for one in codec.outcomes_of_data(outcomes):
        runs.record(db, run, one)
    unchanged.record(db, run, same)


def _end_run(db: Connection, run: int, at: str) -> None:
    runs.end(db, run, codec.to_time(at))


_STEPS: Mapping[str, Callable[..., Any]] = {
    "intend": _insert,
    "imported": _insert,
    "created": audiences.set_audience_id,
    "give_up": _give_up,
    "define": _define,
    "require_refill": audiences.set_refill,
    "clearing": audiences.set_clearing,
    "cleared": _cleared,
    "forget": _forget,
    "open_delta": _open_delta,
    "mark_in_flight": deltas.set_in_flight,
    "sent": deltas.set_sent,
    "refused": deltas.set_refused,
    "mark_taken": deltas.set_taken,
    "close_delta": _close_delta,
    "rewrite_members": _rewrite_members,
    "drop_files": _drop_files,
    "fingerprinted": _fingerprinted,
    "outbox_fingerprints": _outbox_fingerprints,
    "drop_fingerprints": deltas.drop_fingerprints,
    "define_suppression": applied_suppressions.define,
    "remember_suppression": _remember_suppression,
    "suppression_evaluated": applied_suppressions.evaluated,
    "suppression_failing": applied_suppressions.failing,
    "suppression_clean": applied_suppressions.clean,
    "suppression_suspect": applied_suppressions.suspect,
    "forget_suppression": applied_suppressions.delete,
    "rewrite_suppression": _rewrite_suppression,
    "add_receipt": receipts.add,
    "complete_receipt": receipts.complete,
    "bind": bindings.write,
    "permit": permission_uses.permit,
    "change_notices": kept_notices.change,
    "notices_tried": kept_notices.tried,
    "begin_run": _begin_run,
    "forget_runs": retention.forget,
    "add_up_runs": days.add_up,
    "note_day": days.note,
    "record": _record,
    "record_rest": _record_rest,
    "end_run": _end_run,
}

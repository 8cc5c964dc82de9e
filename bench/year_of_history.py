"""A year of history: how large the state becomes, and how long its report takes.

    python -m bench.year_of_history [--audiences 200] [--days 365]

Two hundred audiences change every six hours, all of them: the most that a year can hold. The state is made through its
own interface, its memberships are small, and the report is written as `headcount report` writes it.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from runner.cli.report_folder import write_report
from runner.config import load
from runner.core.day import Counted, Note, WayDown
from runner.core.destination import Accepted
from runner.core.identifiers import IdentifierType, Operation
from runner.core.membership import Batch, Rejected, SettledMembership
from runner.core.project import Project
from runner.core.records import ActivationRun, Definition, Outcome, RunOrigin
from runner.engine.embedded import EmbeddedEngine
from runner.reports.html.drawing_process import drawing
from runner.reports.html.pages import pages_of
from runner.state import open_folder
from runner.state.interface import State
from runner.workflows.look_back import look_back

EMAIL = IdentifierType.EMAIL
RUNS_A_DAY = 4
END = datetime(2026, 11, 28, 12, tzinfo=UTC)
WHO = RunOrigin("ci", "runner-1", "Keep audiences fresh", "https://ci.example/runs/1234567890", "a" * 40, dirty=False)


def fill(state: State, audiences: int, days: int) -> None:
    """Let a year of runs go by, the last of them at END."""
    chance = random.Random(1)
    sizes = {f"audience-number-{number:03}": chance.randrange(5_000, 500_000) for number in range(audiences)}
    with state.lock("bench"):
        for number, name in enumerate(sizes):
            _made(state, name, number, END - timedelta(days=days))
        for number in range(days * RUNS_A_DAY):
            at = END - timedelta(hours=6) * (days * RUNS_A_DAY - 1 - number)
            run = state.begin_run("sync", at, WHO)
            state.record_rest(run, [_outcome(name, sizes, chance) for name in sizes])
            first_of_day = number % RUNS_A_DAY == 0
            state.note_day(at.date(), {name: _note(size, at, first_of_day) for name, size in sizes.items()})
            state.end_run(run, at + timedelta(minutes=3))


def _made(state: State, name: str, number: int, at: datetime) -> None:
    definition = Definition(name, "", {"email": "email"}, "f" * 64)
    key = state.intend(name, "criteo", "criteo", "12345", definition, at)
    state.created(key, str(270_000 + number))
    state.define(key, definition, "criteo", at)

    def outbox(path: Path) -> tuple[Batch, ...]:
        path.write_bytes(b"")
        return (Batch(0, Operation.ADD, EMAIL, 0),)

    def members(path: Path) -> SettledMembership:
        path.write_bytes(b"")
        return SettledMembership({}, {})

    state.open_delta(key, outbox)
    state.mark_in_flight(key, 0)
    state.mark_taken(key, 0, Accepted(0, 0))
    state.close_delta(key, members)


def _outcome(name: str, sizes: dict[str, int], chance: random.Random) -> ActivationRun:
    added, removed = chance.randrange(300), chance.randrange(250)
    sizes[name] += added - removed
    counts = {"email": {"added": added, "removed": removed}}
    did = (name, "sync", Outcome.DONE, added, removed, 12, 0, sizes[name], 1.234, "members changed", counts)
    return ActivationRun(*did)


def _note(size: int, at: datetime, counted: bool) -> Note:
    way = WayDown(size + 40, 0, 0, 20, size + 8, {"email": size}, (Rejected(EMAIL, "no @", 12),))
    return Note(size, way, Counted(at, size - 5, int(size * 0.68)) if counted else None)


def size_of(folder: Path) -> int:
    """Bytes of all files of a state, each counted once whatever its names."""
    files: Mapping[int, int] = {path.stat().st_ino: path.stat().st_size for path in folder.rglob("*") if path.is_file()}
    return sum(files.values())


def declared(folder: Path, audiences: int) -> Project:
    """A project that declares the audiences."""
    folder.mkdir()
    documents = [HEAD, *(ACTIVATION.format(number=number) for number in range(audiences))]
    (folder / "all.yaml").write_text("---\n".join(documents), encoding="utf-8")
    return load(folder, variables={}, today=END.date(), environ={})


HEAD = """\
kind: Destination
name: criteo
type: criteo
advertiser_id: "12345"
credentials:
  client_id: "{{ env('CRITEO_CLIENT_ID', 'sandbox') }}"
  client_secret: "{{ env('CRITEO_CLIENT_SECRET', 'sandbox') }}"
defaults: {mapping: {email: email}}
"""
ACTIVATION = """\
kind: Activation
id: audience-number-{number:03}
owner: CRM team
segment: {{name: "Audience number {number:03}", sql: "select '' as email"}}
"""


def main() -> None:
    parser = argparse.ArgumentParser(description="A year of history: the state's size and the report's time.")
    parser.add_argument("--audiences", type=int, default=200)
    parser.add_argument("--days", type=int, default=365)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, closing(EmbeddedEngine()) as engine:
        project = declared(Path(folder) / "activations", asked.audiences)
        state = open_folder(Path(folder) / "state")
        fill(state, asked.audiences, asked.days)
        print(f"state: {size_of(Path(folder) / 'state') / 1e6:.1f} MB")
        began, spent = time.perf_counter(), time.process_time()
        with drawing(asked.audiences) as draw:
            view = look_back(project, state, engine.memberships, END + timedelta(hours=1))
            size = write_report(Path(folder) / "site", pages_of(view, draw))
        print(f"report: {time.perf_counter() - began:.1f} s, {time.process_time() - spent:.1f} s of CPU time")
        print(f"pages: {size / 1e6:.1f} MB")
        state.close()


if __name__ == "__main__":
    main()

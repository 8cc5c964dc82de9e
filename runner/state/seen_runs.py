"""Which runs of a state this machine has seen, kept outside of the state: so a backup that was put back is noticed.

What a restored state does not remember was sent all the same. Kept in the user's cache folder, per place; losing it
loses nothing but the notice. A run is known by its number and the time at which it began, so that another state in the
same place is not taken for an older one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from runner.core.errors import StateError
from runner.disk.durable_files import write_atomically
from runner.state.interface import State
from runner.state.remote.cache import cache_folder

REMEMBERED = 1_000
"""Runs that are remembered per place."""

_Run = tuple[int, str]


class SeenRuns:
    """The runs seen at one place. Only `require_newest` raises anything."""

    def __init__(self, state: State, environ: Mapping[str, str]) -> None:
        """Touches nothing."""
        self._state = state
        try:
            self._file: Path | None = cache_folder(state.backing.location, environ) / "seen-runs.json"
        except RuntimeError:  # there is no home folder
            self._file = None
        self._noted = False

    def require_newest(self) -> None:
        """Raise StateError for a state whose newest run is one after which others were seen here."""
        if not self.is_older():
            return
        newest, seen = self._newest(), self._seen()
        assert newest is not None
        ids = dict.fromkeys(record.activation for record in self._state.audiences())
        options = " ".join(f"--rebuild {activation}" for activation in list(ids)[:3]) + (" ..." if len(ids) > 3 else "")
        raise StateError(
            f"the state at {self._state.backing.location} is an older one, from a backup perhaps: run {seen[-1][0]} was"
            f" seen here, and the newest that it knows is {newest[0]}; what was sent since then it does not know",
            f"`headcount sync {options}` clears every audience and fills it again; `headcount state accept` takes the"
            " state as it is, and what it does not know stays in the audiences",
        )

    def is_older(self) -> bool:
        """Whether others were seen here after the newest run of the state, or after one before it: the newest may have
        been made elsewhere. One that began after all that was seen here went on from it elsewhere, made good or not."""
        newest, seen = self._newest(), self._seen()
        if newest is None or not seen or newest == seen[-1]:
            return False
        if newest in seen:
            return True
        (number, began), (last, last_began) = newest, seen[-1]
        return number <= last and began < last_began and not self._known().isdisjoint(seen)

    def note(self, durable: bool, *, older: bool) -> None:
        """Remember the run that has begun, so that it is known should it die; `older` if the state is an older one.

        The newest run there is must be `durable` for that: without it, the state would look like one from before it.
        """
        if not self._noted and (durable or older):
            self._noted = True
            self.remember(still_older=older)

    def remember(self, *, still_older: bool = False) -> None:
        """Remember the newest run as the newest there is, or, with `still_older`, as one of an older state."""
        newest, seen = self._newest(), self._seen()
        if newest is None or self._file is None or (newest in seen if still_older else seen[-1:] == [newest]):
            return
        known = (
            [*seen[:-1], newest, *seen[-1:]] if still_older else [run for run in seen if run[0] < newest[0]] + [newest]
        )
        with suppress(OSError):
            self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_atomically(self._file, json.dumps(known[-REMEMBERED:]), 0o600)

    def _newest(self) -> _Run | None:
        return next(iter(self._known(limit=1)), None)

    def _known(self, limit: int = REMEMBERED) -> set[_Run]:
        return {(run.id, run.started_at.isoformat()) for run in self._state.runs(limit=limit)}

    def _seen(self) -> list[_Run]:
        if self._file is None:
            return []
        try:
            return [(int(number), str(began)) for number, began in json.loads(self._file.read_text(encoding="utf-8"))]
        except (OSError, ValueError, TypeError):
            return []

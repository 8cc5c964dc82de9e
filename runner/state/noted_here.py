"""Who was notified of what while the state could not be written: kept on this machine, outside of the state.

A state that another run holds, or that cannot be read, is worth a notice, and cannot be where it is written down that
it was sent. The next run that can write the state takes over what is here. Losing it costs a notice sent twice.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from runner.core.notices import KeptNotice, NoticeKey
from runner.disk.durable_files import write_atomically
from runner.quick_dataclass import replace
from runner.state.db.tables.kept_notices import row_data, row_of_data
from runner.state.remote.cache import cache_folder


class NotedHere:
    """What this machine notes for the state at one place."""

    def __init__(self, location: str, environ: Mapping[str, str]) -> None:
        """Touches nothing."""
        try:
            self._file: Path | None = cache_folder(location, environ) / "notices.json"
        except RuntimeError:  # there is no home folder
            self._file = None

    def notices(self) -> tuple[KeptNotice, ...]:
        """What was noted; nothing where that cannot be read."""
        if self._file is None:
            return ()
        try:
            return tuple(row_of_data(row) for row in json.loads(self._file.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError, KeyError):
            return ()

    def change_notices(self, put: Sequence[KeptNotice], dropped: Sequence[NoticeKey]) -> None:
        """Have these as they are given, and end others."""
        rows = {row.key: row for row in self.notices()}
        for key in dropped:
            rows.pop(key, None)
        self._write({**rows, **{row.key: row for row in put}})

    def notices_tried(self, delivered: Sequence[NoticeKey], missed: Sequence[NoticeKey], at: datetime) -> None:
        """Some were delivered, others not."""
        rows = {row.key: row for row in self.notices()}
        for key in delivered:
            row = rows.pop(key, None)
            if row is not None and not row.ends:
                rows[key] = replace(row, content=None, attempts=0, delivered_at=at)
        for key in missed:
            if key in rows:
                rows[key] = replace(rows[key], attempts=rows[key].attempts + 1)
        self._write(rows)

    def clear(self) -> None:
        """Forget all of it: the state has it now."""
        if self._file is not None:
            with suppress(OSError):
                self._file.unlink(missing_ok=True)

    def _write(self, rows: Mapping[NoticeKey, KeptNotice]) -> None:
        if self._file is None:
            return
        with suppress(OSError):
            self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_atomically(self._file, json.dumps([row_data(row) for row in rows.values()]), 0o600)

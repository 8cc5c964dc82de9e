"""The pages of a report as the service shows them: made when somebody asks, and kept for a moment."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from time import monotonic

from runner.core.errors import HeadcountError

KEPT_FOR = 60.0
"""Seconds for which pages are shown again: to make them reads every membership."""


class ReportPages:
    """Pages by their names. May be asked by several threads, of which one makes them and the others wait."""

    def __init__(self, make: Callable[[], Mapping[str, str]], now: Callable[[], float] = monotonic) -> None:
        """`make` may raise HeadcountError; what it says is shown in the pages' place, and kept as long."""
        self._make = make
        self._now = now
        self._turn = threading.Lock()
        self._pages: Mapping[str, str] = {}
        self._failure: HeadcountError | None = None
        self._made_at: float | None = None

    def page(self, name: str) -> str | None:
        """A page, not older than a minute; None where there is none of that name. Raises HeadcountError."""
        with self._turn:
            now = self._now()
            if self._made_at is None or now - self._made_at > KEPT_FOR:
                self._refresh()
                self._made_at = self._now()
            if self._failure is not None:
                raise self._failure
            return self._pages.get(name)

    def _refresh(self) -> None:
        try:
            self._pages, self._failure = dict(self._make()), None
        except HeadcountError as error:
            self._pages, self._failure = {}, error

"""The connections to one host: kept alive, given up as a whole, and closed for certain.

`Session.close()` forgets its pools and closes nothing: their sockets stay open until the garbage collector comes by,
which in a process that mostly waits may take hours. A pool that is closed while another thread is about to use it fails
that thread's call. So a session is closed, pool by pool, when the last call that uses it has ended.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import requests
from requests.adapters import HTTPAdapter

from runner.quick_dataclass import dataclass


@dataclass(slots=True, eq=False)
class _Lent:
    """A session, and how many calls are using it; `retired` when no further one will."""

    session: requests.Session
    calls: int = 0
    retired: bool = False


class Connections:
    """Safe to use from several threads. `open_session` makes a session with everything that calls need."""

    def __init__(self, open_session: Callable[[], requests.Session]) -> None:
        self._open_session = open_session
        self._lock = threading.Lock()
        self._current: _Lent | None = None

    @contextmanager
    def session(self) -> Iterator[requests.Session]:
        """The session to make a call with, which stays usable until the context is left."""
        with self._lock:
            if self._current is None:
                self._current = _Lent(self._open_session())
            lent = self._current
            lent.calls += 1
        try:
            yield lent.session
        finally:
            with self._lock:
                lent.calls -= 1
                unused = lent.retired and not lent.calls
            if unused:
                _close(lent.session)

    def close(self) -> None:
        """Close them all as soon as no call uses any of them; a further call connects again."""
        with self._lock:
            lent, self._current = self._current, None
            if lent is None:
                return
            lent.retired = True
            unused = not lent.calls
        if unused:
            _close(lent.session)


def _close(session: requests.Session) -> None:
    for adapter in session.adapters.values():
        if isinstance(adapter, HTTPAdapter):
            for manager in (adapter.poolmanager, *adapter.proxy_manager.values()):
                for key in tuple(manager.pools.keys()):
                    pool = manager.pools.get(key)
                    if pool is not None:
                        pool.close()
    session.close()

"""Object stores as the process reaches them that has their credentials: one thread asks for all others."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

from runner.object_stores.bucket_reader import BucketReader
from runner.object_stores.interface import RemoteObject, StoreFault, Why

T = TypeVar("T")


class EventLoop:
    """A thread of its own in which coroutines run; what waits for one of them can be interrupted."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, name="object-stores", daemon=True).start()

    def result(self, work: Coroutine[Any, Any, T]) -> T:
        """What a coroutine gives. An interrupt cancels it."""
        future = asyncio.run_coroutine_threadsafe(work, self.loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise


class DirectObjects:
    """Implements Objects by asking the stores, with what the environment says when they are listed.

    `loop` is for what serves others, too.
    """

    def __init__(self) -> None:
        self.loop = EventLoop()
        self._known: dict[str, tuple[RemoteObject, BucketReader]] = {}

    def listed(self, pattern: str) -> tuple[RemoteObject, ...]:
        reader = BucketReader()
        found = self.loop.result(reader.listed(pattern))
        self._known.update({one.url: (one, reader) for one in found})
        return found

    def known(self, url: str) -> RemoteObject:
        if url not in self._known:
            raise StoreFault(Why.NOT_DECLARED, url)
        return self._known[url][0]

    def read(self, url: str, at: int, size: int) -> bytes:
        size = min(size, self.known(url).size - at)
        one, reader = self._known[url]
        return bytes(self.loop.result(reader.part(one, at, size))) if size > 0 else b""

    def failure(self) -> StoreFault | None:
        return None

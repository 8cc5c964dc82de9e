"""Giving the process that runs segments the objects that the files declare, and no others.

That process runs SQL out of pull requests and has no credentials. What it may ask for is decided here: the listing of
a pattern that a source of the project declares, and parts of objects that such a listing found, as they were listed.
"""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Iterable
from contextlib import suppress
from time import monotonic
from typing import Any

from runner.object_stores.bucket_reader import BucketReader
from runner.object_stores.direct_objects import DirectObjects
from runner.object_stores.exchange import CONNECTIONS, HEAD, LONGEST_QUESTION, fault_body, listing
from runner.object_stores.interface import LARGEST_PART, RemoteObject, StoreFault, Why

_KEPT = 15.0
"""Seconds for which a listing is given again: segments that follow each other often read the same tables."""

_BUFFER = 1 << 20
"""Bytes that a socket holds."""


class ObjectServer:
    """Serves one process over pairs of sockets, from when something is allowed until it is closed."""

    def __init__(self, direct: DirectObjects) -> None:
        self._direct = direct
        self._reader = BucketReader()
        self._pairs = [socket.socketpair() for _ in range(CONNECTIONS)]
        self._tasks: list[asyncio.Future[None]] = []
        self._allowed: frozenset[str] = frozenset()
        self._listings: dict[str, tuple[float, tuple[RemoteObject, ...]]] = {}
        self._known: dict[str, RemoteObject] = {}

    @property
    def descriptors(self) -> tuple[int, ...]:
        """The ends that the other process inherits."""
        return tuple(theirs.fileno() for _, theirs in self._pairs)

    def handed_over(self) -> None:
        """Let go of the other process's ends, once it has them."""
        for _, theirs in self._pairs:
            theirs.close()

    def allow(self, patterns: Iterable[str]) -> None:
        """From here on the other process may list these patterns, and read what they mean."""
        self._allowed |= frozenset(patterns)
        if self._allowed and not self._tasks:
            self._direct.loop.result(self._begin())

    def close(self) -> None:
        """End what is under way, and close the sockets."""
        if self._tasks:
            self._direct.loop.result(self._end())
        for ours, theirs in self._pairs:
            ours.close()
            theirs.close()

    async def _begin(self) -> None:
        for ours, _ in self._pairs:
            ours.setblocking(False)
            ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER)
            self._tasks.append(asyncio.ensure_future(self._serve(ours)))

    async def _end(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, connection: socket.socket) -> None:
        """Answer one question after the other, until the other end is closed or asks what makes no sense."""
        loop = asyncio.get_running_loop()
        with connection, suppress(OSError):
            while (asked := await _question(loop, connection)) is not None:
                try:
                    body: bytes | memoryview = await self._answer(asked)
                    head = HEAD.pack(True, len(body))
                except StoreFault as fault:
                    body = fault_body(fault)
                    head = HEAD.pack(False, len(body))
                await loop.sock_sendall(connection, head)
                await loop.sock_sendall(connection, body)

    async def _answer(self, asked: dict[str, Any]) -> bytes | memoryview:
        """Raises StoreFault."""
        if "list" in asked:
            return listing(await self._listed(str(asked["list"])))
        url, at, size = str(asked.get("read")), asked.get("at"), asked.get("size")
        one = self._known.get(url)
        if one is None or not isinstance(at, int) or not isinstance(size, int):
            raise StoreFault(Why.NOT_DECLARED, url)
        if not (at >= 0 and 0 < size <= LARGEST_PART and at + size <= one.size):
            raise StoreFault(Why.NOT_DECLARED, url)
        try:
            if one.e_tag != asked.get("e_tag"):
                raise StoreFault(Why.CHANGED, url)
            return await self._reader.part(one, at, size)
        except StoreFault as fault:
            if fault.why is Why.CHANGED:
                self._listings.clear()
            raise

    async def _listed(self, pattern: str) -> tuple[RemoteObject, ...]:
        if pattern not in self._allowed:
            raise StoreFault(Why.NOT_DECLARED, pattern)
        moment, found = self._listings.get(pattern, (float("-inf"), ()))
        if monotonic() - moment > _KEPT:
            moment = monotonic()
            found = await self._reader.listed(pattern)
            self._listings[pattern] = moment, found
            self._known.update({one.url: one for one in found})
        return found


async def _question(loop: asyncio.AbstractEventLoop, connection: socket.socket) -> dict[str, Any] | None:
    """The next question; None where there is none, or what comes is none."""
    line = b""
    while not line.endswith(b"\n"):
        part = await loop.sock_recv(connection, LONGEST_QUESTION)
        line += part
        if not part or len(line) > LONGEST_QUESTION:
            return None
    with suppress(ValueError):
        asked = json.loads(line)
        if isinstance(asked, dict):
            return asked
    return None

"""The body of a request, of which no more is kept than may be."""

from __future__ import annotations

from starlette.requests import Request


async def read_body(request: Request, limit: int) -> bytes | None:
    """The body; None when it is over the limit.

    What is over the limit is read all the same: a client that is still sending would see a reset and not the answer.
    """
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size <= limit:
            parts.append(part)
    return b"".join(parts) if size <= limit else None

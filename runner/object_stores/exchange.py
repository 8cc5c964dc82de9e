"""How the process that runs segments asks for objects, and how it is answered: over a pair of sockets.

A question is a short line of JSON and trusted by nobody; an answer is what the process with the credentials gives.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable, Mapping
from typing import Any

from runner.object_stores.interface import RemoteObject, StoreFault, Why

CONNECTIONS = 8
"""Pairs of sockets: so many threads read at the same time."""

LONGEST_QUESTION = 16 << 10
"""Bytes: a key has up to 1,024, a pattern is a line of YAML."""

HEAD = struct.Struct("!?Q")
"""What an answer begins with: whether there is one, and the length of what follows."""


def question(asked: Mapping[str, Any]) -> bytes:
    """A question, as a line."""
    return json.dumps(asked).encode() + b"\n"


def listing(found: Iterable[RemoteObject]) -> bytes:
    """A listing as an answer has it."""
    from dataclasses import asdict

    return json.dumps([asdict(one) for one in found]).encode()


def listing_of(body: bytes) -> tuple[RemoteObject, ...]:
    """The listing that an answer says."""
    return tuple(RemoteObject(**one) for one in json.loads(body))


def fault_body(fault: StoreFault) -> bytes:
    """A fault as an answer has it."""
    return json.dumps({"why": fault.why.value, "url": fault.url, "code": fault.code}).encode()


def fault_of(body: bytes) -> StoreFault:
    """The fault that an answer says."""
    data = json.loads(body)
    return StoreFault(Why(data["why"]), data["url"], data["code"])

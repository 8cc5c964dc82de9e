"""How this process reaches object stores: by itself where it has the credentials, else by asking the one that has.

It is a fact of the process, as its environment is: what reads a file of a source need not be handed it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.object_stores.interface import Objects, StoreFault

if TYPE_CHECKING:
    from runner.object_stores.object_server import ObjectServer

_reached: list[Objects] = []


def objects() -> Objects:
    """What this process reads objects by: with the credentials of its environment, unless another way was set."""
    if not _reached:
        from runner.object_stores.direct_objects import DirectObjects

        _reached.append(DirectObjects())
    return _reached[0]


def reach_by(way: Objects) -> None:
    """From here on this process reads objects that way."""
    _reached[:] = [way]


def object_server() -> ObjectServer:
    """What gives another process the objects that it may read, with the credentials of this one."""
    from runner.object_stores.direct_objects import DirectObjects
    from runner.object_stores.object_server import ObjectServer

    direct = objects()
    return ObjectServer(direct if isinstance(direct, DirectObjects) else DirectObjects())


def raise_failure() -> None:
    """Raise StoreFault, where an object could not be read since this was last called."""
    fault: StoreFault | None = _reached[0].failure() if _reached else None
    if fault is not None:
        raise fault from None

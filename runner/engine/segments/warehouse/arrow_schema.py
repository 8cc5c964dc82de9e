"""Reading an Arrow schema where it lies in memory, as the C data interface lays it out: no library of Arrow is needed.

https://arrow.apache.org/docs/format/CDataInterface.html
"""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Mapping

from runner.quick_dataclass import dataclass, field


class _ArrowSchema(ctypes.Structure):
    """`struct ArrowSchema`."""


_ArrowSchema._fields_ = [
    ("format", ctypes.c_char_p),
    ("name", ctypes.c_char_p),
    ("metadata", ctypes.c_void_p),
    ("flags", ctypes.c_int64),
    ("n_children", ctypes.c_int64),
    ("children", ctypes.POINTER(ctypes.POINTER(_ArrowSchema))),
    ("dictionary", ctypes.POINTER(_ArrowSchema)),
    ("release", ctypes.c_void_p),
    ("private_data", ctypes.c_void_p),
]


_Release = ctypes.CFUNCTYPE(None, ctypes.POINTER(_ArrowSchema))


class _ArrowArrayStream(ctypes.Structure):
    """`struct ArrowArrayStream`, as far as it is used."""

    _fields_ = (("get_schema", ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.POINTER(_ArrowSchema))),)


@dataclass(frozen=True, slots=True)
class ArrowField:
    """A column of a result: its name, its type as Arrow's format string, and what the driver says of it besides."""

    name: str
    format: str
    metadata: Mapping[str, str] = field(default_factory=dict)

    @property
    def extension(self) -> str:
        """The name of its extension type, empty where it has none."""
        return self.metadata.get("ARROW:extension:name", "")


def fields_at(address: int) -> tuple[ArrowField, ...]:
    """The columns of the schema at an address, which must stay alive meanwhile."""
    schema = ctypes.cast(address, ctypes.POINTER(_ArrowSchema)).contents
    return tuple(_field(schema.children[number].contents) for number in range(schema.n_children))


def stream_fields_at(address: int) -> tuple[ArrowField, ...]:
    """The columns of the stream at an address, of which nothing has been read; empty where it does not say."""
    stream = ctypes.cast(address, ctypes.POINTER(_ArrowArrayStream)).contents
    schema = _ArrowSchema()
    if stream.get_schema(address, ctypes.byref(schema)) != 0:
        return ()
    try:
        return fields_at(ctypes.addressof(schema))
    finally:
        _Release(schema.release)(ctypes.byref(schema))


def _field(schema: _ArrowSchema) -> ArrowField:
    name = (schema.name or b"").decode("utf-8", "replace")
    return ArrowField(name, (schema.format or b"").decode("ascii", "replace"), _metadata(schema.metadata))


def _metadata(address: int | None) -> Mapping[str, str]:
    """Keys and values: a count, then each text after its length, as 32-bit numbers of this machine's."""
    if not address:
        return {}
    at = address

    def number() -> int:
        nonlocal at
        [value] = struct.unpack("=i", ctypes.string_at(at, 4))
        at += 4
        return int(value)

    def text() -> str:
        nonlocal at
        length = number()
        value = ctypes.string_at(at, length)
        at += length
        return value.decode("utf-8", "replace")

    return {text(): text() for _ in range(number())}

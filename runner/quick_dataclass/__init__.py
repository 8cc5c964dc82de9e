"""`dataclass` for frozen classes with slots, made in a fraction of the time: a command makes more than two hundred.

The one of the standard library writes the source of six methods for each class and compiles it, which is a fifth of the
CPU time of a short command. Here only `__init__` is compiled; what compares, hashes and shows instances, and refuses to
change them, is the same code for all classes. Whatever else is asked for, the standard library makes.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Mapping
from operator import attrgetter
from reprlib import recursive_repr
from typing import TYPE_CHECKING, Any

__all__ = ["dataclass"]

_QUICK = {"frozen": True, "slots": True}
_OWN = frozenset({"__init__", "__eq__", "__hash__", "__setattr__", "__delattr__", "__slots__"})
"""What a class does not define itself, if it is made here."""
_NO_FIELDS = ("ClassVar", "InitVar", "KW_ONLY")
"""Annotations that are not those of plain fields."""
_MISSING = dataclasses.MISSING
_set = object.__setattr__


def _dataclass(cls: type | None = None, /, **options: Any) -> Any:
    """What `dataclasses.dataclass` makes of a class, with the same options."""
    if options != _QUICK or sys.version_info >= (3, 14):  # annotations are kept in another way from then on
        return dataclasses.dataclass(cls, **options)
    return _made if cls is None else _made(cls)


def _made(cls: type) -> Any:
    if not _is_plain(cls):
        return dataclasses.dataclass(frozen=True, slots=True)(cls)
    described: Any = dataclasses.dataclass(init=False, repr=False, eq=False)(cls)
    fields = dataclasses.fields(described)
    names = tuple(field.name for field in fields)
    own = {name: value for name, value in described.__dict__.items() if name not in (*names, *_OF_NO_SLOTS)}
    made: Any = type(
        cls.__name__,
        cls.__bases__,
        {**_FOR_ALL, **_compared(fields), **own, "__slots__": names, "__init__": _init(cls, fields)},
    )
    made.__qualname__ = cls.__qualname__
    made.__dataclass_params__.frozen = True
    return made


_OF_NO_SLOTS = ("__dict__", "__weakref__")


def _is_plain(cls: type) -> bool:
    """Whether all of a class is made here as the standard library would make it."""
    bases = cls.__mro__[1:-1]
    if type(cls) is not type or any(hasattr(base, "__dataclass_fields__") or _slots(base) for base in bases):
        return False
    members = cls.__dict__
    special = (one for one in members.values() if isinstance(one, dataclasses.Field))
    return (
        _OWN.isdisjoint(members)
        and not any(word in str(one) for one in members.get("__annotations__", {}).values() for word in _NO_FIELDS)
        and all(one.init and one.kw_only is _MISSING for one in special)
    )


def _slots(base: type) -> bool:
    return bool(base.__dict__.get("__slots__"))


def _init(cls: type, fields: tuple[dataclasses.Field[Any], ...]) -> Callable[..., None]:
    """`__init__`, compiled, since instances are made often."""
    known: dict[str, Any] = {"_set": _set}
    arguments, lines = ["self"], []
    for field in fields:
        name, value = field.name, field.name
        if field.default is not _MISSING:
            known[f"_default_{name}"] = field.default
            arguments.append(f"{name}=_default_{name}")
        elif field.default_factory is not _MISSING:
            known[f"_make_{name}"] = field.default_factory
            arguments.append(f"{name}=_set")
            value = f"_make_{name}() if {name} is _set else {name}"
        else:
            arguments.append(name)
        lines.append(f" _set(self, {name!r}, {value})\n")
    lines += [" self.__post_init__()\n"] if hasattr(cls, "__post_init__") else []
    exec(f"def __init__({', '.join(arguments)}):\n{''.join(lines) or ' pass'}", known)  # noqa: S102 (names of fields)
    init: Callable[..., None] = known["__init__"]
    init.__qualname__, init.__module__ = f"{cls.__qualname__}.__init__", cls.__module__
    init.__annotations__ = {field.name: field.type for field in fields} | {"return": None}
    return init


def _compared(fields: tuple[dataclasses.Field[Any], ...]) -> dict[str, Callable[..., Any]]:
    """How instances are compared and hashed: by C, as fast as what is compiled for a class."""
    compared = _values([field.name for field in fields if field.compare])
    hashed = _values([field.name for field in fields if (field.compare if field.hash is None else field.hash)])

    def equals(self: object, other: object) -> bool:
        return compared(self) == compared(other) if other.__class__ is self.__class__ else NotImplemented

    def hash_of(self: object) -> int:
        return hash(hashed(self))

    return {"__eq__": equals, "__hash__": hash_of}


def _values(names: list[str]) -> Callable[[object], tuple[object, ...]]:
    """What gives the values of fields."""
    if len(names) > 1:
        return attrgetter(*names)
    return lambda instance: tuple(getattr(instance, name) for name in names)


@recursive_repr()
def _shown(self: Any) -> str:
    shown = (field.name for field in dataclasses.fields(self) if field.repr)
    return f"{type(self).__qualname__}({', '.join(f'{name}={getattr(self, name)!r}' for name in shown)})"


def _set_attribute(self: Any, name: str, value: object) -> None:
    if _is_refused(self, name):
        raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")
    _set(self, name, value)


def _delete_attribute(self: Any, name: str) -> None:
    if _is_refused(self, name):
        raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")
    object.__delattr__(self, name)


def _is_refused(instance: Any, name: str) -> bool:
    """Whether the attribute is a field; of the class itself, and not of one that inherits from it, each one is."""
    return name in instance.__dataclass_fields__ or "__dataclass_fields__" in type(instance).__dict__


def _state_of(self: Any) -> list[object]:
    return [getattr(self, field.name) for field in dataclasses.fields(self)]


def _set_state(self: Any, state: list[object]) -> None:
    for field, value in zip(dataclasses.fields(self), state, strict=True):
        _set(self, field.name, value)


_FOR_ALL: Mapping[str, Callable[..., Any]] = {
    "__repr__": _shown,
    "__setattr__": _set_attribute,
    "__delattr__": _delete_attribute,
    "__getstate__": _state_of,
    "__setstate__": _set_state,
}


if TYPE_CHECKING:
    from dataclasses import dataclass
else:
    dataclass = _dataclass

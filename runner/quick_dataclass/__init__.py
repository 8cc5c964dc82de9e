"""`dataclass` for frozen classes with slots, made in a fraction of the time: a command makes more than two hundred.

The one of the standard library describes each field, writes the source of six methods for each class and compiles it,
which was a fifth of the CPU time of a short command. Here `__init__` is compiled when a class gets its first instance,
and fields are described when somebody asks for them: most classes of a command need neither. What compares, hashes and
shows instances, and refuses to change them, is the same code for all classes. Whatever else is asked for, the standard
library makes.
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

_Given = Mapping[str, Any]
"""What a class gives its fields, by name: a default, or what `dataclasses.field` made."""


def _dataclass(cls: type | None = None, /, **options: Any) -> Any:
    """What `dataclasses.dataclass` makes of a class, with the same options."""
    if options != _QUICK or sys.version_info >= (3, 14):  # annotations are kept in another way from then on
        return dataclasses.dataclass(cls, **options)
    return _made if cls is None else _made(cls)


def _made(cls: type) -> Any:
    if not _is_plain(cls):
        return dataclasses.dataclass(frozen=True, slots=True)(cls)
    names = tuple(cls.__annotations__)
    given = {name: cls.__dict__[name] for name in names if name in cls.__dict__}
    own = {name: value for name, value in cls.__dict__.items() if name not in (*names, *_OF_NO_SLOTS)}
    late = {"__init__": _LateInit(cls, given), "__dataclass_fields__": _LateFields(cls)}
    found = {**_FOR_ALL, **_compared(names, given), **late, "__match_args__": names, **own}
    return type(cls.__name__, cls.__bases__, {**found, "__slots__": names, "__qualname__": cls.__qualname__})


_OF_NO_SLOTS = ("__dict__", "__weakref__")


class _LateFields:
    """`__dataclass_fields__` of a class: the standard library describes them when somebody first asks."""

    def __init__(self, undecorated: type) -> None:
        self._undecorated = undecorated

    def __set_name__(self, owner: type, name: str) -> None:
        self._owner = owner

    def __get__(self, instance: object, owner: type) -> dict[str, dataclasses.Field[Any]]:
        described: Any = dataclasses.dataclass(init=False, repr=False, eq=False)(self._undecorated)
        fields: dict[str, dataclasses.Field[Any]] = described.__dataclass_fields__
        self._owner.__dataclass_fields__ = fields  # type: ignore[attr-defined]
        return fields


class _LateInit:
    """`__init__` of a class, compiled when it is first called or looked at."""

    def __init__(self, undecorated: type, given: _Given) -> None:
        self._undecorated, self._given = undecorated, given

    def __set_name__(self, owner: type, name: str) -> None:
        self._owner = owner

    def __get__(self, instance: object, owner: type) -> Callable[..., None]:
        init = _init(self._undecorated, self._given)
        self._owner.__init__ = init  # type: ignore[misc]
        bound: Callable[..., None] = init.__get__(instance, owner)
        return bound


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


def _init(cls: type, given: _Given) -> Callable[..., None]:
    """`__init__`, compiled, since instances are made often."""
    known: dict[str, Any] = {"_set": _set}
    arguments, lines = ["self"], []
    for name in cls.__annotations__:
        value, default, factory = name, given.get(name, _MISSING), _MISSING
        if isinstance(default, dataclasses.Field):
            default, factory = default.default, default.default_factory  # type: ignore[union-attr]
        if default is not _MISSING:
            known[f"_default_{name}"] = default
            arguments.append(f"{name}=_default_{name}")
        elif factory is not _MISSING:
            known[f"_make_{name}"] = factory
            arguments.append(f"{name}=_set")
            value = f"_make_{name}() if {name} is _set else {name}"
        else:
            arguments.append(name)
        lines.append(f" _set(self, {name!r}, {value})\n")
    lines += [" self.__post_init__()\n"] if hasattr(cls, "__post_init__") else []
    exec(f"def __init__({', '.join(arguments)}):\n{''.join(lines) or ' pass'}", known)  # noqa: S102 (names of fields)
    init: Callable[..., None] = known["__init__"]
    init.__qualname__, init.__module__ = f"{cls.__qualname__}.__init__", cls.__module__
    init.__annotations__ = {**cls.__annotations__, "return": None}
    return init


def _compared(names: tuple[str, ...], given: _Given) -> dict[str, Callable[..., Any]]:
    """How instances are compared and hashed: by C, as fast as what is compiled for a class."""
    special = {name: one for name, one in given.items() if isinstance(one, dataclasses.Field)}
    compared = [name for name in names if name not in special or special[name].compare]
    hashed = [name for name in names if name not in special or _is_hashed(special[name])]
    values, values_to_hash = _values(compared), _values(hashed)

    def equals(self: object, other: object) -> bool:
        return values(self) == values(other) if other.__class__ is self.__class__ else NotImplemented

    def hash_of(self: object) -> int:
        return hash(values_to_hash(self))

    return {"__eq__": equals, "__hash__": hash_of}


def _is_hashed(field: dataclasses.Field[Any]) -> bool:
    return field.compare if field.hash is None else field.hash


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
    return "__dataclass_fields__" in type(instance).__dict__ or name in instance.__dataclass_fields__


def _state_of(self: Any) -> list[object]:
    return [getattr(self, name) for name in self.__match_args__]


def _set_state(self: Any, state: list[object]) -> None:
    for name, value in zip(self.__match_args__, state, strict=True):
        _set(self, name, value)


@dataclasses.dataclass(frozen=True)
class _Frozen:
    """What all have in common."""


_FOR_ALL: Mapping[str, Any] = {
    "__dataclass_params__": _Frozen.__dataclass_params__,  # type: ignore[attr-defined]
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

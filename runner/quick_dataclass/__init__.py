"""`dataclass` for classes with slots, made in a fraction of the time: a command makes more than two hundred.

The one of the standard library describes each field, writes the source of six methods for each class and compiles it,
which was a fifth of the CPU time of a short command. Here `__init__` is compiled when a class gets its first instance,
and fields are described when somebody asks for them: most classes of a command need neither. What compares, hashes and
shows instances, and refuses to change frozen ones, is the same code for all classes. Whatever else is asked for, the
standard library makes.
"""

from __future__ import annotations

import dataclasses
import operator
import sys
from collections.abc import Callable, Mapping
from functools import cache
from operator import attrgetter
from reprlib import recursive_repr
from typing import TYPE_CHECKING, Any, NamedTuple

__all__ = ["dataclass"]

_ORDER = ("__lt__", "__le__", "__gt__", "__ge__")
_OWN = frozenset({"__init__", "__eq__", "__hash__", "__setattr__", "__delattr__", "__slots__", *_ORDER})
"""What a class does not define itself, if it is made here."""
_NO_FIELDS = ("ClassVar", "InitVar", "KW_ONLY")
"""Annotations that are not those of plain fields."""
_MISSING = dataclasses.MISSING
_set = object.__setattr__

_Given = Mapping[str, Any]
"""All fields of a class, those that it inherits first: a default, what `dataclasses.field` made, or _MISSING."""


class _Options(NamedTuple):
    """What of `dataclasses.dataclass` is made here; there are always slots."""

    slots: bool = False
    frozen: bool = False
    eq: bool = True
    order: bool = False


def _dataclass(cls: type | None = None, /, **options: Any) -> Any:
    """What `dataclasses.dataclass` makes of a class, with the same options."""
    # Annotations are kept in another way from 3.14 on.
    if not options.get("slots") or not _KNOWN.issuperset(options) or sys.version_info >= (3, 14):
        return dataclasses.dataclass(cls, **options)
    made = _maker(_Options(**options))
    return made if cls is None else made(cls)


_KNOWN = frozenset(_Options._fields)


@cache
def _maker(options: _Options) -> Callable[[type], Any]:
    """What makes classes with these options."""

    def made(cls: type) -> Any:
        if not _is_plain(cls, options):
            return dataclasses.dataclass(slots=True, frozen=options.frozen, eq=options.eq, order=options.order)(cls)
        names = tuple(_annotations(cls))
        inherited = _inherited(cls)
        fields = {**inherited, **{name: cls.__dict__.get(name, _MISSING) for name in names}}
        own = {name: value for name, value in cls.__dict__.items() if name not in (*names, *_OF_NO_SLOTS)}
        late = {"__init__": _LateInit(cls, fields, options), "__dataclass_fields__": _LateFields(cls, options)}
        found = {**_FOR_ALL, **(_FOR_FROZEN if options.frozen else {}), **_compared(fields, options), **late, **own}
        new = {
            _FIELDS: fields,
            "__dataclass_params__": _LateParams(options),
            "__match_args__": tuple(fields),
            "__slots__": tuple(name for name in names if name not in inherited),
            "__qualname__": cls.__qualname__,
        }
        return type(cls.__name__, cls.__bases__, {**found, **new})

    return made


_FIELDS = "__quick_fields__"
"""The attribute of a class that was made here: its _Given."""

_OF_NO_SLOTS = ("__dict__", "__weakref__")


class _LateParams:
    """`__dataclass_params__` of a class: the standard library says what they are when somebody first asks."""

    def __init__(self, options: _Options) -> None:
        self._options = options

    def __get__(self, instance: object, owner: type) -> object:
        return _params(self._options)


@cache
def _params(options: _Options) -> object:
    made: Any = type("_Made", (), {})
    dataclass_ = dataclasses.dataclass(frozen=options.frozen, eq=options.eq, order=options.order, slots=True)
    return dataclass_(made).__dataclass_params__


class _LateFields:
    """`__dataclass_fields__` of a class: the standard library describes them when somebody first asks."""

    def __init__(self, undecorated: type, options: _Options) -> None:
        self._undecorated, self._frozen = undecorated, options.frozen

    def __set_name__(self, owner: type, name: str) -> None:
        self._owner = owner

    def __get__(self, instance: object, owner: type) -> dict[str, dataclasses.Field[Any]]:
        plain = dataclasses.dataclass(init=False, repr=False, eq=False, frozen=self._frozen)
        described: Any = plain(self._undecorated)
        fields: dict[str, dataclasses.Field[Any]] = described.__dataclass_fields__
        self._owner.__dataclass_fields__ = fields  # type: ignore[attr-defined]
        return fields


class _LateInit:
    """`__init__` of a class, compiled when it is first called or looked at."""

    def __init__(self, undecorated: type, fields: _Given, options: _Options) -> None:
        self._undecorated, self._fields, self._frozen = undecorated, fields, options.frozen

    def __set_name__(self, owner: type, name: str) -> None:
        self._owner = owner

    def __get__(self, instance: object, owner: type) -> Callable[..., None]:
        init = _init(self._undecorated, self._fields, frozen=self._frozen)
        self._owner.__init__ = init  # type: ignore[misc]
        bound: Callable[..., None] = init.__get__(instance, owner)
        return bound


def _is_plain(cls: type, options: _Options) -> bool:
    """Whether all of a class is made here as the standard library would make it."""
    if type(cls) is not type or not all(_is_plain_base(base, options) for base in cls.__mro__[1:-1]):
        return False
    members = cls.__dict__
    special = (one for one in members.values() if isinstance(one, dataclasses.Field))
    return (
        _OWN.isdisjoint(members)
        and (options.eq or not options.order)
        and not any(word in str(one) for one in _annotations(cls).values() for word in _NO_FIELDS)
        and all(one.init and one.kw_only is _MISSING for one in special)
    )


def _is_plain_base(base: type, options: _Options) -> bool:
    """Whether a class may inherit from this one: it has no field, or was made here and is frozen like this one."""
    if _FIELDS in base.__dict__:
        return bool(base.__dataclass_params__.frozen == options.frozen)  # type: ignore[attr-defined]
    return "__dataclass_fields__" not in base.__dict__ and not base.__dict__.get("__slots__")


def _inherited(cls: type) -> dict[str, Any]:
    """The fields of its bases."""
    return {name: one for base in reversed(cls.__mro__[1:-1]) for name, one in base.__dict__.get(_FIELDS, {}).items()}


def _init(cls: type, fields: _Given, *, frozen: bool) -> Callable[..., None]:
    """`__init__`, compiled, since instances are made often."""
    known: dict[str, Any] = {"_set": _set}
    arguments, lines = ["self"], []
    for name, given in fields.items():
        value, default, factory = name, given, _MISSING
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
        lines.append(f" _set(self, {name!r}, {value})\n" if frozen else f" self.{name} = {value}\n")
    lines += [" self.__post_init__()\n"] if hasattr(cls, "__post_init__") else []
    exec(f"def __init__({', '.join(arguments)}):\n{''.join(lines) or ' pass'}", known)  # noqa: S102 (names of fields)
    init: Callable[..., None] = known["__init__"]
    init.__qualname__, init.__module__ = f"{cls.__qualname__}.__init__", cls.__module__
    annotations = {name: one for base in reversed(cls.__mro__) for name, one in _annotations(base).items()}
    init.__annotations__ = {**{name: annotations[name] for name in fields}, "return": None}
    return init


def _annotations(cls: type) -> Mapping[str, Any]:
    """Its own; `inspect`, which has a function for that, takes long to import."""
    found: Mapping[str, Any] = vars(cls).get("__annotations__", {})
    return found


def _compared(fields: _Given, options: _Options) -> dict[str, Any]:
    """How instances are compared and hashed: by C, as fast as what is compiled for a class."""
    if not options.eq:
        return {}
    special = {name: one for name, one in fields.items() if isinstance(one, dataclasses.Field)}
    values = _values([name for name in fields if name not in special or special[name].compare])

    def equals(self: object, other: object) -> bool:
        return values(self) == values(other) if other.__class__ is self.__class__ else NotImplemented

    found: dict[str, Any] = {"__eq__": equals, "__hash__": None}
    if options.frozen:
        values_to_hash = _values([name for name in fields if name not in special or _is_hashed(special[name])])
        found["__hash__"] = lambda self: hash(values_to_hash(self))
    if options.order:
        found.update({name: _in_order(getattr(operator, name), values) for name in _ORDER})
    return found


def _in_order(compare: Callable[[Any, Any], bool], values: Callable[[object], Any]) -> Callable[[object, object], bool]:
    """A comparison of instances by their values."""

    def compared(self: object, other: object) -> bool:
        return compare(values(self), values(other)) if other.__class__ is self.__class__ else NotImplemented

    return compared


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


_FOR_ALL: Mapping[str, Any] = {"__repr__": _shown}

_FOR_FROZEN: Mapping[str, Any] = {
    "__setattr__": _set_attribute,
    "__delattr__": _delete_attribute,
    "__getstate__": _state_of,
    "__setstate__": _set_state,
}


if TYPE_CHECKING:
    from dataclasses import dataclass
else:
    dataclass = _dataclass

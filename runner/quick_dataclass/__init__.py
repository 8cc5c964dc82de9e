"""`dataclass` for classes with slots, made in a fraction of the time: a command makes more than two hundred.

The one of the standard library describes each field, writes the source of six methods for each class and compiles it,
which was a fifth of the CPU time of a short command; importing it, and `inspect` with it, takes 7 ms. Here `__init__`
is compiled when a class gets its first instance, and fields are described when somebody asks for them: most classes
of a command need neither. What compares, hashes and shows instances, and refuses to change frozen ones, is the same
code for all classes. Whatever else is asked for, the standard library makes. `field` and `replace` are those of the
standard library that go with it.
"""

from __future__ import annotations

import operator
import sys
from collections.abc import Callable, Mapping
from functools import cache
from operator import attrgetter
from reprlib import recursive_repr
from typing import TYPE_CHECKING, Any, NamedTuple

__all__ = ["dataclass", "field", "replace"]

_ORDER = ("__lt__", "__le__", "__gt__", "__ge__")
_OWN = frozenset({"__init__", "__eq__", "__hash__", "__setattr__", "__delattr__", "__slots__", *_ORDER})
"""What a class does not define itself, if it is made here."""
_NO_FIELDS = ("ClassVar", "InitVar", "KW_ONLY")
"""Annotations that are not those of plain fields."""
_MISSING = object()
_set = object.__setattr__

_Given = Mapping[str, Any]
"""All fields of a class, those that it inherits first: a default, a _Field, or _MISSING."""


class _Field:
    """What `field` was given."""

    __slots__ = ("options",)

    def __init__(self, options: Mapping[str, Any]) -> None:
        self.options = options

    @property
    def is_plain(self) -> bool:
        return bool(self.options.get("init", True)) and "kw_only" not in self.options

    @property
    def is_compared(self) -> bool:
        return bool(self.options.get("compare", True))

    @property
    def is_hashed(self) -> bool:
        hashed = self.options.get("hash")
        return self.is_compared if hashed is None else bool(hashed)


def _field(**options: Any) -> Any:
    """What `dataclasses.field` makes, with the same options."""
    return _Field(options)


def _own(given: Any) -> Any:
    """What a class gives a field; a _Field where it is one of the standard library's."""
    usual = sys.modules.get("dataclasses")
    if usual is None or not isinstance(given, usual.Field):
        return given
    names = ("default", "default_factory", "init", "repr", "hash", "compare", "kw_only")
    options = {name: getattr(given, name) for name in names}
    return _Field({name: one for name, one in options.items() if one is not usual.MISSING})


def _usual(cls: type, **options: Any) -> Any:
    """What the standard library makes of a class."""
    import dataclasses

    for name, one in list(vars(cls).items()):
        if isinstance(one, _Field):
            setattr(cls, name, dataclasses.field(**one.options))
    return dataclasses.dataclass(**options)(cls)


def _replace(instance: Any, /, **changes: Any) -> Any:
    """What `dataclasses.replace` makes of an instance."""
    fields = vars(type(instance)).get(_FIELDS)
    if fields is None:
        import dataclasses

        return dataclasses.replace(instance, **changes)
    return type(instance)(**{**{name: getattr(instance, name) for name in fields}, **changes})


class _Options(NamedTuple):
    """What of `dataclasses.dataclass` is made here; there are always slots."""

    slots: bool = False
    frozen: bool = False
    eq: bool = True
    order: bool = False


def _dataclass(cls: type | None = None, /, **options: Any) -> Any:
    """What `dataclasses.dataclass` makes of a class, with the same options."""
    known = options.get("slots") and _KNOWN.issuperset(options)
    made: Callable[[type], Any] = _maker(_Options(**options)) if known else lambda cls: _usual(cls, **options)
    return made if cls is None else made(cls)


_KNOWN = frozenset(_Options._fields)


@cache
def _maker(options: _Options) -> Callable[[type], Any]:
    """What makes classes with these options."""

    def made(cls: type) -> Any:
        if not _is_plain(cls, options):
            return _usual(cls, **options._asdict())
        names = tuple(_annotations(cls))
        inherited = _inherited(cls)
        fields = {**inherited, **{name: _own(cls.__dict__.get(name, _MISSING)) for name in names}}
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
        self.options = options

    def __get__(self, instance: object, owner: type) -> object:
        return _params(self.options)


@cache
def _params(options: _Options) -> object:
    return _usual(type("_Made", (), {}), **options._asdict()).__dataclass_params__


class _LateFields:
    """`__dataclass_fields__` of a class: the standard library describes them when somebody first asks."""

    def __init__(self, undecorated: type, options: _Options) -> None:
        self._undecorated, self._frozen = undecorated, options.frozen

    def __set_name__(self, owner: type, name: str) -> None:
        self._owner = owner

    def __get__(self, instance: object, owner: type) -> dict[str, Field[Any]]:
        described = _usual(self._undecorated, init=False, repr=False, eq=False, frozen=self._frozen)
        fields: dict[str, Field[Any]] = described.__dataclass_fields__
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
    special = (one for one in map(_own, members.values()) if isinstance(one, _Field))
    return (
        _OWN.isdisjoint(members)
        and (options.eq or not options.order)
        and not any(word in str(one) for one in _annotations(cls).values() for word in _NO_FIELDS)
        and all(one.is_plain for one in special)
    )


def _is_plain_base(base: type, options: _Options) -> bool:
    """Whether a class may inherit from this one: it has no field, or was made here and is frozen like this one."""
    if _FIELDS in base.__dict__:
        return bool(base.__dict__["__dataclass_params__"].options.frozen == options.frozen)
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
        if isinstance(default, _Field):
            default, factory = (default.options.get(one, _MISSING) for one in ("default", "default_factory"))
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
    values = _values([name for name, one in fields.items() if not isinstance(one, _Field) or one.is_compared])

    def equals(self: object, other: object) -> bool:
        return values(self) == values(other) if other.__class__ is self.__class__ else NotImplemented

    found: dict[str, Any] = {"__eq__": equals, "__hash__": None}
    if options.frozen:
        values_to_hash = _values([name for name, one in fields.items() if not isinstance(one, _Field) or one.is_hashed])
        found["__hash__"] = lambda self: hash(values_to_hash(self))
    if options.order:
        found.update({name: _in_order(getattr(operator, name), values) for name in _ORDER})
    return found


def _in_order(compare: Callable[[Any, Any], bool], values: Callable[[object], Any]) -> Callable[[object, object], bool]:
    """A comparison of instances by their values."""

    def compared(self: object, other: object) -> bool:
        return compare(values(self), values(other)) if other.__class__ is self.__class__ else NotImplemented

    return compared


def _values(names: list[str]) -> Callable[[object], tuple[object, ...]]:
    """What gives the values of fields."""
    if len(names) > 1:
        return attrgetter(*names)
    return lambda instance: tuple(getattr(instance, name) for name in names)


@recursive_repr()
def _shown(self: Any) -> str:
    fields: _Given = getattr(self, _FIELDS)
    shown = (name for name, one in fields.items() if not isinstance(one, _Field) or one.options.get("repr", True))
    return f"{type(self).__qualname__}({', '.join(f'{name}={getattr(self, name)!r}' for name in shown)})"


def _set_attribute(self: Any, name: str, value: object) -> None:
    if _is_refused(self, name):
        raise _frozen(f"cannot assign to field {name!r}")
    _set(self, name, value)


def _delete_attribute(self: Any, name: str) -> None:
    if _is_refused(self, name):
        raise _frozen(f"cannot delete field {name!r}")
    object.__delattr__(self, name)


def _frozen(message: str) -> AttributeError:
    from dataclasses import FrozenInstanceError

    return FrozenInstanceError(message)


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


if TYPE_CHECKING or sys.version_info >= (3, 14):  # annotations are kept in another way from then on
    from dataclasses import Field, dataclass, field, replace
else:
    dataclass, field, replace = _dataclass, _field, _replace

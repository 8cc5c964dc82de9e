"""A dataclass made quickly is what the standard library would have made."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
import sys
from collections.abc import Mapping
from dataclasses import FrozenInstanceError, dataclass, field
from types import ModuleType
from typing import Any, ClassVar, Generic, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner import quick_dataclass

T = TypeVar("T")

BODY = '''
@dataclass(frozen=True, slots=True)
class Plain:
    """One with everything a value has."""

    name: str
    count: int = 3
    parts: Mapping[str, int] = field(default_factory=dict, compare=False)
    hidden: str = field(default="", repr=False)
    unhashed: object = usual_field(default=None, hash=False)

    @property
    def twice(self) -> int:
        return self.count * 2


@dataclass(frozen=True, slots=True)
class Single:
    """One field."""

    value: object


@dataclass(frozen=True, slots=True)
class Empty:
    """No field."""


@dataclass(frozen=True, slots=True)
class Checked:
    """Refuses what is wrong."""

    count: int

    def __post_init__(self) -> None:
        if self.count < 0:
            raise ValueError("below zero")


@dataclass(frozen=True, slots=True)
class Base:
    """One to inherit from."""

    first: int


@dataclass(frozen=True, slots=True)
class Derived(Base):
    """One that inherits."""

    second: int = 2


@dataclass(frozen=True, slots=True)
class Overriding(Derived):
    """One whose base's field gets a default."""

    first: int = 5
    third: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Constant:
    """With a constant of the class."""

    kind: ClassVar[str] = "constant"
    value: int = 1


@dataclass(frozen=True, slots=True)
class Sealed:
    """Shows nothing."""

    value: str

    def __repr__(self) -> str:
        return "sealed"


@dataclass(frozen=True, slots=True)
class Boxed(Generic[T]):
    """Of any type."""

    value: T


@dataclass(frozen=True, slots=True, order=True)
class Ordered:
    """With an order."""

    value: int
    note: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True, eq=False)
class Unique:
    """Equal to itself only."""

    value: int


@dataclass(slots=True)
class Changing:
    """One that changes."""

    value: int
    parts: list[int] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class UniqueAndChanging:
    """One that changes and is equal to itself only."""

    value: int = 1


@dataclass(slots=True)
class ChangingMore(Changing):
    """One that changes and inherits."""

    more: int = 2
'''


def _module(name: str, decorator: Any, of_field: Any) -> ModuleType:
    made = ModuleType(name)
    made.__dict__.update(dataclass=decorator, field=of_field, usual_field=field)
    made.__dict__.update(ClassVar=ClassVar, Generic=Generic, T=T, Mapping=Mapping)
    sys.modules[name] = made
    exec("from __future__ import annotations\n" + BODY, made.__dict__)
    return made


QUICK = _module("quick_classes", quick_dataclass.dataclass, quick_dataclass.field)
USUAL = _module("usual_classes", dataclass, field)
CLASSES = [name for name, one in vars(USUAL).items() if dataclasses.is_dataclass(one)]


def arguments(name: str) -> dict[str, Any]:
    special: dict[str, dict[str, Any]] = {
        "Plain": {"name": "a"},
        "Empty": {},
        "Base": {"first": 1},
        "Derived": {"first": 1},
        "Overriding": {},
        "Checked": {"count": 1},
    }
    return special.get(name, {"value": 1})


@pytest.mark.parametrize("name", CLASSES)
def test_it_has_the_same_fields_signature_and_words(name: str) -> None:
    quick, usual = getattr(QUICK, name), getattr(USUAL, name)
    described = [
        [(one.name, one.type, one.default, one.compare) for one in dataclasses.fields(of)] for of in (quick, usual)
    ]
    assert described[0] == described[1]
    assert [*inspect.signature(quick).parameters] == [*inspect.signature(usual).parameters]
    assert quick.__match_args__ == usual.__match_args__
    assert (quick.__doc__, quick.__qualname__) == (usual.__doc__, usual.__qualname__)
    assert getattr(quick, "__slots__", None) == getattr(usual, "__slots__", None)
    given_, twin = quick(**arguments(name)), usual(**arguments(name))
    assert repr(given_) == repr(twin)
    assert dataclasses.asdict(given_) == dataclasses.asdict(twin)
    assert dataclasses.astuple(dataclasses.replace(given_)) == dataclasses.astuple(twin)
    assert dataclasses.astuple(quick_dataclass.replace(given_)) == dataclasses.astuple(twin)
    assert repr(quick_dataclass.replace(twin)) == repr(twin)
    assert not hasattr(given_, "__dict__")
    assert quick.__init__.__annotations__ == usual.__init__.__annotations__
    assert repr(quick.__dataclass_params__) == repr(usual.__dataclass_params__)
    assert (quick.__hash__ is None) == (usual.__hash__ is None)


@pytest.mark.parametrize("name", CLASSES)
def test_it_is_pickled_and_copied(name: str) -> None:
    made = getattr(QUICK, name)(**arguments(name))
    for again in (pickle.loads(pickle.dumps(made)), copy.copy(made), copy.deepcopy(made)):
        assert again == made or "Unique" in name
        assert repr(again) == repr(made)
        assert type(again) is type(made)


@pytest.mark.parametrize("name", [name for name in CLASSES if "Changing" not in name])
def test_it_cannot_be_changed(name: str) -> None:
    made = getattr(QUICK, name)(**arguments(name))
    for word in (*(one.name for one in dataclasses.fields(made)), "other"):
        with pytest.raises((FrozenInstanceError, AttributeError, TypeError)):
            setattr(made, word, 1)
        with pytest.raises((FrozenInstanceError, AttributeError, TypeError)):
            delattr(made, word)


@pytest.mark.parametrize("module", [QUICK, USUAL], ids=["quick", "usual"])
def test_what_belongs_to_it_is_kept(module: ModuleType) -> None:
    assert module.Plain("a", 4).twice == 8
    assert module.Plain("a").parts is not module.Plain("a").parts
    assert module.Constant.kind == "constant"
    assert repr(module.Sealed("x")) == "sealed"
    assert module.Derived(1) != module.Base(1)
    assert module.Ordered(1) < module.Ordered(2)
    assert module.Ordered(1, "b") <= module.Ordered(1, "a")
    assert not module.Ordered(1, "b") > module.Ordered(1, "a")
    assert min(module.Ordered(2), module.Ordered(1)).value == 1
    with pytest.raises(TypeError):
        module.Ordered(1) >= module.Single(1)  # noqa: B015
    assert module.Unique(1) != module.Unique(1)
    assert len({module.Unique(1), module.Unique(1)}) == 2
    assert module.Changing(1).parts is not module.Changing(1).parts
    assert module.ChangingMore(1, [], 3) == module.ChangingMore(1, [], 3) != module.ChangingMore(1)
    with pytest.raises(TypeError):
        hash(module.Changing(1))
    assert (module.Overriding().first, module.Overriding(1, 2).third) == (5, {})
    with pytest.raises(ValueError, match="below zero"):
        module.Checked(-1)
    with pytest.raises(TypeError, match=r"Single\.__init__\(\) missing 1 required positional argument: 'value'"):
        module.Single()


values = st.one_of(st.integers(0, 3), st.text(max_size=1), st.none())


@given(st.lists(st.tuples(values, values, values, values), min_size=2, max_size=2))
def test_equality_and_hashes_are_the_same(rows: list[tuple[object, ...]]) -> None:
    quick, usual = ([module.Plain(a, b, {"x": c}, "", d) for a, b, c, d in rows] for module in (QUICK, USUAL))
    assert (quick[0] == quick[1]) == (usual[0] == usual[1])
    assert [hash(one) for one in quick] == [hash(one) for one in usual]
    assert quick[0] != usual[0]
    singles = [[module.Single(row[0]) for row in rows] for module in (QUICK, USUAL)]
    assert (singles[0][0] == singles[0][1]) == (singles[1][0] == singles[1][1])
    assert [hash(one) for one in singles[0]] == [hash(one) for one in singles[1]]


@pytest.mark.parametrize("replace", [quick_dataclass.replace, dataclasses.replace], ids=["quick", "usual"])
def test_fields_are_replaced_by_name(replace: Any) -> None:
    assert replace(QUICK.Derived(1, 3), first=4) == QUICK.Derived(4, 3)
    with pytest.raises(TypeError, match="unexpected keyword argument 'third'"):
        replace(QUICK.Derived(1, 3), third=4)
    with pytest.raises(ValueError, match="below zero"):
        replace(QUICK.Checked(1), count=-1)


def test_what_may_change_changes() -> None:
    made = QUICK.ChangingMore(1)
    made.value, made.more = 5, 6
    assert (made.value, made.more) == (5, 6)
    with pytest.raises(AttributeError):
        made.other = 1


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="all are, from then on")
@pytest.mark.parametrize("name", [name for name in CLASSES if name != "Constant"])
def test_none_of_these_is_left_to_the_standard_library(name: str) -> None:
    assert hasattr(getattr(QUICK, name), "__quick_fields__")


@pytest.mark.parametrize("decorator", [quick_dataclass.dataclass, dataclass], ids=["quick", "usual"])
def test_what_may_change_does_not_inherit_from_what_is_frozen(decorator: Any) -> None:
    with pytest.raises(TypeError, match="cannot inherit"):

        @decorator(slots=True)
        class Changing(QUICK.Base):  # type: ignore[misc,name-defined]
            second: int


def test_what_holds_itself_is_shown() -> None:
    parts: dict[str, Any] = {}
    made = QUICK.Plain("a", 1, parts)
    parts["me"] = made
    assert "..." in repr(made)

"""Quick values against the standard library's: whoever uses one cannot tell which it is."""

import copy
import dataclasses
import inspect
import pickle

import pytest

from posapp.domain import values


@dataclasses.dataclass(frozen=True, slots=True)
class Standard:
    """A value."""

    name: str
    count: int = 1
    tags: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.count < 0:
            raise ValueError("count")

    @property
    def loud(self) -> str:
        return self.name.upper()


@values.dataclass(frozen=True, slots=True)
class Quick:
    """A value."""

    name: str
    count: int = 1
    tags: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.count < 0:
            raise ValueError("count")

    @property
    def loud(self) -> str:
        return self.name.upper()


@values.dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    end: str = ""
    title: str


BOTH = pytest.mark.parametrize("kind", [Standard, Quick])


@BOTH
def test_fields_come_by_place_and_by_name(kind: type[Standard]) -> None:
    value = kind("a", tags=("x",))
    assert (value.name, value.count, value.tags, value.loud) == ("a", 1, ("x",), "A")
    assert repr(value) == f"{kind.__qualname__}(name='a', count=1, tags=('x',))"
    assert kind.__doc__ == "A value."


@BOTH
@pytest.mark.parametrize(
    ("args", "more"), [((), {}), (("a", 1, (), 4), {}), (("a",), {"name": "b"}), (("a",), {"wrong": 1})]
)
def test_wrong_fields_are_refused(
    kind: type[Standard], args: tuple[object, ...], more: dict[str, object]
) -> None:
    with pytest.raises(TypeError):
        kind(*args, **more)  # type: ignore[arg-type]  # that is the point


@BOTH
def test_a_value_never_changes(kind: type[Standard]) -> None:
    value = kind("a")
    with pytest.raises(dataclasses.FrozenInstanceError):
        value.name = "b"  # type: ignore[misc]  # that is the point
    with pytest.raises(dataclasses.FrozenInstanceError):
        del value.name
    assert not hasattr(value, "__dict__")


@BOTH
def test_equal_values_are_one(kind: type[Standard]) -> None:
    assert kind("a") == kind("a", 1)
    assert kind("a") != kind("b")
    assert len({kind("a"), kind("a", 1), kind("b")}) == 2
    other: object = ("a", 1, ())
    assert kind("a") != other


def test_equal_fields_of_another_kind_are_not_equal() -> None:
    quick: object = Quick("a")
    assert quick != Standard("a")
    assert Quick("a").__eq__(Standard("a")) is NotImplemented


@BOTH
@pytest.mark.parametrize("replace", [dataclasses.replace, values.replace])
def test_some_fields_replaced(kind: type[Standard], replace: object) -> None:
    assert callable(replace)
    assert replace(kind("a", 2), name="b") == kind("b", 2)
    with pytest.raises(TypeError):
        replace(kind("a"), wrong=1)
    with pytest.raises(ValueError, match="count"):
        replace(kind("a"), count=-1)


def test_a_match_finds_fields_by_place() -> None:
    match Quick("a", 3):
        case Quick(name, count):
            assert (name, count) == ("a", 3)
        case _:
            pytest.fail("no match")


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value))])
@BOTH
def test_copies_are_equal(kind: type[Standard], again: object) -> None:
    assert callable(again)
    assert again(kind("a", 2)) == kind("a", 2)


def test_tools_see_a_dataclass() -> None:
    assert [f.name for f in dataclasses.fields(Quick)] == [f.name for f in dataclasses.fields(Standard)]
    assert dataclasses.asdict(Quick("a")) == dataclasses.asdict(Standard("a"))
    quick, standard = inspect.signature(Quick), inspect.signature(Standard)
    assert list(quick.parameters) == list(standard.parameters)
    assert Quick.__match_args__ == Standard.__match_args__


def test_fields_by_name_only() -> None:
    assert Named(title="b") == Named(end="", title="b")
    with pytest.raises(TypeError):
        Named("a", "b")  # type: ignore[call-arg]  # that is the point
    assert values.replace(Named(title="b"), end="x") == Named(title="b", end="x")


def test_what_is_not_made_here_is_refused() -> None:
    with pytest.raises(TypeError, match="frozen"):
        values.dataclass(frozen=True, slots=False)
    with pytest.raises(TypeError, match="inherits"):
        values.dataclass(frozen=True, slots=True)(type("Heir", (Standard,), {}))
    with pytest.raises(TypeError, match="can change"):
        values.dataclass(frozen=True, slots=True)(
            type("Bag", (), {"__annotations__": {"a": "list"}, "a": []})
        )
    with pytest.raises(TypeError, match="behind"):
        values.dataclass(frozen=True, slots=True)(
            type("Odd", (), {"__annotations__": {"a": "int", "b": "int"}, "a": 1})
        )

"""The frozen classes of `pyebpf.records` behave as those of `dataclasses`."""

from __future__ import annotations

import copy
import dataclasses
from typing import Any, ClassVar

import pytest

from pyebpf import records


def make(decorate: Any) -> Any:
    @decorate(frozen=True, slots=True)
    class Point:
        """A point."""

        kind: ClassVar = "point"
        x: int
        y: int = 2
        name: str = dataclasses.field(default="p")

        def __post_init__(self) -> None:
            assert self.x is not None

        @property
        def sum(self) -> int:
            return self.x + self.y

    return Point


@pytest.fixture(params=[records.dataclass, dataclasses.dataclass], ids=["records", "dataclasses"])
def point(request: pytest.FixtureRequest) -> Any:
    return make(request.param)


def test_values_and_defaults(point: Any) -> None:
    one = point(1, name="q")
    assert (one.x, one.y, one.name, one.sum, one.kind) == (1, 2, "q", 3, "point")
    assert repr(one).endswith("Point(x=1, y=2, name='q')")
    assert [field.name for field in dataclasses.fields(one)] == ["x", "y", "name"]
    assert dataclasses.replace(one, x=5) == point(5, 2, "q")
    assert dataclasses.astuple(one) == (1, 2, "q")
    match one:
        case point(x, 2):
            assert x == 1
        case _:
            pytest.fail("doesn't match")


def test_equality_and_hash(point: Any) -> None:
    assert point(1) == point(1, 2)
    assert point(1) != point(2)
    assert point(1) != (1, 2, "p")
    assert len({point(1), point(1), point(3)}) == 2
    assert copy.deepcopy(point(1)) == copy.copy(point(1)) == point(1)


def test_frozen_and_slotted(point: Any) -> None:
    one = point(1)
    with pytest.raises(dataclasses.FrozenInstanceError):
        one.x = 2
    with pytest.raises(dataclasses.FrozenInstanceError):
        del one.x
    assert not hasattr(one, "__dict__")


@pytest.mark.parametrize(("values", "named"), [((), {}), ((1, 2, "3", 4), {}), ((1,), {"x": 1}), ((1,), {"z": 1})])
def test_wrong_values(point: Any, values: tuple[Any, ...], named: dict[str, Any]) -> None:
    with pytest.raises(TypeError):
        point(*values, **named)


def test_identity() -> None:
    @records.dataclass(frozen=True, slots=True, eq=False)
    class Op:
        value: int

    assert Op(1) != Op(1)
    assert len({Op(1), Op(1)}) == 2

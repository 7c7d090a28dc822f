"""The values that per-CPU maps have for each CPU."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, overload


class PerCpu(Sequence[Any]):
    """The values of one entry, one per possible CPU; `.sum()` adds them up."""

    def __init__(self, values: tuple[Any, ...]) -> None:
        self._values = values

    @overload
    def __getitem__(self, index: int) -> Any: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Any, ...]: ...
    def __getitem__(self, index: int | slice) -> Any:
        return self._values[index]

    def __len__(self) -> int:
        return len(self._values)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._values)

    def __eq__(self, other: object) -> bool:
        return tuple(self) == tuple(other) if isinstance(other, PerCpu | tuple | list) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._values)

    def __repr__(self) -> str:
        return f"PerCpu{self._values!r}"

    def min(self) -> Any:
        """The least over all CPUs; of structs and arrays, of each number in them."""
        return combine(self._values, min)

    def max(self) -> Any:
        """The greatest over all CPUs; of structs and arrays, of each number in them."""
        return combine(self._values, max)

    def mean(self) -> float:
        """The mean over all CPUs, those that had nothing to count included. TypeError for more than numbers."""
        if not isinstance(self._values[0], int):
            raise TypeError(f"a mean is of numbers, not of {self._values[0]!r}")
        return float(sum(self._values) / len(self._values))

    def sum(self) -> Any:
        """The sum over all CPUs; of structs and arrays, of each number in them. Text and addresses are those of the
        first CPU that has any."""
        return add(self._values)


def add(values: Sequence[Any]) -> Any:
    """Values of one layout, added up number by number."""
    return combine(values, sum)


def combine(values: Sequence[Any], one: Callable[[list[int]], int]) -> Any:
    """Values of one layout, made one by `one` number by number."""
    first = values[0]
    if isinstance(first, bool):
        return bool(one([int(value) for value in values]))
    if isinstance(first, int):
        return one([int(value) for value in values])
    if isinstance(first, tuple | list):
        parts = [combine(column, one) for column in zip(*values, strict=True)]
        make: Callable[[Any], Any] = getattr(type(first), "_make", type(first))
        return make(parts)
    return next((value for value in values if _is_set(value)), first)


def _is_set(value: Any) -> bool:
    """Whether text or an address is more than zeros."""
    return any(value.packed) if hasattr(value, "packed") else bool(value)

"""A declared map or variable in a test, before anything was simulated: what touches it loads its module."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, final


@final
class Pending:
    """Stands for the view of a declaration until there is one; `load` makes it."""

    def __init__(self, load: Callable[[], Any]) -> None:
        self._load = load

    def __getitem__(self, key: object) -> Any:
        return self._load()[key]

    def __setitem__(self, key: object, value: object) -> None:
        self._load()[key] = value

    def __delitem__(self, key: object) -> None:
        del self._load()[key]

    def __contains__(self, key: object) -> bool:
        return key in self._load()

    def __iter__(self) -> Iterator[Any]:
        return iter(self._load())

    def __reversed__(self) -> Iterator[Any]:
        return iter(reversed(self._load()))

    def __len__(self) -> int:
        return len(self._load())

    @property
    def value(self) -> Any:
        return self._load().value

    @value.setter
    def value(self, value: object) -> None:
        self._load().value = value

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self._load(), name)

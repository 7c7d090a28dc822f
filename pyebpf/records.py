"""`dataclass`, for frozen classes, made quickly: `from pyebpf.records import dataclass`.

Python's own compiles the methods of each class anew, about a millisecond each, at every start. pyebpf has hundreds of
frozen classes (tree nodes, ops, diagnostics), most of which a run never uses, so that was half the time of a
compilation. Here the methods are the same few functions for all classes. Type checkers see Python's own.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, NoReturn

__all__ = ["dataclass"]

if TYPE_CHECKING:
    from dataclasses import dataclass
else:

    def dataclass(cls: Any = None, /, **options: Any) -> Any:
        """As `dataclasses.dataclass`. Classes that aren't frozen are left to that."""
        if cls is None:
            return lambda inner: dataclass(inner, **options)
        if not options.get("frozen") or options.keys() - {"frozen", "slots", "eq"}:
            return dataclasses.dataclass(cls, **options)
        methods = {"__init__": _init, "__repr__": _repr, "__reduce__": _reduce}
        methods |= {"__setattr__": _frozen_set, "__delattr__": _frozen_delete}
        if options.get("eq", True):
            methods |= {"__eq__": _equal, "__hash__": _hash}
        own = vars(cls)
        for name, method in methods.items():
            if own.get(name) is None:  # a class with `__eq__` and without `__hash__` has None there
                setattr(cls, name, method)
        if not cls.__doc__:
            cls.__doc__ = cls.__name__  # or dataclasses would work out a signature, slowly
        return dataclasses.dataclass(cls, init=False, repr=False, eq=False, slots=options.get("slots", False))


_set = object.__setattr__


def _init(self: Any, *values: Any, **named: Any) -> None:
    cls = type(self)
    names = cls.__match_args__
    for name, value in zip(names, values):
        _set(self, name, value)
    if named or len(values) != len(names):
        _init_others(self, cls, len(values), named)
    if hasattr(cls, "__post_init__"):
        self.__post_init__()


def _init_others(self: Any, cls: Any, given: int, named: dict[str, Any]) -> None:
    """Fields that aren't given by their place."""
    names = cls.__match_args__
    if given > len(names):
        raise TypeError(f"{cls.__name__} takes {len(names)} values, not {given}")
    for name in names[given:]:
        _set(self, name, named.pop(name) if name in named else _default(cls, name))
    if named:
        raise TypeError(f"{cls.__name__} has no other value for {next(iter(named))}")


def _default(cls: Any, name: str) -> Any:
    field = cls.__dataclass_fields__[name]
    if field.default is not dataclasses.MISSING:
        return field.default
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    raise TypeError(f"{cls.__name__} needs {name}")


def _values(self: Any) -> tuple[Any, ...]:
    return tuple([getattr(self, name) for name in type(self).__match_args__])


def _repr(self: Any) -> str:
    values = ", ".join(f"{name}={getattr(self, name)!r}" for name in type(self).__match_args__)
    return f"{type(self).__qualname__}({values})"


def _equal(self: Any, other: object) -> Any:
    if type(other) is not type(self):
        return NotImplemented
    return _values(self) == _values(other)


def _hash(self: Any) -> int:
    return hash(_values(self))


def _reduce(self: Any) -> tuple[Any, ...]:
    return type(self), _values(self)


def _frozen_set(self: Any, name: str, value: object) -> NoReturn:
    raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")


def _frozen_delete(self: Any, name: str) -> NoReturn:
    raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")

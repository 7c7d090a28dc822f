"""What memory of zeros is in Python, where it can be changed: arrays are lists of a fixed length."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address
from typing import Any, SupportsIndex

from pyebpf import layout
from pyebpf.addresses import MacAddress
from pyebpf.encode import record_class


class Elements(list[Any]):
    """The elements of an array: as many as there are. Equal to a tuple of the same values."""

    def __setitem__(self, index: SupportsIndex | slice, value: Any) -> None:
        if isinstance(index, slice):
            value = list(value)
            if len(value) != len(range(*index.indices(len(self)))):
                raise ValueError("an array keeps its length")
        super().__setitem__(index, value)

    def _fixed(self, *_: object) -> Any:
        raise TypeError("an array keeps its length")

    append = extend = insert = pop = remove = clear = __delitem__ = __iadd__ = __imul__ = _fixed

    def __eq__(self, other: object) -> bool:
        return isinstance(other, list | tuple) and list.__eq__(self, list(other))

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(tuple(self))

    def __getitem__(self, index: SupportsIndex | slice) -> Any:
        found = super().__getitem__(index)
        return Elements(copy.deepcopy(found)) if isinstance(index, slice) else found

    def copy(self) -> Elements:
        """Another array; structs in it are others as well."""
        return copy.deepcopy(self)

    def __deepcopy__(self, memo: dict[int, Any]) -> Elements:
        return Elements(copy.deepcopy(item, memo) for item in self)

    def __reduce__(self) -> Any:
        return Elements, (list(self),)


def zero(type: layout.Type, declared: Any = None) -> Any:
    """A new value of `type`: zeros, but for the defaults of the structs that `declared` names."""
    if getattr(declared, "__declared__", None) is not None:
        return declared()
    match type:
        case layout.Text():
            return ""
        case layout.Array():
            element = getattr(declared, "element", None)
            return Elements(zero(type.element, element) for _ in range(type.length))
        case layout.Boolean():
            return False
        case layout.Struct():
            return record_class(type)._make(zero(field.type) for field in type.fields)
        case layout.Address():
            return IPv6Address(0) if type.view == "ipv6" else MacAddress(bytes(type.size))
        case layout.Integer(view="ipv4"):
            return IPv4Address(0)
        case _:
            return 0


def array(type: layout.Array, declared: Any, values: Iterable[Any]) -> Elements:
    """`u32[4](1, 2, 3, 4)`, or without values zeros."""
    given = list(values)
    if given and len(given) != type.length:
        raise TypeError(f"{type} takes {type.length} values, or none; not {len(given)}")
    return Elements(given) if given else zero(type, declared)

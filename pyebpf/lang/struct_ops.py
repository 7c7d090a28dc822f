"""Structs of operations: a class whose methods are what the kernel calls.

@struct_ops("tcp_congestion_ops")
class Plain:
    name = "pyebpf_plain"

    def ssthresh(self, sk): ...
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from types import FunctionType
from typing import Any, Final

from pyebpf.kernel.hooks import STRUCT_OPS
from pyebpf.lang.errors import DeclarationError
from pyebpf.lang.probes import Probe
from pyebpf.nearest import get_close_matches

_EXAMPLE: Final = '@struct_ops("tcp_congestion_ops")'
_NAME: Final = re.compile(r"[A-Za-z_]\w*", re.ASCII)


class StructOps:
    """A decorated class: the programs of its methods, and the values of the struct's other members."""

    def __init__(
        self, struct: str, name: str, methods: dict[str, FunctionType], values: dict[str, int | bytes]
    ) -> None:
        self.struct = struct
        self.__name__ = name
        self.values = values
        self.methods = {method: self._probe(method, function) for method, function in methods.items()}

    def _probe(self, method: str, function: FunctionType) -> Probe:
        probe = Probe(function, STRUCT_OPS, f"{self.struct}:{method}", None)
        probe.__name__ = f"{self.__name__}_{method}"
        probe.operations = self
        return probe

    @property
    def probes(self) -> tuple[Probe, ...]:
        """The programs: `CLASS_METHOD`."""
        return tuple(self.methods.values())

    def __iter__(self) -> Iterator[Probe]:
        return iter(self.probes)

    def __getattr__(self, name: str) -> Probe:
        if name.startswith("__") or name not in self.methods:
            near = get_close_matches(name, self.__dict__.get("methods", ()), n=1, cutoff=0.5)
            raise AttributeError(f"{name} is no operation" + (f"; did you mean {near[0]}?" if near else ""))
        return self.methods[name]

    def __call__(self, *_: Any) -> Any:
        raise RuntimeError(f"{self.__name__} is registered in the kernel: load it with pyebpf.load({self.__name__})")

    def __repr__(self) -> str:
        return f"<pyebpf struct_ops {self.__name__} of {self.struct}>"


def probes_in(values: Iterable[object]) -> list[Probe]:
    """The probes among `values`, and those of classes, each once."""
    found: dict[int, Probe] = {}
    for value in tuple(values):
        for each in value.probes if isinstance(value, StructOps) else (value,):
            if isinstance(each, Probe):
                found[id(each)] = each
    return list(found.values())


def struct_ops(struct: str) -> Callable[[type], StructOps]:
    """Make the methods of the decorated class the operations of the kernel's `struct`. Linux 5.6."""
    if not isinstance(struct, str) or not _NAME.fullmatch(struct):
        raise DeclarationError("@struct_ops needs the name of a struct", _EXAMPLE)
    return lambda target: _made(struct, target)


def _made(struct: str, target: object) -> StructOps:
    if not isinstance(target, type):
        raise DeclarationError("@struct_ops decorates a class, whose methods are the operations", _EXAMPLE)
    if target.__bases__ != (object,):
        raise DeclarationError(f"{target.__name__} has a base class: all operations stand in the class itself")
    methods: dict[str, FunctionType] = {}
    values: dict[str, int | bytes] = {}
    for name, value in vars(target).items():
        if name.startswith("_"):
            continue
        if isinstance(value, FunctionType):
            methods[name] = value
        else:
            values[name] = _value(target.__name__, name, value)
    if not methods:
        raise DeclarationError(f"{target.__name__} has no method, and so no operation")
    return StructOps(struct, target.__name__, methods, values)


def _value(owner: str, name: str, value: object) -> int | bytes:
    match value:
        case int():
            return int(value)
        case str():
            return value.encode()
        case bytes():
            return value
    raise DeclarationError(f"{owner}.{name} is a number, text or a method, not {type(value).__name__}")

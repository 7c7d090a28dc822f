"""The same text as a probe in the kernel, and as a function of CPython with what the probe imports in plain Python."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from enum import IntEnum
from pathlib import Path
from typing import Any, Final

from running import Kernel

from pyebpf.loader import sys
from pyebpf.loader.load import load_object
from pyebpf.object.read import read_object

OUTPUTS: Final = 32
IMPORTS: Final = """\
from enum import IntEnum

from pyebpf import XDP, Array, Global, Hash, PerCpuArray, RingBuf, char, function, struct, xdp
from pyebpf import i8, i16, i32, i64, u8, u16, u32, u64

out = Array[u64](max_entries=32)

"""
FAULTS: Final = (KeyError, IndexError, ZeroDivisionError, AssertionError, ValueError, TypeError)
PASS: Final = 2


class Type:
    """An integer type: `u32(x)`, `u32[4]`, and what a field of it starts as."""

    def __init__(self, bits: int, signed: bool) -> None:
        self.bits, self.signed = bits, signed

    def __call__(self, value: int = 0) -> int:
        value &= (1 << self.bits) - 1
        return value - (1 << self.bits) if self.signed and value >> (self.bits - 1) else value

    def __getitem__(self, count: int) -> Callable[[], Any]:
        return repeated(self, count)


def repeated(make: Callable[[], Any], count: int) -> Callable[[], Any]:
    """An array type."""
    return lambda: [make() for _ in range(count)]


class Char:
    """`char[8]`, a type of text, and `char[8][2]`, an array of it."""

    def __init__(self, size: int = 0) -> None:
        self.size = size

    def __getitem__(self, count: int) -> Callable[[], Any]:
        return repeated(str, count) if self.size else Char(count)

    def __call__(self, text: str = "") -> str:
        return text.encode("utf-8", "surrogateescape")[: self.size].decode("utf-8", "surrogateescape")


def struct_class(cls: type) -> type:
    """@struct: fields are zero unless given."""
    fields = dict(cls.__annotations__)

    class Struct:
        def __init__(self, **given: Any) -> None:
            for name, type in fields.items():
                setattr(self, name, given[name] if name in given else type())

        def __class_getitem__(cls, count: int) -> Callable[[], Any]:
            return repeated(cls, count)

        def copy(self) -> Any:
            return deepcopy(self)

        def __eq__(self, other: object) -> bool:
            return vars(self) == vars(other)

        __hash__ = None  # type: ignore[assignment]

    return Struct


class Variable:
    """Global[u64](0)"""

    def __init__(self, value: int = 0) -> None:
        self.value = value

    def __class_getitem__(cls, type: Any) -> Any:
        return cls


class ArrayMap(list[Any]):
    def __class_getitem__(cls, type: Any) -> Any:
        return lambda max_entries: cls([type() for _ in range(max_entries)])


class HashMap(dict[Any, Any]):
    def __class_getitem__(cls, types: Any) -> Any:
        return lambda max_entries: cls()


class Ring:
    """A ring buffer that nobody reads."""

    def __init__(self, type: Any) -> None:
        self.type = type

    def __class_getitem__(cls, type: Any) -> Any:
        return lambda size: cls(type)

    @contextmanager
    def reserve(self) -> Iterator[Any]:
        yield self.type()


class Packet:
    def __init__(self, data: bytes) -> None:
        self.data = data

    def __len__(self) -> int:
        return len(self.data)

    def load(self, offset: int, type: Any) -> Any:
        if isinstance(type, Char):
            return self.data[offset : offset + type.size].partition(b"\0")[0].decode("utf-8", "surrogateescape")
        size = type.bits // 8 if isinstance(type, Type) else type.layout.size
        return type(int.from_bytes(self.data[offset : offset + size], "little"))


NAMES: Final[dict[str, Any]] = {
    **{f"{'i' if signed else 'u'}{bits}": Type(bits, signed) for bits in (8, 16, 32, 64) for signed in (True, False)},
    "Array": ArrayMap, "PerCpuArray": ArrayMap, "Hash": HashMap, "RingBuf": Ring, "Global": Variable,
    "struct": struct_class, "char": Char(), "xdp": lambda probe: probe, "function": lambda helper: helper,
    "bool": bool, "IntEnum": IntEnum,
    "XDP": type("XDP", (), {"ABORTED": 0, "DROP": 1, "PASS": 2, "TX": 3}),
}  # fmt: skip


def in_python(text: str, packet: bytes) -> tuple[int, str, list[int]]:
    """The result of `probe`, its fault, and `out`."""
    scope = dict(NAMES, out=ArrayMap([0] * OUTPUTS))
    exec(compile(text, "<probe>", "exec", dont_inherit=True), scope)
    fault = ""
    try:
        result = int(scope["probe"](Packet(packet)))
    except FAULTS as error:
        result, fault = PASS, type(error).__name__
    return result, fault, [int(value) & (1 << 64) - 1 for value in scope["out"]]


def in_kernel(kernel: Kernel, text: str, packets: list[bytes], folder: Path) -> list[tuple[int, str, list[int]]]:
    """The same from the kernel, for each packet; nothing is cleared in between but `out`."""
    path = folder / "probe.py"
    path.write_text(IMPORTS + text)
    found = []
    with load_object(read_object(kernel.compile_file(path))) as loaded:
        for packet in packets:
            out = loaded.maps["out"].fd
            for number in range(OUTPUTS):
                sys.map_update(out, struct.pack("<I", number), bytes(8))
            before = kernel._faults(loaded)
            result = sys.prog_test_run(loaded.programs["probe"].fd, packet)[0]
            counted = [now - old for now, old in zip(kernel._faults(loaded), before, strict=True)]
            fault = kernel._fault(loaded, counted).partition(" ")[0]
            numbers = [sys.map_lookup(out, struct.pack("<I", number), 8) for number in range(OUTPUTS)]
            found.append((result, fault, [int.from_bytes(number or b"", "little") for number in numbers]))
    return found


def check_same(kernel: Kernel, text: str, packets: list[bytes], folder: Path) -> None:
    """Kernel and CPython agree on `text` for every packet."""
    for packet, outcome in zip(packets, in_kernel(kernel, text, packets, folder), strict=True):
        assert outcome == in_python(text, packet), f"{packet!r}\n{text}"

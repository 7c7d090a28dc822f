"""The types of the language, as Python classes: `u8`…`i64`, `be16`…`be64`, `char[N]`, arrays by `T[N]`.

Called in plain Python they convert as they do in a probe, so functions of the
language can be tried and tested outside the kernel: `u8(300) == 44`.
"""

from __future__ import annotations

import ipaddress
from enum import EnumMeta, IntEnum
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from typing_extensions import Self

from pyebpf import layout
from pyebpf.addresses import MacAddress
from pyebpf.kernel.kptrs import KEEPERS, keeper_of
from pyebpf.lang.errors import DeclarationError
from pyebpf.lang.kernel_types import KernelPointer
from pyebpf.lang.zeros import array

LARGEST = 4 << 20
"""Bytes of one value: what the kernel allocates at a time (KMALLOC_MAX_SIZE of x86-64 and arm64)."""
Sized = TypeVar("Sized", bound=layout.Type)


def checked(type: Sized) -> Sized:
    """`type`, unless no value of it can be."""
    if type.size > LARGEST:
        raise DeclarationError(f"{type} has {type.size:,} bytes, and no value has more than {LARGEST:,}")
    return type


class ArrayType:
    """`T[N]`: N elements of T."""

    def __init__(self, element: object, length: object) -> None:
        if isinstance(length, bool) or not isinstance(length, int) or length < 1:
            raise DeclarationError(f"an array's length is a positive integer, not {length!r}", "u32[4]")
        self.layout = checked(layout.Array(layout_of(element), length))
        self.element = element

    def __call__(self, *values: object) -> Any:
        """An array of these values, or of zeros: a list of a fixed length."""
        return array(self.layout, self, values)

    def __getitem__(self, length: object) -> ArrayType:
        return ArrayType(self, length)

    def __repr__(self) -> str:
        return str(self.layout)


class ScalarMeta(type):
    """Gives integer types their layout, and `T[N]`."""

    layout: layout.Integer

    def __getitem__(cls, length: object) -> ArrayType:
        return ArrayType(cls, length)


class _Scalar(int, metaclass=ScalarMeta):
    """Base of the integer types."""

    def __new__(cls, value: Any = 0) -> Self:
        mask = (1 << (cls.layout.size * 8)) - 1
        number = int(value) & mask
        if number > cls.layout.maximum:
            number -= mask + 1
        return int.__new__(cls, number)


class u8(_Scalar):
    """Unsigned, 1 byte."""

    layout = layout.U8


class u16(_Scalar):
    """Unsigned, 2 bytes."""

    layout = layout.U16


class u32(_Scalar):
    """Unsigned, 4 bytes."""

    layout = layout.U32


class u64(_Scalar):
    """Unsigned, 8 bytes; arithmetic wraps at 2**64."""

    layout = layout.U64


class i8(_Scalar):
    """Signed, 1 byte."""

    layout = layout.I8


class i16(_Scalar):
    """Signed, 2 bytes."""

    layout = layout.I16


class i32(_Scalar):
    """Signed, 4 bytes."""

    layout = layout.I32


class i64(_Scalar):
    """Signed, 8 bytes; arithmetic wraps at 2**63."""

    layout = layout.I64


class be16(_Scalar):
    """Unsigned, 2 bytes in network order; a number like any other wherever it is used."""

    layout = layout.BE16


class be32(_Scalar):
    """Unsigned, 4 bytes in network order."""

    layout = layout.BE32


class be64(_Scalar):
    """Unsigned, 8 bytes in network order."""

    layout = layout.BE64


class SpinLock:
    """A field that `with entry.lock:` holds, so that other CPUs wait: `struct bpf_spin_lock`, Linux 5.1.

    It is a field of the struct that is the value of a Hash or an Array.
    """

    __layout__ = layout.SPIN_LOCK


class Timer:
    """A field that `entry.timer.start(ns, callback)` starts: `struct bpf_timer`, Linux 5.15.

    It is a field of the struct that is the value of a Hash, an LruHash or an Array.
    """

    __layout__ = layout.TIMER


class WorkQueue:
    """A field that `entry.work.start(callback)` starts: `struct bpf_wq`, Linux 6.10. The kernel calls back soon, in a
    thread of its own, where programs may sleep.

    It is a field of the struct that is the value of a Hash, an LruHash or an Array.
    """

    __layout__ = layout.WORK_QUEUE


class TextType:
    """`char[N]`: at most N bytes of UTF-8, padded with NUL; `str` in Python."""

    def __init__(self, length: object) -> None:
        if isinstance(length, bool) or not isinstance(length, int) or length < 1:
            raise DeclarationError(f"char[N] takes a positive number of bytes, not {length!r}", "char[16]")
        self.layout = checked(layout.Text(length))

    def __call__(self, text: str = "") -> str:
        """As much of `text` as fits, in whole characters."""
        if not isinstance(text, str):
            raise TypeError(f"{self} is made of text, not of {type(text).__name__}")
        kept = text.encode("utf-8", "surrogateescape")[: self.layout.length]
        found = kept.decode("utf-8", "surrogateescape")
        while not text.startswith(found):  # the first bytes of a character
            found = found[:-1]
        return found

    def __getitem__(self, length: object) -> ArrayType:
        return ArrayType(self, length)

    def __repr__(self) -> str:
        return str(self.layout)


class _CharMeta(type):
    def __getitem__(cls, length: object) -> TextType:
        return TextType(length)


class char(metaclass=_CharMeta):
    """`char[N]` is text of at most N bytes."""


SCALARS = (u8, u16, u32, u64, i8, i16, i32, i64, be16, be32, be64)
_PYTHON_TYPES: dict[object, layout.Type] = {
    bool: layout.BOOL,
    ipaddress.IPv4Address: layout.IPV4,
    ipaddress.IPv6Address: layout.IPV6,
}


def layout_of(declared: object) -> layout.Type:
    """The memory layout of a type of the language. DeclarationError if it isn't one."""
    known = layout_or_none(declared)
    if known is not None:
        return known
    if declared is int:
        raise DeclarationError("`int` has no width", "choose one of u8 u16 u32 u64 i8 i16 i32 i64")
    if declared is str:
        raise DeclarationError("`str` has no length", "char[16]")
    if declared is float:
        raise DeclarationError("the kernel has no floating point", "use an integer in a smaller unit")
    if declared is char:
        raise DeclarationError("`char` needs a length", "char[16]")
    if isinstance(declared, KernelPointer):
        words = " or ".join(keeper.struct for keeper in KEEPERS)
        example = f'Kernel["struct {KEEPERS[0].struct}"]'
        raise DeclarationError(f"entries of maps can hold a {words}, not a struct {declared.struct}", example)
    name = getattr(declared, "__name__", None) or repr(declared)
    raise DeclarationError(f"`{name}` is not a type of the language", "u8…u64, i8…i64, bool, char[N], T[N], a @struct")


def layout_or_none(declared: object) -> layout.Type | None:
    """The memory layout of a type of the language, or None."""
    if isinstance(declared, ArrayType | TextType):
        return declared.layout
    if isinstance(declared, layout.Struct):
        return declared
    if isinstance(declared, KernelPointer) and keeper_of(declared.struct) is not None:
        return layout.kept(declared.struct)
    try:
        if declared in _PYTHON_TYPES:
            return _PYTHON_TYPES[declared]
    except TypeError:  # unhashable: surely no type
        return None
    if isinstance(declared, ScalarMeta):
        return declared.layout
    if declared is MacAddress:
        return layout.MAC
    if isinstance(declared, EnumMeta) and issubclass(declared, IntEnum) and len(declared):
        return enumeration_of(declared)
    found = getattr(declared, "__layout__", None)
    return found if isinstance(found, layout.Struct) else None


def enumeration_of(enum: type[IntEnum]) -> layout.Enumeration:
    """How members of `enum` are stored: in the smallest of u32, i32, u64, i64 that holds them all."""
    values = [member.value for member in enum]
    for base in (layout.U32, layout.I32, layout.U64, layout.I64):
        if base.minimum <= min(values) and max(values) <= base.maximum:
            return layout.Enumeration(enum.__name__, base, tuple((m.name, m.value) for m in enum))
    raise DeclarationError(f"no 64-bit integer holds all members of {enum.__name__}")

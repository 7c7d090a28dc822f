"""Rings that user space writes, as declared at module level: `commands = UserRingBuf[Command](size=4096)`."""

from __future__ import annotations

from typing import Final

from pyebpf import layout
from pyebpf.lang.errors import DeclarationError
from pyebpf.lang.maps import Map
from pyebpf.lang.options import the_option
from pyebpf.lang.types import layout_of

LEAST: Final = 4096
MOST: Final = 1 << 30
EXAMPLE: Final = "UserRingBuf[Command](size=64 * 1024)"


class _Maker:
    """`UserRingBuf[Command]`, waiting for its size."""

    def __init__(self, value: layout.Type) -> None:
        self.value = value

    def __call__(self, *arguments: object, **options: object) -> UserRingBuf:
        example = f"UserRingBuf[{self.value}](size=64 * 1024)"
        size = the_option("UserRingBuf", "size", arguments, options, example)
        if isinstance(size, bool) or not isinstance(size, int) or not LEAST <= size <= MOST or size & (size - 1):
            raise DeclarationError(f"a ring's size is a power of two of at least 4096 bytes, not {size!r}", example)
        if self.value.size > size - 8:
            raise DeclarationError(f"a ring of {size} bytes has no room for a record of {self.value.size}", example)
        return UserRingBuf(self.value, size)


class UserRingBuf(Map):
    """`UserRingBuf[Command](size=BYTES)`: records from user space, in order: `BPF_MAP_TYPE_USER_RINGBUF`, Linux 6.1.

    Python sends them; a program takes what is there by a `for` loop, in which each record is a copy.
    """

    kind = "UserRingBuf"
    one_type = True

    def __init__(self, *arguments: object, **options: object) -> None:
        if len(arguments) != 2 or options:
            raise DeclarationError("UserRingBuf needs its type in brackets", EXAMPLE)
        value, size = arguments
        assert isinstance(size, int)
        super().__init__(None, value, size)  # type: ignore[arg-type]

    def __class_getitem__(cls, type: object) -> _Maker:
        if isinstance(type, tuple) or type in (bytes, str):
            raise DeclarationError("UserRingBuf takes one type of a certain size, that of its records", EXAMPLE)
        return _Maker(layout_of(type))

    def __repr__(self) -> str:
        return f"UserRingBuf[{self.value}]"

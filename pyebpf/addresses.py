"""MAC addresses as Python values; IP addresses are those of `ipaddress`."""

from __future__ import annotations

import re
from functools import total_ordering

_WRITTEN = re.compile(r"[0-9a-fA-F]{2}([:-]?)(?:[0-9a-fA-F]{2}\1){4}[0-9a-fA-F]{2}")


@total_ordering
class MacAddress:
    """A MAC address of 6 bytes: `MacAddress("02:00:00:00:00:01")`, or from its bytes."""

    __slots__ = ("packed",)

    packed: bytes

    def __init__(self, address: str | bytes) -> None:
        if isinstance(address, str):
            packed = bytes.fromhex(re.sub("[:-]", "", address)) if _WRITTEN.fullmatch(address) else b""
        elif isinstance(address, bytes | bytearray):
            packed = bytes(address)
        else:
            raise TypeError(f"a MAC address is made of text or 6 bytes, not {address!r}")
        if len(packed) != 6:
            raise ValueError(f"{address!r} is not a MAC address")
        self.packed = packed

    def __str__(self) -> str:
        return self.packed.hex(":")

    def __repr__(self) -> str:
        return f"MacAddress({str(self)!r})"

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, MacAddress) and self.packed == other.packed

    def __lt__(self, other: object) -> bool:
        return self.packed < other.packed if isinstance(other, MacAddress) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.packed)

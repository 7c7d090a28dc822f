"""MAC addresses as Python values; IP addresses are those of `ipaddress`."""

from __future__ import annotations

from functools import total_ordering


@total_ordering
class MacAddress:
    """A MAC address of 6 bytes: `MacAddress("02:00:00:00:00:01")`, or from its bytes."""

    __slots__ = ("packed",)

    packed: bytes

    def __init__(self, address: str | bytes) -> None:
        packed = (
            bytes.fromhex(address.replace(":", "").replace("-", "")) if isinstance(address, str) else bytes(address)
        )
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

    def __lt__(self, other: MacAddress) -> bool:
        return self.packed < other.packed

    def __hash__(self) -> int:
        return hash(self.packed)

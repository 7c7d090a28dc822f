"""Order among the programs of one hook, where links have one (`struct bpf_mprog_entry`, 6.6)."""

from __future__ import annotations

import errno
import struct
from typing import Final, final

from pyebpf.loader.errors import LoadError
from pyebpf.records import dataclass

BPF_F_BEFORE: Final = 1 << 3
BPF_F_AFTER: Final = 1 << 4
BPF_F_ID: Final = 1 << 5


@final
@dataclass(frozen=True, slots=True)
class Order:
    """`before` or `after` all programs that are attached, or the one with the id `program`."""

    side: int
    """BPF_F_BEFORE or BPF_F_AFTER; 0 for the order in which programs come."""
    program: int = 0

    @property
    def flags(self) -> int:
        return self.side | (BPF_F_ID if self.program else 0)

    def packed(self) -> bytes:
        """`tcx` and `netkit` of BPF_LINK_CREATE: a program, and a revision that isn't asked for."""
        return struct.pack("=I4xQ", self.program, 0)


FIRST_COME: Final = Order(0)
"""The order in which they come."""


def check_neighbour(error: OSError, what: str, order: Order) -> None:
    """Raises LoadError where the kernel has refused a link as there is no such program to order it by."""
    if error.errno in (errno.ENOENT, errno.ERANGE) and order is not FIRST_COME:
        raise LoadError(f"cannot {what}: the program that it is to be ordered by isn't there", "target") from None

"""What the kernel tells of a link: `struct bpf_link_info` (5.8)."""

from __future__ import annotations

import ctypes
import struct
from array import array
from types import MappingProxyType
from typing import Final, final

from pyebpf.kernel.links import LINK_KINDS, LinkType
from pyebpf.loader import sys
from pyebpf.records import dataclass

SIZE: Final = 256
FUNCTIONS: Final = 16
"""Where `struct bpf_link_info` has the address of the addresses of functions, and behind it how many there are."""
LONGEST: Final = 4096
"""Of a name, in bytes: the longest path."""


@final
@dataclass(frozen=True, slots=True)
class LinkInfo:
    """A link as the kernel has it. `type` is the number of `enum bpf_link_type`, and `kind` says it in words."""

    type: int
    kind: str
    id: int
    program_id: int
    """0 for links of operations, which are on a map."""
    name: str
    """What the link is on, where the kernel says it by name: a tracepoint, a function, a file."""
    details: MappingProxyType[str, int]
    """What else it says, by name: `interface`, `cgroup_id`, `attach_type`, … (names of `kernel.links`)."""
    addresses: tuple[int, ...] = ()
    """Where the functions of the kernel lie that it is on (6.6); empty where the kernel doesn't tell."""

    @property
    def functions(self) -> tuple[str, ...]:
        """Their names, by the kernel's symbols."""
        from pyebpf.kernel.traceable import names_at

        names = names_at(self.addresses)
        return tuple(names[address] for address in self.addresses if address in names)


def link_info(fd: int) -> LinkInfo:
    """Ask the kernel. Raises OSError, also for a descriptor that is no link."""
    data = sys.obj_get_info_by_fd(fd, SIZE).ljust(SIZE, b"\0")
    type, id, program = struct.unpack_from("=III", data)
    row = LINK_KINDS.get(type)
    if row is None:
        return LinkInfo(type, f"link of type {type}", id, program, "", MappingProxyType({}))
    name = ""
    if row.text is not None:
        name = _name(fd, *row.text)
    details = {field: struct.unpack_from("=" + form, data, offset)[0] for field, offset, form in row.fields}
    addresses = _addresses(fd, details["count"]) if type == LinkType.KPROBE_MULTI else ()
    return LinkInfo(type, row.what, id, program, name, MappingProxyType(details), addresses)


def _addresses(fd: int, count: int) -> tuple[int, ...]:
    """Of the functions of a link of many; nothing where the kernel doesn't tell (before 6.6, or without privileges)."""
    numbers = array("Q", bytes(8 * count))
    given = bytearray(SIZE)
    struct.pack_into("=QI", given, FUNCTIONS, numbers.buffer_info()[0], count)
    try:
        sys.obj_get_info_by_fd(fd, SIZE, bytes(given))
    except OSError:
        return ()
    return tuple(numbers) if all(numbers) else ()


def _name(fd: int, address: int, length: int) -> str:
    """The name that the kernel writes into a buffer; "" where this kernel, or a link of this kind, has none."""
    text = ctypes.create_string_buffer(LONGEST)
    given = bytearray(SIZE)
    struct.pack_into("=Q", given, address, ctypes.addressof(text))
    struct.pack_into("=I", given, length, LONGEST - 1)
    try:
        sys.obj_get_info_by_fd(fd, SIZE, bytes(given))
    except OSError:  # E2BIG: a kernel that knows nothing of the name
        return ""
    return text.value.decode("utf-8", "backslashreplace")

"""What the kernel tells of a link: `struct bpf_link_info` (5.8)."""

from __future__ import annotations

import ctypes
import struct
from types import MappingProxyType
from typing import Final, final

from pyebpf.kernel.links import LINK_KINDS
from pyebpf.loader import sys
from pyebpf.records import dataclass

SIZE: Final = 256
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
    return LinkInfo(type, row.what, id, program, name, MappingProxyType(details))


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

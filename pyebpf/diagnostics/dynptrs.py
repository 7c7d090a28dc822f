"""Dynptrs. Codes E0561 to E0563."""

from __future__ import annotations

from typing import ClassVar, final

from pyebpf.diagnostics.base import Diagnostic
from pyebpf.records import dataclass


@final
@dataclass(frozen=True, slots=True)
class SliceGone(Diagnostic):
    code: ClassVar = "E0561"
    title: ClassVar = "this part of a dynptr may be gone"
    notes: ClassVar = ("{why}",)
    help: ClassVar = "{cure}"
    explanation: ClassVar = """
    A slice is the memory itself that a dynptr points to, as that of a memoryview is. Writing to a packet by
    `dynptr_write`, or making it longer or shorter, may have to move it elsewhere. With the block of a dynptr in a ring
    its record is handed over. And what isn't in one piece is copied to a place of the program's own, one for each call
    in the source: in a loop the next round uses it again.

        with bpf_dynptr_from_skb(packet, 0) as data:
            ethernet = bpf_dynptr_slice(data, 0, Ethernet)
            dynptr_write(data, 0, address, 0)
            return ethernet.proto                   # wrong: where it was is gone

            ethernet = bpf_dynptr_slice(data, 0, Ethernet)
            return ethernet.proto                   # right
    """

    why: str
    cure: str


@final
@dataclass(frozen=True, slots=True)
class CloneInLoop(Diagnostic):
    code: ClassVar = "E0562"
    title: ClassVar = "a clone of `{name}` can't be made in a loop"
    notes: ClassVar = ("what `{name}` holds is given back once, with all its clones: none may take another's place",)
    help: ClassVar = "clone it before the loop"
    explanation: ClassVar = """
    Clones of a dynptr that must be given back, room in a ring or a file, live as long as it does. In a loop each round
    would make another one in the same place, which the kernel refuses.

        with ringbuf_reserve_dynptr(records, 64, 0) as room:
            for i in range(4):
                with bpf_dynptr_clone(room) as part:        # wrong
                    bpf_dynptr_adjust(part, i, 64)

        with ringbuf_reserve_dynptr(records, 64, 0) as room, bpf_dynptr_clone(room) as part:
            for i in range(4):                              # right
                bpf_dynptr_adjust(part, 1, bpf_dynptr_size(part))
    """

    name: str


@final
@dataclass(frozen=True, slots=True)
class DynptrOfMaps(Diagnostic):
    code: ClassVar = "E0563"
    title: ClassVar = "`{name}` takes memory of a map, or of a Global"
    label: ClassVar = "this is {found}"
    notes: ClassVar = ("the kernel lets dynptrs point to nothing that ends with the program",)
    help: ClassVar = "buffer = Global[u8[64]](), and {name}(buffer.value, 0)"
    explanation: ClassVar = """
    A dynptr of memory points to the entry of a map, or to a Global, which is one too. Local arrays and structs are on
    the stack, which the kernel doesn't let dynptrs point to.

        local = u8[64]()
        with dynptr_from_mem(local, 0) as data:             # wrong

        buffer = Global[u8[64]]()                           # right, outside of the probe
        with dynptr_from_mem(buffer.value, 0) as data:
    """

    name: str
    found: str

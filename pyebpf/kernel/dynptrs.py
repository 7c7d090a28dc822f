"""Dynptrs: pointers of which the kernel itself keeps the bounds, 16 bytes on a program's stack.

What makes one, what must be done with it at the end, and which calls hand out the memory that it points to. Sources:
`process_dynptr_func`, `dynptr_type_refcounted` and `clear_all_pkt_pointers` in kernel/bpf/verifier.c; the helpers and
kfuncs in kernel/bpf/helpers.c, kernel/bpf/ringbuf.c and net/core/filter.c of Linux 6.18 and 7.0.
"""

from __future__ import annotations

from typing import Final, Literal, TypeAlias, final

from pyebpf.kernel.programs import ProgramType
from pyebpf.records import dataclass

Kind: TypeAlias = Literal["packet", "memory", "ring", "file"]
"""What lies behind a dynptr: a packet, memory of a map, room in a ring buffer, a file."""
STRUCTS: Final = ("bpf_dynptr", "bpf_dynptr_kern")
"""What the kernel's BTF calls one; the second before 6.11."""


@final
@dataclass(frozen=True, slots=True)
class Maker:
    """A helper or a kfunc that makes a dynptr of a place on the stack: its last argument."""

    name: str
    kind: Kind | None
    """None for that of the dynptr which is its first argument."""
    ends: str = ""
    """What must be called at the end."""
    gives_up: str = ""
    """What must be called instead where the program fails, or where there was nothing to point to."""
    moves: bool = False
    """Whether writing through it, by `dynptr_write`, may give the packet other memory."""


MAKERS: Final = (
    Maker("dynptr_from_mem", "memory"),
    Maker("ringbuf_reserve_dynptr", "ring", "ringbuf_submit_dynptr", "ringbuf_discard_dynptr"),
    Maker("bpf_dynptr_from_skb", "packet", moves=True),
    Maker("bpf_dynptr_from_skb_meta", "packet", moves=True),
    Maker("bpf_dynptr_from_xdp", "packet"),
    Maker("bpf_dynptr_from_file", "file", "bpf_dynptr_file_discard", "bpf_dynptr_file_discard"),
    Maker("bpf_dynptr_clone", None),
)
ENDS: Final = frozenset(name for maker in MAKERS for name in (maker.ends, maker.gives_up) if name)
"""Calls after which a dynptr, and those that were cloned from it, are no more."""


@final
@dataclass(frozen=True, slots=True)
class Slicer:
    """A helper or a kfunc that hands out a part of what a dynptr points to, or null."""

    name: str
    writable: bool
    buffer: Literal["", "null", "own"]
    """What it takes besides the size: nothing; a buffer, which stays null so that only the memory itself will do (6.5);
    or one on the stack, into which it copies what doesn't lie in one piece."""


SLICERS: Final = (
    Slicer("dynptr_data", writable=True, buffer=""),
    Slicer("bpf_dynptr_slice", writable=False, buffer="own"),
    Slicer("bpf_dynptr_slice_rdwr", writable=True, buffer="null"),
)
_P: Final = ProgramType
WRITERS: Final = frozenset((_P.SCHED_CLS, _P.SCHED_ACT, _P.XDP, _P.LWT_XMIT, _P.SK_SKB, _P.SK_MSG, _P.CGROUP_SOCKOPT))
"""Programs that may write to packets in place: of others the dynptrs of packets are read-only, and they get no writable
slices, of whatever it is (`may_access_direct_pkt_data` in the verifier)."""
IN_PLACE: Final = "bpf_dynptr_slice_rdwr"
"""What they don't get."""
NULL_BUFFER: Final = (6, 5)
"""Since when a slicer's buffer may be null (commit 3bda08b63670)."""
WRITES: Final = ("dynptr_write",)
"""Calls that write through the dynptr that is their first argument, and may have to move the packet for it."""

_MAKERS: Final = {maker.name: maker for maker in MAKERS}
_SLICERS: Final = {slicer.name: slicer for slicer in SLICERS}


def maker_by_name(name: str) -> Maker | None:
    """The row whose function is `name`, or None."""
    return _MAKERS.get(name)


def slicer_by_name(name: str) -> Slicer | None:
    """The same among those that give slices."""
    return _SLICERS.get(name)

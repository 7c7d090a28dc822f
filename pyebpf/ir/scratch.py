"""Where local memory lies: on the stack, as far as it goes, and else in a per-CPU map of the module's own.

The map has one entry for each program that needs it. Where the kernel runs a program again on a CPU before it has
ended there (see `Hook.alone`), the program has several entries, and takes one that nobody uses.
"""

from __future__ import annotations

from typing import Final, final

from pyebpf import layout
from pyebpf.ir import ops
from pyebpf.ir.module import MapRef, Program
from pyebpf.ir.types import DYNPTR
from pyebpf.kernel.hooks import Hook
from pyebpf.kernel.maps import MapType
from pyebpf.kernel.versions import Version
from pyebpf.layout import round_up
from pyebpf.records import dataclass

STACK: Final = 512
"""MAX_BPF_STACK."""
SPILLS: Final = 48
"""Bytes of stack left for registers that the code generator has to put aside."""
LARGEST: Final = 32 * 1024
"""Bytes of a per-CPU value: PCPU_MIN_UNIT_SIZE, to which the kernel keeps them."""
LEVELS: Final = 4
"""Entries of a program that may interrupt itself: how often at a time, on one CPU."""
EXCHANGE: Final[Version] = (5, 12)
"""First kernel with BPF_XCHG, by which an entry is taken."""
OLDEST: Final[Version] = (5, 10)
"""Kernels that a program shall run on if none is named."""
MAP: Final = "__pyebpf_scratch"
BUSY: Final = 8
"""Bytes at the start of an entry that say whether it is taken."""


@final
@dataclass(frozen=True, slots=True)
class Scratch:
    """The entries of one program, and what lies in them: each slot with its offset in bytes."""

    places: tuple[tuple[ops.Slot, int], ...]
    size: int
    first: int
    """Key of its first entry."""
    entries: int
    """1 where the program never interrupts itself; its entry then is always free."""
    kept: ops.Local | None = None
    """Where the functions of the program find its address: in the program's frame."""


def slots(program: Program) -> tuple[ops.Slot, ...]:
    """The local memory of `program`, in the order of first use."""
    bodies = (program.body, *(function.body for function in program.functions))
    return tuple({op.slot: None for body in bodies for op in ops.walk(body) if isinstance(op, ops.SlotAddress)})


def size_of(slot: ops.Slot) -> int:
    return round_up(slot.type.size, 8)


def moved(program: Program, room: int = STACK - SPILLS) -> tuple[ops.Slot, ...]:
    """What of the local memory doesn't fit `room` bytes of stack: the largest first."""
    found = slots(program)
    movable = [slot for slot in found if not slot.stays and slot.type != DYNPTR]
    size = sum(map(size_of, found))
    chosen: list[ops.Slot] = []
    for slot in sorted(movable, key=lambda slot: -size_of(slot)):
        if size <= room:
            break
        chosen.append(slot)
        size -= size_of(slot)
    return tuple(slot for slot in found if slot in chosen)


def is_alone(program: Program, kernel: Version | None) -> bool:
    """Whether no other run of `program` can begin on a CPU before one ends there, on `kernel` and later ones."""
    return runs_alone(program.hook, kernel)


def runs_alone(hook: Hook, kernel: Version | None) -> bool:
    """The same of any program at `hook`."""
    return hook.alone is not None and hook.alone <= (kernel or OLDEST)


def goes_on(program: Program) -> bool:
    """Whether `program` may go on as another, and then never come to its own end."""
    return any(isinstance(op, ops.Call) and op.helper == "tail_call" for op in ops.walk(program.body))


def scratch(program: Program, first: int, kernel: Version | None, room: int = STACK - SPILLS) -> Scratch | None:
    """Places for what doesn't fit the stack; None if all of it does, or if nothing could give them back."""
    alone, places = is_alone(program, kernel), []
    if not alone and goes_on(program):
        return None
    end = 0 if alone else BUSY
    for slot in moved(program, room):
        places.append((slot, end))
        end += size_of(slot)
    return Scratch(tuple(places), end, first, 1 if alone else LEVELS) if places else None


def scratch_map(found: list[Scratch]) -> MapRef:
    """The map that has the entries of all programs."""
    size = max(each.size for each in found)
    value = layout.Array(layout.U64, size // 8)
    count = max(each.first + each.entries for each in found)
    kind = "PerCpuArray"
    return MapRef(MAP, kind, int(MapType.PERCPU_ARRAY), layout.U32, value, count, 0, "", None)

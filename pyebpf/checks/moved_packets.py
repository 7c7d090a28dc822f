"""References into packets and to parts of dynptrs that something may have moved, or ended, since they were made.

    ip = packet.parse(IPv4)                     gone after xdp_adjust_head
    ip = bpf_dynptr_slice(data, 14, IPv4)       gone after dynptr_write to a packet, and with the dynptr

The verifier knows them as numbers then.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, final

from pyebpf.checks.stale import Owner, Place, StaleWalk, State
from pyebpf.diagnostics.base import Diagnostic
from pyebpf.diagnostics.dynptrs import SliceGone
from pyebpf.diagnostics.helpers import PacketMoved
from pyebpf.ir import ops
from pyebpf.ir.module import Program
from pyebpf.ir.origins import called, dynptr_call
from pyebpf.ir.types import PointerType, Region
from pyebpf.kernel.dynptrs import ENDS, WRITES, Maker, maker_by_name, slicer_by_name
from pyebpf.kernel.kfuncs import MOVES
from pyebpf.kernel.prototypes import prototype_by_name

PACKET: Final = "packet"
"""What references go with, beside dynptrs by their places, and calls that gave them."""
_CARRIES = (ops.MemberAddress, ops.ElementAddress, ops.NotNull, ops.Prove, ops.PacketAdvance, ops.LocalGet)


def moved(program: Program) -> Iterator[Diagnostic]:
    """A diagnostic for each use of what may be gone, a line once."""
    dynptrs = _Dynptrs(program)
    if any(True for op in ops.walk(program.body) if dynptrs.ends(op)):
        walk = _Walk(dynptrs)
        walk.block(program.body, State())
        yield from walk.found.values()


@final
class _Dynptrs:
    """The dynptrs of a program, by their places."""

    def __init__(self, program: Program) -> None:
        self.makers: dict[ops.Slot, Maker] = {}
        self.sources: dict[ops.Slot, ops.Slot] = {}
        """Of clones, that of what they were cloned from."""
        for op in ops.walk(program.body):
            name, slots = dynptr_call(op) or ("", ())
            maker = maker_by_name(name)
            if maker is not None and maker.kind is None:
                self.sources[slots[-1]] = slots[0]
            elif maker is not None:
                self.makers[slots[-1]] = maker

    def chain(self, slot: ops.Slot) -> tuple[ops.Slot, ...]:
        """`slot`, what it was cloned from, and so on."""
        return (slot, *self.chain(self.sources[slot])) if slot in self.sources else (slot,)

    def maker(self, slot: ops.Slot) -> Maker | None:
        return self.makers.get(self.chain(slot)[-1])

    def ends(self, op: ops.Op) -> tuple[Owner, ...]:
        """What `op` is the end of, for what goes with it."""
        if isinstance(op, ops.Call):
            prototype = prototype_by_name(op.helper)
            if prototype is not None and prototype.moves:
                return (PACKET,)
        if isinstance(op, ops.KfuncCall) and op.kfunc.name in MOVES:
            return (PACKET,)
        name, slots = dynptr_call(op) or ("", ())
        if name in WRITES:
            maker = self.maker(slots[0])
            return (PACKET,) if maker is not None and maker.moves else ()
        if maker_by_name(name) is not None:
            return (slots[-1],)
        if name in ENDS:
            return (slots[0],)
        return (op,) if slicer_by_name(name) is not None else ()

    def owners(self, op: ops.Op) -> frozenset[Owner]:
        """What a slice that `op` gives goes with."""
        name, slots = dynptr_call(op) or ("", ())
        if slicer_by_name(name) is None:
            return frozenset()
        maker = self.maker(slots[0])
        packet = {PACKET} if maker is not None and maker.kind == "packet" else set()
        return frozenset((op, *self.chain(slots[0]), *packet))


@final
class _Walk(StaleWalk):
    carries = _CARRIES

    def __init__(self, dynptrs: _Dynptrs) -> None:
        super().__init__()
        self.dynptrs = dynptrs

    def ends(self, op: ops.Op) -> tuple[Owner, ...]:
        return self.dynptrs.ends(op)

    def owners(self, op: ops.Op) -> frozenset[Owner]:
        return self.dynptrs.owners(op)

    def learn(self, place: Place, owners: frozenset[Owner], stale: ops.Op | None, state: State) -> None:
        region = place.type.region if isinstance(place.type, PointerType) else None
        if region not in (Region.PACKET, Region.SLICE):
            return
        state.known[place] = frozenset((PACKET,)) if region is Region.PACKET else owners
        state.stale.pop(place, None)
        if stale is not None:
            state.stale[place] = stale

    def gone(self, op: ops.Op, owners: frozenset[Owner], stale: ops.Op) -> Diagnostic:
        name, line = called(stale), stale.span.line
        if owners <= {PACKET}:
            return PacketMoved(op.span, name, line)
        maker = maker_by_name(name)
        if slicer_by_name(name) is not None:
            why = f"`{name}` in line {line} has put another one in its place, in a later round of the loop"
        elif maker is not None:
            why = f"`{name}` in line {line} has made the dynptr anew, in a later round of the loop"
        elif name in ENDS:
            why = f"the block of line {line} has ended, and given back what the dynptr held"
        else:
            why = f"`{name}` in line {line} may give the packet other memory, and the kernel forgets the old one"
        calls = [each for each in owners if isinstance(each, ops.Call | ops.KfuncCall)]
        source = min(calls, key=lambda call: (call.span.line, call.span.column), default=None)
        cure = "move this into the `with` block" if name in ENDS or source is None else f"again: {source.span.text}"
        return SliceGone(op.span, why, cure)

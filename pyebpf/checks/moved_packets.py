"""References into packets and to parts of dynptrs that something may have moved, or ended, since they were made.

    ip = packet.parse(IPv4)                     gone after xdp_adjust_head
    ip = bpf_dynptr_slice(data, 14, IPv4)       gone after dynptr_write to a packet, and with the dynptr

A walk over the structured ops with what is stale at each point, and the call that made it so. Rounds of a loop are
walked twice, for what its end makes stale its start may use.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, TypeAlias, final

from pyebpf.diagnostics.base import Diagnostic
from pyebpf.diagnostics.dynptrs import SliceGone
from pyebpf.diagnostics.helpers import PacketMoved
from pyebpf.ir import ops
from pyebpf.ir.module import Program
from pyebpf.ir.origins import dynptr_call
from pyebpf.ir.types import PointerType, Region
from pyebpf.kernel.dynptrs import ENDS, WRITES, Maker, maker_by_name, slicer_by_name
from pyebpf.kernel.kfuncs import MOVES
from pyebpf.kernel.prototypes import prototype_by_name

Place: TypeAlias = "ops.Local | ops.Value"
Owner: TypeAlias = "ops.Slot | ops.Op | str"
"""What a reference goes with: the packet, a dynptr by its place, the call that gave it."""
PACKET: Final = "packet"
_CARRIES = (ops.MemberAddress, ops.ElementAddress, ops.NotNull, ops.Prove, ops.PacketAdvance, ops.LocalGet)
"""Values that are stale if what they are made from is; using them is the mistake, not making them."""


def moved(program: Program) -> Iterator[Diagnostic]:
    """A diagnostic for each use of what may be gone, a line once."""
    dynptrs = _Dynptrs(program)
    if any(True for op in ops.walk(program.body) if dynptrs.ends(op)):
        walk = _Walk(dynptrs)
        walk.block(program.body, _State())
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
@dataclass
class _State:
    """What is known where the program is."""

    known: dict[Place, frozenset[Owner]] = field(default_factory=dict)
    """References, and what each goes with."""
    stale: dict[Place, ops.Op] = field(default_factory=dict)
    """Those of them that may be gone, and since which call."""

    def copy(self) -> _State:
        return _State(dict(self.known), dict(self.stale))


def _join(a: _State | None, b: _State | None) -> _State | None:
    if a is None or b is None:
        return b if a is None else a
    known = dict(a.known)
    for place, owners in b.known.items():
        known[place] = owners | known.get(place, frozenset())
    return _State(known, {**a.stale, **b.stale})


@final
class _Walk:
    def __init__(self, dynptrs: _Dynptrs) -> None:
        self.dynptrs = dynptrs
        self.found: dict[int, Diagnostic] = {}
        self.leaving: dict[ops.Label, _State | None] = {}
        """What is known behind a label, by the ways that jump there."""

    def block(self, block: ops.Block, state: _State | None) -> _State | None:
        """The state at the end of `block`; None where it isn't reached."""
        for op in block.ops:
            if state is None:
                return None
            state = self.op(op, state)
        return state

    def op(self, op: ops.Op, state: _State) -> _State | None:
        match op:
            case ops.If():
                return _join(self.block(op.then, state.copy()), self.block(op.orelse, state.copy()))
            case ops.Loop() | ops.Scope():
                return self._labelled(op, state)
            case ops.Break() | ops.Continue():
                self.leaving[op.label] = _join(self.leaving.get(op.label), state)
                return None
            case ops.Return() | ops.Raise():
                return None
            case ops.Check(failing=ops.Block() as failing):
                self.block(failing, state.copy())
            case _:
                self._plain(op, state)
        return state

    def _labelled(self, op: ops.Loop | ops.Scope, state: _State) -> _State | None:
        outside = self.leaving.pop(op.label, None)
        end: _State | None = state
        for _ in range(2 if isinstance(op, ops.Loop) else 1):
            if end is not None:
                end = self.block(op.body, end.copy())
            if isinstance(op, ops.Loop):
                end = _join(end, self.leaving.get(op.label))
                end = _join(state, self.block(op.step, end.copy()) if end is not None else None)
        end = _join(end, self.leaving.pop(op.label, None))
        if outside is not None:
            self.leaving[op.label] = outside
        return end

    def _plain(self, op: ops.Op, state: _State) -> None:
        owners = frozenset[Owner]().union(*(state.known.get(value, ()) for value in ops.operands(op)))
        stale = next((state.stale[value] for value in ops.operands(op) if value in state.stale), None)
        if isinstance(op, ops.LocalGet):
            owners, stale = state.known.get(op.local, owners), state.stale.get(op.local)
        ends = self.dynptrs.ends(op)
        if isinstance(op, ops.LocalSet):
            self._learn(op.local, owners, stale, state)
        elif isinstance(op, _CARRIES):
            self._learn(op, owners, stale, state)
        elif stale is not None:
            self.found.setdefault(op.span.line, self._gone(op, owners, stale))
        if ends:
            gone = [place for place, owners in state.known.items() if not owners.isdisjoint(ends)]
            state.stale |= dict.fromkeys(gone, op)
        if ops.is_value(op) and not isinstance(op, _CARRIES):
            self._learn(op, self.dynptrs.owners(op) or owners, None, state)

    def _learn(self, place: Place, owners: frozenset[Owner], stale: ops.Op | None, state: _State) -> None:
        region = place.type.region if isinstance(place.type, PointerType) else None
        if region not in (Region.PACKET, Region.SLICE):
            return
        state.known[place] = frozenset((PACKET,)) if region is Region.PACKET else owners
        state.stale.pop(place, None)
        if stale is not None:
            state.stale[place] = stale

    def _gone(self, op: ops.Op, owners: frozenset[Owner], stale: ops.Op) -> Diagnostic:
        assert isinstance(stale, ops.Call | ops.KfuncCall)
        name = stale.helper if isinstance(stale, ops.Call) else stale.kfunc.name
        line = stale.span.line
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

"""References into a packet that something may have moved since: `ip = packet.parse(IPv4)`, before xdp_adjust_head.

A walk over the structured ops with what is stale at each point, and the call that made it so. Rounds of a loop are
walked twice, for what its end makes stale its start may use.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeAlias, final

from pyebpf.diagnostics.base import Diagnostic
from pyebpf.diagnostics.helpers import PacketMoved
from pyebpf.ir import ops
from pyebpf.ir.module import Program
from pyebpf.ir.types import PointerType, Region
from pyebpf.kernel.prototypes import prototype_by_name

Place: TypeAlias = "ops.Local | ops.Value"
_CARRIES = (ops.MemberAddress, ops.ElementAddress, ops.NotNull, ops.Prove, ops.PacketAdvance, ops.LocalGet)
"""Values that are stale if what they are made from is; using them is the mistake, not making them."""


def moves(op: ops.Op) -> bool:
    """Whether `op` may move the packet."""
    prototype = prototype_by_name(op.helper) if isinstance(op, ops.Call) else None
    return prototype is not None and prototype.moves


def moved(program: Program) -> Iterator[Diagnostic]:
    """A diagnostic for each use of what may be gone, a line once."""
    if any(map(moves, ops.walk(program.body))):
        walk = _Walk()
        walk.block(program.body, _State())
        yield from walk.found.values()


@final
@dataclass
class _State:
    """What is known where the program is."""

    known: set[Place] = field(default_factory=set)
    """Pointers into the packet."""
    stale: dict[Place, ops.Op] = field(default_factory=dict)
    """Those of them that may be gone, and since which call."""

    def copy(self) -> _State:
        return _State(set(self.known), dict(self.stale))


def _join(a: _State | None, b: _State | None) -> _State | None:
    if a is None or b is None:
        return b if a is None else a
    return _State(a.known | b.known, {**a.stale, **b.stale})


@final
class _Walk:
    def __init__(self) -> None:
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
        stale = next((state.stale[value] for value in ops.operands(op) if value in state.stale), None)
        if isinstance(op, ops.LocalGet):
            stale = state.stale.get(op.local)
        if isinstance(op, ops.LocalSet):
            self._learn(op.local, stale, state)
        elif isinstance(op, _CARRIES):
            self._learn(op, stale, state)
        elif stale is not None:
            assert isinstance(stale, ops.Call)
            self.found.setdefault(op.span.line, PacketMoved(op.span, stale.helper, stale.span.line))
        elif ops.is_value(op):
            self._learn(op, None, state)
        if moves(op):
            state.stale |= dict.fromkeys(state.known, op)

    def _learn(self, place: Place, stale: ops.Op | None, state: _State) -> None:
        if isinstance(place.type, PointerType) and place.type.region is Region.PACKET:
            state.known.add(place)
            state.stale.pop(place, None)
            if stale is not None:
                state.stale[place] = stale

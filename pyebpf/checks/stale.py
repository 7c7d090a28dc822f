"""Values that something may have made stale since they were computed: a walk over the structured ops.

What is stale where is known at each point, and the op that made it so. Rounds of a loop are walked twice, for what its
end makes stale its start may use.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TypeAlias, final

from pyebpf.diagnostics.base import Diagnostic
from pyebpf.ir import ops

Place: TypeAlias = "ops.Local | ops.Value"
Owner: TypeAlias = "ops.Slot | ops.Op | str"
"""What a value goes with."""


@final
@dataclass
class State:
    """What is known where the program is."""

    known: dict[Place, frozenset[Owner]] = field(default_factory=dict)
    """References, and what each goes with."""
    stale: dict[Place, ops.Op] = field(default_factory=dict)
    """Those of them that may be gone, and since which call."""

    def copy(self) -> State:
        return State(dict(self.known), dict(self.stale))


def _join(a: State | None, b: State | None) -> State | None:
    if a is None or b is None:
        return b if a is None else a
    known = dict(a.known)
    for place, owners in b.known.items():
        known[place] = owners | known.get(place, frozenset())
    return State(known, {**a.stale, **b.stale})


class StaleWalk(ABC):
    """What goes stale, and what makes it so, subclasses know."""

    carries: tuple[type, ...] = (ops.LocalGet,)
    """Ops whose values are stale if what they are made from is; using them is the mistake, not making them."""
    harmless: tuple[type, ...] = ()
    """Ops that may use what is stale."""

    def __init__(self) -> None:
        self.found: dict[int, Diagnostic] = {}
        """Diagnostics by lines: a line has one."""
        self.leaving: dict[ops.Label, State | None] = {}
        """What is known behind a label, by the ways that jump there."""

    def block(self, block: ops.Block, state: State | None) -> State | None:
        """The state at the end of `block`; None where it isn't reached."""
        for op in block.ops:
            if state is None:
                return None
            state = self.op(op, state)
        return state

    def op(self, op: ops.Op, state: State) -> State | None:
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

    def _labelled(self, op: ops.Loop | ops.Scope, state: State) -> State | None:
        outside = self.leaving.pop(op.label, None)
        end: State | None = state
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

    def _plain(self, op: ops.Op, state: State) -> None:
        owners = frozenset[Owner]().union(*(state.known.get(value, ()) for value in ops.operands(op)))
        stale = next((state.stale[value] for value in ops.operands(op) if value in state.stale), None)
        if isinstance(op, ops.LocalGet):
            owners, stale = state.known.get(op.local, owners), state.stale.get(op.local)
        ends = self.ends(op)
        if isinstance(op, ops.LocalSet):
            self.learn(op.local, owners, stale, state)
        elif ops.is_value(op) and isinstance(op, self.carries):
            self.learn(op, owners, stale, state)
        elif stale is not None and not isinstance(op, self.harmless):
            self.found.setdefault(op.span.line, self.gone(op, owners, stale))
        if ends:
            gone = [place for place, owners in state.known.items() if not owners.isdisjoint(ends)]
            state.stale |= dict.fromkeys(gone, op)
        if ops.is_value(op) and not isinstance(op, self.carries):
            self.learn(op, self.owners(op) or owners, None, state)

    @abstractmethod
    def ends(self, op: ops.Op) -> tuple[Owner, ...]:
        """What `op` is the end of, for what goes with it."""

    @abstractmethod
    def owners(self, op: ops.Op) -> frozenset[Owner]:
        """What the value that `op` gives goes with; nothing where that is what its operands go with."""

    @abstractmethod
    def learn(self, place: Place, owners: frozenset[Owner], stale: ops.Op | None, state: State) -> None:
        """`place` now has something that goes with `owners`, and has been stale since `stale`."""

    @abstractmethod
    def gone(self, op: ops.Op, owners: frozenset[Owner], stale: ops.Op) -> Diagnostic:
        """What is said of `op`, which uses what is stale since `stale`."""

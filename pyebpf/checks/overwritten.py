"""Names that refer to a struct or array which a later round of a loop has made anew.

    best = Point()
    for i in range(4):
        point = Point(x=i)      # one place in memory, used again in each round
        if point.x > best.x:
            best = point        # in the next round this is that round's point

In Python every round makes an object of its own. Here it is a mistake to read a name whose object is gone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeAlias, final

from pyebpf.diagnostics.base import Diagnostic
from pyebpf.diagnostics.loops import Overwritten
from pyebpf.ir import ops
from pyebpf.ir.module import Program
from pyebpf.ir.types import PointerType, Region

Made: TypeAlias = "frozenset[tuple[ops.Slot, bool]]"
"""Objects that a reference may lead to, and of each whether it has been made anew since."""
References: TypeAlias = "dict[ops.Local | ops.Value, Made]"


def overwritten(program: Program) -> Iterator[Diagnostic]:
    """A diagnostic for every name that is read when its object may have been replaced, where it is first."""
    again = _made_again(program.body)
    if not again:
        return
    analysis = _Analysis(again)
    analysis.block(program.body, {})
    first = {op.local: op for op in reversed(analysis.found)}
    for op in first.values():
        yield Overwritten(op.span, op.local.name, str(op.type.target) if isinstance(op.type, PointerType) else "")


def _made_again(block: ops.Block) -> frozenset[ops.Slot]:
    """Objects that are made in loops: only they can be made anew."""
    loops = (op for op in ops.walk(block) if isinstance(op, ops.Loop))
    inside = {op for loop in loops for each in ops.blocks(loop) for op in ops.walk(each)}
    zeroes = (op.address for op in inside if isinstance(op, ops.Zero))
    return frozenset(address.slot for address in zeroes if isinstance(address, ops.SlotAddress))


def _join(a: References | None, b: References | None) -> References | None:
    if a is None or b is None:
        return b if a is None else a
    found = dict(a)
    for key, made in b.items():
        before = a.get(key)
        if before is not made:
            found[key] = made if before is None else before | made
    return found


@final
@dataclass
class _Analysis:
    again: frozenset[ops.Slot]
    found: dict[ops.LocalGet, None] = field(default_factory=dict)
    heads: dict[ops.Loop, References] = field(default_factory=dict)
    leaves: dict[ops.Label, References | None] = field(default_factory=dict)
    repeats: dict[ops.Label, References | None] = field(default_factory=dict)

    def block(self, block: ops.Block, known: References | None) -> References | None:
        """What references lead to after `block`; None where its end can't be reached."""
        for op in block.ops:
            if known is None:
                return None
            known = self.op(op, known)
        return known

    def op(self, op: ops.Op, known: References) -> References | None:
        match op:
            case ops.If():
                return _join(self.block(op.then, dict(known)), self.block(op.orelse, dict(known)))
            case ops.Scope():
                self.leaves[op.label] = None
                end = self.block(op.body, known)
                return _join(end, self.leaves.pop(op.label))
            case ops.Loop():
                return self.loop(op, known)
            case ops.Break():
                self.leaves[op.label] = _join(self.leaves.get(op.label), known)
                return None
            case ops.Continue():
                self.repeats[op.label] = _join(self.repeats.get(op.label), known)
                return None
            case ops.Return():
                return None
            case ops.Zero(address=ops.SlotAddress(slot=slot)) if slot in self.again:
                for key, made in known.items():
                    if (slot, False) in made:
                        known[key] = made - {(slot, False)} | {(slot, True)}
                known[op.address] = frozenset({(slot, False)})
            case ops.LocalSet() if isinstance(op.local.type, PointerType):
                known[op.local] = known.get(op.value, frozenset())
            case _ if ops.is_value(op) and isinstance(op.type, PointerType) and op.type.region is Region.STACK:
                self.value(op, known)
        return known

    def value(self, op: ops.Value, known: References) -> None:
        match op:
            case ops.LocalGet():
                made = known.get(op.local, frozenset())
                if any(gone for _, gone in made):
                    self.found[op] = None
            case ops.SlotAddress():
                made = frozenset({(op.slot, False)} if op.slot in self.again else ())
            case ops.MemberAddress() | ops.ElementAddress():
                made = known.get(op.base, frozenset())
            case ops.NotNull():
                made = known.get(op.pointer, frozenset())
            case ops.Prove():
                made = known.get(op.value, frozenset())
            case _:
                return
        if made or op in known:
            known[op] = made

    def loop(self, op: ops.Loop, known: References) -> References | None:
        head = _join(known, self.heads.get(op))  # it will be found again, as in checks/sharing.py
        while True:
            assert head is not None
            self.leaves[op.label], self.repeats[op.label] = None, None
            end = _join(self.block(op.body, dict(head)), self.repeats.pop(op.label))
            back = self.block(op.step, end) if end is not None else None
            left = self.leaves.pop(op.label)
            merged = _join(dict(head), back)
            if merged == head:
                self.heads[op] = head
                return left
            head = merged

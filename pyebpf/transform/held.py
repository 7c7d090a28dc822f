"""What the kernel must get back before a program may end: events of rings, objects of kfuncs, locks.

The language's own ways out give it back. Where a pass ends the program at another place, it asks here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final, TypeAlias, final

from pyebpf.ir import ops
from pyebpf.ir.origins import dynptr_call
from pyebpf.ir.types import I64
from pyebpf.kernel.dynptrs import ENDS, maker_by_name
from pyebpf.kernel.kfuncs import is_release, pair_by_name

Key: TypeAlias = "ops.Op | ops.Slot | str"
"""What is held: the value, or for what has none, the kfunc that ends it; of a dynptr its place."""
GivenBack: TypeAlias = "dict[ops.Op, tuple[ops.Op, ...] | None]"
"""For ops, what must be done before the program ends there; None where it can't be done, in a loop that becomes a
function and doesn't hold it itself."""


def given_back(body: ops.Block, asked: Callable[[ops.Op], bool]) -> GivenBack:
    """The answers for the ops that are `asked` for."""
    walk = _Walk(body, asked)
    walk.block(body, {}, outside=False)
    return walk.found


@final
class _Walk:
    def __init__(self, body: ops.Block, asked: Callable[[ops.Op], bool]) -> None:
        every = list(ops.walk(body))
        self.found: GivenBack = {}
        self._asked = asked
        self._records: Final[set[ops.Op]] = {
            op.record for op in every if isinstance(op, ops.RingDiscard | ops.RingSubmit)
        }
        self._ends: Final = {found[0]: op for op in every if (found := dynptr_call(op)) and found[0] in ENDS}
        self._releases: Final = {
            op.kfunc.name: op for op in every if isinstance(op, ops.KfuncCall) and is_release(op.kfunc.name)
        }

    def block(self, block: ops.Block, before: dict[Key, ops.Op], *, outside: bool) -> None:
        """`before`: what is held at its start, and how it is given back. `outside`: whether another function has it."""
        held = dict(before)
        for op in block.ops:
            if self._asked(op):
                copies = tuple(replace(each, span=op.span) for each in reversed(held.values()))
                self.found[op] = None if outside else copies
            away = _function(op)
            for number, inner in enumerate(ops.blocks(op)):
                absent = _absent(op, number)
                there = {key: each for key, each in held.items() if key is not absent}
                self.block(inner, there, outside=outside or (away and bool(held)))
            self._change(op, held)

    def _change(self, op: ops.Op, held: dict[Key, ops.Op]) -> None:
        """What `op` takes or gives back."""
        if (call := dynptr_call(op)) is not None:
            self._change_dynptr(op, *call, held)
            return
        match op:
            case ops.RingDiscard() | ops.RingSubmit():
                held.pop(op.record, None)
            case ops.Call(helper="spin_lock"):
                held["spin_unlock"] = ops.Call("spin_unlock", op.arguments, I64, op.span)
            case ops.Call(helper="spin_unlock"):
                held.pop("spin_unlock", None)
            case ops.KfuncCall() if is_release(op.kfunc.name):
                held.pop(_key(op.arguments) or op.kfunc.name, None)
            case ops.KfuncCall() if (pair := pair_by_name(op.kfunc.name)) and pair.release in self._releases:
                release = self._releases[pair.release]
                given = (op.arguments if pair.same else (op,))[: len(release.arguments)]
                held[_key(given) or pair.release] = replace(release, arguments=given)
            case _ if op in self._records and ops.is_value(op):
                held[op] = ops.RingDiscard(op, op.span)
            case _:
                pass

    def _change_dynptr(self, op: ops.Op, name: str, slots: tuple[ops.Slot, ...], held: dict[Key, ops.Op]) -> None:
        """`op` calls `name` with the dynptrs in `slots`."""
        maker = maker_by_name(name)
        end = self._ends.get(maker.gives_up) if maker is not None else None
        if isinstance(end, ops.Call | ops.KfuncCall) and isinstance(op, ops.Call | ops.KfuncCall):
            held[slots[-1]] = replace(end, arguments=(op.arguments[-1], *end.arguments[1:]))
        elif name in ENDS:
            held.pop(slots[0], None)


def _key(arguments: tuple[ops.Value, ...]) -> Key | None:
    """What is given back: memory on the stack by its place, which has several addresses."""
    first = arguments[0] if arguments else None
    return first.slot if isinstance(first, ops.SlotAddress) else first


def _function(op: ops.Op) -> bool:
    return isinstance(op, ops.Loop) and op.is_function


def _absent(op: ops.Op, number: int) -> ops.Op | None:
    """The value that is null in block `number` of `op`."""
    match op:
        case ops.Check(condition=ops.Present(pointer=value)):
            return value
        case ops.If(condition=ops.Present(pointer=value)) if number == 1:
            return value
        case _:
            return None

"""Which maps an address may lead into: what a timer belongs to must be certain. And which dynptrs a call is given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pyebpf.ir import ops
from pyebpf.ir.module import MapRef, Program
from pyebpf.ir.types import DYNPTR, PointerType


def references(program: Program) -> dict[ops.Local, list[ops.Value]]:
    """The values that each local is given that refers to memory."""
    found: dict[ops.Local, list[ops.Value]] = {}
    for op in ops.walk(program.body):
        if isinstance(op, ops.LocalSet) and isinstance(op.local.type, PointerType):
            found.setdefault(op.local, []).append(op.value)
    return found


def roots(address: ops.Value, given: Mapping[ops.Local, Sequence[ops.Value]]) -> list[ops.Value]:
    """Where `address` may come from: lookups, and what loops and callbacks are given. `given`: as of `references`."""
    found: dict[ops.Value, None] = {}
    seen: set[ops.Local] = set()
    pending = [address]
    while pending:
        match pending.pop():
            case ops.MemberAddress() | ops.ElementAddress() as op:
                pending.append(op.base)
            case ops.NotNull() as op:
                pending.append(op.pointer)
            case ops.Prove() as op:
                pending.append(op.value)
            case ops.LocalGet() as op:
                pending.extend(given.get(op.local, ()) if op.local not in seen else ())
                seen.add(op.local)
            case ops.MapLookup() | ops.CallbackPart() | ops.EntryPart() as op:
                found[op] = None
    return list(found)


def origins(address: ops.Value, given: Mapping[ops.Local, Sequence[ops.Value]]) -> list[MapRef]:
    """The maps whose entries `address` may be in, or be a part of."""
    found: dict[MapRef, None] = {}
    for root in roots(address, given):
        if isinstance(root, ops.MapLookup | ops.CallbackPart):
            found[root.map] = None
        elif isinstance(root, ops.EntryPart):
            found[root.entries.map] = None
    return list(found)


def is_own(address: ops.Value, given: Mapping[ops.Local, Sequence[ops.Value]]) -> bool:
    """Whether `address` is surely in the entry that the callback is called for."""
    found = roots(address, given)
    return bool(found) and all(isinstance(root, ops.CallbackPart) for root in found)


def called(op: ops.Op) -> str:
    """The helper or kfunc that `op` calls; "" if none."""
    return op.helper if isinstance(op, ops.Call) else op.kfunc.name if isinstance(op, ops.KfuncCall) else ""


def timer_call(op: ops.Op) -> str:
    """`init` or `start` where `op` does that to a timer or a work queue, its first argument; "" if it doesn't."""
    words = {"timer_init": "init", "timer_start": "start", "bpf_wq_init": "init", "bpf_wq_start": "start"}
    return words.get(called(op), "")


def dynptr_call(op: ops.Op) -> tuple[str, tuple[ops.Slot, ...]] | None:
    """The name of a call that is given dynptrs, and their places; None of other ops."""
    if not isinstance(op, ops.Call | ops.KfuncCall):
        return None
    given = [value for value in op.arguments if isinstance(value, ops.SlotAddress) and value.slot.type == DYNPTR]
    return (called(op), tuple(value.slot for value in given)) if given else None

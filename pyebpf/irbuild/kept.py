"""Structs of the kernel that entries hold: `entry.task = current_task()`, `entry.task.pid`, `entry.task = None`.

As in Python, what a field refers to stays for as long: an assignment takes a reference of its own, and gives back that
to what was there before. (bpf_kptr_xchg exchanges the two at one moment.)
"""

from __future__ import annotations

from pyebpf import layout
from pyebpf.diagnostics import kept as errors
from pyebpf.ir import ops
from pyebpf.ir.module import Fault
from pyebpf.ir.types import NONE, KernelType, PointerType, Region
from pyebpf.irbuild import kfuncs
from pyebpf.irbuild.builder import Builder
from pyebpf.irbuild.operands import Operand, Place, Static
from pyebpf.irbuild.trusted import trusted
from pyebpf.kernel.kfuncs import pair_by_name
from pyebpf.kernel.kptrs import Keeper, keeper_of
from pyebpf.source import Span


def keeper(type: layout.Type) -> Keeper | None:
    """Who keeps what a field of the type refers to; None for other types."""
    struct = layout.kept_struct(type)
    return keeper_of(struct) if struct else None


def read(b: Builder, place: Place, span: Span) -> ops.Value:
    """What the field refers to, or null."""
    kept = keeper(place.type)
    assert kept is not None
    _check_shared(b, place, span)
    address = b.member(place.address, 0, layout.U64, span)
    found = b.emit(ops.Load(address, KernelType(kept.struct, mixed=True), span))
    if not b.may_sleep:  # RCU keeps it, as far as kfuncs are content with that
        b.under_rcu.add(found)
    return found


def assign(b: Builder, place: Place, operand: Operand, span: Span) -> None:
    """`entry.task = operand`, a struct or None."""
    kept = keeper(place.type)
    assert kept is not None
    _check_shared(b, place, place.span)
    type = KernelType(kept.struct)
    kfuncs.check_hook(b, kept.release, span)
    gives_back = kfuncs.find(b, kept.release, span).ref
    if isinstance(operand, Static) and operand.value is None:
        new: ops.Value = b.emit(ops.Null(type, span))
    elif ops.is_value(operand) and isinstance(operand.type, KernelType) and operand.type.mixed:
        held = b.local("held", type, span)  # what a field refers to may be None
        b.set(held, b.emit(ops.Null(type, span)), span)
        b.if_(b.present(operand, span), lambda: b.set(held, _acquired(b, kept, operand, span), span), None, span)
        new = b.get(held, span)
    else:
        new = _acquired(b, kept, operand, span)
    address = b.member(place.address, 0, layout.U64, span)
    old = b.call("kptr_xchg", (address, new), type, span, writes=8)
    release = ops.KfuncCall(gives_back, (old,), NONE, span)
    b.if_(b.present(old, span), lambda: _emit(b, release), None, span)


def _acquired(b: Builder, kept: Keeper, operand: Operand, span: Span) -> ops.Value:
    """Another reference to what `operand` is. NullPointerError if it is about to go."""
    value = trusted(b, (kept.struct,), operand, span, kfunc=kept.acquire)
    call = ops.KfuncCall(kfuncs.find(b, kept.acquire, span).ref, (value,), KernelType(kept.struct), span)
    new = b.emit(call)
    pair = pair_by_name(kept.acquire)
    if pair is not None and pair.nullable:
        b.check(b.present(new, span), Fault.NULL_POINTER, span)
    return new


def _emit(b: Builder, op: ops.KfuncCall) -> None:
    b.emit(op)


def _check_shared(b: Builder, place: Place, span: Span) -> None:
    """Only entries of maps hold anything."""
    pointer = place.address.type
    if not (isinstance(pointer, PointerType) and pointer.region is Region.MAP):
        b.error(errors.KeptElsewhere(span, layout.kept_struct(place.type)))

"""Dynptrs: `with` blocks around what makes them, their names as arguments, and the slices that they give.

    with bpf_dynptr_from_skb(packet, 0) as data:            NullPointerError if there is nothing to point to
        ip = bpf_dynptr_slice(data, 14, IPv4)               a part of the packet; NullPointerError if it ends before
    with ringbuf_reserve_dynptr(records, size, 0) as room:  skipped, and counted, when the ring is full
        dynptr_write(room, 0, text, 0)                      submitted at the end, given up by a fault

A dynptr has its one place on the stack, and its name means that place: it is made where the block begins, can't be
made again inside it, be copied, or be kept in anything else. Its place is cleared first, for in a loop it is still what
the last round made of it, and kernels before 6.3 make none of what is one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from pyebpf import layout
from pyebpf.diagnostics import dynptrs as errors
from pyebpf.diagnostics import maps as map_errors
from pyebpf.diagnostics import types as type_errors
from pyebpf.ir import ops
from pyebpf.ir.module import Fault
from pyebpf.ir.types import DYNPTR, NONE
from pyebpf.irbuild import dynptrs, expressions, helpers, holding, kfuncs, maps
from pyebpf.irbuild.builder import Builder
from pyebpf.irbuild.open_blocks import Held
from pyebpf.irbuild.operands import Dynptr, Static, describe
from pyebpf.kernel.dynptrs import Maker, maker_by_name
from pyebpf.lang.helpers import KernelHelper
from pyebpf.lang.kfuncs import Kfunc
from pyebpf.lang.maps import Map
from pyebpf.syntax import tree


def lower_with(b: Builder, item: tree.WithItem, body: Callable[[], None]) -> bool:
    """`with dynptr_from_mem(memory, 0) as data:`; False if the item makes no dynptr."""
    opened = _opened(b, item.value)
    if opened is None:
        return False
    made, maker, node = opened
    if item.target is not None and not isinstance(item.target, tree.Name):
        b.error(type_errors.WrongType(item.target.span, "a name", f"`{item.target.span.text}`", ""))
    name = item.target.id if isinstance(item.target, tree.Name) else ""
    source = _source(b, maker, node)
    slot = ops.Slot(name or "dynptr", DYNPTR, item.span)
    dynptr = Dynptr(slot, source or maker)
    room = dynptrs.address(b, slot, item.span)
    b.zero(room, DYNPTR.size, item.span)
    if isinstance(made, Kfunc):
        status: ops.Value = kfuncs.made(b, made.name, node, room)
    else:
        status = helpers.made(b, made.name, node, room)
    there = b.compare("==", status, b.const(0, node.span), node.span)
    if maker.ends:
        _held(b, item, maker, dynptr, there, lambda: _named(b, name, dynptr, body))
    else:
        b.check(there, Fault.NULL_POINTER, node.span)
        _named(b, name, dynptr, body)
    return True


def _opened(b: Builder, node: tree.Expression) -> tuple[Kfunc | KernelHelper, Maker, tree.Call] | None:
    if not isinstance(node, tree.Call) or not isinstance(node.function, tree.Name):
        return None
    found = expressions.evaluate(b, node.function)
    value = found.value if isinstance(found, Static) else None
    maker = maker_by_name(value.name) if isinstance(value, Kfunc | KernelHelper) else None
    if maker is None:
        return None
    assert isinstance(value, Kfunc | KernelHelper)
    if maker.kind == "ring" and node.arguments:
        _check_ring(b, node.arguments[0])
    return value, maker, node


def _check_ring(b: Builder, node: tree.Expression) -> None:
    """A diagnostic unless the ring's records are of any length, as those are that a dynptr is for."""
    if not isinstance(node, tree.Name | tree.Attribute):
        b.error(type_errors.WrongType(node.span, "the name of a RingBuf", f"`{node.span.text}`", _RING))
    operand = expressions.evaluate(b, node)
    if isinstance(operand, Static) and isinstance(operand.value, Map):
        map = maps.ref(b, operand)
        head, tail = layout.tail_of(map.value) if map.value is not None else (None, None)
        if map.kind == "RingBuf" and (tail is None or head is not None):
            b.error(map_errors.NoSuchOperation(node.span, f"a RingBuf of {map.value}", "ringbuf_reserve_dynptr", _RING))


_RING: Final = "records = RingBuf[bytes](size=4096)"


def _source(b: Builder, maker: Maker, node: tree.Call) -> Maker | None:
    """What made the dynptr that a clone is made of. What must be ended is ended once, together with all its clones: the
    place of one may not be used again before."""
    if maker.kind is not None or not node.arguments:
        return None
    operand = expressions.evaluate(b, node.arguments[0])
    if not isinstance(operand, Dynptr):
        b.error(type_errors.WrongType(node.arguments[0].span, "a dynptr", describe(operand), ""))
    if operand.maker.ends and b.in_loop:
        b.error(errors.CloneInLoop(node.span, operand.slot.name))
    return operand.maker


def _held(
    b: Builder, item: tree.WithItem, maker: Maker, dynptr: Dynptr, there: ops.Value, body: Callable[[], None]
) -> None:
    """The block of a dynptr that must be ended on every way out; where there is none, too."""
    span = item.span

    def end(name: str) -> None:
        arguments: tuple[ops.Value, ...] = (dynptrs.address(b, dynptr.slot, span),)
        if maker.kind == "ring":
            b.call(name, (*arguments, b.const(0, span)), NONE, span)
        else:
            kfuncs.end(b, name, arguments, span)

    def inside() -> None:
        b.unwinding.append(Held(lambda: end(maker.ends), len(b.labels), give_up=lambda: end(maker.gives_up)))
        try:
            body()
        finally:
            b.unwinding.pop()
        if b.reachable:
            end(maker.ends)

    def nothing() -> None:
        end(maker.gives_up)
        if maker.kind == "ring":
            assert isinstance(item.value, tree.Call)
            ring = expressions.evaluate(b, item.value.arguments[0])
            assert isinstance(ring, Static)
            b.emit(ops.CountDropped(maps.ref(b, ring), span))
        else:
            b.raise_(Fault.NULL_POINTER, item.value.span)

    b.if_(there, inside, nothing, span)


def _named(b: Builder, name: str, dynptr: Dynptr, body: Callable[[], None]) -> None:
    """The block, in which `name` is the dynptr."""
    before = holding.begin_name(b, name, dynptr)
    body()
    holding.end_name(b, name, before)

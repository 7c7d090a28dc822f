"""Bytes of packets at any offset, of any number.

    packet.read(offset, buffer[:n])         fills the buffer; PacketTooShort if the packet ends before
    packet.write(offset, data[:n])          where the hook may change packets
    packet.store(offset, be16, 0x0800)      one value, as packet.load(offset, be16) reads it

A few bytes are copied in place, where the hook may; more of them, and numbers of them that vary, by the helper that the
table `kernel.packets` names for the hook.
"""

from __future__ import annotations

from typing import Final

from pyebpf import layout
from pyebpf.diagnostics import names as errors
from pyebpf.diagnostics import types as type_errors
from pyebpf.ir import ops
from pyebpf.ir.module import Fault
from pyebpf.ir.types import IntType
from pyebpf.irbuild import buffers, expressions, memory, order, packets, values
from pyebpf.irbuild.buffers import Buffer
from pyebpf.irbuild.builder import Builder
from pyebpf.irbuild.operands import Operand, Place, Static, describe
from pyebpf.kernel.helpers import helper_by_name
from pyebpf.kernel.packets import access_of
from pyebpf.lang.types import layout_or_none
from pyebpf.source import Span
from pyebpf.syntax import tree

IN_PLACE: Final = 256
"""Bytes that are copied one word after the other; a helper is shorter for more."""
TAKES: Final = {
    "read": ("an offset and an array or a struct", 2),
    "write": ("an offset and an array or a struct", 2),
    "store": ("an offset, a type and a value", 3),
}


def method(b: Builder, name: str, node: tree.Call) -> Operand:
    """`packet.read(…)`, `packet.write(…)`, `packet.store(…)`."""
    words, count = TAKES[name]
    if node.keywords:
        word = node.keywords[0]
        b.error(errors.WrongArguments(word.span, f"packet.{name}", "no keyword arguments", f"`{word.name}=`"))
    if len(node.arguments) != count:
        given = len(node.arguments)
        found = f"{given} argument{'s' * (given != 1)}"
        b.error(errors.WrongArguments(node.span, f"packet.{name}", words, found))
    if name != "read" and not _may_write(b):
        b.error(type_errors.ReadOnly(node.span, "the packet"))
    first, *rest = node.arguments
    at = values.number(b, order.kept(b, expressions.evaluate(b, first), first.span, rest), first.span)
    if name == "store":
        _store(b, at, first.span, rest[0], rest[1], node.span)
        return Static(None, "None")
    buffer = buffers.given(b, rest[0], f"packet.{name}", name == "read", ())
    in_place = _is_in_place(b, buffer)
    row = access_of(b.hook.context)
    known = not buffer.may_be_empty and isinstance(buffer.size, ops.Const) and buffer.most <= IN_PLACE
    if not in_place and not (row.load and (row.measured or known)):
        what = f"how many bytes are copied here, and at most {IN_PLACE},"
        b.error(type_errors.NotConstant(rest[0].span, what, ""))
    start = packets.checked_offset(b, at, first.span, buffer.most if in_place or not row.measured else 1, node.span)
    if buffer.may_be_empty:
        present = b.compare(">", buffer.size, b.const(0, node.span), node.span)
        b.if_(present, lambda: _transfer(b, name, start, buffer, node.span), None, node.span)
    else:
        _transfer(b, name, start, buffer, node.span)
    return Static(None, "None")


def _may_write(b: Builder) -> bool:
    row = access_of(b.hook.context)
    if row.writable:
        return True
    helper = helper_by_name(row.store)
    return helper is not None and helper.allows(b.hook.program_type, b.hook.attach_type)


def _is_in_place(b: Builder, buffer: Buffer) -> bool:
    row = access_of(b.hook.context)
    return row.ends is not None and not row.pieces and not buffer.may_be_empty and buffer.most <= IN_PLACE


def _transfer(b: Builder, name: str, at: ops.Value, buffer: Buffer, span: Span) -> None:
    row = access_of(b.hook.context)
    writes = name == "write"
    if not row.measured:
        _from_unmeasured(b, at, buffer, span)
        return
    if _is_in_place(b, buffer):
        _in_place(b, writes, at, buffer, span)
        return
    if row.pieces:  # where bytes are missing, skb_load_bytes clears what it was to fill: it isn't asked
        # Not `at + size <= length`: Linux 6.12 takes over what it finds out of the sum, and loses that size isn't 0.
        room = IntType(-packets.LARGEST, (1 << 32) - 1)
        left = b.emit(ops.Binary("-", packets.length(b, span), at, room, span))
        b.check(b.compare("<=", buffer.size, left, span), Fault.PACKET_TOO_SHORT, span)
    context = packets.context(b, span)
    arguments: tuple[ops.Value, ...] = (context, at, buffer.address, buffer.size)
    if writes and row.flags:
        arguments = (*arguments, b.const(0, span))
    status = b.call(row.store if writes else row.load, arguments, packets.STATUS, span)
    b.check(b.compare("==", status, b.const(0, span), span), Fault.PACKET_TOO_SHORT, span)
    if writes and row.pieces:
        packets.renew(b, span)


def _from_unmeasured(b: Builder, at: ops.Value, buffer: Buffer, span: Span) -> None:
    """Bytes of a packet of unknown length: where some are missing, the buffer stays as it is."""
    array = layout.Array(layout.U8, buffer.most)
    whole = b.scratch("bytes", array, span)
    packets.from_pieces(b, at, whole, array, span)
    b.emit(ops.Copy(buffer.address, whole, buffer.most, span))


def _in_place(b: Builder, writes: bool, at: ops.Value, buffer: Buffer, span: Span) -> None:
    array = layout.Array(layout.U8, buffer.most)
    inside = packets.place(b, at, array, span)
    target, source = (inside, buffer.address) if writes else (buffer.address, inside)
    b.emit(ops.Copy(target, source, buffer.most, span))


def _store(
    b: Builder, at: ops.Value, at_span: Span, type_node: tree.Expression, value_node: tree.Expression, span: Span
) -> None:
    found = expressions.evaluate(b, type_node)
    type = layout_or_none(found.value) if isinstance(found, Static) else None
    if type is None:
        b.error(type_errors.WrongType(type_node.span, "a type", describe(found), "packet.store(12, be16, 0x0800)"))
    value = expressions.evaluate(b, value_node)
    row = access_of(b.hook.context)
    if not row.pieces:
        start = packets.checked_offset(b, at, at_span, type.size, span)
        memory.store(b, Place(packets.place(b, start, type, span), type, span.text, span), value, value_node.span)
        return
    made = memory.materialize(b, "stored", type, value, value_node.span)
    start = packets.checked_offset(b, at, at_span, type.size, span)
    _transfer(b, "write", start, Buffer(made, b.const(type.size, span), type.size, span), span)

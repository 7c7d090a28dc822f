"""`ring.output(…)`: a record that is as long as what it is given.

    lines.output(text)                      RingBuf[str]: its bytes, without what follows its end
    blobs.output(buffer[:n])                RingBuf[bytes]
    packets.output(head, buffer[:n])        RingBuf[Head, bytes]: one record, the struct and what follows it
    events.output(event)                    RingBuf[Event], PerfEventArray[Event]

One part is copied by `bpf_ringbuf_output` (5.8). Two are written one after the other to room that a dynptr keeps the
bounds of (5.19): the verifier knows no pointer to a room whose size varies.
"""

from __future__ import annotations

from pyebpf import layout
from pyebpf.diagnostics import maps as map_errors
from pyebpf.diagnostics import names as errors
from pyebpf.diagnostics import types as type_errors
from pyebpf.ir import ops
from pyebpf.ir.module import Fault, MapRef
from pyebpf.ir.types import DYNPTR, I64, NONE, IntType, PointerType
from pyebpf.irbuild import buffers, expressions, order, queues, reserving, text_scan, texts, values
from pyebpf.irbuild.buffers import Buffer
from pyebpf.irbuild.builder import Builder
from pyebpf.irbuild.operands import Operand, PendingText, Static, describe, is_text, reference
from pyebpf.source import Span
from pyebpf.syntax import tree


def output(b: Builder, map: MapRef, node: tree.Call) -> Operand:
    """`ring.output(…)`: gives None; a record that finds the ring full is counted."""
    head, tail = layout.tail_of(map.value) if map.value is not None else (None, None)
    takes = [type for type in (head, tail) if type is not None]
    name = f"{map.name}.output"
    if node.keywords:
        word = node.keywords[0]
        b.error(errors.WrongArguments(word.span, name, "no keyword arguments", f"`{word.name}=`"))
    if len(node.arguments) != len(takes):
        count = len(node.arguments)
        found = f"{count} argument{'s' * (count != 1)}"
        b.error(errors.WrongArguments(node.span, name, " and ".join(_word(type) for type in takes), found))
    parts = []
    for number, (type, argument) in enumerate(zip(takes, node.arguments, strict=True)):
        parts.append(_part(b, map, type, argument, node.arguments[number + 1 :]))
    if len(parts) == 1:
        reserving.output(b, map, parts[0].address, parts[0].size, node.span)
    else:
        _pieces(b, map, parts[0], parts[1], node.span)
    return Static(None, "None")


def _word(type: layout.Type) -> str:
    if isinstance(type, layout.Struct):
        return f"a {type.name}"
    return "text" if isinstance(type, layout.Text) else "an array or a struct"


def _part(
    b: Builder, map: MapRef, type: layout.Type, node: tree.Expression, later: tuple[tree.Expression, ...]
) -> Buffer:
    name = f"{map.name}.output"
    if type.size == 0 and isinstance(type, layout.Array):
        return buffers.given(b, node, name, False, later)
    operand = order.kept(b, expressions.evaluate(b, node), node.span, later)
    if isinstance(type, layout.Text):
        return _text(b, operand, node.span)
    operand = values.in_memory(b, values.plain(b, operand, node.span), node.span)
    pointer = reference(operand)
    if pointer is None or pointer.target != type:
        b.error(type_errors.WrongType(node.span, _word(type).removeprefix("a "), describe(operand), ""))
    return buffers.of_operand(b, operand, node.span, name, False)


def _text(b: Builder, operand: Operand, span: Span) -> Buffer:
    """Text up to its end."""
    operand = values.plain(b, operand, span)
    if not is_text(operand):
        b.error(type_errors.WrongType(span, "text", describe(operand), ""))
    if isinstance(operand, PendingText) and not operand.length:
        b.error(type_errors.TextNeedsPlace(span, span.text))
    literal = texts.known(operand)
    text = texts.placed(b, texts.text_of(b, operand, span), span)
    address = text.address
    assert address is not None and isinstance(address.type, PointerType)
    size = b.const(len(text.data), span) if literal is not None else _byte_length(b, text, span)
    return Buffer(buffers.reachable(b, address, address.type, span, False), size, text.size, span)


def _byte_length(b: Builder, text: texts.Text, span: Span) -> ops.Value:
    """How many bytes come before the end."""
    total = b.local("length", IntType(0, text.size), span)
    b.set(total, b.const(0, span), span)

    def body(index: ops.Value, label: ops.Label) -> None:
        byte = texts.byte_at(b, text, index, span)
        b.if_(b.compare("==", byte, b.const(0, span), span), lambda: texts.leave(b, label, span), None, span)
        following = ops.Binary("+", index, b.const(1, span), IntType(1, text.size), span)
        b.set(total, b.emit(following), span)

    texts.counted(b, text.size, body, span)
    length = text_scan.clamped(b, b.get(total, span), text.size, span)
    b.check(b.compare("<=", length, b.const(text.size, span), span), Fault.INDEX, span)  # for the verifier
    return length


def _pieces(b: Builder, map: MapRef, head: Buffer, tail: Buffer, span: Span) -> None:
    zero = b.const(0, span)
    start = b.const(head.most, span)
    largest = IntType(head.most, head.most + tail.most)
    size = b.emit(ops.Binary("+", tail.size, start, largest, span))
    room = b.slot("dynptr", DYNPTR, span)
    status = b.call("ringbuf_reserve_dynptr", (queues.address(b, map, span), size, zero, room), I64, span)

    def fill() -> None:
        b.call("dynptr_write", (room, zero, head.address, head.size, zero), I64, span)
        b.call("dynptr_write", (room, start, tail.address, tail.size, zero), I64, span)
        b.call("ringbuf_submit_dynptr", (room, zero), NONE, span)

    def drop() -> None:
        b.call("ringbuf_discard_dynptr", (room, zero), NONE, span)  # the verifier wants it also of what isn't there
        reserving.count_dropped(b, map, span)

    b.if_(b.compare("==", status, zero, span), fill, drop, span)


def no_reserve(b: Builder, map: MapRef, span: Span) -> None:
    """A diagnostic if the records of `map` have no certain size, so that none can be reserved."""
    if map.value is not None and layout.tail_of(map.value)[1] is not None:
        example = "head, data[:n]" if isinstance(map.value, layout.Struct) else "data[:n]"
        example = "text" if isinstance(map.value, layout.Text) else example
        kind = "a RingBuf of records of any length"
        b.error(map_errors.NoSuchOperation(span, kind, "reserve", f"{map.name}.output({example})"))

"""Histograms: `times.observe(x)`, and with keys `times[comm()].observe(x)`; `observe(x, 3)` counts it three times."""

from __future__ import annotations

from pyebpf import layout
from pyebpf.diagnostics import maps as errors
from pyebpf.diagnostics import names as name_errors
from pyebpf.ir import ops
from pyebpf.ir.module import Fault, MapRef
from pyebpf.ir.types import IntType, PointerType, Region
from pyebpf.irbuild import expressions, maps, memory, order, values
from pyebpf.irbuild.builder import Builder
from pyebpf.irbuild.operands import HistogramAt, Method, Operand, Place, Static
from pyebpf.metadata import Steps
from pyebpf.source import Span
from pyebpf.syntax import tree

KEYED = ("KeyedHistogram", "KeyedLinearHistogram")


def observe(b: Builder, target: Method, node: tree.Call) -> Operand:
    """`histogram.observe(x)`, `histogram[key].observe(x, weight)`."""
    receiver, span = target.receiver, node.span
    key: Operand | None = None
    if isinstance(receiver, HistogramAt):
        key = order.kept(b, receiver.key, receiver.key_span, node.arguments)
        receiver = receiver.histogram
    assert isinstance(receiver, Static)
    map = maps.ref(b, receiver)
    if map.kind in KEYED and key is None:
        hint = f"{map.name}[key].observe({', '.join(each.span.text for each in node.arguments)})"
        b.error(errors.NoSuchOperation(node.function.span, "a histogram with keys", "observe", hint))
    if node.keywords or not 1 <= len(node.arguments) <= 2:
        given = f"`{node.keywords[0].name}=`" if node.keywords else f"{len(node.arguments)} arguments"
        takes = "a value, or a value and how often it counts"
        b.error(name_errors.WrongArguments(span, f"{map.name}.observe", takes, given))
    (value, value_span), *rest = expressions.in_order(b, node.arguments)
    slot = _slot(b, map, values.number(b, value, value_span), span, value_span)
    weight = b.unsigned(values.number(b, *rest[0]), rest[0][1]) if rest else b.const(1, span)
    if key is None:
        found = maps.find(b, map, memory.materialize(b, "slot", layout.U32, slot, span), span)
        b.if_(b.present(found, span), lambda: _add(b, map, b.not_null(found, span), weight, span), None, span)
    else:
        assert isinstance(target.receiver, HistogramAt)
        _count(b, map, maps.key_address(b, map, key, target.receiver.key_span), slot, weight, span)
    return Static(None, "None")


def _add(b: Builder, map: MapRef, address: ops.Value, weight: ops.Value, span: Span) -> None:
    """Each CPU has counts of its own: what one of them counts most often all others would wait for."""
    shared = map.kind in KEYED or not b.module.counts_alone
    maps.add(b, Place(address, layout.U64, map.name, span), weight, span, shared=shared)


def _count(b: Builder, map: MapRef, key: ops.Value, slot: ops.Value, weight: ops.Value, span: Span) -> None:
    """One more in a slot of a key's counts."""
    counts = map.value
    assert isinstance(counts, layout.Array)
    entry = maps.entry_or_zeros(b, map, key, span)
    if not isinstance(slot, ops.Const):  # the verifier may have lost sight of what it is
        b.check(b.compare("<", slot, b.const(counts.length, span), span), Fault.INDEX, span)
    pointer = PointerType(counts.element, Region.MAP)
    _add(b, map, b.emit(ops.ElementAddress(entry, slot, counts.length, pointer, span)), weight, span)


def _slot(b: Builder, map: MapRef, value: ops.Value, span: Span, value_span: Span) -> ops.Value:
    if map.steps is not None:
        return _linear(b, map.steps, value, span)
    value = b.unsigned(value, value_span)
    if isinstance(value, ops.Const):
        return b.const(max(value.value.bit_length() - 1, 0), span)
    floor = b.emit(ops.Binary("|", value, b.const(1, span), IntType(1, (1 << 64) - 1), span))
    length = b.emit(ops.BitLength(floor, IntType(1, 64), span))
    return b.emit(ops.Binary("-", length, b.const(1, span), IntType(0, 63), span))


def _linear(b: Builder, steps: Steps, value: ops.Value, span: Span) -> ops.Value:
    """The slot of `value`: 0 below the first step, one behind the last from its end on."""
    last = steps.count + 1
    if isinstance(value, ops.Const):
        at = (value.value - steps.low) // steps.step + 1
        return b.const(min(max(at, 0), last), span)
    type = value.type
    assert isinstance(type, IntType)
    slot = b.local("slot", IntType(0, last), span)

    def inside() -> None:
        width = steps.end - steps.low
        way = b.emit(ops.Binary("-", value, b.const(steps.low, span), IntType(0, width - 1), span))
        step = b.emit(ops.Binary("//", way, b.const(steps.step, span), IntType(0, steps.count - 1), span))
        b.set(slot, b.emit(ops.Binary("+", step, b.const(1, span), IntType(1, steps.count), span)), span)

    def from_low() -> None:
        if type.low >= steps.end:
            b.set(slot, b.const(last, span), span)
            return
        b.set(slot, b.const(last, span), span)
        below = b.compare("<", value, b.const(steps.end, span), span) if type.high >= steps.end else b.truth(True, span)
        b.if_(below, inside, None, span)

    if type.high < steps.low:
        return b.const(0, span)
    b.set(slot, b.const(0, span), span)
    reached = b.truth(True, span) if type.low >= steps.low else b.compare(">=", value, b.const(steps.low, span), span)
    b.if_(reached, from_low, None, span)
    return b.get(slot, span)

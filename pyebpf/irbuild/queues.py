"""Maps without keys: queues, stacks and Bloom filters."""

from __future__ import annotations

from pyebpf.diagnostics import names as name_errors
from pyebpf.diagnostics import types as type_errors
from pyebpf.ir import ops
from pyebpf.ir.module import Fault, MapRef
from pyebpf.ir.types import AddressType, IntType, PointerType, Region, is_scalar
from pyebpf.irbuild import memory, values
from pyebpf.irbuild.builder import Builder
from pyebpf.irbuild.operands import Operand, Optional, Static, describe
from pyebpf.source import Span

STATUS = IntType(-4095, 0)
Argument = tuple[Operand, Span]
TAKES = {"push": (1, 1, "one value"), "add": (1, 1, "one value"), "pop": (0, 1, "nothing, or a default"),
         "peek": (0, 1, "nothing, or a default")}  # fmt: skip


def method(b: Builder, map: MapRef, name: str, arguments: list[Argument], span: Span) -> Operand:
    """`queue.push(x)`, `queue.pop()`, `queue.peek()`, `filter.add(x)`."""
    least, most, takes = TAKES[name]
    if not least <= len(arguments) <= most:
        b.error(name_errors.WrongArguments(span, f"{map.name}.{name}", takes, f"{len(arguments)} arguments"))
    if name in ("push", "add"):
        _push(b, map, arguments[0], span)
        return Static(None, "None")
    return _take(b, map, f"map_{name}_elem", arguments[0] if arguments else None, span)


def address(b: Builder, map: MapRef, span: Span) -> ops.Value:
    """The map as an argument of a helper."""
    through = b.through(map, span)
    if through is not None:
        return through
    return b.emit(ops.MapAddress(map, AddressType("kernel"), span))


def _push(b: Builder, map: MapRef, argument: Argument, span: Span) -> None:
    """A value that is copied in. A full queue is a MemoryError, as a full hash is; a Bloom filter is never full."""
    assert map.value is not None
    data = memory.materialize(b, "value", map.value, *argument)
    status = b.call("map_push_elem", (address(b, map, span), data, b.const(0, span)), STATUS, span)
    if map.kind != "BloomFilter":
        b.check(b.compare("==", status, b.const(0, span), span), Fault.MEMORY, span)


def contains(b: Builder, map: MapRef, item: Operand, span: Span) -> ops.Value:
    """`x in filter`."""
    assert map.value is not None
    data = memory.materialize(b, "value", map.value, item, span)
    status = b.call("map_peek_elem", (address(b, map, span), data), STATUS, span)
    return b.compare("==", status, b.const(0, span), span)


def _take(b: Builder, map: MapRef, helper: str, default: Argument | None, span: Span) -> Operand:
    """What is next, copied out. An empty queue is an IndexError, as with list.pop; with a default it is that."""
    assert map.value is not None
    place = b.slot("taken", map.value, span)
    b.zero(place, map.value.size, span)
    status = b.call(helper, (address(b, map, span), place), STATUS, span)
    there = b.compare("==", status, b.const(0, span), span)
    if default is None:
        b.check(there, Fault.INDEX, span)
        return memory.load(b, place, map.value, span)
    nothing = isinstance(default[0], Static) and default[0].value is None
    if not is_scalar(map.value):
        if not nothing:
            b.error(type_errors.WrongType(default[1], "None", describe(default[0]), f"{span.text.split('(')[0]}(None)"))
        return _reference(b, place, there, map, span)
    value = memory.load(b, place, map.value, span)
    if nothing:
        return Optional(there, value)
    instead = values.fit(b, default[0], value.type, default[1])
    return b.choose(there, value.type, value, instead, span)


def _reference(b: Builder, place: ops.Value, there: ops.Value, map: MapRef, span: Span) -> ops.Value:
    """`place`, or None."""
    assert map.value is not None
    type = PointerType(map.value, Region.STACK, nullable=True)
    result = b.local("taken", type, span)
    b.set(result, b.emit(ops.Null(type, span)), span)
    b.if_(there, lambda: b.set(result, place, span), None, span)
    return b.get(result, span)

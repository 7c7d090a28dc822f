"""`with`: reservations in rings, and locks."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from pyebpf.diagnostics import maps as map_errors
from pyebpf.diagnostics import names as errors
from pyebpf.ir import ops
from pyebpf.ir.module import MapRef
from pyebpf.ir.types import PointerType, Region
from pyebpf.irbuild import dynptr_blocks, expressions, holding, kfuncs, maps, reserving, rings, sockets, spin_locks
from pyebpf.irbuild.bindings import Binding, Fixed, Reference, TupleLocal
from pyebpf.irbuild.builder import Builder
from pyebpf.irbuild.operands import Static
from pyebpf.lang.maps import Map
from pyebpf.syntax import tree

LowerBlock: TypeAlias = Callable[[Builder, tuple[tree.Statement, ...]], None]


def lower_with(b: Builder, statement: tree.With, lower_block: LowerBlock) -> None:
    """`with ring.reserve() as event:` — skipped, and counted, when the ring is full; `with entry.lock:`."""
    _with_items(b, statement.items, statement, lower_block)


def _with_items(b: Builder, items: tuple[tree.WithItem, ...], statement: tree.With, lower_block: LowerBlock) -> None:
    if not items:
        lower_block(b, statement.body)
        return
    item = items[0]

    def rest() -> None:
        _with_items(b, items[1:], statement, lower_block)

    if (
        dynptr_blocks.lower_with(b, item, rest)
        or kfuncs.lower_with(b, item, rest)
        or sockets.lower_with(b, item, rest)
        or spin_locks.lower_with(b, item, rest)
    ):
        return
    ring = _reserved_ring(b, item)
    if item.target is not None and not isinstance(item.target, tree.Name):
        b.error(map_errors.WithNeedsReserve(item.target.span, "no name"))
    assert ring.value is not None
    span, bindings = item.span, dict(b.frame.bindings)
    name = item.target.id if isinstance(item.target, tree.Name) else ""

    def fill(event: ops.Value) -> None:
        holding.begin_name(b, name, event)
        _with_items(b, items[1:], statement, lower_block)

    reserving.reserve(b, ring, ring.value, span, fill, b.assigned)
    if name and reserving.is_perf(ring):
        holding.end_name(b, name)
    _end_names(b, bindings)


def _end_names(b: Builder, before: dict[str, Binding]) -> None:
    """Forget the names that a `with` block gave to its event, or to parts of it."""
    for name, binding in tuple(b.frame.bindings.items()):
        if binding is not before.get(name) and _refers_to_event(binding):
            holding.end_name(b, name)


def _refers_to_event(binding: Binding) -> bool:
    match binding:
        case Fixed(operand):
            type = operand.type if ops.is_value(operand) else None
        case Reference(local):
            type = local.type
        case TupleLocal(items):
            return any(map(_refers_to_event, items))
        case _:
            return False
    return isinstance(type, PointerType) and type.region is Region.RING


def _reserved_ring(b: Builder, item: tree.WithItem) -> MapRef:
    """The ring in `ring.reserve()`."""
    node = item.value
    if isinstance(node, tree.Call) and isinstance(node.function, tree.Attribute):
        receiver = expressions.evaluate(b, node.function.value)
        if isinstance(receiver, Static) and isinstance(receiver.value, Map):
            map = maps.ref(b, receiver)
            if map.kind not in ("RingBuf", "PerfEventArray") or node.function.name != "reserve":
                expressions.evaluate(b, node.function)
                hint = "with ring.reserve() as event:"
                b.error(map_errors.NoSuchOperation(node.span, f"a {map.kind}", f"with {node.function.name}()", hint))
            if node.arguments or node.keywords:
                b.error(
                    errors.WrongArguments(
                        node.span, f"{map.name}.reserve", "no arguments", f"{len(node.arguments) + len(node.keywords)}"
                    )
                )
            rings.no_reserve(b, map, node.span)
            return map
    found = f"`{node.span.text}`"
    b.error(map_errors.WithNeedsReserve(node.span, found))

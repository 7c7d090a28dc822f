"""`place += x` and `m[k] += x`. Python reads the old value first, then computes x, then writes the sum.

    total.value += 1                 # atomic: other CPUs may add at the same time
    total.value += bump()            # if bump() changes total, it is read, then bump is called, then it is written

Where nothing that x does can change the place, the order can't be told, and the addition is one atomic operation.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pyebpf import layout
from pyebpf.diagnostics import types as type_errors
from pyebpf.ir import ops
from pyebpf.ir.module import MapRef
from pyebpf.ir.types import PointerType, Region, is_scalar, loaded
from pyebpf.irbuild import expressions, maps, memory, order, stacks, storage, values
from pyebpf.irbuild.builder import Builder
from pyebpf.irbuild.operands import Operand, Place, Static, describe
from pyebpf.lang.stacks import Stacks
from pyebpf.source import Span
from pyebpf.syntax import tree


def count(b: Builder, base: Static, target: tree.Subscript, statement: tree.AugAssign) -> None:
    """`m[k] += x` and `m[k] -= x`."""
    if isinstance(base.value, Stacks):
        stacks.count(b, base, target, statement)
        return
    map = maps.ref(b, base)
    maps.require(b, map, f"{statement.operator}=", target.span)
    assert map.value is not None
    key_span, node = target.index.span, statement.value
    if map.kind in maps.INDEXED:
        place = maps.entry(b, map, expressions.evaluate(b, target.index), key_span, target.span.text)
        augment(b, place, statement, shared=map.kind == "Array" or not b.module.counts_alone)
        return
    if map.kind in storage.KINDS:
        key = expressions.evaluate(b, target.index)
        made = storage.made(b, map, key, None, key_span)
        augment(b, Place(made, map.value, target.span.text, target.span), statement, shared=True)
        return
    key = order.kept(b, expressions.evaluate(b, target.index), key_span, (node,))
    if not is_scalar(map.value) or not order.may_change(b, (node,)):  # what is no number is refused
        amount = _amount(b, expressions.evaluate(b, node), map.value, statement)
        maps.count(b, map, key, amount, (statement.span, key_span))
        return
    _count_around(b, map, key, statement, key_span)


def _count_around(b: Builder, map: MapRef, key: Operand, statement: tree.AugAssign, key_span: Span) -> None:
    """`m[k] += f()`: as one operation if f leaves the map alone."""
    assert map.value is not None
    span = statement.span
    alive = b.reachable
    with b.block() as before:
        address = maps.key_address(b, map, key, key_span)
        old = _old(b, map, address, span)
    b.reachable = alive
    with b.block() as inside:
        amount = _amount(b, expressions.evaluate(b, statement.value), map.value, statement)
    if not any(_changes_map(op, map) for op in _walk(inside)):
        b.splice(inside)
        maps.count(b, map, key, amount, (span, key_span))
        return
    b.splice([*before, *inside])
    data = b.scratch("sum", map.value, span)
    memory.store(b, Place(data, map.value, "sum", span), maps.summed(b, old, amount, map.value, span), span)
    maps.put(b, map, address, data, span)


def _old(b: Builder, map: MapRef, address: ops.Value, span: Span) -> ops.Value:
    """What the entry holds, zero if there is none."""
    assert map.value is not None
    value, old = map.value, b.local("old", loaded(map.value), span)
    found = maps.find(b, map, address, span)
    b.set(old, b.const(0, span), span)
    b.if_(
        b.present(found, span),
        lambda: b.set(old, memory.load(b, b.not_null(found, span), value, span), span),
        None,
        span,
    )
    return b.get(old, span)


def _amount(b: Builder, value: Operand, type: layout.Type, statement: tree.AugAssign) -> ops.Value:
    return maps.bind_amount(b, value, type, statement.value.span, statement.operator == "-")


def augment(b: Builder, place: Place, statement: tree.AugAssign, shared: bool | None = None) -> None:
    """`event.count += 1`: the old value is read before the other one is computed.

    `shared`: other CPUs write there as well; if None, what memory it is says so.
    """
    pointer = place.address.type
    assert isinstance(pointer, PointerType)
    atomic = pointer.region in (Region.MAP, Region.DATA, Region.ARENA) and pointer.writable and not place.bits
    if atomic and isinstance(place.type, layout.Integer) and statement.operator in ("+", "-"):
        whole = place.type.size in (4, 8) and not place.type.big_endian
        _add(b, place, statement, whole if shared is None else whole and shared)
        return
    old = memory.read(b, place, statement.target.span)
    value = expressions.evaluate(b, statement.value)
    if not is_scalar(place.type) and not isinstance(place.type, layout.Text):
        b.error(type_errors.BadOperands(statement.span, f"{statement.operator}=", str(place.type), describe(value)))
    spans = (statement.target.span, statement.value.span)
    result = expressions.operate(b, statement.operator, old, value, statement.span, spans)
    memory.store(b, place, result, statement.span)


def _add(b: Builder, place: Place, statement: tree.AugAssign, shared: bool) -> None:
    span, alive = statement.span, b.reachable
    with b.block() as inside:
        amount = _amount(b, expressions.evaluate(b, statement.value), place.type, statement)
    if not any(_changes_place(op, place) for op in _walk(inside)):
        b.splice(inside)
        maps.add(b, place, amount, span, shared=shared)
        return
    after, b.reachable = b.reachable, alive
    old = values.number(b, memory.read(b, place, span), span)
    b.splice(inside)
    b.reachable = after
    memory.store(b, place, maps.summed(b, old, amount, place.type, span), span)


# What ops change


def _walk(block: Iterable[ops.Op]) -> Iterator[ops.Op]:
    for op in block:
        yield op
        for inner in ops.blocks(op):
            yield from _walk(inner.ops)


def _changes_map(op: ops.Op, map: MapRef) -> bool:
    """Whether `op` may change what an entry of `map` holds, or whether there is one."""
    if isinstance(op, ops.MapUpdate | ops.MapDelete):
        return op.map is map or op.through is not None
    return any(_leads_to(address, Region.MAP, map) for address in _written(op))


def _changes_place(op: ops.Op, place: Place) -> bool:
    pointer = place.address.type
    assert isinstance(pointer, PointerType)
    root = _root(place.address)
    map = root.map if isinstance(root, ops.MapLookup) else None
    if isinstance(op, ops.MapUpdate):
        return pointer.region is Region.MAP and (map is None or op.map is map)
    for address in _written(op):
        other = _root(address)
        if isinstance(root, ops.VariableAddress) and isinstance(other, ops.VariableAddress):
            if root.variable is other.variable:
                return True
        elif _leads_to(address, pointer.region, map):
            return True
    return False


def _leads_to(address: ops.Value, region: Region, map: MapRef | None) -> bool:
    """Whether `address` may lie in memory of that kind, and of that map if it is known."""
    root = _root(address)
    if not (isinstance(address.type, PointerType) and address.type.region is region):
        return False
    return map is None or not isinstance(root, ops.MapLookup) or root.map is map


def _root(address: ops.Value) -> ops.Value:
    """What `address` points into."""
    while True:
        match address:
            case ops.MemberAddress() | ops.ElementAddress():
                address = address.base
            case ops.NotNull():
                address = address.pointer
            case ops.Prove():
                address = address.value
            case _:
                return address


def _written(op: ops.Op) -> tuple[ops.Value, ...]:
    """Addresses that `op` writes to."""
    match op:
        case ops.Store() | ops.StoreBytes() | ops.Zero() | ops.AtomicAdd():
            return (op.address,)
        case ops.Copy():
            return (op.target,)
        case ops.Call():
            return op.arguments if op.writes else ()
        case _:
            return ()

"""Statements. A wrong one is reported and left out; the rest is still looked at."""

from __future__ import annotations

from pyebpf import layout
from pyebpf.diagnostics import maps as map_errors
from pyebpf.diagnostics import names as errors
from pyebpf.diagnostics import types as type_errors
from pyebpf.diagnostics.base import unreachable
from pyebpf.ir import ops
from pyebpf.ir.module import Fault, MapRef
from pyebpf.ir.types import PointerType, Region, is_scalar
from pyebpf.irbuild import arithmetic, exceptions, expressions, kernel_structs, loops, maps, memory, names, order
from pyebpf.irbuild.bindings import Fixed, Reference
from pyebpf.irbuild.builder import Abandon, Builder
from pyebpf.irbuild.open_blocks import Reservation
from pyebpf.irbuild.operands import KernelInteger, Operand, Place, Static, Values, describe, reference
from pyebpf.irbuild.returns import lower_return
from pyebpf.lang.errors import DeclarationError
from pyebpf.lang.maps import Map
from pyebpf.lang.types import layout_of
from pyebpf.source import Span
from pyebpf.syntax import tree


def lower_block(b: Builder, statements: tuple[tree.Statement, ...]) -> None:
    """Lower `statements` in order; what follows a return, break or continue is dropped."""
    for statement in statements:
        if not b.reachable:
            return
        busy = b.busy
        try:
            lower(b, statement)
        except Abandon:
            if isinstance(statement, tree.If):
                _look_inside(b, statement)
            poison(b, statement)
        b.busy = busy


def _look_inside(b: Builder, statement: tree.If) -> None:
    """Look for Retype in the ways of a branch whose condition is wrong: `if best is None or x.size > best.size:`.

    After `best = None` the condition is right only once it is known what else `best` is assigned.
    """
    before = b.assigned, b.reachable, dict(b.frame.bindings), set(b.frame.poisoned), b.frames
    count, reported = b.sink.count, list(b.sink.diagnostics)
    for body in (statement.body, statement.orelse):
        with b.block():
            lower_block(b, body)
        b.assigned, b.reachable, b.frame.bindings, b.frame.poisoned, b.frames = before
    b.sink.count, b.sink.diagnostics = count, reported


def poison(b: Builder, statement: tree.Statement) -> None:
    """Names that a wrong statement would have assigned are not reported as missing later."""
    match statement:
        case tree.Assign():
            targets = statement.targets
        case tree.AnnAssign() | tree.AugAssign() | tree.For():
            targets = (statement.target,)
        case tree.With():
            targets = tuple(item.target for item in statement.items if item.target is not None)
        case tree.If() | tree.While():
            targets = (statement.test,)
        case _:
            return
    for target in targets:
        for part in target.items if isinstance(target, tree.Tuple) else (target,):
            if isinstance(part, tree.Name) and part.id not in b.frame.bindings:
                b.frame.poisoned.add(part.id)
            if isinstance(part, tree.Name) and part.id not in b.assigned:
                b.frame.bindings.pop(part.id, None)
                b.frame.poisoned.add(part.id)


def lower(b: Builder, statement: tree.Statement) -> None:
    match statement:
        case tree.ExpressionStatement():
            expressions.check_result(b, expressions.evaluate(b, statement.value), statement.value)
        case tree.Assign():
            _assign(b, statement)
        case tree.AnnAssign():
            _annotated(b, statement)
        case tree.AugAssign():
            _augmented(b, statement)
        case tree.If():
            _if(b, statement)
        case tree.For():
            loops.lower_for(b, statement, lower_block, _assign_to)
        case tree.While():
            loops.lower_while(b, statement, lower_block)
        case tree.Break():
            loops.lower_break(b, statement.span)
        case tree.Continue():
            loops.lower_continue(b, statement.span)
        case tree.Return():
            lower_return(b, statement)
        case tree.Pass():
            pass
        case tree.Assert():
            decision = expressions.decide(b, statement.test)
            b.check(decision.value, Fault.ASSERTION, statement.test.span)
            b.assigned = decision.when_true
        case tree.With():
            _with(b, statement)
        case tree.Delete():
            _delete(b, statement)
        case tree.Try():
            exceptions.lower_try(b, statement, lower_block)
        case tree.Raise():
            exceptions.lower_raise(b, statement)
        case _:
            unreachable(statement)


def _assign(b: Builder, statement: tree.Assign) -> None:
    first, *others = statement.targets
    if not others and isinstance(first, tree.Subscript) and _assign_entry(b, first, statement.value, statement.span):
        return
    if not others and isinstance(first, tree.Attribute) and isinstance(statement.value, tree.Attribute):
        _assign_chain(b, first, statement.value)
        return
    value = statement.value
    operand = order.kept(b, expressions.evaluate(b, value), value.span, statement.targets)
    for target in statement.targets:
        _assign_to(b, target, operand, statement.value.span)


def _assign_chain(b: Builder, target: tree.Attribute, value: tree.Attribute) -> None:
    """`event.ppid = task.real_parent.tgid`: the kernel's integer is read straight into a field of its size."""
    found = expressions.attribute_chain(b, value, chained=False, pending=True)
    if not isinstance(found, KernelInteger):
        _assign_to(b, target, found, value.span)
        return
    place = expressions.place(b, target)
    pointer, field = place.address.type, place.type
    assert isinstance(pointer, PointerType)
    own = pointer.region in (Region.STACK, Region.RING)  # a failed read clears its place, which others must not see
    same = isinstance(field, layout.Integer) and (field.size, field.signed) == (found.type.size, found.type.signed)
    if own and same and not place.bits and not (isinstance(field, layout.Integer) and field.big_endian):
        kernel_structs.read_into(b, place.address, found)
        return
    memory.store(b, place, kernel_structs.read_integer(b, found.address, found.type, found.span), value.span)


def _assign_entry(b: Builder, target: tree.Subscript, value: tree.Expression, span: Span) -> bool:
    """`m[k] = v`. Python evaluates the value first, then the key."""
    if not isinstance(target.value, tree.Name | tree.Attribute):
        return False
    operand = order.kept(b, expressions.evaluate(b, value), value.span, (target,))
    base = expressions.evaluate(b, target.value)
    if isinstance(base, Static) and isinstance(base.value, Map):
        map = maps.ref(b, base)
        maps.require(b, map, "[] =", target.span)
        key = expressions.evaluate(b, target.index)
        maps.assign(b, map, key, operand, (span, target.index.span, value.span))
    else:
        memory.store(b, expressions.place_at(b, base, target), operand, value.span)
    return True


def _assign_to(b: Builder, target: tree.Expression, operand: Operand, span: Span) -> None:
    match target:
        case tree.Name():
            names.assign_name(b, target.id, operand, span)
        case tree.Tuple():
            if not (isinstance(operand, Values) and len(operand.items) == len(target.items)):
                b.error(type_errors.NothingLeft(span, len(target.items)))
            first, *others = operand.items
            held = [_hold(b, part, item, span) for part, item in zip(target.items[1:], others, strict=True)]
            for part, item in zip(target.items, (first, *held), strict=True):
                _assign_to(b, part, item, span)
        case tree.Subscript() if not isinstance(target.index, tree.Slice):
            base = expressions.evaluate(b, target.value)
            if isinstance(base, Static) and isinstance(base.value, Map):
                key = expressions.evaluate(b, target.index)
                maps.assign(b, maps.ref(b, base), key, operand, (target.span, target.index.span, span))
            else:
                memory.store(b, expressions.place_at(b, base, target), operand, span)
        case _:
            memory.store(b, expressions.place(b, target), operand, span)


def _hold(b: Builder, target: tree.Expression, item: Operand, span: Span) -> Operand:
    """Values of a tuple are all computed before the first is assigned: `a, b = b, a`.

    Reads of numbers are values already. A name can refer to the same struct or array; what is copied is copied now.
    """
    pointer = reference(item)
    if pointer is None or (isinstance(target, tree.Name) and isinstance(pointer.target, layout.Struct | layout.Array)):
        return item
    return memory.hold(b, item, span)


def annotation(b: Builder, node: tree.Expression) -> layout.Type | None:
    """The type that an annotation names; None for `int`, which leaves the width to the compiler."""
    operand = expressions.evaluate(b, node)
    if isinstance(operand, Static) and operand.value is int:
        return None
    try:
        return layout_of(operand.value if isinstance(operand, Static) else operand)
    except DeclarationError as error:
        message = error.message if isinstance(operand, Static) else f"an annotation is a type, not {describe(operand)}"
        b.error(type_errors.BadAnnotation(node.span, message, error.help))


def _annotated(b: Builder, statement: tree.AnnAssign) -> None:
    type = annotation(b, statement.annotation)
    if statement.value is None:
        return  # as in Python: a note, no assignment
    operand = expressions.evaluate(b, statement.value)
    if not isinstance(statement.target, tree.Name):
        b.error(
            type_errors.BadAnnotation(statement.annotation.span, "only names of local variables take a type here", "")
        )
    if type is not None and not is_scalar(type) and not isinstance(type, layout.Text):
        pointer = operand.type if ops.is_value(operand) else None
        if not (isinstance(pointer, PointerType) and pointer.target == type):
            b.error(type_errors.WrongType(statement.value.span, str(type), describe(operand), ""))
        type = None if pointer.region is not Region.STACK else type
    names.assign_name(b, statement.target.id, operand, statement.value.span, type)


def _augmented(b: Builder, statement: tree.AugAssign) -> None:
    target, span = statement.target, statement.span
    spans = (target.span, statement.value.span)
    if isinstance(target, tree.Name):
        _check_augmentable(b, target)
        old = names.read_name(b, target.id, target.span)
        value = expressions.evaluate(b, statement.value)
        names.assign_name(b, target.id, arithmetic.binary(b, statement.operator, old, value, span, spans), span)
        return
    if isinstance(target, tree.Subscript) and not isinstance(target.index, tree.Slice):
        base = expressions.evaluate(b, target.value)
        if isinstance(base, Static) and isinstance(base.value, Map) and statement.operator in ("+", "-"):
            _count(b, base, target, statement)
            return
        place = expressions.place_at(b, base, target)
    else:
        place = expressions.place(b, target)
    _augment_place(b, place, statement)


def _check_augmentable(b: Builder, target: tree.Name) -> None:
    """`total += 1` on a module's constant: what Python calls an unbound local."""
    if target.id in b.frame.bindings or target.id in b.frame.poisoned:
        return
    if target.id in b.frame.python.__globals__:
        value = b.frame.python.__globals__[target.id]
        what = (
            f"{'an' if isinstance(value, int) else 'a'} {type(value).__name__}"
            if isinstance(value, int | str | float)
            else "a declaration"
        )
        b.error(errors.NotAssignable(target.span, target.id, what))


def _count(b: Builder, base: Static, target: tree.Subscript, statement: tree.AugAssign) -> None:
    map = maps.ref(b, base)
    maps.require(b, map, f"{statement.operator}=", target.span)
    assert map.value is not None
    (key, _), (value, _) = expressions.in_order(b, (target.index, statement.value))
    amount = maps.bind_amount(b, value, map.value, statement.value.span, statement.operator == "-")
    maps.count(b, map, key, amount, (statement.span, target.index.span))


def _augment_place(b: Builder, place: Place, statement: tree.AugAssign) -> None:
    """`event.count += 1`: the old value is read before the other one is computed.

    In memory that others write as well, additions are atomic: there it is read when the sum is written.
    """
    pointer = place.address.type
    assert isinstance(pointer, PointerType)
    shared = pointer.region in (Region.MAP, Region.DATA) and pointer.writable and not place.bits
    whole = isinstance(place.type, layout.Integer) and place.type.size in (4, 8) and not place.type.big_endian
    if shared and isinstance(place.type, layout.Integer) and statement.operator in ("+", "-"):
        value = expressions.evaluate(b, statement.value)
        amount = maps.bind_amount(b, value, place.type, statement.value.span, statement.operator == "-")
        maps.add(b, place, amount, statement.span, shared=whole)
        return
    old = memory.read(b, place, statement.target.span)
    value = expressions.evaluate(b, statement.value)
    if not is_scalar(place.type):
        b.error(type_errors.BadOperands(statement.span, f"{statement.operator}=", str(place.type), describe(value)))
    spans = (statement.target.span, statement.value.span)
    result = arithmetic.binary(b, statement.operator, old, value, statement.span, spans)
    memory.store(b, place, result, statement.span)


def _if(b: Builder, statement: tree.If) -> None:
    decision = expressions.decide(b, statement.test)

    def way(body: tuple[tree.Statement, ...], assigned: frozenset[str]) -> None:
        b.assigned = assigned
        lower_block(b, body)

    b.if_(
        decision.value,
        lambda: way(statement.body, decision.when_true),
        lambda: way(statement.orelse, decision.when_false),
        statement.span,
    )


def _with(b: Builder, statement: tree.With) -> None:
    """`with ring.reserve() as event:` — skipped, and counted, when the ring is full."""
    _with_items(b, statement.items, statement)


def _with_items(b: Builder, items: tuple[tree.WithItem, ...], statement: tree.With) -> None:
    if not items:
        lower_block(b, statement.body)
        return
    item = items[0]
    ring = _reserved_ring(b, item)
    if item.target is not None and not isinstance(item.target, tree.Name):
        b.error(map_errors.WithNeedsReserve(item.target.span, "no name"))
    assert ring.value is not None
    span, before = item.span, b.assigned
    type = PointerType(ring.value, Region.RING, nullable=True)
    record = b.emit(ops.RingReserve(ring, type, span))

    def body() -> None:
        event = b.not_null(record, span)
        assert ring.value is not None
        b.zero(event, ring.value.size, span)
        b.unwinding.append(Reservation(event, len(b.labels), b.frame.number, before))
        if isinstance(item.target, tree.Name):
            b.frame.ended.discard(item.target.id)
            b.frame.bindings[item.target.id] = Fixed(event)
            b.assigned |= {item.target.id}
        try:
            _with_items(b, items[1:], statement)
            b.emit(ops.RingSubmit(event, span))
        finally:
            b.unwinding.pop()

    b.if_(b.present(record, span), body, lambda: _count_dropped(b, ring, span), span)
    _end_names(b, before)


def _end_names(b: Builder, before: frozenset[str]) -> None:
    """Forget the names that a `with` block gave to its event, or to parts of it."""
    for name, binding in tuple(b.frame.bindings.items()):
        match binding:
            case Fixed(operand) if ops.is_value(operand):
                type = operand.type
            case Reference(local):
                type = local.type
            case _:
                continue
        if isinstance(type, PointerType) and type.region is Region.RING and name not in before:
            del b.frame.bindings[name]
            b.frame.ended.add(name)
            b.assigned -= {name}


def _count_dropped(b: Builder, ring: MapRef, span: Span) -> None:
    b.emit(ops.CountDropped(ring, span))


def _reserved_ring(b: Builder, item: tree.WithItem) -> MapRef:
    """The ring in `ring.reserve()`."""
    node = item.value
    if isinstance(node, tree.Call) and isinstance(node.function, tree.Attribute):
        receiver = expressions.evaluate(b, node.function.value)
        if isinstance(receiver, Static) and isinstance(receiver.value, Map):
            map = maps.ref(b, receiver)
            if map.kind != "RingBuf" or node.function.name != "reserve":
                expressions.evaluate(b, node.function)
                hint = "with ring.reserve() as event:"
                b.error(map_errors.NoSuchOperation(node.span, f"a {map.kind}", f"with {node.function.name}()", hint))
            if node.arguments or node.keywords:
                b.error(
                    errors.WrongArguments(
                        node.span, f"{map.name}.reserve", "no arguments", f"{len(node.arguments) + len(node.keywords)}"
                    )
                )
            return map
    found = f"`{node.span.text}`"
    b.error(map_errors.WithNeedsReserve(node.span, found))


def _delete(b: Builder, statement: tree.Delete) -> None:
    for target in statement.targets:
        if not isinstance(target, tree.Subscript) or isinstance(target.index, tree.Slice):
            b.error(
                type_errors.WrongType(
                    target.span, "an entry of a map after `del`", f"`{target.span.text}`", "del starts[tid()]"
                )
            )
        base = expressions.evaluate(b, target.value)
        if not (isinstance(base, Static) and isinstance(base.value, Map)):
            b.error(type_errors.WrongType(target.value.span, "a map", describe(base), ""))
        map = maps.ref(b, base)
        maps.require(b, map, "del", target.span)
        maps.delete(b, map, expressions.evaluate(b, target.index), target.span, target.index.span)

"""Assignments: `=` to names, fields, elements, entries and tuples of them; with a type; and `+=` and its like."""

from __future__ import annotations

from pyebpf import layout
from pyebpf.diagnostics import names as errors
from pyebpf.diagnostics import types as type_errors
from pyebpf.ir import ops
from pyebpf.ir.types import PointerType, Region, is_scalar
from pyebpf.irbuild import (
    counting,
    expressions,
    kept,
    kernel_arrays,
    kernel_facts,
    kernel_structs,
    maps,
    memory,
    names,
    order,
    stacks,
    values,
)
from pyebpf.irbuild.builder import Builder
from pyebpf.irbuild.operands import (
    KernelInteger,
    Operand,
    Optional,
    OptionalValues,
    PendingText,
    Static,
    Values,
    describe,
    reference,
)
from pyebpf.lang.errors import DeclarationError
from pyebpf.lang.kernel_types import KernelPointer
from pyebpf.lang.maps import Map
from pyebpf.lang.types import layout_of
from pyebpf.source import Span
from pyebpf.syntax import tree


def assign(b: Builder, statement: tree.Assign) -> None:
    first, *others = statement.targets
    stack = stacks.wanted(b, statement.value)
    if stack is not None:
        for target in statement.targets:
            _assign_stack(b, target, stack)
        return
    if not others and isinstance(first, tree.Subscript) and _assign_entry(b, first, statement.value, statement.span):
        return
    chain = isinstance(statement.value, tree.Attribute | tree.Subscript)
    if not others and isinstance(first, tree.Attribute) and chain:
        _assign_chain(b, first, statement.value)
        return
    value = statement.value
    operand = order.kept(b, expressions.evaluate(b, value), value.span, statement.targets)
    for target in statement.targets:
        assign_to(b, target, operand, statement.value.span)


def _assign_stack(b: Builder, target: tree.Expression, stack: stacks.Wanted) -> None:
    """`event.stack = kernel_stack()`."""
    if not isinstance(target, tree.Attribute | tree.Subscript):
        stacks.made(b, None, stack, "")
    if isinstance(target, tree.Subscript):
        base = expressions.evaluate(b, target.value)
        if isinstance(base, Static) and isinstance(base.value, Map):
            map = maps.ref(b, base)
            maps.require(b, map, "[] =", target.span)
            spans = (target.span, target.index.span, stack.span)
            key = expressions.evaluate(b, target.index)
            maps.assign(b, map, key, stacks.made(b, map.value, stack, "stack"), spans)
            return
        stacks.store(b, expressions.place_at(b, base, target), stack)
        return
    stacks.store(b, expressions.place(b, target), stack)


def _assign_chain(b: Builder, target: tree.Attribute, value: tree.Expression) -> None:
    """`event.ppid = task.real_parent.tgid`: the kernel's integer is read straight into a field of its size."""
    found = expressions.chain(b, value, chained=False, pending=True)
    if not isinstance(found, KernelInteger):
        assign_to(b, target, order.kept(b, found, value.span, (target,)), value.span)
        return
    place = expressions.place(b, target)
    pointer, field = place.address.type, place.type
    assert isinstance(pointer, PointerType)
    own = not kernel_structs.outlives_fault(b, place.address)  # a failed read clears its place
    same = isinstance(field, layout.Integer) and _form(field) == _form(found.type)
    if own and same and not place.bits:
        kernel_structs.read_into(b, place.address, found)
        return
    memory.store(b, place, kernel_structs.read_number(b, found.address, found.type, found.span), value.span)


def _form(type: layout.Integer) -> tuple[int, bool, bool]:
    return type.size, type.signed, type.big_endian and type.size > 1


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


def assign_to(b: Builder, target: tree.Expression, operand: Operand, span: Span) -> None:
    match target:
        case tree.Name():
            names.assign_name(b, target.id, operand, span)
        case tree.Tuple():
            if isinstance(operand, OptionalValues):
                operand = values.plain(b, operand, span)
            if not (isinstance(operand, Values) and len(operand.items) == len(target.items)):
                b.error(
                    type_errors.NothingLeft(span, len(target.items), describe(operand), _names_for(operand, target))
                )
            if not target.items:
                return
            first, *others = operand.items
            if isinstance(first, PendingText) and first.may_fault and others:
                first = memory.hold(b, first, span)
            held = [_hold(b, part, item, span) for part, item in zip(target.items[1:], others, strict=True)]
            for part, item in zip(target.items, (first, *held), strict=True):
                assign_to(b, part, item, span)
        case tree.Subscript() if not isinstance(target.index, tree.Slice):
            base = expressions.evaluate(b, target.value)
            if isinstance(base, Static) and isinstance(base.value, Map):
                key = expressions.evaluate(b, target.index)
                maps.assign(b, maps.ref(b, base), key, operand, (target.span, target.index.span, span))
            else:
                memory.store(b, expressions.place_at(b, base, target), operand, span)
        case _:
            place = expressions.place(b, target)
            if kept.keeper(place.type) is not None:
                kept.assign(b, place, operand, span)
            else:
                memory.store(b, place, operand, span)


def _names_for(operand: Operand, target: tree.Tuple) -> str:
    """What to write where a tuple has more items than there are names."""
    if not isinstance(operand, Values):
        return "assign the values one by one"
    left = len(operand.items) - len(target.items)
    names = [each.span.text for each in target.items] + ["_"] * left
    return f"{', '.join(names)} = …" if left > 0 else ""


def _hold(b: Builder, target: tree.Expression, item: Operand, span: Span) -> Operand:
    """Values of a tuple are all computed before the first is assigned: `a, b = b, a`.

    Reads of numbers are values already. A name can refer to the same struct or array; what is copied is copied now.
    """
    if isinstance(item, Values):
        parts = target.items if isinstance(target, tree.Tuple) else ()
        targets = parts if len(parts) == len(item.items) else [target] * len(item.items)
        return Values(tuple(_hold(b, part, each, span) for part, each in zip(targets, item.items, strict=True)))
    if isinstance(item, Optional) and reference(item.value) is not None:
        held = memory.hold(b, item.value, span)
        assert ops.is_value(held)
        return Optional(item.present, held)
    if isinstance(item, PendingText):
        return memory.hold(b, item, span)
    pointer = reference(item)
    if pointer is None or (isinstance(target, tree.Name) and isinstance(pointer.target, layout.Struct | layout.Array)):
        return item
    return memory.hold(b, item, span)


def annotation(b: Builder, node: tree.Expression) -> layout.Type | KernelPointer | None:
    """The type that an annotation names; None for `int`, which leaves the width to the compiler."""
    operand = expressions.evaluate(b, node) if not isinstance(node, tree.StringLiteral) else _quoted(b, node)
    if isinstance(operand, Static) and operand.value is int:
        return None
    if isinstance(operand, Static) and isinstance(operand.value, KernelPointer):
        return operand.value
    try:
        return layout_of(operand.value if isinstance(operand, Static) else operand)
    except DeclarationError as error:
        message = error.message if isinstance(operand, Static) else f"an annotation is a type, not {describe(operand)}"
        b.error(type_errors.BadAnnotation(node.span, message, error.help))


def _quoted(b: Builder, node: tree.StringLiteral) -> Operand:
    try:
        return Static(names.annotated(b.frame.python, node.value), node.value)
    except (SyntaxError, NameError, AttributeError, TypeError, DeclarationError) as error:
        b.error(type_errors.BadAnnotation(node.span, f"{node.span.text} is no type: {str(error).splitlines()[0]}", ""))


def annotated(b: Builder, statement: tree.AnnAssign) -> None:
    type = annotation(b, statement.annotation)
    if statement.value is None:
        return  # as in Python: a note, no assignment
    stack = stacks.wanted(b, statement.value)
    if stack is not None:
        operand: Operand = stacks.made(b, type if isinstance(type, layout.Array) else None, stack, "stack")
    else:
        operand = _evaluated(b, statement.value, type)
    if isinstance(type, KernelPointer):
        spans = (statement.value.span, statement.annotation.span)
        operand, type = kernel_facts.declared(b, operand, type, spans), None
    if type is not None and not is_scalar(type) and not isinstance(type, layout.Text):
        operand = kernel_arrays.copied(b, operand, type, statement.value.span) or operand
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


def _evaluated(b: Builder, node: tree.Expression, type: object) -> Operand:
    """What a name of the annotated `type` is given."""
    if isinstance(node, tree.Attribute):
        b.wanted[node.name] = type
    try:
        return expressions.evaluate(b, node)
    finally:
        b.wanted.clear()


def augmented(b: Builder, statement: tree.AugAssign) -> None:
    target, span = statement.target, statement.span
    spans = (target.span, statement.value.span)
    if isinstance(target, tree.Name):
        _check_augmentable(b, target)
        old = names.read_name(b, target.id, target.span)
        value = expressions.evaluate(b, statement.value)
        names.assign_name(b, target.id, expressions.operate(b, statement.operator, old, value, span, spans), span)
        return
    if isinstance(target, tree.Subscript) and not isinstance(target.index, tree.Slice):
        base = expressions.evaluate(b, target.value)
        if isinstance(base, Static) and isinstance(base.value, Map) and statement.operator in ("+", "-"):
            counting.count(b, base, target, statement)
            return
        place = expressions.place_at(b, base, target)
    else:
        place = expressions.place(b, target)
    counting.augment(b, place, statement)


def _check_augmentable(b: Builder, target: tree.Name) -> None:
    """`total += 1` on a module's constant: what Python calls an unbound local."""
    nonlocal_ = target.id in b.frame.python.__code__.co_freevars
    if nonlocal_ or target.id in b.frame.bindings or target.id in b.frame.poisoned:
        return
    if target.id in b.frame.python.__globals__:
        value = b.frame.python.__globals__[target.id]
        what = (
            f"{'an' if isinstance(value, int) else 'a'} {type(value).__name__}"
            if isinstance(value, int | str | float)
            else "a declaration"
        )
        b.error(errors.NotAssignable(target.span, target.id, what))

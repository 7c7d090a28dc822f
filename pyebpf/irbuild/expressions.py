"""Expressions: each is evaluated once, left to right, to an operand."""

from __future__ import annotations

from collections.abc import Sequence

from pyebpf.diagnostics import maps as map_errors
from pyebpf.diagnostics import text as text_errors
from pyebpf.diagnostics import types as type_errors
from pyebpf.diagnostics.base import unreachable
from pyebpf.diagnostics.suspects import UnusedResult
from pyebpf.diagnostics.syntax import Unsupported
from pyebpf.ir import ops
from pyebpf.ir.types import BOOL, BoolType, IntType
from pyebpf.irbuild import (
    arithmetic,
    attributes,
    comparisons,
    conditionals,
    constants,
    context_fields,
    contexts,
    inner_maps,
    integers,
    kernel_arrays,
    locals,
    maps,
    memory,
    names,
    order,
    slices,
    suspects,
    text_build,
    text_methods,
    text_scan,
    tuples,
    values,
    waiting,
)
from pyebpf.irbuild.builder import Builder, storage
from pyebpf.irbuild.operands import (
    ContextArray,
    KernelInteger,
    Method,
    Operand,
    Optional,
    OptionalValues,
    Place,
    Static,
    Values,
    describe,
    is_text,
)
from pyebpf.irbuild.subscripts import element_place
from pyebpf.lang.kernel_types import Kernel
from pyebpf.lang.maps import Map
from pyebpf.lang.variables import Declared
from pyebpf.records import dataclass
from pyebpf.source import Span
from pyebpf.syntax import tree
from pyebpf.syntax.unsupported import ONLY_REDUCED


def evaluate(b: Builder, node: tree.Expression) -> Operand:
    """What `node` evaluates to."""
    match node:
        case tree.IntLiteral():
            return names.constant(b, node.value, node.span)
        case tree.BoolLiteral():
            return b.truth(node.value, node.span)
        case tree.NoneLiteral():
            return Static(None, "None")
        case tree.StringLiteral():
            return Static(node.value, repr(node.value))
        case tree.FString():
            return _fstring(b, node)
        case tree.Name():
            return names.read_name(b, node.id, node.span)
        case tree.Attribute() | tree.Subscript():
            return _whole(chain(b, node, chained=False, pending=False))
        case tree.Slice():
            b.error(type_errors.WrongType(node.span, "a value", "a slice", ""))
        case tree.Call():
            return _call(b, node)
        case tree.Unary():
            return _unary(b, node)
        case tree.Binary():
            folded = constants.fold(b, node)
            if folded is not None:
                return names.constant(b, folded, node.span)
            (left, left_span), (right, right_span) = in_order(b, (node.left, node.right))
            return operate(b, node.operator, left, right, node.span, (left_span, right_span))
        case tree.BoolOp():
            return _bool_op(b, node)
        case tree.Compare():
            return _compare(b, node)
        case tree.IfExp():
            return _conditional(b, node)
        case tree.Walrus():
            operand = evaluate(b, node.value)
            names.assign_name(b, node.target.id, operand, node.value.span)
            return names.read_name(b, node.target.id, node.target.span)
        case tree.Tuple():
            return Values(tuple(operand for operand, _ in in_order(b, node.items)))
        case tree.Generator():
            b.error(Unsupported(node.span, "a generator expression here", ONLY_REDUCED, "write a for loop"))
        case _:
            unreachable(node)


def in_order(b: Builder, nodes: Sequence[tree.Expression]) -> list[tuple[Operand, Span]]:
    """What each of `nodes` evaluates to, and where it stands."""
    found = []
    for number, node in enumerate(nodes, 1):
        found.append((order.kept(b, evaluate(b, node), node.span, nodes[number:]), node.span))
    return found


def operate(
    b: Builder, operator: tree.BinaryOperator, left: Operand, right: Operand, span: Span, spans: tuple[Span, Span]
) -> Operand:
    """`left operator right`: numbers are computed, texts and tuples joined."""
    if isinstance(left, Values) or isinstance(right, Values):
        return tuples.arithmetic(b, operator, left, right, span)
    if operator == "+" and is_text(left) and is_text(right):
        return text_methods.plus(b, left, right, span, spans)
    repeated = text_methods.repeated(left, right) if operator == "*" else None
    if repeated is not None:
        return Static(repeated, repr(repeated))
    bits = integers.of_bools(b, operator, left, right, span)
    return bits if bits is not None else arithmetic.binary(b, operator, left, right, span, spans)


def _fstring(b: Builder, node: tree.FString) -> Operand:
    """Text that is made in the kernel. (What print shows is made in user space.)"""
    fields = [part for part in node.parts if isinstance(part, tree.FStringField)]
    operands = iter(in_order(b, [field.value for field in fields]))
    pieces = []
    for part in node.parts:
        if isinstance(part, tree.FStringText):
            pieces.append(text_build.Piece(Static(part.value, repr(part.value)), part.span))
        else:
            pieces.append(text_build.Piece(*next(operands), part.conversion, part.spec))
    return text_build.join(b, pieces, node.span)


def chain(b: Builder, node: tree.Expression, chained: bool, pending: bool) -> Operand | KernelInteger:
    """What may be a chain through kernel structs. `chained` and `pending` are those of `kernel_structs.read_member`."""
    match node:
        case tree.Subscript():
            return _subscript(b, node, chained=chained, pending=pending)
        case tree.Attribute():
            pass
        case _:
            return evaluate(b, node)
    base = _whole(chain(b, node.value, chained=True, pending=False))
    return attributes.read(b, base, node.name, node.span, node.name_span, node.value.span, chained, pending)


def _whole(found: Operand | KernelInteger) -> Operand:
    assert not isinstance(found, KernelInteger)  # nothing is left to be read
    return found


@dataclass(frozen=True, slots=True)
class Decision:
    """A condition's value, and which names are assigned once it is known to be true, or false."""

    value: ops.Value
    when_true: frozenset[str]
    when_false: frozenset[str]


def condition(b: Builder, node: tree.Expression) -> ops.Value:
    """`node` where only its truth matters."""
    return decide(b, node).value


def decide(b: Builder, node: tree.Expression) -> Decision:
    """The truth of `node`; `and`, `or` and `not` need no common type then."""
    match node:
        case tree.BoolOp():
            return _short_circuit(b, node)
        case tree.Unary(operator="not"):
            inner = decide(b, node.operand)
            return Decision(b.negate(inner.value, node.span), inner.when_false, inner.when_true)
        case _:
            value = values.truth(b, evaluate(b, node), node.span)
            return Decision(value, b.assigned, b.assigned)


def _short_circuit(b: Builder, node: tree.BoolOp) -> Decision:
    """The right side is evaluated only where the left side doesn't decide."""
    both = node.operator == "and"
    so_far = decide(b, node.values[0])
    for value in node.values[1:]:
        so_far = _next_condition(b, so_far, value, both, node)
    return so_far


def _next_condition(b: Builder, left: Decision, node: tree.Expression, both: bool, whole: tree.BoolOp) -> Decision:
    result = b.local(whole.operator, BOOL, whole.span)
    b.set(result, left.value, whole.span)
    go_on = left.value if both else b.negate(left.value, whole.span)
    found: list[Decision] = []

    def right() -> None:
        b.assigned = left.when_true if both else left.when_false
        found.append(decide(b, node))
        b.set(result, found[0].value, node.span)

    b.if_(go_on, right, None, whole.span)
    value = b.get(result, whole.span)
    if b.answers.get(left.value) is not both and left.value in b.answers:
        b.answers[value] = not both  # the left side decides, on the kernel at hand
    if not found:
        return Decision(value, left.when_true, left.when_false)
    if both:
        return Decision(value, found[0].when_true, left.when_false & found[0].when_false)
    return Decision(value, left.when_true & found[0].when_true, found[0].when_false)


def _bool_op(b: Builder, node: tree.BoolOp) -> Operand:
    """`a and b` as a value: Python gives one of the operands."""
    first = evaluate(b, node.values[0])
    for value in node.values[1:]:
        first = _either(b, node.operator, first, value, node.span, node.values[0].span)
    return first


def _either(b: Builder, operator: str, first: Operand, node: tree.Expression, span: Span, first_span: Span) -> Operand:
    if operator == "and":
        first = values.plain(b, first, first_span)  # None would be the result
    decided = values.truth(b, first, first_span)
    go_on = decided if operator == "and" else b.negate(decided, span)
    if isinstance(go_on, ops.Const):
        return evaluate(b, node) if go_on.value else first
    if isinstance(first, Optional) and operator == "or":
        first = first.value  # where it isn't None it is the result
    type = _value_type(b, first, first_span)
    second: list[Operand] = []

    def other() -> None:
        second.append(values.plain(b, evaluate(b, node), node.span))

    def last(number: int) -> None:
        if number == 0:
            second_type = _value_type(b, second[0], node.span)
            both_bools = isinstance(type, BoolType) and isinstance(second_type, BoolType)
            result.append(b.local(operator, BOOL if both_bools else storage(values.joined(type, second_type)), span))
        operand = second[0] if number == 0 else first
        b.set(result[0], locals.stored(b, operand, result[0].type, span), span)  # type: ignore[arg-type]

    result: list[ops.Local] = []
    b.if_(go_on, other, None, span, last)
    return b.get(result[0], span)


def _value_type(b: Builder, operand: Operand, span: Span) -> IntType | BoolType:
    if ops.is_value(operand) and isinstance(operand.type, IntType | BoolType):
        return operand.type
    b.error(type_errors.WrongType(span, "integers or bools around `and` and `or`", describe(operand), ""))


def _unary(b: Builder, node: tree.Unary) -> Operand:
    if node.operator == "not":
        return b.negate(condition(b, node.operand), node.span)
    operand = evaluate(b, node.operand)
    if not values.is_number(operand):
        b.error(type_errors.WrongType(node.operand.span, "an integer", describe(operand), ""))
    match node.operator:
        case "-":
            return arithmetic.negative(b, operand, node.span, node.operand.span)
        case "+":
            return values.number(b, operand, node.operand.span)
        case "~":
            return arithmetic.invert(b, operand, node.span, node.operand.span)


def _compare(b: Builder, node: tree.Compare) -> ops.Value:
    """`a < b <= c`: each operand once, and the rest only while it is true so far."""
    operator, right_node = node.rest[0]
    left_span = node.first.span
    left = _comparand(b, node.first, (right_node,))
    right = _comparand(b, right_node, [part for _, part in node.rest[1:2]])
    span = left_span.to(right_node.span)
    answer = comparisons.compare(b, operator, left, right, span, (left_span, right_node.span))
    if len(node.rest) == 1:
        if isinstance(answer, ops.Compare) and b.frame.number == 0:
            b.module.conditions.append((answer, node.span))
        return answer
    result = b.local("chain", BOOL, node.span)
    b.set(result, answer, node.span)
    _chain(b, result, right, right_node.span, node.rest[1:], node.span)
    return b.get(result, node.span)


def _comparand(b: Builder, node: tree.Expression, later: Sequence[tree.Expression]) -> Operand:
    """An operand of a comparison, as it is before those after it are computed."""
    if isinstance(node, tree.Subscript) and isinstance(node.index, tree.Slice):
        return order.kept(b, _whole(_subscript(b, node, seen=not order.may_change(b, later))), node.span, later)
    return order.kept(b, evaluate(b, node), node.span, later)


def _chain(
    b: Builder,
    result: ops.Local,
    left: Operand,
    left_span: Span,
    rest: tuple[tuple[tree.CompareOperator, tree.Expression], ...],
    span: Span,
) -> None:
    def more() -> None:
        operator, node = rest[0]
        right = _comparand(b, node, [part for _, part in rest[1:2]])
        b.set(result, comparisons.compare(b, operator, left, right, span, (left_span, node.span)), span)
        if len(rest) > 1:
            _chain(b, result, right, node.span, rest[1:], span)

    b.if_(b.get(result, span), more, None, span)


def _conditional(b: Builder, node: tree.IfExp) -> Operand:
    """`body if test else orelse`."""
    decision = decide(b, node.test)
    if isinstance(decision.value, ops.Const):
        return evaluate(b, node.body if decision.value.value else node.orelse)

    def way(branch: tree.Expression, assigned: frozenset[str]) -> Operand:
        b.assigned = assigned
        return evaluate(b, branch)

    ways = (lambda: way(node.body, decision.when_true), lambda: way(node.orelse, decision.when_false))
    return conditionals.either(b, decision.value, ways, (node.body.span, node.orelse.span), node.span)


def _subscript(
    b: Builder, node: tree.Subscript, seen: bool = False, chained: bool = False, pending: bool = False
) -> Operand | KernelInteger:
    """`base[index]`. `seen`: a slice is only looked at, so it need not be a copy."""
    base = _whole(chain(b, node.value, chained=True, pending=False))
    base = order.kept(b, base, node.value.span, (node.index,))
    array = kernel_arrays.of(base, node.value.span)
    if array is not None and not isinstance(node.index, tree.Slice):
        index = evaluate(b, node.index)
        return kernel_arrays.element(b, array, index, node.span, node.index.span, chained, pending)
    if is_text(base):
        return _part_of_text(b, values.plain(b, base, node.value.span), node)
    if isinstance(base, OptionalValues):
        base = values.plain(b, base, node.value.span)
    if isinstance(base, Values) and isinstance(node.index, tree.Slice):
        ends = (node.index.start, node.index.stop, node.index.step)
        return tuples.part(b, base, [None if end is None else (evaluate(b, end), end.span) for end in ends])
    if isinstance(node.index, tree.Slice):
        if seen and node.index.step is None:
            return slices.view(b, base, node, evaluate).address
        return slices.read(b, base, node, evaluate)
    if isinstance(base, Static) and isinstance(base.value, waiting.HOLDERS):
        return waiting.entry(b, base, evaluate(b, node.index), node.index.span)
    if isinstance(base, Static) and not isinstance(base.value, Map):
        return Static(static_subscript(b, base, node), node.span.text)
    if isinstance(base, ContextArray):
        return contexts.element(b, base, evaluate(b, node.index), node.span, node.index.span)
    if isinstance(base, Values):
        return tuples.item(b, base, evaluate(b, node.index), node.span, node.index.span)
    if isinstance(base, Static) and inner_maps.holds_maps(base):
        return inner_maps.find(b, base, evaluate(b, node.index), node.span, node.index.span)
    return memory.read(b, place_at(b, base, node), node.span)


def _part_of_text(b: Builder, base: Operand, node: tree.Subscript) -> Operand:
    """`text[i]`, `text[start:stop]`."""
    index = node.index
    if not isinstance(index, tree.Slice):
        return text_methods.element(b, base, evaluate(b, index), node.span, index.span)
    if index.step is not None:
        start, stop = (part.span.text if part is not None else "" for part in (index.start, index.stop))
        b.error(text_errors.SliceStep(index.span, f"{node.value.span.text}[{start}:{stop}]"))
    bounds = [None if part is None else evaluate(b, part) for part in (index.start, index.stop)]
    spans = [index.span if part is None else part.span for part in (index.start, index.stop)]
    return text_scan.part(b, base, (bounds[0], bounds[1]), node.span, (spans[0], spans[1]))


def static_subscript(b: Builder, base: Static, node: tree.Subscript) -> object:
    """`u32[4]`, `char[16]`: a type made of a type and a constant."""
    if isinstance(base.value, type) and issubclass(base.value, Map | Declared):
        b.error(map_errors.DeclaredInside(node.span, base.value.kind))
    index = evaluate(b, node.index)
    count: object = index.value if isinstance(index, ops.Const) else None
    if isinstance(index, Static) and isinstance(index.value, str) and base.value is Kernel:
        count = index.value
    try:
        return base.value[count]  # type: ignore[index]
    except (TypeError, KeyError, AttributeError) as error:
        b.error(
            type_errors.BadAnnotation(
                node.span, getattr(error, "message", None) or f"`{base.name}` has no elements", ""
            )
        )


def place_at(b: Builder, base: Operand, node: tree.Subscript) -> Place:
    """The place of `base[index]`: an entry of a map, or an element of an array."""
    if isinstance(node.index, tree.Slice):
        return slices.view(b, base, node, evaluate)
    if isinstance(base, Static) and isinstance(base.value, Map):
        map = maps.ref(b, base)
        key = evaluate(b, node.index)
        maps.require(b, map, "[]", node.span)
        return maps.entry(b, map, key, node.index.span, node.span.text)
    if isinstance(base, ContextArray):
        return context_fields.element_place(b, base, evaluate(b, node.index), node.span, node.index.span)
    base = values.plain(b, base, node.value.span)
    if is_text(base):
        b.error(text_errors.TextUnchanging(node.span, node.value.span.text))
    return element_place(b, base, evaluate(b, node.index), node.span, node.index.span, node.value.span)


def place(b: Builder, node: tree.Expression) -> Place:
    """Where `node = …` writes: an attribute or an element."""
    match node:
        case tree.Attribute():
            return attributes.place(b, evaluate(b, node.value), node.name, node.span, node.name_span, node.value.span)
        case tree.Subscript():
            return place_at(b, evaluate(b, node.value), node)
        case _:
            b.error(type_errors.WrongType(node.span, "a name, a field or an element", "something else", ""))


def _call(b: Builder, node: tree.Call) -> Operand:
    """Calls: print takes its f-string apart; everything else gets evaluated arguments."""
    if isinstance(node.function, tree.Name) and node.function.id not in b.frame.bindings:
        found, value = names.lookup(b.frame.python, node.function.id)
        if found and value is print:
            b.print_call(b, node)
            return Static(None, "None")
    target = evaluate(b, node.function)
    return b.call_operand(b, target, node)  # type: ignore[no-any-return]


def check_result(b: Builder, operand: Operand, node: tree.Expression) -> None:
    """An expression as a statement must do something."""
    if isinstance(node, tree.Call) and suspects.only_computes(b, node):
        b.module.warn(UnusedResult(node.span, f"{node.function.span.text}(…)"))
    if isinstance(operand, Method):
        b.error(type_errors.Discarded(node.span, "a method", f"call it: {node.span.text}(…)"))
    if not isinstance(node, tree.Call | tree.Walrus):
        b.error(type_errors.Discarded(node.span, "its value"))

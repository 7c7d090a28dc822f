"""Calls: what is called decides how its arguments are used."""

from __future__ import annotations

from collections.abc import Iterator
from enum import EnumMeta
from ipaddress import IPv4Address, IPv6Address

from pyebpf import layout
from pyebpf.addresses import MacAddress
from pyebpf.diagnostics import maps as map_errors
from pyebpf.diagnostics import names as errors
from pyebpf.diagnostics import types as type_errors
from pyebpf.diagnostics.stacks import StackElsewhere
from pyebpf.ir import ops
from pyebpf.ir.module import MapRef
from pyebpf.ir.types import BoolType, is_scalar
from pyebpf.irbuild import (
    calls,
    entries,
    expressions,
    helpers,
    histograms,
    integers,
    iteration,
    iterators,
    kernel_arrays,
    kfuncs,
    literals,
    maps,
    memory,
    names,
    order,
    packet_bytes,
    packets,
    prints,
    python_stacks,
    reductions,
    rings,
    stacks,
    storage,
    text_methods,
    timers,
    values,
)
from pyebpf.irbuild.builder import Builder
from pyebpf.irbuild.operands import (
    Closure,
    HistogramAt,
    Method,
    Operand,
    OptionalValues,
    Packet,
    ProgramSlot,
    Static,
    Values,
    describe,
    is_text,
    reference,
)
from pyebpf.kernel.questions import Question
from pyebpf.lang.functions import Builtin
from pyebpf.lang.helpers import KernelHelper
from pyebpf.lang.kernel_types import KernelPointer, struct_name
from pyebpf.lang.kfuncs import Kfunc
from pyebpf.lang.maps import Map
from pyebpf.lang.probes import HelperFunction, Probe
from pyebpf.lang.storage import Storage
from pyebpf.lang.types import layout_or_none
from pyebpf.source import Span
from pyebpf.syntax import tree

PYTHON = {min: "min", max: "max", abs: "abs", len: "len", int: "int", str: "str", ord: "ord"} | {
    function: function.__name__ for function in (divmod, pow, hex, oct, bin, chr, hasattr, getattr)
}
MOST_PRINTED = 32


def _arguments(b: Builder, value: object, type: layout.Type | None, node: tree.Call) -> list[calls.Argument]:
    """`u64(task.old)` and `cast(task.old, "struct file")` say what a member is that the kernel at hand doesn't have."""
    match b.elsewhere, node.arguments:
        case True, [tree.Attribute(name=name)] if type is not None:
            b.wanted[name] = type
        case True, [tree.Attribute(name=name), tree.StringLiteral(value=text)] if struct_name(text):
            if isinstance(value, Builtin) and value.name == "cast":
                b.wanted[name] = KernelPointer(struct_name(text))
    try:
        return expressions.in_order(b, node.arguments)
    finally:
        b.wanted.clear()


def call(b: Builder, target: Operand, node: tree.Call) -> Operand:
    """`target(…)`."""
    if isinstance(target, ProgramSlot):
        b.error(map_errors.TailCallComesBack(node.span, node.span.text))
    value = target.value if isinstance(target, Static) else None
    if isinstance(value, HelperFunction | Closure):
        given = expressions.in_order(b, (*node.arguments, *(word.value for word in node.keywords)))
        arguments, rest = given[: len(node.arguments)], given[len(node.arguments) :]
        keywords = {word.name: operand for word, operand in zip(node.keywords, rest, strict=True)}
        result: Operand = b.inline(b, value, arguments, keywords, node.span)
        return result
    if value in (IPv4Address, IPv6Address, MacAddress) and isinstance(value, type):
        literal = _address(b, value, node)
        if literal is not None:
            return literal
    type_ = layout_or_none(value) if isinstance(target, Static) and value is not None else None
    if type_ is not None and not is_scalar(type_):
        return literals.construct(b, value, type_, node)
    reducer = reductions.reducer(value, node) if isinstance(target, Static) else ""
    if reducer:
        return reductions.reduce(b, reducer, node)
    iterable = iteration.maker(value)
    if iterable:
        given = expressions.in_order(b, (*node.arguments, *(word.value for word in node.keywords)))
        named = {word.name: each for word, each in zip(node.keywords, given[len(node.arguments) :], strict=True)}
        return iteration.make(b, iterable, given[: len(node.arguments)], named, node.span)
    if isinstance(target, Method) and (own := _by_itself(b, target, node)) is not None:
        return own
    if isinstance(value, Kfunc):
        return iterators.called(b, value.name, node) if iterators.is_one(value.name) else kfuncs.call(b, value, node)
    if isinstance(value, KernelHelper):
        return helpers.call(b, value, node)
    _no_keywords(b, value, node)
    if value is bool and len(node.arguments) == 1:
        return expressions.condition(b, node.arguments[0])
    if isinstance(target, Method) and is_text(target.receiver):
        target = Method(order.kept(b, target.receiver, node.function.span, node.arguments), target.name)
    arguments = _arguments(b, value, type_, node)
    if type_ is not None:
        return calls.convert(b, type_, arguments, node.span)
    if isinstance(value, Builtin | Question):
        return calls.builtin(b, value.name, arguments, node.span)
    try:
        name = PYTHON.get(value) if isinstance(target, Static) else None
    except TypeError:
        name = None
    if name is not None:
        return calls.python_builtin(b, name, arguments, node.span)
    if isinstance(target, Method):
        return _method(b, target, arguments, node.span)
    if isinstance(value, type) and issubclass(value, Map):
        b.error(map_errors.DeclaredInside(node.span, value.kind))
    b.error(errors.NotCallable(node.function.span, f"`{node.function.span.text}`", _cure(value)))


def _by_itself(b: Builder, target: Method, node: tree.Call) -> Operand | None:
    """A call of a method that evaluates its arguments itself; None for others."""
    match target:
        case Method(receiver=Static() as ring, name="output"):
            return rings.output(b, maps.ref(b, ring), node)
        case Method(receiver=Static() | HistogramAt(), name="observe"):
            return histograms.observe(b, target, node)
        case Method(receiver=Static(value=Storage()) as map, name="get") if node.keywords:
            return _created(b, maps.ref(b, map), node)
        case Method(receiver=Packet()) if target.name in packet_bytes.TAKES:
            return packet_bytes.method(b, target.name, node)
        case _:
            return None


def _created(b: Builder, map: MapRef, node: tree.Call) -> Operand:
    """`states.get(current_task(), create=True)`."""
    word, *others = node.keywords
    if others or word.name != "create" or len(node.arguments) != 1:
        takes = "a key, a key and a default, or a key and `create=True`"
        b.error(errors.WrongArguments(node.span, f"{map.name}.get", takes, f"`{word.name}=`"))
    [key, (create, span)] = expressions.in_order(b, (*node.arguments, word.value))
    if not (isinstance(create, ops.Const) and isinstance(create.type, BoolType)):
        b.error(type_errors.WrongType(span, "the constant True or False", describe(create), ""))
    if not create.value:
        return maps.method(b, map, "get", [key], node.span)
    return storage.created(b, map, key, node.span)


def _no_keywords(b: Builder, value: object, node: tree.Call) -> None:
    """What has them has been called before."""
    if isinstance(value, Builtin) and value.name in stacks.WORDS:
        python_stacks.elsewhere(b, value.name, node.span)
        b.error(StackElsewhere(node.span, "", node.span.text))
    if node.keywords:
        word = node.keywords[0]
        name = node.function.span.text
        b.error(errors.WrongArguments(word.span, name, "no keyword arguments", f"`{word.name}=`"))


def _address(b: Builder, cls: type, node: tree.Call) -> Operand | None:
    """`IPv4Address("10.0.0.1")`: a constant."""
    if len(node.arguments) != 1 or not isinstance(node.arguments[0], tree.StringLiteral):
        return None
    try:
        return names.static(b, cls(node.arguments[0].value), node.span.text, node.span)
    except ValueError:
        span = node.arguments[0].span
        b.error(type_errors.WrongType(span, f"the text of an {cls.__name__}", span.text, ""))


def _method(b: Builder, target: Method, arguments: list[tuple[Operand, Span]], span: Span) -> Operand:
    if isinstance(target.receiver, Packet):
        return packets.method(b, target.name, arguments, span)
    if is_text(target.receiver):
        return text_methods.method(b, target.receiver, target.name, arguments, span)
    if values.is_number(target.receiver):
        return integers.method(b, target.receiver, target.name, arguments, span)
    pointer = reference(target.receiver)
    if timers.is_timer(target.receiver) and ops.is_value(target.receiver):
        return timers.method(b, target.receiver, target.name, arguments, span)
    if pointer is not None and ops.is_value(target.receiver):
        if arguments:
            b.error(errors.WrongArguments(span, target.name, "no arguments", f"{len(arguments)}"))
        return memory.duplicate(b, target.receiver, pointer.target, "copy", span)
    assert isinstance(target.receiver, Static) and isinstance(target.receiver.value, Map)
    view = entries.view(b, target.receiver, target.name, len(arguments), span)
    if view is not None:
        return view
    return maps.method(b, maps.ref(b, target.receiver), target.name, arguments, span)


def _cure(value: object) -> str:
    if isinstance(value, Probe):
        return "make what both need a @function"
    if isinstance(value, EnumMeta):
        return "use one of its members"
    if callable(value) and hasattr(value, "__code__"):
        return "decorate it: @function"
    return ""


def print_call(b: Builder, node: tree.Call) -> None:
    """`print(a, f"…", b)`: the arguments joined by spaces, as Python does."""
    if node.keywords:
        hint = f"`{node.keywords[0].name}=`"
        b.error(errors.WrongArguments(node.keywords[0].span, "print", "no keyword arguments in a probe", hint))
    parts: list[tree.Expression | tree.FStringText | tree.FStringField] = []
    for number, argument in enumerate(node.arguments):
        if number:
            parts.append(tree.FStringText(" ", argument.span))
        parts += argument.parts if isinstance(argument, tree.FString) else [argument]
    shown = [part.value if isinstance(part, tree.FStringField) else part for part in parts]
    operands = iter(expressions.in_order(b, [part for part in shown if not isinstance(part, tree.FStringText)]))
    pieces = [piece for part in parts for piece in _pieces(b, part, operands)]
    if len(pieces) > MOST_PRINTED * 2:
        b.error(type_errors.CannotPrint(node.span, f"a line of more than {MOST_PRINTED} values", ""))
    prints.lower(b, pieces, node.span)


def _pieces(
    b: Builder, part: tree.Expression | tree.FStringText | tree.FStringField, operands: Iterator[tuple[Operand, Span]]
) -> list[prints.Piece]:
    if isinstance(part, tree.FStringText):
        return [_text(part.value, part.span)]
    operand, span = next(operands)
    if isinstance(operand, OptionalValues):
        operand = values.plain(b, operand, span)
    conversion, spec = (part.conversion, part.spec) if isinstance(part, tree.FStringField) else ("", "")
    if isinstance(operand, Values) and not spec:
        return _tuple(operand, span)
    if not spec[-1:].isalpha() or spec[-1:] == "s":  # else it is the address that is shown
        operand = kernel_arrays.as_text(b, operand, span, bytes_too=False)
    return [prints.Piece(operand, span, conversion, spec)]


def _text(value: str, span: Span) -> prints.Piece:
    return prints.Piece(Static(value, repr(value)), span)


def _tuple(items: Values, span: Span) -> list[prints.Piece]:
    """`(1, 'bash', None)`: a tuple shows its items as repr does."""
    pieces = [_text("(", span)]
    for number, item in enumerate(items.items):
        if number:
            pieces.append(_text(", ", span))
        if isinstance(item, Values):
            pieces += _tuple(item, span)
        elif isinstance(item, Static) and item.value is None:
            pieces.append(_text("None", span))
        else:
            pieces.append(prints.Piece(item, span, "r"))
    return [*pieces, _text(",)" if len(items.items) == 1 else ")", span)]

"""Tail calls: `return jumps[i](packet)`. The program goes on as another one, whose result is its own.

An empty slot, or none of that number, is a KeyError. A program that was called so reads its packet from the start.
"""

from __future__ import annotations

from types import ModuleType

from pyebpf import layout
from pyebpf.diagnostics import maps as errors
from pyebpf.diagnostics import names as name_errors
from pyebpf.diagnostics import types as type_errors
from pyebpf.diagnostics.base import article
from pyebpf.ir import ops
from pyebpf.ir.module import Fault
from pyebpf.ir.types import IntType, PointerType, Region
from pyebpf.irbuild import expressions, maps, queues, values
from pyebpf.irbuild.builder import Builder
from pyebpf.irbuild.operands import Context, Packet, ProgramSlot, Static, describe
from pyebpf.lang.programs import ProgArray
from pyebpf.source import Span
from pyebpf.syntax import tree

U32_MAX = 2**32 - 1


def lower(b: Builder, node: tree.Expression | None, span: Span) -> bool:
    """`return node`, if that is a tail call."""
    if not (isinstance(node, tree.Call) and isinstance(node.function, tree.Subscript)):
        return False
    if not _is_array(b, node.function.value):
        return False
    target = expressions.evaluate(b, node.function)
    assert isinstance(target, ProgramSlot)
    _check(b, target, node, span)
    map = maps.ref(b, target.array)
    index = values.number(b, target.index, node.function.index.span)
    _check_index(b, index, map.max_entries, node.span)
    context = b.emit(ops.ContextPointer(PointerType(layout.U8, Region.CONTEXT, writable=False), span))
    b.call("tail_call", (context, queues.address(b, map, span), index), IntType(-(2**31), 0), node.span)
    b.raise_(Fault.KEY, node.span)
    return True


def _is_array(b: Builder, node: tree.Expression) -> bool:
    """Whether `node` names an array of programs; nothing is computed to find out."""
    if isinstance(node, tree.Attribute) and isinstance(node.value, tree.Name):
        module = expressions.evaluate(b, node.value)
        if not (isinstance(module, Static) and isinstance(module.value, ModuleType)):
            return False
    elif not isinstance(node, tree.Name):
        return False
    found = expressions.evaluate(b, node)
    return isinstance(found, Static) and isinstance(found.value, ProgArray)


def _check_index(b: Builder, index: ops.Value, length: int, span: Span) -> None:
    """The kernel looks at the low 32 bits only."""
    assert isinstance(index.type, IntType)
    if index.type.low < 0:
        b.check(b.compare(">=", index, b.const(0, span), span), Fault.KEY, span)
    if index.type.high > U32_MAX:
        b.check(b.compare("<", index, b.const(length, span), span), Fault.KEY, span)


def _check(b: Builder, target: ProgramSlot, node: tree.Call, span: Span) -> None:
    """A diagnostic unless all is there, and nothing is left to do after the call."""
    array = target.array.value
    assert isinstance(array, ProgArray)
    if b.frame.end is not None or b.unwinding:
        inside = "in a @function, which its caller goes on from" if b.frame.end is not None else "inside a block"
        b.error(errors.TailCallNotLast(node.span, inside))
    parameter = b.probe.parameters[0].name
    given = expressions.in_order(b, node.arguments)
    if node.keywords or len(given) != 1:
        what = f"the probe's own parameter, {parameter}"
        b.error(name_errors.WrongArguments(node.span, node.function.span.text, what, f"{len(given)} arguments"))
    if not isinstance(given[0][0], Context | Packet):
        b.error(type_errors.WrongType(given[0][1], "the probe's own parameter", describe(given[0][0]), parameter))
    for program in array.programs.values():
        if program.hook != b.hook:
            name, other, own = program.__name__, article(program.hook.name), article(b.hook.name)
            b.error(errors.TailCallAcross(node.span, name, other, own))

"""Functions inside functions: they see the names of the function around, as these are when they are called.

    def probe(ctx):
        total = 0

        def add(n):
            nonlocal total
            total += n

        add(1)

A name that isn't its own is looked up in the frame around; that frame is suspended while the inner function runs, and
what was assigned in it so far is in its `known`.
"""

from __future__ import annotations

from types import CellType, CodeType, FunctionType

from pyebpf.diagnostics import names as errors
from pyebpf.diagnostics.syntax import StaleSource
from pyebpf.ir import ops
from pyebpf.irbuild import expressions, names
from pyebpf.irbuild.bindings import Fixed
from pyebpf.irbuild.builder import Builder
from pyebpf.irbuild.operands import Closure, Operand, Static
from pyebpf.source import Span
from pyebpf.syntax import tree


def define(b: Builder, node: tree.Function) -> None:
    """`def` as a statement: the defaults are computed now, the rest when it is called."""
    code = _code(b, node)
    closure = Closure(node, FunctionType(code, b.frame.python.__globals__, node.name, None, _cells(b, code)), b.frame)
    for parameter in node.parameters:
        if parameter.default is not None:
            _keep_default(b, default_name(node, parameter), expressions.evaluate(b, parameter.default), parameter.span)
    bound = b.frame.bindings.get(node.name)
    inner = bound.operand.value if isinstance(bound, Fixed) and isinstance(bound.operand, Static) else None
    if bound is not None and not (isinstance(inner, Closure) and inner.function is node):
        before = inner.function.name_span if isinstance(inner, Closure) else None
        b.error(errors.DefinedTwice(node.name_span, node.name, before))
    b.frame.bindings[node.name] = Fixed(Static(closure, node.name))
    b.assigned |= {node.name}


def _keep_default(b: Builder, name: str, operand: Operand, span: Span) -> None:
    """Constants stay what they are; anything else is a value of this moment."""
    if isinstance(operand, Static | ops.Const):
        b.frame.bindings[name] = Fixed(operand)
        b.assigned |= {name}
    else:
        names.assign_name(b, name, operand, span)


def default_name(function: tree.Function, parameter: tree.Parameter) -> str:
    """What the default of a parameter is kept under, which no name of the user's is."""
    return f"{function.name}.{parameter.name}"


def _code(b: Builder, node: tree.Function) -> CodeType:
    """What Python compiled `node` to: it knows which names are whose."""
    for constant in b.frame.python.__code__.co_consts:
        if isinstance(constant, CodeType) and (constant.co_name, constant.co_firstlineno) == (
            node.name,
            node.span.line,
        ):
            return constant
    b.error(StaleSource(node.name_span, node.name, node.span.source.path))


def _cells(b: Builder, code: CodeType) -> tuple[CellType, ...]:
    """Cells for the names that `code` doesn't have itself. Those of Python functions around a probe hold constants."""
    outer = b.frame.python
    known = dict(zip(outer.__code__.co_freevars, outer.__closure__ or (), strict=True))
    return tuple(known.get(name) or CellType() for name in code.co_freevars)

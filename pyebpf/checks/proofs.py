"""Every obligation that the IR builder left must be proven; what isn't is a diagnostic."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from pyebpf.checks.environment import Interval
from pyebpf.checks.facts import Facts
from pyebpf.diagnostics.base import Diagnostic, pretty
from pyebpf.diagnostics.loops import UncertainStep
from pyebpf.diagnostics.proofs import AlwaysFails, MayBeNegative, MayBeNone, MayNotFit
from pyebpf.ir import ops
from pyebpf.ir.module import Fault, Obligation
from pyebpf.ir.types import IntType, PointerType
from pyebpf.layout import I8, I16, I32, I64, U8, U16, U32, U64

NAMED = (U8, U16, U32, U64, I8, I16, I32, I64)


def unproven(block: ops.Block, facts: Facts) -> Iterator[Diagnostic]:
    """A diagnostic for every Prove in `block` that `facts` can't discharge."""
    for op in block.ops:
        if isinstance(op, ops.Prove) and facts.reachable(op):
            found = _judge(op, facts.interval(op))
            if found is not None:
                yield found
        surely = isinstance(op, ops.Check) and op.failing is None and op.fault in (Fault.ZERO_DIVISION, Fault.INDEX)
        if surely and isinstance(op, ops.Check) and facts.reachable(op) and facts.always(op.condition) is False:
            yield AlwaysFails(op.span, op.fault.value)
        for inner in ops.blocks(op):
            yield from unproven(inner, facts)


def _judge(op: ops.Prove, known: Interval) -> Diagnostic | None:
    text = op.span.text
    if op.obligation is Obligation.NOT_NONE:
        if known[0] >= 1:
            return None
        name = text if text.isidentifier() else text.partition("(")[0] if len(text) > 40 else text
        return MayBeNone(op.span, name, _why(text), _cure(text, isinstance(op.type, PointerType)))
    assert isinstance(op.type, IntType)
    if op.type.low <= known[0] and known[1] <= op.type.high:
        return None
    low, high = pretty(known[0]), pretty(known[1])
    if op.obligation is Obligation.POSITIVE:
        cure = f"-max({text[1:].strip()}, 1)" if known[1] < 0 and text[:1] == "-" else f"max({text}, 1)"
        return UncertainStep(op.span, low, high, cure)
    name = next((t.name for t in NAMED if (t.minimum, t.maximum) == (op.type.low, op.type.high)), "")
    target, whole = _assigned(text)
    if op.obligation is Obligation.NOT_NEGATIVE:
        cure = f"{target}max({whole}, 0), or {target}{name or 'u64'}({whole}) to wrap around"
        return MayBeNegative(op.span, low, high, cure)
    cure = f"{target}{name}({whole})" if name else target + _clamped(whole, known, op.type)
    shown = name or f"the range {pretty(op.type.low)} to {pretty(op.type.high)}"
    holds = f"{name} holds {pretty(op.type.low)} to {pretty(op.type.high)}" if name else ""
    return MayNotFit(op.span, shown, low, high, holds, cure)


def _clamped(text: str, known: Interval, type: IntType) -> str:
    """`text`, brought into a range that no type has."""
    if known[1] > type.high:
        text = f"min({text}, {type.high})"
    return f"max({text}, {type.low})" if known[0] < type.low else text


def _assigned(text: str) -> tuple[str, str]:
    """`x += y` as what it assigns to, and what it assigns: `x = ` and `x + y`. Of an expression, itself."""
    augmented = re.fullmatch(r"(.+?)\s*(\*\*|//|<<|>>|[-+*%&|^])=\s*(.+)", text, re.DOTALL)
    if augmented is None:
        return "", text
    target, sign, rest = augmented.groups()
    first, place = _called_once(target)
    return f"{first}{place} = ", f"{place} {sign} {_operand(rest)}"


def _called_once(target: str) -> tuple[str, str]:
    """What gives the struct or array that a call hands out a name first, and `target` by that name; or itself."""
    try:
        node = ast.parse(target, mode="eval").body
    except SyntaxError:
        return "", target
    base = ast.get_source_segment(target, node.value) if isinstance(node, ast.Attribute | ast.Subscript) else None
    if base is None or not any(isinstance(each, ast.Call) for each in ast.walk(ast.parse(base))):
        return "", target
    return f"found = {base}; ", f"found{target[len(base) :]}"


def _operand(text: str) -> str:
    """`text` as the right side of an operator."""
    try:
        node = ast.parse(text, mode="eval").body
    except SyntaxError:
        return f"({text})"
    simple = isinstance(node, ast.Name | ast.Attribute | ast.Subscript | ast.Call | ast.Constant)
    return text if simple else f"({text})"


def _why(text: str) -> str:
    """Where None may come from."""
    call = re.fullmatch(r"[\w.]*?(\w+)\(.*\)", text, re.DOTALL)
    if call is not None and call[1] not in ("get", "pop"):
        return f"`{call[1]}` gives None where it has `return None`, or ends without `return`"
    return "`get` and `pop` give None when the key isn't there"


def _cure(text: str, reference: bool) -> str:
    """How to do without None. `reference`: to a value in memory, for which `get` takes no default."""
    if text.isidentifier():
        return f"if {text} is not None:"
    call = re.fullmatch(r"(\w+)\.(get|pop)\((.+)\)", text)
    if call is None:
        called = re.fullmatch(r"[\w.]+\(.*\)", text)
        return f"if (found := {text}) is not None:" if called else ""
    return f"test the key first: if {call[3]} in {call[1]}:" if reference else f"give a default: {text[:-1]}, 0)"

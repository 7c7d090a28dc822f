"""Calls of kfuncs, typed by the kernel's BTF; `with` around those that hand out what must be given back."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from typing import TypeAlias

from pyebpf import layout
from pyebpf.diagnostics import kfuncs as errors
from pyebpf.diagnostics import names as name_errors
from pyebpf.diagnostics import types as type_errors
from pyebpf.ir import ops
from pyebpf.ir.module import Fault, KfuncRef, StructPointer
from pyebpf.ir.types import NONE, KernelType, ValueType, loaded
from pyebpf.irbuild import expressions, values
from pyebpf.irbuild.bindings import Fixed
from pyebpf.irbuild.builder import Builder
from pyebpf.irbuild.open_blocks import Held
from pyebpf.irbuild.operands import Operand, Static, describe
from pyebpf.kernel import btf_types
from pyebpf.kernel.btf import Btf, Kind
from pyebpf.kernel.kfuncs import PAIRS, RELEASES, TAG, Pair, pair_by_name
from pyebpf.lang.kfuncs import Kfunc, Rcu
from pyebpf.source import Span
from pyebpf.syntax import tree

RCU = "bpf_rcu_read_lock"
Argument = tuple[Operand, Span]
Basic: TypeAlias = "layout.Integer | layout.Boolean | StructPointer"


def call(b: Builder, kfunc: Kfunc, arguments: list[Argument], span: Span) -> Operand:
    """`bpf_name(…)` as an expression."""
    pair = pair_by_name(kfunc.name)
    if pair is not None or kfunc.name in RELEASES:
        begins = next((each.name for each in PAIRS if each.release == kfunc.name), "")
        b.error(errors.KfuncNeedsWith(span, kfunc.name, f"{begins}()" if begins else span.text))
    result = _call(b, kfunc.name, arguments, span)
    return Static(None, "None") if result.type == NONE else result


def lower_with(b: Builder, item: tree.WithItem, body: Callable[[], None]) -> bool:
    """`with rcu:`, `with bpf_task_from_pid(1) as task:`; False if the item is no such thing."""
    opened = _opened(b, item.value)
    if opened is None:
        return False
    pair, nodes, span = *opened, item.span
    held = _call(b, pair.name, expressions.in_order(b, nodes), item.value.span)
    if pair.nullable:
        b.check(b.present(held, span), Fault.NULL_POINTER, item.value.span)
    given: list[Argument] = [] if held.type == NONE else [(held, span)]
    name = item.target.id if isinstance(item.target, tree.Name) else ""
    if item.target is not None and (not name or not given):
        b.error(type_errors.WrongType(item.target.span, "no name here", f"`{item.target.span.text}`", ""))
    before = b.frame.bindings.get(name)
    if name:
        b.trusted.add(held)
        b.frame.bindings[name] = Fixed(held)
        b.frame.ended.discard(name)
        b.assigned |= {name}

    def release() -> None:
        _call(b, pair.release, given, span)

    b.unwinding.append(Held(release, len(b.labels)))
    try:
        body()
    finally:
        b.unwinding.pop()
    if b.reachable:
        release()
    if name:
        b.assigned -= {name}
        b.frame.ended.add(name)
        del b.frame.bindings[name]
        if before is not None:
            b.frame.bindings[name] = before
    return True


def _opened(b: Builder, node: tree.Expression) -> tuple[Pair, tuple[tree.Expression, ...]] | None:
    """The kfunc that `with node:` calls, and the arguments."""
    called = node.function if isinstance(node, tree.Call) else node
    if not isinstance(called, tree.Name):
        return None
    found = expressions.evaluate(b, called)
    value = found.value if isinstance(found, Static) else None
    if isinstance(value, Rcu) and not isinstance(node, tree.Call):
        pair = pair_by_name(RCU)
        return None if pair is None else (pair, ())
    pair = pair_by_name(value.name) if isinstance(value, Kfunc) else None
    if pair is None or not isinstance(node, tree.Call) or node.keywords:
        return None
    return pair, node.arguments


def _call(b: Builder, name: str, arguments: list[Argument], span: Span) -> ops.KfuncCall:
    ref = _find(b, name, span)
    if len(arguments) != len(ref.parameters):
        count = len(ref.parameters)
        takes = "one argument" if count == 1 else f"{count or 'no'} arguments"
        b.error(name_errors.WrongArguments(span, name, takes, f"{len(arguments)}"))
    given = [_argument(b, *argument, type) for argument, type in zip(arguments, ref.parameters, strict=True)]
    return b.emit(ops.KfuncCall(ref, tuple(given), _result(ref.result), span))


def _argument(b: Builder, operand: Operand, span: Span, type: Basic) -> ops.Value:
    if not isinstance(type, StructPointer):
        return values.fit(b, operand, loaded(type), span)
    if not (ops.is_value(operand) and operand.type == KernelType(type.struct)):
        b.error(type_errors.WrongType(span, f"struct {type.struct}", describe(operand), ""))
    if operand not in b.trusted:
        b.error(errors.NotHeld(span, span.text))
    return operand


def _result(type: Basic | None) -> ValueType:
    if type is None:
        return NONE
    return KernelType(type.struct) if isinstance(type, StructPointer) else loaded(type)


def _find(b: Builder, name: str, span: Span) -> KfuncRef:
    """The kfunc as the kernel's BTF describes it."""
    if name in b.module.kfuncs:
        return b.module.kfuncs[name]
    btf = b.module.btf(b, span)
    found = btf.find(name, Kind.FUNC)
    known = _kfuncs(btf)
    if found is None or (known and found not in known):
        near = difflib.get_close_matches(name, [btf.name(each) for each in known], n=1, cutoff=0.6)
        b.error(errors.UnknownKfunc(span, name, f"from pyebpf.kfuncs import {near[0]}" if near else ""))
    function = btf.type(found)
    assert isinstance(function, btf_types.Function)
    prototype = btf.type(function.type_id)
    assert isinstance(prototype, btf_types.FunctionPrototype)
    parameters = tuple(_type(b, btf, name, each.type_id, span) for each in prototype.parameters)
    result = prototype.return_type_id
    pointer = _type(b, btf, name, result, span) if btf.resolve(result) else None
    if isinstance(pointer, StructPointer) and pair_by_name(name) is None:
        b.error(errors.KfuncType(span, name, f"gives a struct {pointer.struct}"))
    b.module.kfuncs[name] = KfuncRef(name, parameters, pointer)
    return b.module.kfuncs[name]


def _kfuncs(btf: Btf) -> frozenset[int]:
    """Ids of the functions that are marked as kfuncs; none before 6.10."""
    tags = [btf.type(number) for number in btf.find_all(TAG)]
    return frozenset(tag.type_id for tag in tags if isinstance(tag, btf_types.DeclarationTag))


def _type(b: Builder, btf: Btf, name: str, type_id: int, span: Span) -> Basic:
    found = btf.type(btf.resolve(type_id))
    match found:
        case btf_types.Int(name="_Bool"):
            return layout.BOOL
        case btf_types.Int(size=1 | 2 | 4 | 8) | btf_types.Enum(size=1 | 2 | 4 | 8):
            return layout.Integer(f"{'i' if found.signed else 'u'}{found.size * 8}", found.size, found.signed)
        case btf_types.Pointer():
            target = btf.resolve(found.type_id)
            struct = btf.type(target) if target else None
            if isinstance(struct, btf_types.Struct) and struct.name and not struct.is_union:
                b.module.sizes.setdefault(struct.name, (btf.size_of(target), False))
                return StructPointer(struct.name)
    b.error(errors.KfuncType(span, name, "takes or gives what the language has no type for"))

"""Calls of kfuncs, typed by the kernel's BTF; `with` around those that hand out what must be given back."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence

from pyebpf import layout
from pyebpf.diagnostics import kfuncs as errors
from pyebpf.diagnostics import names as name_errors
from pyebpf.diagnostics import types as type_errors
from pyebpf.diagnostics.base import article, unreachable
from pyebpf.ir import ops
from pyebpf.ir.module import Fault, IntegerPointer, StructPointer
from pyebpf.ir.types import NONE, KernelType, ValueType, loaded
from pyebpf.irbuild import buffers, expressions, helpers, order, packets, texts, values
from pyebpf.irbuild.bindings import Fixed
from pyebpf.irbuild.builder import Builder
from pyebpf.irbuild.kfunc_types import CONTEXTS, Basic, Signature, Taken, Unspeakable, signature
from pyebpf.irbuild.open_blocks import Held
from pyebpf.irbuild.operands import Operand, Packet, Static, describe, is_text, reference
from pyebpf.irbuild.trusted import trusted
from pyebpf.kernel import btf_types
from pyebpf.kernel.btf import Btf, Kind
from pyebpf.kernel.kfuncs import AWAKE, LENDS, PAIRS, REFUSED, RELEASES, TAG, Pair, known_kfunc, pair_by_name
from pyebpf.lang.kfuncs import Kfunc, Rcu
from pyebpf.source import Span
from pyebpf.syntax import tree

RCU = "bpf_rcu_read_lock"


def call(b: Builder, kfunc: Kfunc, node: tree.Call) -> Operand:
    """`bpf_name(…)` as an expression."""
    span = node.span
    if node.keywords:
        word = node.keywords[0]
        b.error(name_errors.WrongArguments(word.span, kfunc.name, "no keyword arguments", f"`{word.name}=`"))
    pair = pair_by_name(kfunc.name)
    if pair is not None or kfunc.name in RELEASES:
        begins = next((each.name for each in PAIRS if each.release == kfunc.name), "")
        b.error(errors.KfuncNeedsWith(span, kfunc.name, f"{begins}()" if begins else span.text))
    result = _call(b, kfunc.name, node.arguments, span)
    return Static(None, "None") if result.type == NONE else result


def lower_with(b: Builder, item: tree.WithItem, body: Callable[[], None]) -> bool:
    """`with rcu:`, `with bpf_task_from_pid(1) as task:`; False if the item is no such thing."""
    opened = _opened(b, item.value)
    if opened is None:
        return False
    pair, nodes, span = *opened, item.span
    held = _call(b, pair.name, nodes, item.value.span)
    if pair.nullable:
        b.check(b.present(held, span), Fault.NULL_POINTER, item.value.span)
    given: tuple[ops.Value, ...] = () if held.type == NONE else (held,)
    name = item.target.id if isinstance(item.target, tree.Name) else ""
    if item.target is not None and (not name or not given):
        b.error(type_errors.WrongType(item.target.span, "no name here", f"`{item.target.span.text}`", ""))
    before = b.frame.bindings.get(name)
    if name:
        b.trusted.add(held)
        b.frame.bindings[name] = Fixed(held)
        b.frame.ended.discard(name)
        b.assigned |= {name}

    gives_back = _find(b, pair.release, span).ref

    def release() -> None:
        b.emit(ops.KfuncCall(gives_back, given, NONE, span))

    b.unwinding.append(Held(release, len(b.labels)))
    b.kept_awake += pair.name in AWAKE
    try:
        body()
    finally:
        b.unwinding.pop()
        b.kept_awake -= pair.name in AWAKE
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


def _call(b: Builder, name: str, nodes: Sequence[tree.Expression], span: Span) -> ops.KfuncCall:
    found = _find(b, name, span)
    _check_hook(b, name, span)
    if len(nodes) != len(found.takes):
        count = len(found.takes)
        words = ", ".join(taken.name for taken in found.takes)
        takes = f"{count} argument{'s' * (count != 1)} ({words})" if count else "no arguments"
        given = f"{len(nodes)} argument{'s' * (len(nodes) != 1)}"
        b.error(name_errors.WrongArguments(span, name, takes, given))
    arguments: list[ops.Value] = []
    for number, (taken, node) in enumerate(zip(found.takes, nodes, strict=True)):
        arguments += _argument(b, name, taken, node, tuple(nodes[number + 1 :]))
    return b.emit(ops.KfuncCall(found.ref, tuple(arguments), _result(found.ref.result), span))


def _check_hook(b: Builder, name: str, span: Span) -> None:
    known = known_kfunc(name)
    if name in REFUSED:
        b.error(errors.KfuncNotHere(span, name, article(b.hook.name), REFUSED[name]))
    if known is not None and known.allowed_since(b.hook.program_type) is None:
        b.error(errors.KfuncNotHere(span, name, article(b.hook.name), "the kernel gives each kfunc to some kinds only"))


def _argument(
    b: Builder, name: str, taken: Taken, node: tree.Expression, later: tuple[tree.Expression, ...]
) -> list[ops.Value]:
    """The registers of one argument."""
    span = node.span
    if taken.kind == "memory":
        return _memory(b, name, taken, buffers.given(b, node, name, True, later), span)
    operand = order.kept(b, expressions.evaluate(b, node), span, later)
    match taken.kind:
        case "number":
            assert taken.type is not None
            return [values.fit(b, operand, loaded(taken.type), span)]
        case "context":
            if not isinstance(operand, Packet) or b.hook.context not in CONTEXTS[taken.structs[0]]:
                b.error(
                    type_errors.WrongType(span, f"the packet as a struct {taken.structs[0]}", describe(operand), "")
                )
            return [packets.context(b, span)]
        case "text":
            return [_text(b, operand, span)]
        case "address":
            return [helpers.address(b, operand, span)]
        case "struct":
            pointer = reference(operand)
            if taken.also_memory and pointer is not None:
                return _memory(b, name, taken, buffers.of_operand(b, operand, span, name, True), span)
            return [trusted(b, taken.structs, operand, span, referenced=True)]
        case _:
            unreachable(taken.kind)


def _memory(b: Builder, name: str, taken: Taken, buffer: buffers.Buffer, span: Span) -> list[ops.Value]:
    """The kernel reads and writes it, as far as its verifier knows."""
    if taken.size:
        if buffer.most < taken.size or buffer.may_be_empty:
            b.error(type_errors.WrongType(span, f"at least {taken.size} bytes", f"{buffer.most}", ""))
        return [buffer.address]
    if buffer.may_be_empty:
        if taken.constant:
            b.error(type_errors.WrongType(span, "memory of a constant size", "a size that may vary", ""))
        b.check(b.compare(">", buffer.size, b.const(0, span), span), Fault.VALUE, span)
    return [buffer.address, buffer.size]


def _text(b: Builder, operand: Operand, span: Span) -> ops.Value:
    """Text with a NUL behind it, which the kernel looks for."""
    operand = values.plain(b, operand, span)
    if not is_text(operand):
        b.error(type_errors.WrongType(span, "text", describe(operand), ""))
    text = texts.placed(b, texts.text_of(b, operand, span), span)
    assert text.address is not None
    place = b.scratch("text", layout.Text(text.size + 1), span)
    b.zero(place, text.size + 1, span)
    b.emit(ops.Copy(place, text.address, text.size, span))
    return place


def _result(type: Basic | None) -> ValueType:
    if type is None:
        return NONE
    assert not isinstance(type, IntegerPointer)
    return KernelType(type.struct, direct=True) if isinstance(type, StructPointer) else loaded(type)


def _find(b: Builder, name: str, span: Span) -> Signature:
    """The kfunc as the kernel's BTF describes it."""
    known = b.module.signatures.get(name)
    if isinstance(known, Signature):
        return known
    btf = b.module.btf(b, span)
    found = btf.find(name, Kind.FUNC)
    marked = _kfuncs(btf)
    if found is None or (marked and found not in marked):
        near = difflib.get_close_matches(name, [btf.name(each) for each in marked], n=1, cutoff=0.6)
        b.error(errors.UnknownKfunc(span, name, f"from pyebpf.kfuncs import {near[0]}" if near else ""))
    function = btf.type(found)
    assert isinstance(function, btf_types.Function)
    prototype = btf.type(function.type_id)
    assert isinstance(prototype, btf_types.FunctionPrototype)
    try:
        read = signature(btf, name, prototype)
    except Unspeakable as error:
        b.error(errors.KfuncType(span, name, str(error)))
    for struct, size in read.sizes:
        b.module.sizes.setdefault(struct, (size, False))
    if isinstance(read.ref.result, StructPointer) and pair_by_name(name) is None and name not in LENDS:
        b.error(errors.KfuncType(span, name, f"gives a struct {read.ref.result.struct}"))
    b.module.signatures[name] = read
    b.module.kfuncs[name] = read.ref
    return read


def _kfuncs(btf: Btf) -> frozenset[int]:
    """Ids of the functions that are marked as kfuncs; none before 6.10."""
    tags = [btf.type(number) for number in btf.find_all(TAG)]
    return frozenset(tag.type_id for tag in tags if isinstance(tag, btf_types.DeclarationTag))

"""Calls of kfuncs, typed by the kernel's BTF; `with` around those that hand out what must be given back."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence

from pyebpf import layout
from pyebpf.diagnostics import kfuncs as errors
from pyebpf.diagnostics import names as name_errors
from pyebpf.diagnostics import types as type_errors
from pyebpf.diagnostics.base import InternalError, article, unreachable
from pyebpf.ir import ops
from pyebpf.ir.module import Fault, FunctionPointer, IntegerPointer, KfuncType, StructPointer
from pyebpf.ir.types import I64_MAX, NONE, IntType, KernelType, PointerType, Region, ValueType, loaded
from pyebpf.irbuild import buffers, dynptrs, expressions, helpers, kernel_structs, order, packets, texts, values
from pyebpf.irbuild.builder import Builder
from pyebpf.irbuild.holding import hold
from pyebpf.irbuild.kfunc_types import CONTEXTS, Signature, Taken, Unspeakable, signature
from pyebpf.irbuild.open_blocks import Held
from pyebpf.irbuild.operands import KernelArray, Operand, Packet, Static, describe, is_text, reference
from pyebpf.irbuild.trusted import trusted
from pyebpf.kernel import btf_types
from pyebpf.kernel.btf import Btf, Kind
from pyebpf.kernel.dynptrs import ENDS, IN_PLACE, WRITERS, maker_by_name, slicer_by_name
from pyebpf.kernel.kfuncs import (
    AWAKE,
    LENDS,
    MOVES,
    PAIRS,
    REFUSED,
    SESSIONS,
    TAG,
    Pair,
    is_release,
    known_kfunc,
    pair_by_name,
    short_name,
)
from pyebpf.kernel.programs import AttachType
from pyebpf.lang.kfuncs import Kfunc, Rcu
from pyebpf.source import Span
from pyebpf.syntax import tree

SESSION_TYPES = (AttachType.TRACE_KPROBE_SESSION, AttachType.TRACE_UPROBE_SESSION)
RCU = "bpf_rcu_read_lock"
WORD = 8
"""Bytes."""
_NOT_IN_PLACE = "its packets can't be written in place: dynptr_data gives what other dynptrs hold"
SIZE = "bpf_dynptr_size"


def call(b: Builder, kfunc: Kfunc, node: tree.Call) -> Operand:
    """`bpf_name(…)` as an expression."""
    span = node.span
    if kfunc.name.startswith("bpf_iter_"):
        whole = short_name(kfunc.name) or kfunc.name.removeprefix("bpf_")
        b.error(errors.IteratorNeedsFor(span, kfunc.name, f"{whole}(…)"))
    if node.keywords:
        word = node.keywords[0]
        b.error(name_errors.WrongArguments(word.span, kfunc.name, "no keyword arguments", f"`{word.name}=`"))
    pair = pair_by_name(kfunc.name)
    if maker_by_name(kfunc.name) is not None or kfunc.name in ENDS:
        call = f"{span.text} as data" if kfunc.name not in ENDS else "bpf_dynptr_from_file(file, 0) as data"
        b.error(errors.KfuncNeedsWith(span, kfunc.name, call))
    if pair is not None or is_release(kfunc.name):
        begins = next((each.name for each in PAIRS if each.release == kfunc.name), "")
        b.error(errors.KfuncNeedsWith(span, kfunc.name, f"{begins}()" if begins else span.text))
    result = _call(b, kfunc.name, node.arguments, span)
    if kfunc.name in MOVES:
        packets.renew(b, span)
    if slicer_by_name(kfunc.name) is not None:
        return dynptrs.part(b, result, span)
    return Static(None, "None") if result.type == NONE else result


def made(b: Builder, name: str, node: tree.Call, room: ops.Value) -> ops.Value:
    """The status of a call that makes a dynptr at `room`."""
    if node.keywords:
        word = node.keywords[0]
        b.error(name_errors.WrongArguments(word.span, name, "no keyword arguments", f"`{word.name}=`"))
    return _call(b, name, node.arguments, node.span, room)


def size(b: Builder, dynptr: ops.Value, span: Span) -> ops.Value:
    """`len(data)`: how many bytes a dynptr points to; newer kernels count them in 64 bits, of which they use 63."""
    ref = find(b, SIZE, span).ref
    type = _result(ref.result)
    assert isinstance(type, IntType)
    return b.emit(ops.KfuncCall(ref, (dynptr,), IntType(0, min(type.high, I64_MAX)), span))


def end(b: Builder, name: str, arguments: tuple[ops.Value, ...], span: Span) -> None:
    """Call what ends something."""
    b.emit(ops.KfuncCall(find(b, name, span).ref, arguments, NONE, span))


def lower_with(b: Builder, item: tree.WithItem, body: Callable[[], None]) -> bool:
    """`with rcu:`, `with bpf_task_from_pid(1) as task:`; False if the item is no such thing."""
    opened = _opened(b, item.value)
    if opened is None:
        return False
    pair, nodes, span = *opened, item.span
    rcu = pair.name == RCU
    if rcu and item.target is None and any(isinstance(open, Held) and open.rcu for open in b.unwinding):
        body()  # once is enough, and the kernel takes no second one (before 6.19)
        return True
    held = _call(b, pair.name, nodes, item.value.span)
    if pair.nullable:
        b.check(b.present(held, span), Fault.NULL_POINTER, item.value.span)
    gives_back = find(b, pair.release, span).ref
    given: tuple[ops.Value, ...] = () if held.type == NONE else (held,)
    given = held.arguments[: len(gives_back.parameters)] if pair.same else given
    name = item.target.id if isinstance(item.target, tree.Name) else ""
    if item.target is not None and (not name or held.type == NONE):
        b.error(type_errors.WrongType(item.target.span, "no name here", f"`{item.target.span.text}`", ""))

    def release() -> None:
        b.emit(ops.KfuncCall(gives_back, given, NONE, span))

    b.kept_awake += pair.name in AWAKE
    try:
        hold(b, name, held, release, body, rcu)
    finally:
        b.kept_awake -= pair.name in AWAKE
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


def _call(
    b: Builder, name: str, nodes: Sequence[tree.Expression], span: Span, room: ops.Value | None = None
) -> ops.KfuncCall:
    """`room`: where it makes a dynptr, which goes without saying."""
    found = find(b, name, span)
    check_hook(b, name, span)
    result, slicer = _result(found.ref.result), slicer_by_name(name)
    if slicer is None:
        given = arguments(b, name, found, nodes, span)
    else:
        _check_count(b, name, found, nodes, span)
        type = dynptrs.slice_type(b, nodes[-1], name)
        result = dynptrs.slice_pointer(slicer, type)
        first = [_argument(b, name, taken, node, ()) for taken, node in zip(found.takes, nodes[:-1])]
        given = (*(each for values in first for each in values), *dynptrs.buffer(b, slicer, type, span))
    return b.emit(ops.KfuncCall(found.ref, given if room is None else (*given, room), result, span))


def arguments(
    b: Builder, name: str, found: Signature, nodes: Sequence[tree.Expression], span: Span
) -> tuple[ops.Value, ...]:
    """What a kfunc is called with, but for a dynptr that it makes. `name`: as the probe calls it."""
    takes = _check_count(b, name, found, nodes, span)
    result: list[ops.Value] = [packets.context(b, span) for taken in found.takes if taken.kind == "own"]
    for number, (taken, node) in enumerate(zip(takes, nodes, strict=True)):
        result += _argument(b, found.ref.name, taken, node, tuple(nodes[number + 1 :]))
    if found.takes and found.takes[-1].kind == "flags":
        slot = ops.Slot("flags", layout.U64, span, stays=True)
        result.append(b.emit(ops.SlotAddress(slot, PointerType(layout.U64, Region.STACK), span)))
    return tuple(result)


def _check_count(b: Builder, name: str, found: Signature, nodes: Sequence[tree.Expression], span: Span) -> list[Taken]:
    """The arguments that are written; a diagnostic if there are more or fewer."""
    takes = [taken for taken in found.takes if taken.kind not in ("flags", "room", "own")]
    if len(nodes) != len(takes):
        count = len(takes)
        words = ", ".join(taken.name for taken in takes)
        wanted = f"{count} argument{'s' * (count != 1)} ({words})" if count else "no arguments"
        given = f"{len(nodes)} argument{'s' * (len(nodes) != 1)}"
        b.error(name_errors.WrongArguments(span, name, wanted, given))
    return takes


def check_hook(b: Builder, name: str, span: Span) -> None:
    """A diagnostic if no program of the hook's may call the kfunc `name`."""
    known = known_kfunc(name)
    if name == IN_PLACE and b.hook.program_type not in WRITERS:
        b.error(errors.KfuncNotHere(span, name, article(b.hook.name), _NOT_IN_PLACE))
    if name in SESSIONS and b.hook.attach_type not in SESSION_TYPES:
        reason = "a session is what one run at the beginning of a function and one at its end are together"
        b.error(errors.KfuncNotHere(span, name, article(b.hook.name), reason))
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
        case "words":
            return _words(b, name, operand, span)
        case "struct" if taken.nullable and isinstance(operand, Static) and operand.value is None:
            return [b.emit(ops.Null(KernelType(taken.structs[0]), span))]
        case "struct":
            pointer = reference(operand)
            if taken.also_memory and pointer is not None:
                return _memory(b, name, taken, buffers.of_operand(b, operand, span, name, True), span)
            return [trusted(b, taken.structs, operand, span, kfunc=name)]
        case "dynptr":
            return [dynptrs.argument(b, operand, span, optional=taken.nullable)]
        case "flags" | "room" | "type" | "own":
            raise InternalError(f"{name} is given `{taken.name}` as an argument")
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


def _words(b: Builder, name: str, operand: Operand, span: Span) -> list[ops.Value]:
    """An array of words, the program's own or the kernel's, and how many there are."""
    if isinstance(operand, KernelArray) and operand.length and getattr(operand.element, "size", 0) == WORD:
        return [kernel_structs.address(b, operand.place), b.const(operand.length, span)]
    pointer = reference(operand)
    array = pointer.target if pointer is not None else None
    if not (
        isinstance(array, layout.Array) and isinstance(array.element, layout.Integer) and array.element.size == WORD
    ):
        b.error(type_errors.WrongType(span, "an array of u64", describe(operand), "mask = u64[2]()"))
    buffer = buffers.of_operand(b, operand, span, name, False)
    return [buffer.address, b.const(array.length, span)]


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


def _result(type: KfuncType | None) -> ValueType:
    assert not isinstance(type, FunctionPointer)  # none gives one
    if type is None:
        return NONE
    if isinstance(type, IntegerPointer):  # an array of one
        return PointerType(layout.Array(type.type, 1), Region.MAP)
    return KernelType(type.struct, direct=True) if isinstance(type, StructPointer) else loaded(type)


def find(b: Builder, name: str, span: Span) -> Signature:
    """The kfunc as the kernel's BTF describes it, or that of the module which has it."""
    known = b.module.signatures.get(name)
    if isinstance(known, Signature):
        return known
    prototype = prototype_of(b, name, span)
    try:
        read = signature(types_with(b, name, span), name, prototype)
    except Unspeakable as error:
        b.error(errors.KfuncType(span, name, str(error)))
    given = read.ref.result
    struct = given.struct if isinstance(given, StructPointer) else ""
    if struct and pair_by_name(name) is None and name not in LENDS:
        b.error(errors.KfuncType(span, name, f"gives a struct {struct}"))
    return note(b, read)


def note(b: Builder, read: Signature) -> Signature:
    """The module calls the kfunc."""
    for struct, size in read.sizes:
        b.module.sizes.setdefault(struct, (size, False))
    b.module.signatures[read.ref.name] = read
    b.module.kfuncs[read.ref.name] = read.ref
    return read


def types_with(b: Builder, name: str, span: Span) -> Btf:
    """The kernel's types, or those of the module that has the kfunc."""
    btf = b.module.btf(b, span)
    found = btf.search(name, Kind.FUNC)
    return btf if found is None else found[1]


def prototype_of(b: Builder, name: str, span: Span) -> btf_types.FunctionPrototype:
    """What the kernel's BTF says of a kfunc; a diagnostic if there is none."""
    btf = types_with(b, name, span)
    found = btf.find(name, Kind.FUNC)
    marked = _kfuncs(btf)
    if found is None or (marked and found not in marked):
        names = [short_name(each) or each for each in map(btf.name, marked)]
        shown = short_name(name) or name
        near = difflib.get_close_matches(shown, names, n=1, cutoff=0.6)
        b.error(errors.UnknownKfunc(span, shown, f"from pyebpf.kfuncs import {near[0]}" if near else ""))
    function = btf.type(found)
    assert isinstance(function, btf_types.Function)
    prototype = btf.type(function.type_id)
    assert isinstance(prototype, btf_types.FunctionPrototype)
    return prototype


def _kfuncs(btf: Btf) -> frozenset[int]:
    """Ids of the functions that are marked as kfuncs; none before 6.10."""
    tags = [btf.type(number) for number in btf.find_all(TAG)]
    return frozenset(tag.type_id for tag in tags if isinstance(tag, btf_types.DeclarationTag))

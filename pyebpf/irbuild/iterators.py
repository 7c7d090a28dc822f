"""`for task in iter_task(None, BPF_TASK_ITER_ALL_PROCS):` – the kernel's own iterators, three kfuncs each.

    bpf_iter_task_new(&state, …)            begins; `_destroy` must follow, on every way, though it may fail
    while item = bpf_iter_task_next(&state):
    bpf_iter_task_destroy(&state)

The state lies on the stack; its size is in the kernel's BTF. Such a loop has no bound: the verifier follows it until
another round would bring nothing new (Linux 6.4).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from pyebpf import layout
from pyebpf.diagnostics import kfuncs as errors
from pyebpf.diagnostics import names as name_errors
from pyebpf.diagnostics.base import article
from pyebpf.ir import ops
from pyebpf.ir.module import Fault, IntegerPointer, StructPointer
from pyebpf.ir.types import NONE, BoolType, IntType, KernelType, PointerType, Region, ValueType, loaded
from pyebpf.irbuild import entries, kfuncs
from pyebpf.irbuild.bindings import Fixed
from pyebpf.irbuild.builder import Builder
from pyebpf.irbuild.kfunc_types import Signature, Unspeakable, read_signature
from pyebpf.irbuild.looping import nothing, repeat
from pyebpf.irbuild.open_blocks import Held
from pyebpf.irbuild.operands import KernelItems, Operand, Values
from pyebpf.kernel.kfuncs import ITERATOR_PLACES, TRUSTED_ITEMS, short_name
from pyebpf.source import Span
from pyebpf.syntax import tree

PREFIX: Final = "bpf_"
PARTS: Final = ("new", "next", "destroy")
NOTHING_THERE: Final = -2
"""-ENOENT: what there is to go through isn't there, as the memory of a kernel thread. The loop has no rounds."""


def is_one(name: str) -> bool:
    """Whether a kfunc of this name is an iterator: `iter_task`."""
    return name.startswith("iter_")


def called(b: Builder, name: str, node: tree.Call) -> KernelItems:
    """`iter_task(…)`: what it is called with is computed now, as in Python."""
    struct, span = f"{PREFIX}{name}", node.span
    if node.keywords:
        word = node.keywords[0]
        b.error(name_errors.WrongArguments(word.span, name, "no keyword arguments", f"`{word.name}=`"))
    new = _part(b, struct, "new", span)
    for part in PARTS:
        kfuncs.check_hook(b, _part(b, struct, part, span).ref.name, span)
    places = ITERATOR_PLACES.get(struct)
    if places is not None and b.hook.attach_type not in places and not b.hook.sleepable:
        reason = "it is for @lsm and @iterator programs, and for those that may sleep"
        b.error(errors.KfuncNotHere(span, name, article(b.hook.name), reason))
    if struct not in TRUSTED_ITEMS and b.may_sleep:
        b.error(errors.IteratorNeedsRcu(span, name))
    return KernelItems(struct, kfuncs.arguments(b, name, new, node.arguments, span))


def walk(
    b: Builder, items: KernelItems, body: Callable[[Operand], None], orelse: Callable[[], None], span: Span
) -> None:
    """Go through the items; `body` is lowered once."""
    new, following, destroy = (_part(b, items.struct, part, span) for part in PARTS)
    counters = [entries.counter(b, start, span) for start in items.counted]
    state = _state(b, items.struct, span)
    assert isinstance(new.ref.result, layout.Integer)
    begun = b.emit(ops.KfuncCall(new.ref, (state, *items.arguments), loaded(new.ref.result), span))

    def release() -> None:
        b.emit(ops.KfuncCall(destroy.ref, (state,), NONE, span))

    found: list[ops.Value] = []

    def test() -> ops.Value:
        found.append(b.emit(ops.KfuncCall(following.ref, (state,), _item_type(following), span)))
        return b.present(found[0], span)

    def round() -> None:
        item = _item(b, items, found[0], span)
        for counter in counters:
            item = Values((entries.next_number(b, counter, span), item))
        body(item)

    b.unwinding.append(Held(release, len(b.labels), rcu=items.struct not in TRUSTED_ITEMS))
    try:
        _check_begun(b, begun, span)
        repeat(b, test, round, nothing, orelse, None, False, span, iterates=True)
    finally:
        b.unwinding.pop()
    _end_names(b, found)
    if b.reachable:
        release()


def _check_begun(b: Builder, begun: ops.Value, span: Span) -> None:
    """ValueError where the kernel refuses to begin."""
    absent = b.compare("==", begun, b.const(NOTHING_THERE, span), span)
    refused = b.compare("<", begun, b.const(0, span), span)

    def check() -> None:
        b.check(absent, Fault.VALUE, span)

    b.if_(refused, check, None, span)


def _state(b: Builder, struct: str, span: Span) -> ops.SlotAddress:
    """Its memory, which the verifier wants on the stack."""
    size = b.module.sizes[struct][0]
    type = layout.Array(layout.U64, layout.round_up(size, 8) // 8)
    slot = ops.Slot(struct, type, span, stays=True)
    return b.emit(ops.SlotAddress(slot, PointerType(type, Region.STACK), span))


def _item_type(following: Signature) -> ValueType:
    match following.ref.result:
        case StructPointer(struct=struct):
            return KernelType(struct, direct=True)
        case IntegerPointer(type=type):
            return PointerType(type, Region.KERNEL, nullable=True, writable=False)
    raise AssertionError(following.ref.result)


def _item(b: Builder, items: KernelItems, found: ops.Value, span: Span) -> Operand:
    """A number, or a kernel struct that is in use as long as the round runs."""
    if isinstance(found.type, PointerType):
        address = b.not_null(found, span)
        return b.emit(ops.Load(address, _number_type(items, loaded(found.type.target)), span))
    b.surely_there.add(found)
    b.iterated.add(found)
    (b.trusted if items.struct in TRUSTED_ITEMS else b.under_rcu).add(found)
    return found


def _number_type(items: KernelItems, type: IntType | BoolType) -> IntType | BoolType:
    """What the numbers of an iterator can be."""
    match items.struct, items.arguments:
        case "bpf_iter_num", (start, stop):
            assert isinstance(start.type, IntType) and isinstance(stop.type, IntType)
            return IntType(start.type.low, max(start.type.low, stop.type.high - 1))
        case "bpf_iter_bits", (_, ops.Const(value=words)):
            return IntType(0, words * 64 - 1)
    return type


def name(b: Builder, name: str, item: Operand) -> bool:
    """Give a struct the name that a loop has for its items; False if the name stands for something else already."""
    before = b.frame.bindings.get(name)
    if before is not None and not (isinstance(before, Fixed) and before.operand in b.iterated):
        return False
    b.frame.bindings[name] = Fixed(item)
    b.frame.ended.discard(name)
    b.frame.gone.discard(name)
    b.assigned |= {name}
    return True


def _end_names(b: Builder, found: list[ops.Value]) -> None:
    """The last item is gone with the loop, and with it what it was called."""
    for name, binding in tuple(b.frame.bindings.items()):
        if isinstance(binding, Fixed) and binding.operand in found:
            del b.frame.bindings[name]
            b.frame.gone.add(name)
            b.assigned -= {name}


def _part(b: Builder, struct: str, part: str, span: Span) -> Signature:
    """One of its kfuncs, as the kernel's BTF describes it."""
    name = f"{struct}_{part}"
    known = b.module.signatures.get(name)
    if isinstance(known, Signature):
        return known
    prototype = kfuncs.prototype_of(b, name, span)
    try:
        read = read_signature(b.module.btf(b, span), name, prototype, struct)
    except Unspeakable as error:
        b.error(errors.KfuncType(span, short_name(name), str(error)))
    if part == "next" and not isinstance(read.ref.result, StructPointer | IntegerPointer):
        b.error(errors.KfuncType(span, short_name(name), "gives what the language has no type for"))
    return kfuncs.note(b, read)

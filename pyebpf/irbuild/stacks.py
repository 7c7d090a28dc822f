"""`kernel_stack()`, `user_stack()`, `python_stack()`: `stacks[comm(), user_stack()] += 1`, and, but for Python's,
`event.stack = kernel_stack()`.

A key of a `Stacks` is a struct of the parts that the program gives; of a stack it has the number that `bpf_get_stackid`
gave, below zero where there was none, and for user's stacks also whose they are. The kernel has one place for all
stacks of a hash: one that finds another there goes to a second map. What finds no place there either, or no room, has
the number of that error, and so is counted apart, by the same few instructions.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from types import ModuleType
from typing import Final, TypeAlias, final

from pyebpf import layout
from pyebpf.diagnostics import maps as map_errors
from pyebpf.diagnostics import names as name_errors
from pyebpf.diagnostics import stacks as errors
from pyebpf.diagnostics import types as type_errors
from pyebpf.ir import ops
from pyebpf.ir.module import MapRef
from pyebpf.ir.types import I64, U64, BoolType, IntType, PointerType, Region
from pyebpf.irbuild import expressions, maps, memory, order, packets, python_stacks, queues, values
from pyebpf.irbuild.builder import Builder
from pyebpf.irbuild.module_state import StacksUse
from pyebpf.irbuild.operands import Operand, PendingText, Place, Static, describe, describe_type, reference
from pyebpf.kernel.constants import CONSTANTS
from pyebpf.kernel.conventions import FILLED
from pyebpf.kernel.maps import MapType
from pyebpf.lang.functions import Builtin
from pyebpf.lang.stacks import Stacks
from pyebpf.metadata import KERNEL_STACK, OTHERS, OWNER, PYTHON_STACK, USER_STACK, StackKey
from pyebpf.records import dataclass
from pyebpf.source import Span
from pyebpf.syntax import tree

FIELDS: Final = {KERNEL_STACK: layout.I32, USER_STACK: layout.I32, PYTHON_STACK: layout.U64}
"""What stands for a stack in a key."""
WORDS: Final = tuple(FIELDS)
NATIVE: Final = (KERNEL_STACK, USER_STACK)
"""Those that the kernel knows."""
TRACES: Final = "__pyebpf_stacks_"
OTHERS_OF: Final = "__pyebpf_others_"
"""How the maps with the stacks are called, before the name of the one that counts."""
EXIST: Final = -17
PART_OF_OTHERS: Final = 4
"""The second map has a quarter of the first one's places: of 5,000 stacks in 20,480 places some 400 collide, and in the
second map ten of these."""
USER: Final = CONSTANTS["BPF_F_USER_STACK"]
MOST_SKIPPED: Final = CONSTANTS["BPF_F_SKIP_FIELD_MASK"]
NUMBER: Final = IntType(-4095, 2**31 - 1)
"""Of a stack; -errno where there is none."""
TEXT_BYTES: Final = 16
"""Of literal text as a part of a key; longer ones take a multiple of it."""
PROCESS: Final = IntType(0, 2**32 - 1)


@final
@dataclass(frozen=True, slots=True)
class Wanted:
    """A call of one of the `WORDS`."""

    word: str
    skip: int
    span: Span

    @property
    def flags(self) -> int:
        return self.skip | (USER if self.word == USER_STACK else 0)


Part: TypeAlias = "tuple[Operand | Wanted, Span]"


def wanted(b: Builder, node: tree.Expression) -> Wanted | None:
    """What a stack is wanted of, if `node` is a call of one of the `WORDS`."""
    if not isinstance(node, tree.Call):
        return None
    function = _named(b, node.function)
    if not (isinstance(function, Builtin) and function.name in WORDS):
        return None
    given = (*node.arguments, *(word.value for word in node.keywords))
    takes = "`skip=` at most" if function.name in NATIVE else "no arguments"
    for value in given if function.name not in NATIVE else node.arguments:
        b.error(name_errors.WrongArguments(value.span, function.name, takes, f"`{value.span.text}`"))
    skip = 0
    for word in node.keywords:
        operand = expressions.evaluate(b, word.value) if word.name == "skip" else None
        good = isinstance(operand, ops.Const) and isinstance(operand.type, IntType)
        if not (good and isinstance(operand, ops.Const) and 0 <= operand.value <= MOST_SKIPPED):
            takes = f"a constant `skip` from 0 to {MOST_SKIPPED}"
            b.error(name_errors.WrongArguments(word.span, function.name, takes, f"`{word.span.text}`"))
        skip = operand.value
    return Wanted(function.name, skip, node.span)


def _named(b: Builder, node: tree.Expression) -> object:
    """The Python object that a name stands for, or an attribute of a module."""
    if isinstance(node, tree.Attribute):
        module = _named(b, node.value)
        return getattr(module, node.name, None) if isinstance(module, ModuleType) else None
    return order.static(b, node.id) if isinstance(node, tree.Name) else None


# As values


def store(b: Builder, place: Place, stack: Wanted) -> None:
    """`event.stack = kernel_stack()`: as many calls as fit, and zeros behind them."""
    pointer, span = place.address.type, stack.span
    python_stacks.elsewhere(b, stack.word, span)
    assert isinstance(pointer, PointerType)
    if not (isinstance(place.type, layout.Array) and place.type.element == layout.U64):
        b.error(errors.StackElsewhere(span, f"`{place.what}` is {describe_type(place.type)}", span.text))
    if not pointer.writable:
        b.error(type_errors.ReadOnly(place.span, f"`{place.what}`"))
    size = place.type.size
    if not size:
        return
    by_copy = pointer.region is Region.ARENA  # where no helper writes
    address = b.scratch("stack", place.type, span) if by_copy else place.address
    filled = b.hook.program_type in FILLED["get_stack"]
    if not filled:
        b.zero(address, size, span)
    arguments = (packets.context(b, span), address, b.const(size, span), b.const(stack.flags, span))
    b.emit(ops.Call("get_stack", arguments, I64, span, size if filled else 0, target=1))
    if by_copy:
        b.emit(ops.Copy(place.address, address, size, span))


def made(b: Builder, type: layout.Type | None, stack: Wanted, name: str) -> ops.Value:
    """A new array of the stack's calls."""
    python_stacks.elsewhere(b, stack.word, stack.span)
    if not isinstance(type, layout.Array):
        b.error(errors.StackElsewhere(stack.span, "", stack.span.text))
    address = b.slot(name, type, stack.span)
    store(b, Place(address, type, name, stack.span), stack)
    return address


# As parts of keys


def count(b: Builder, base: Static, target: tree.Subscript, statement: tree.AugAssign) -> None:
    """`stacks[comm(), kernel_stack()] += x`."""
    declared, span = base.value, statement.span
    assert isinstance(declared, Stacks)
    if statement.operator != "+":
        hint = f"{target.span.text} += {statement.value.span.text}"
        b.error(map_errors.NoSuchOperation(span, "a Stacks", f"{statement.operator}=", hint))
    index, later = target.index, (statement.value,)
    nodes = index.items if isinstance(index, tree.Tuple) else (index,)
    parts = [_part(b, node, (*nodes[number + 1 :], *later)) for number, node in enumerate(nodes)]
    operand = expressions.evaluate(b, statement.value)
    amount = maps.bind_amount(b, operand, layout.U64, statement.value.span, negative=False)
    use = _use(b, base, parts, index.span)
    key = _key(b, declared, use, parts, index.span)
    _add(b, use.map, key, amount, span)


def _part(b: Builder, node: tree.Expression, later: Sequence[tree.Expression]) -> Part:
    stack = wanted(b, node)
    if stack is not None:
        return stack, node.span
    operand = values.plain(b, expressions.evaluate(b, node), node.span)
    return order.kept(b, operand, node.span, later), node.span


def _use(b: Builder, base: Static, parts: list[Part], span: Span) -> StacksUse:
    """What the keys of the Stacks are: what they are said to be, or what these first ones are."""
    declared = base.value
    assert isinstance(declared, Stacks)
    words = [part.word for part, _ in parts if isinstance(part, Wanted)]
    shape = tuple(part.word if isinstance(part, Wanted) else _type(b, part, where) for part, where in parts)
    known = b.module.stacks.get(id(declared))
    if known is not None:
        if not _agrees(known.shape, shape, parts):
            found, before = (", ".join(map(_shown, each)) for each in (shape, known.shape))
            cure = _narrowed(known.shape, shape, parts) or known.span.text
            b.error(errors.StacksKeyDiffers(span, base.name, found, before, known.span, cure))
        return known
    if not words or len(words) > len(set(words)):
        one = "one of each kind at most" if words else "one at least"
        b.error(errors.StacksKeyNeedsStack(span, base.name, one, _cure(parts)))
    use = _new(b, declared, base.name, shape, parts, span)
    b.module.count_stacks(declared, use)
    return use


def _cure(parts: list[Part]) -> str:
    others = [where.text for part, where in parts if not isinstance(part, Wanted)]
    asked = dict.fromkeys(part.word for part, _ in parts if isinstance(part, Wanted))
    words = NATIVE[:1] if not asked else tuple(asked) if PYTHON_STACK in asked else NATIVE
    return ", ".join([*others, *(f"{word}()" for word in words)])


def _shown(part: layout.Type | str) -> str:
    return f"{part}()" if isinstance(part, str) else str(part)


def _agrees(known: tuple[layout.Type | str, ...], shape: tuple[layout.Type | str, ...], parts: list[Part]) -> bool:
    """Whether a key of that `shape` can be written as one of the `known` shape."""
    if len(known) != len(shape):
        return False
    return all(_fits(wide, type, part) for wide, type, (part, _) in zip(known, shape, parts, strict=True))


def _narrowed(known: tuple[layout.Type | str, ...], shape: tuple[layout.Type | str, ...], parts: list[Part]) -> str:
    """The key with conversions, if only numbers are wider than they should be; or ""."""
    if len(known) != len(shape):
        return ""
    written = []
    for narrow, type, (part, where) in zip(known, shape, parts, strict=True):
        fits = _fits(narrow, type, part)
        if not fits and not (isinstance(narrow, layout.Integer) and isinstance(type, layout.Integer)):
            return ""
        written.append(where.text if fits else f"{narrow}({where.text})")
    return ", ".join(written)


def _fits(known: layout.Type | str, type: layout.Type | str, part: Operand | Wanted) -> bool:
    if isinstance(known, layout.Integer) and known.view == "int":
        if isinstance(part, ops.Const) and isinstance(part.type, IntType):
            return known.minimum <= part.value <= known.maximum
        if isinstance(type, layout.Integer) and type.view == "int":
            return known.minimum <= type.minimum and type.maximum <= known.maximum
    if isinstance(known, layout.Text) and isinstance(type, layout.Text):
        return type.length <= known.length or isinstance(part, Static)
    return known == type


def _type(b: Builder, operand: Operand, span: Span) -> layout.Type:
    """The type that `operand` has in a key."""
    if isinstance(operand, Static) and isinstance(operand.value, str):
        return layout.Text(layout.round_up(max(len(operand.value.encode("utf-8", "surrogatepass")), 1), TEXT_BYTES))
    if isinstance(operand, Static) and (address := memory.layout_of_address(operand.value)) is not None:
        return address
    if isinstance(operand, PendingText):
        if not operand.length:
            b.error(errors.NoKeyPart(span, "text without a length", f"name: char[64] = {span.text}"))
        return layout.Text(operand.length)
    pointer = reference(operand)
    if pointer is not None and isinstance(pointer.target, layout.Text | layout.Address):
        return pointer.target
    if ops.is_value(operand) and isinstance(operand.type, IntType | BoolType):
        return _scalar(operand.type)
    cure = values.as_number(operand, span)
    if pointer is not None and isinstance(pointer.target, layout.Struct) and pointer.target.fields:
        cure = f"{span.text}.{pointer.target.fields[0].name}"
    b.error(errors.NoKeyPart(span, describe(operand), cure))


def _scalar(type: IntType | BoolType) -> layout.Type:
    """The smallest type of 32 or 64 bits that has all the numbers."""
    if isinstance(type, BoolType):
        return layout.BOOL
    if type.shown_as is not None:
        return type.shown_as
    choices = (layout.U32, layout.U64) if type.low >= 0 else (layout.I32, layout.I64)
    return next(each for each in choices if each.minimum <= type.low and type.high <= each.maximum)


def _new(
    b: Builder,
    declared: Stacks,
    name: str,
    shape: tuple[layout.Type | str, ...],
    parts: list[Part],
    span: Span,
) -> StacksUse:
    """The maps: one that counts, and one that has the stacks."""
    names: list[str] = []
    for number, (part, where) in enumerate(parts, 1):
        names.append(part.word if isinstance(part, Wanted) else _field_name(where.text, number, names))
    fields = [(word, FIELDS[type] if isinstance(type, str) else type) for word, type in zip(names, shape, strict=True)]
    if USER_STACK in names:
        fields.append((OWNER, layout.U32))
    plain = b.module.map(declared, name)
    traces, others = _traces(b, declared, plain.name, sum(word in NATIVE for word in names))
    pythons = python_stacks.walks(b, declared, plain.name).name if PYTHON_STACK in names else ""
    map = MapRef(
        plain.name,
        declared.kind,
        int(MapType.HASH),
        _struct(f"{plain.name}_key", fields),
        layout.U64,
        declared.max_entries,
        0,
        declared.unit,
        None,
        stacks=StackKey(traces.name if traces else "", others.name if others else "", tuple(names), pythons),
    )
    return StacksUse(map, traces, others, shape, span)


def _traces(b: Builder, declared: Stacks, name: str, stacks: int) -> tuple[MapRef | None, MapRef | None]:
    """The maps that the kernel puts stacks into, of which each key has so many."""
    if not stacks:
        return None, None
    most = min(declared.max_entries * stacks, OTHERS - 1)
    entry = layout.Array(layout.U64, declared.depth)
    traces = b.module.own_map(TRACES + name, "StackTrace", layout.U32, entry, most)
    others = b.module.own_map(OTHERS_OF + name, "StackTrace", layout.U32, entry, max(most // PART_OF_OTHERS, 1))
    return traces, others


def _field_name(text: str, number: int, taken: list[str]) -> str:
    """After what stands there: `comm` for `comm()`, `cpu` for `event.cpu`."""
    found = re.fullmatch(r"(?:\w+\.)*([a-z]\w*)(?:\(\))?", text)
    name = found[1] if found is not None else f"part{number}"
    return f"part{number}" if name in (*taken, *WORDS, OWNER) else name


def _struct(name: str, fields: list[tuple[str, layout.Type]]) -> layout.Struct:
    """The widest first, so that nothing lies between them."""
    placed, offset, align = [], 0, 1
    for word, type in sorted(fields, key=lambda field: -field[1].align):
        offset = layout.round_up(offset, type.align)
        placed.append(layout.Field(word, type, offset))
        offset, align = offset + type.size, max(align, type.align)
    return layout.Struct(name, tuple(placed), layout.round_up(offset, align), align)


def _key(b: Builder, declared: Stacks, use: StacksUse, parts: list[Part], span: Span) -> ops.Value:
    """A key in memory: first what is on the way, then the stacks, which take calls."""
    type, key = use.map.key, use.map.stacks
    assert isinstance(type, layout.Struct) and key is not None
    address = b.scratch("key", type, span)
    b.zero(address, type.size, span)
    owner: ops.Value | None = None
    named = [(name, *part) for name, part in zip(key.parts, parts, strict=True)]
    for name, part, where in named:
        if not isinstance(part, Wanted):
            memory.store(b, _place(b, address, type, name, where), part, where)
            owner = part if ops.is_value(part) and _is_process(part) else owner
    for name, part, where in named:
        if isinstance(part, Wanted):
            place = _place(b, address, type, name, where)
            python = part.word == PYTHON_STACK
            number = python_stacks.number(b, declared, where) if python else _number(b, use, part)
            b.emit(ops.Store(place.address, number, where))
    if type.field(OWNER) is not None:
        if owner is None:
            both = b.call("get_current_pid_tgid", (), U64, span)
            owner = b.emit(ops.Binary(">>", both, b.const(32, span), PROCESS, span))
        memory.store(b, _place(b, address, type, OWNER, span), owner, span)
    return address


def _number(b: Builder, use: StacksUse, stack: Wanted) -> ops.Value:
    """The stack's number in one of the two maps. An error stays what it is: it has the bit of the second already."""
    span = stack.span
    number = b.local("stack", NUMBER, span)

    def asked(map: MapRef | None) -> ops.Value:
        assert map is not None
        arguments = (packets.context(b, span), queues.address(b, map, span), b.const(stack.flags, span))
        return b.call("get_stackid", arguments, NUMBER, span)

    def elsewhere() -> None:
        other = asked(use.others)
        b.set(number, b.emit(ops.Binary("|", other, b.const(OTHERS, span), NUMBER, span)), span)

    first = asked(use.traces)
    b.set(number, first, span)
    b.if_(b.compare("==", first, b.const(EXIST, span), span), elsewhere, None, span)
    return b.get(number, span)


def _place(b: Builder, base: ops.Value, type: layout.Struct, name: str, span: Span) -> Place:
    field = type.field(name)
    assert field is not None
    return memory.field_place(b, base, field, name, span)


def _is_process(value: ops.Value) -> bool:
    """Whether it is what `pid()` gives."""
    shifted = isinstance(value, ops.Binary) and value.operator == ">>"
    if not (shifted and isinstance(value, ops.Binary) and isinstance(value.left, ops.Call)):
        return False
    by = value.right
    return value.left.helper == "get_current_pid_tgid" and isinstance(by, ops.Const) and by.value == 32


def _add(b: Builder, map: MapRef, key: ops.Value, amount: ops.Value, span: Span) -> None:
    """Look up and add, as in a hash; what there is no room for is counted too."""
    label, before = ops.Label("full"), b.assigned

    def drop() -> None:
        one = isinstance(amount, ops.Const) and amount.value == 1
        b.emit(ops.CountDropped(map, span, None if one else amount))
        b.emit(ops.Break(label, span))

    with b.block() as body:
        entry = maps.entry_or_zeros(b, map, key, span, drop)
        maps.add(b, Place(entry, layout.U64, map.name, span), amount, span, shared=True)
    b.assigned, b.reachable = before, True
    b.emit(ops.Scope(label, ops.Block(tuple(body)), span))

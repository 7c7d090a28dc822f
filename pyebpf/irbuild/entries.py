"""`for key in m:`, `m.keys()`, `m.values()` and `m.items()`: the entries of a hash map, in no certain order; and
`for record in ring:`, what user space has sent, in its order.

What the body writes to the map meanwhile is seen, or not, as the kernel comes to it; to delete the entry at hand is
safe. (Python raises RuntimeError when a dict changes its size in a loop; the kernel doesn't notice.)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from pyebpf.diagnostics import maps as map_errors
from pyebpf.diagnostics import names as errors
from pyebpf.ir import ops
from pyebpf.ir.module import Fault
from pyebpf.ir.types import BOOL, DYNPTR, I64, I64_MAX, U64, IntType, PointerType, Region, is_scalar
from pyebpf.irbuild import maps, memory
from pyebpf.irbuild.builder import Builder
from pyebpf.irbuild.looping import nothing, repeat
from pyebpf.irbuild.operands import Entries, Operand, Place, Static, Values, describe
from pyebpf.lang.maps import Map
from pyebpf.source import Span

HASHES: Final = ("Hash", "LruHash", "PerCpuHash", "LruPerCpuHash")
VIEWS: Final = ("keys", "values", "items")
NUMBER: Final = IntType(0, I64_MAX)


def of(b: Builder, operand: Operand) -> Entries | None:
    """The entries that a loop over `operand` goes through; None if it is something else."""
    if isinstance(operand, Entries):
        return operand
    if not (isinstance(operand, Static) and isinstance(operand.value, Map)) or id(operand.value) in b.inner_maps:
        return None
    map = maps.ref(b, operand)
    if map.kind == "UserRingBuf":
        return Entries(map, "records")
    return Entries(map, "keys") if map.kind in HASHES else None


def described(b: Builder, operand: Operand) -> str:
    """What `operand` is, where a hash map would do, but for those that the program finds in another map."""
    held = isinstance(operand, Static) and id(operand.value) in b.inner_maps
    return f"{describe(operand)} that a map holds" if held else describe(operand)


def view(b: Builder, map: Static, name: str, arguments: int, span: Span) -> Entries | None:
    """`m.keys()`, `m.values()` or `m.items()` of a hash map; None if it is something else."""
    kind = maps.ref(b, map).kind
    if name not in VIEWS or kind not in HASHES:
        return None
    if arguments:
        b.error(errors.WrongArguments(span, f"{map.name}.{name}", "no arguments", f"{arguments} arguments"))
    if id(map.value) in b.inner_maps:
        b.error(map_errors.NoSuchOperation(span, described(b, map), name, ""))
    return Entries(maps.ref(b, map), name)


def walk(b: Builder, view: Entries, body: Callable[[Operand], None], orelse: Callable[[], None], span: Span) -> None:
    """Go through the entries; `body` is lowered once."""
    counters = [counter(b, start, span) for start in view.counted]
    entries = b.emit(ops.Entries(view.map, span))

    def item() -> Operand:
        found: Operand
        match view.part:
            case "keys":
                found = _key(b, entries, span)
            case "records":
                found = _record(b, entries, span)
            case "values":
                found = _value(b, entries, span)
            case _:
                found = Values((_key(b, entries, span), _value(b, entries, span)))
        for each in counters:
            found = Values((next_number(b, each, span), found))
        return found

    repeat(
        b,
        lambda: b.emit(ops.NextEntry(entries, BOOL, span)),
        lambda: body(item()),
        nothing,
        orelse,
        None,
        False,
        span,
        entries,
    )


def count(b: Builder, view: Entries, span: Span) -> ops.Value:
    """`len(m)`: the kernel keeps no number of entries, so they are gone through. To go through records takes them."""
    if view.part == "records":
        b.error(map_errors.NoSuchOperation(span, f"a {view.map.kind}", "len", f"for record in {view.map.name}:"))
    most = view.map.max_entries
    number = counter(b, b.const(0, span), span)

    def body(_: Operand) -> None:
        next_number(b, number, span)

    walk(b, Entries(view.map, "keys"), body, nothing, span)
    found = b.get(number, span)  # what others move meanwhile may be come to twice
    many = b.compare(">", found, b.const(most, span), span)
    return b.choose(many, IntType(0, most), b.const(most, span), found, span)


def counter(b: Builder, start: ops.Value, span: Span) -> ops.Local:
    """What numbers items from `start` on."""
    assert isinstance(start.type, IntType)
    type = U64 if start.type.high > I64_MAX else NUMBER if start.type.low >= 0 else I64
    local = b.local("number", type, span)
    b.set(local, start, span)
    return local


def next_number(b: Builder, counter: ops.Local, span: Span) -> ops.Value:
    """The number of this entry; the next one's is one more."""
    assert isinstance(counter.type, IntType)
    number = b.get(counter, span)
    b.set(counter, b.emit(ops.Binary("+", number, b.const(1, span), counter.type, span)), span)
    return number


def _key(b: Builder, entries: ops.Entries, span: Span) -> Operand:
    """A copy of the key: the entry may go."""
    type = entries.map.key
    assert type is not None
    found = b.emit(ops.EntryPart(entries, "key", PointerType(type, Region.MAP, writable=False), span))
    if is_scalar(type):
        return memory.read(b, Place(found, type, "key", span), span)
    copy = b.slot("key", type, span)
    b.emit(ops.Copy(copy, found, type.size, span))
    return copy


def _record(b: Builder, entries: ops.Entries, span: Span) -> Operand:
    """A copy of the record, for user space could still change it; ValueError if it is too short."""
    type = entries.map.value
    assert type is not None
    record = b.emit(ops.EntryPart(entries, "record", PointerType(DYNPTR, Region.MAP, writable=False), span))
    copy, zero = b.slot("record", type, span), b.const(0, span)
    b.zero(copy, type.size, span)
    arguments = (copy, b.const(type.size, span), record, zero, zero)
    status = b.call("dynptr_read", arguments, I64, span, writes=type.size)
    b.check(b.compare("==", status, zero, span), Fault.VALUE, span)
    return memory.read(b, Place(copy, type, "record", span), span)


def _value(b: Builder, entries: ops.Entries, span: Span) -> Operand:
    """A number, or a reference to the entry, as `m[key]` is."""
    type = entries.map.value
    assert type is not None
    found = b.emit(
        ops.EntryPart(entries, "value", PointerType(type, Region.MAP, writable=not entries.map.read_only), span)
    )
    return memory.read(b, Place(found, type, f"{entries.map.name}[…]", span), span)

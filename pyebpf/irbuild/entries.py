"""`for key in m:`, `m.keys()`, `m.values()` and `m.items()`: the entries of a hash map, in no certain order.

What the body writes to the map meanwhile is seen, or not, as the kernel comes to it; to delete the entry at hand is
safe. (Python raises RuntimeError when a dict changes its size in a loop; the kernel doesn't notice.)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from pyebpf.diagnostics import names as errors
from pyebpf.ir import ops
from pyebpf.ir.module import MapRef
from pyebpf.ir.types import BOOL, PointerType, Region, is_scalar
from pyebpf.irbuild import expressions, maps, memory
from pyebpf.irbuild.builder import Builder
from pyebpf.irbuild.looping import nothing, repeat
from pyebpf.irbuild.operands import Operand, Place, Static, Values
from pyebpf.lang.maps import Map
from pyebpf.source import Span
from pyebpf.syntax import tree

HASHES: Final = ("Hash", "LruHash", "PerCpuHash", "LruPerCpuHash")
VIEWS: Final = ("keys", "values", "items")
View = tuple[MapRef, str]


def view(b: Builder, node: tree.Expression) -> View | None:
    """The hash map that `node` is, or whose keys, values or items it asks for; None if it is something else."""
    called = node.function if isinstance(node, tree.Call) else None
    if isinstance(called, tree.Attribute) and called.name in VIEWS and isinstance(called.value, tree.Name):
        map = _hash(b, called.value)
        if map is not None and isinstance(node, tree.Call) and (node.arguments or node.keywords):
            given = len(node.arguments) + len(node.keywords)
            b.error(errors.WrongArguments(node.span, called.span.text, "no arguments", f"{given} arguments"))
        return (map, called.name) if map is not None else None
    if isinstance(node, tree.Name):
        map = _hash(b, node)
        return (map, "keys") if map is not None else None
    return None


def _hash(b: Builder, name: tree.Name) -> MapRef | None:
    operand = expressions.evaluate(b, name)
    if not (isinstance(operand, Static) and isinstance(operand.value, Map)) or id(operand.value) in b.inner_maps:
        return None
    map = maps.ref(b, operand)
    return map if map.kind in HASHES else None


def walk(b: Builder, view: View, body: Callable[[Operand], None], orelse: Callable[[], None], span: Span) -> None:
    """Go through the entries; `body` is lowered once."""
    map, what = view
    entries = b.emit(ops.Entries(map, span))

    def item() -> Operand:
        match what:
            case "keys":
                return _key(b, entries, span)
            case "values":
                return _value(b, entries, span)
            case _:
                return Values((_key(b, entries, span), _value(b, entries, span)))

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


def _value(b: Builder, entries: ops.Entries, span: Span) -> Operand:
    """A number, or a reference to the entry, as `m[key]` is."""
    type = entries.map.value
    assert type is not None
    found = b.emit(ops.EntryPart(entries, "value", PointerType(type, Region.MAP), span))
    return memory.read(b, Place(found, type, f"{entries.map.name}[…]", span), span)

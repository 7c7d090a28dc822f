"""Equality of structs and arrays: field by field, so that padding never counts.

Bytes that lie beside each other and compare as numbers do are compared together, word by word. Text counts up to its
end, and truth values by their truth, as they do by themselves.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, TypeAlias, final

from pyebpf import layout
from pyebpf.ir import ops
from pyebpf.ir.types import BOOL, I64, U64, IntType, PointerType
from pyebpf.irbuild import copies, memory, texts
from pyebpf.irbuild.builder import Builder
from pyebpf.records import dataclass
from pyebpf.source import Span

UNROLLED: Final = 256
"""Bytes that are compared by a row of instructions; more of them by a loop."""
_WORDS: Final = {8: layout.U64, 4: layout.U32, 2: layout.U16, 1: layout.U8}


@final
@dataclass(frozen=True, slots=True)
class Bytes:
    """`size` bytes at `offset` that are equal if each of them is."""

    offset: int
    size: int


@final
@dataclass(frozen=True, slots=True)
class Part:
    """Something at `offset` that is compared in its own way: text, a truth value, a bit field."""

    offset: int
    field: layout.Field


@final
@dataclass(frozen=True, slots=True)
class Elements:
    """An array at `offset` whose elements have padding, text or truth values: compared one by one."""

    offset: int
    array: layout.Array


Piece: TypeAlias = Bytes | Part | Elements


def equal(b: Builder, left: ops.Value, right: ops.Value, type: layout.Type, span: Span) -> ops.Value:
    """Whether the values of `type` at two addresses are equal, as Python compares them."""
    copies.check(b, type, span, left, right)
    result = b.local("equal", BOOL, span)
    b.set(result, b.truth(True, span), span)
    label = ops.Label("compare")
    before = b.assigned
    with b.block() as body:
        for piece in pieces(type):
            same = _piece(b, left, right, piece, span)
            b.if_(b.negate(same, span), lambda: _differ(b, result, label, span), None, span)
    b.assigned, b.reachable = before, True
    b.emit(ops.Scope(label, ops.Block(tuple(body)), span))
    return b.get(result, span)


def _differ(b: Builder, result: ops.Local, label: ops.Label, span: Span) -> None:
    b.set(result, b.truth(False, span), span)
    b.emit(ops.Break(label, span))


def pieces(type: layout.Type) -> list[Piece]:
    """What a comparison of two values of `type` looks at, in order."""
    found: list[Piece] = []
    for piece in _pieces(type, 0):
        last = found[-1] if found else None
        if isinstance(piece, Bytes) and isinstance(last, Bytes) and last.offset + last.size == piece.offset:
            found[-1] = Bytes(last.offset, last.size + piece.size)
        else:
            found.append(piece)
    return found


def _pieces(type: layout.Type, at: int) -> Iterator[Piece]:
    match type:
        case layout.Integer() | layout.Enumeration() | layout.Address():
            yield Bytes(at, type.size)
        case layout.Boolean() | layout.Text():
            yield Part(at, layout.Field("", type, 0))
        case layout.Array():
            inner = pieces(type.element)
            if inner == [Bytes(0, type.element.size)]:
                yield Bytes(at, type.size)
            else:
                yield Elements(at, type)
        case layout.Struct() if type in layout.KERNELS_OWN:
            pass  # no value of anything; the verifier lets nobody read it
        case layout.Struct(is_union=True):
            yield Bytes(at, type.covered)
        case layout.Struct():
            for field in type.fields:
                if field.bits:
                    yield Part(at + field.offset, field)
                else:
                    yield from _pieces(field.type, at + field.offset)


def _piece(b: Builder, left: ops.Value, right: ops.Value, piece: Piece, span: Span) -> ops.Value:
    match piece:
        case Bytes():
            return _equal_bytes(b, left, right, piece, span)
        case Part():
            one, other = (b.member(base, piece.offset, piece.field.type, span) for base in (left, right))
            if isinstance(piece.field.type, layout.Text):
                size = piece.field.type.length
                return texts.equal(b, texts.Text(one, b"", size), texts.Text(other, b"", size), span)
            bits = piece.field.bits, piece.field.bit_offset
            x, y = (memory.load(b, side, piece.field.type, span, *bits) for side in (one, other))
            return b.compare("==", x, y, span)
        case Elements():
            one, other = (b.member(base, piece.offset, piece.array, span) for base in (left, right))
            return _equal_elements(b, one, other, piece.array, span)


def _equal_bytes(b: Builder, left: ops.Value, right: ops.Value, piece: Bytes, span: Span) -> ops.Value:
    """The differences of all words, collected: one branch for all of them."""
    if piece.size > UNROLLED:
        words = layout.Array(layout.U64, piece.size // 8)
        one, other = (b.member(base, piece.offset, words, span) for base in (left, right))
        same = _equal_elements(b, one, other, words, span)
        rest = Bytes(piece.offset + words.size, piece.size - words.size)
        if not rest.size:
            return same
        result = b.local("equal", BOOL, span)
        b.set(result, same, span)
        b.if_(same, lambda: b.set(result, _equal_bytes(b, left, right, rest, span), span), None, span)
        return b.get(result, span)
    total: ops.Value | None = None
    for offset, size in _words(piece):
        word = _WORDS[size]
        loaded = (memory.load(b, b.member(base, offset, word, span), word, span) for base in (left, right))
        x, y = loaded
        range = IntType(0, word.maximum)
        different = b.emit(ops.Binary("^", x, y, range, span))
        total = different if total is None else b.emit(ops.Binary("|", total, different, U64, span))
    return b.truth(True, span) if total is None else b.compare("==", total, b.const(0, span), span)


def _words(piece: Bytes) -> Iterator[tuple[int, int]]:
    """`(offset, size)` of the widest naturally aligned accesses."""
    offset, end = piece.offset, piece.offset + piece.size
    while offset < end:
        size = next(size for size in _WORDS if offset % size == 0 and offset + size <= end)
        yield offset, size
        offset += size


def _equal_elements(b: Builder, left: ops.Value, right: ops.Value, array: layout.Array, span: Span) -> ops.Value:
    """Element by element, in a loop that ends at the first difference."""
    result, at = b.local("equal", BOOL, span), b.local("at", I64, span)
    b.set(result, b.truth(True, span), span)
    b.set(at, b.const(0, span), span)
    label, length = ops.Label("elements"), b.const(array.length, span)
    with b.block() as body:
        index = b.get(at, span)
        b.if_(b.compare("<", index, length, span), lambda: None, lambda: _leave(b, label, span), span)
        one, other = (_element(b, base, index, array, span) for base in (left, right))
        differ = b.negate(equal(b, one, other, array.element, span), span)
        b.if_(differ, lambda: _differ(b, result, label, span), None, span)
    b.reachable = True
    with b.block() as step:
        moved = IntType(1, array.length)
        b.set(at, b.emit(ops.Binary("+", b.get(at, span), b.const(1, span), moved, span)), span)
    counting = ops.Counting(at, b.const(0, span), length, 1)
    blocks = ops.Block(tuple(body)), ops.Block(tuple(step))
    b.emit(ops.Loop(label, *blocks, counting, array.length, False, span))
    return b.get(result, span)


def _element(b: Builder, base: ops.Value, index: ops.Value, array: layout.Array, span: Span) -> ops.Value:
    pointer = base.type
    assert isinstance(pointer, PointerType)
    type = PointerType(array.element, pointer.region, writable=pointer.writable)
    return b.emit(ops.ElementAddress(base, index, array.length, type, span))


def _leave(b: Builder, label: ops.Label, span: Span) -> None:
    b.emit(ops.Break(label, span))

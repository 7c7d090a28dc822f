"""`for letter in text:`, and what else goes through text: its characters one after the other, in a row of their own.

    name: char[8]           "c a f é"
    the row: char[4][8]     "c", "a", "f", "é"      4 of 8 are there

Text never changes, so the row is made once, in one pass. Then it is an array like any other: it can be numbered,
reversed, and gone through together with others.
"""

from __future__ import annotations

from pyebpf import layout
from pyebpf.ir import ops
from pyebpf.ir.module import Fault
from pyebpf.ir.types import U64, PointerType
from pyebpf.irbuild import text_scan, texts
from pyebpf.irbuild.builder import Builder
from pyebpf.irbuild.operands import Items, Operand
from pyebpf.irbuild.texts import calculate
from pyebpf.source import Span

LETTER = layout.Text(text_scan.LONGEST)


def items(b: Builder, operand: Operand, span: Span) -> Items:
    """The characters of text that isn't constant."""
    text = texts.text_of(b, operand, span)
    row = layout.Array(LETTER, text.size)
    letters = b.scratch("letters", row, span)
    count = _fill(b, text, letters, row, span)

    def at(b: Builder, number: ops.Value) -> Operand:
        if not isinstance(number, ops.Const):  # it is inside, but the verifier may have to see it
            b.check(b.compare("<", number, b.const(row.length, span), span), Fault.INDEX, span)
        address = _letter(b, letters, number, row, LETTER, span)
        b.characters.add(address)
        return address

    return Items("text", text_scan.clamped(b, count, text.size, span), at, False, False)


def _fill(b: Builder, text: texts.Text, letters: ops.Value, row: layout.Array, span: Span) -> ops.Value:
    """Write the characters of `text` into the row; how many there are."""
    index = b.local("letters", U64, span)
    b.set(index, b.const(0, span), span)

    def visit(_: ops.Value, window: ops.Value, starts: ops.Value, label: ops.Label) -> None:
        at = b.get(index, span)
        text_scan.guard(b, at, row.length, label, span)
        # Bytes that continue a character are written as well, and then over: the verifier has one way to follow.
        more = text_scan.following(b, window, span)
        unused = calculate(b, "*", calculate(b, "-", b.const(3, span), more, span), 8, span)
        bytes = calculate(b, "<<", calculate(b, ">>", window, unused, span), unused, span)
        place = _letter(b, letters, at, row, layout.BE32, span)
        b.emit(ops.Store(place, bytes, span))
        b.set(index, calculate(b, "+", at, starts, span), span)

    text_scan.walk(b, text, visit, span)
    return b.get(index, span)


def _letter(
    b: Builder, letters: ops.Value, index: ops.Value, row: layout.Array, type: layout.Type, span: Span
) -> ops.Value:
    """The address of one of the row, as text or as the number that its bytes are."""
    assert isinstance(letters.type, PointerType)
    base = b.member(letters, 0, layout.Array(type, row.length), span)
    pointer = PointerType(type, letters.type.region)
    return b.emit(ops.ElementAddress(base, index, row.length, pointer, span))

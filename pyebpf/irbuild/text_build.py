"""Text that is put together: f-strings, `+`, `str(n)`, `char[32](text)`.

Each piece is written behind the last one. Where it begins is known only when the program runs, so pieces are written
byte by byte: every byte of the longest text there may be, and the place moves on by one or by none.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import final

from pyebpf import layout
from pyebpf.diagnostics import text as errors
from pyebpf.ir import ops
from pyebpf.ir.types import BoolType, IntType
from pyebpf.irbuild import memory, text_scan, texts, values
from pyebpf.irbuild.builder import Builder
from pyebpf.irbuild.operands import Operand, PendingText, Static, describe, is_text
from pyebpf.irbuild.text_numbers import Format, write_number
from pyebpf.irbuild.text_writer import Writer
from pyebpf.irbuild.texts import calculate
from pyebpf.records import dataclass
from pyebpf.source import Span

UNSIZED_TEXT = 128
"""Bytes of `user_str(p)` in an f-string, as in print."""


@final
@dataclass(frozen=True, slots=True)
class Piece:
    """A value with its format."""

    operand: Operand
    span: Span
    conversion: str = ""
    spec: str = ""


@final
@dataclass(frozen=True, slots=True)
class Planned:
    """What writes a piece, and its most bytes."""

    most: int
    write: Callable[[Writer], None]
    sources: tuple[ops.Value, ...] = ()


def join(b: Builder, pieces: Sequence[Piece], span: Span) -> Operand:
    """The text of all pieces, one after the other."""
    pieces = _merged(pieces)
    if all(texts.known(piece.operand) is not None for piece in pieces):
        text = "".join(texts.known(piece.operand) or "" for piece in pieces)
        return Static(text, repr(text))
    planned = [_plan(b, piece) for piece in pieces]

    def write(b: Builder, address: ops.Value, size: int) -> None:
        b.zero(address, size, span)
        writer = Writer(b, address, size, span)
        for part in planned:
            part.write(writer)

    sources = tuple(source for part in planned for source in part.sources)
    may_fault = any(isinstance(piece.operand, PendingText) and piece.operand.may_fault for piece in pieces)
    return PendingText(write, sum(part.most for part in planned), span.text, sources, may_fault=may_fault)


def _merged(pieces: Sequence[Piece]) -> list[Piece]:
    """Pieces with neighbouring constants joined."""
    found: list[Piece] = []
    for piece in pieces:
        literal = _literal(piece)
        if literal is None:
            found.append(piece)
            continue
        before = texts.known(found[-1].operand) if found else None
        if before is not None:
            literal = before + literal
            found.pop()
        found.append(Piece(Static(literal, repr(literal)), piece.span))
    return found


def _literal(piece: Piece) -> str | None:
    """What is written for a text that is known, or for a number as it is."""
    operand = piece.operand
    text = texts.known(operand)
    if text is not None:
        return format(repr(text) if piece.conversion == "r" else text, piece.spec)
    if isinstance(operand, ops.Const) and isinstance(operand.type, IntType) and operand.type.shown_as is None:
        return None if piece.spec or piece.conversion else str(operand.value)
    return None


def _plan(b: Builder, piece: Piece) -> Planned:
    operand, span = values.plain(b, piece.operand, piece.span), piece.span
    literal = texts.known(operand)
    if literal is not None:
        data = literal.encode("utf-8", "surrogatepass")
        return Planned(len(data), lambda writer: writer.constant(data))
    if is_text(operand):
        return _plan_text(b, operand, piece)
    if ops.is_value(operand) and isinstance(operand.type, BoolType) and not piece.spec:
        flag = values.number(b, operand, span)
        return Planned(5, lambda writer: _write_bool(writer, flag))
    if ops.is_value(operand) and isinstance(operand.type, IntType | BoolType):
        shown = operand.type.shown_as if isinstance(operand.type, IntType) else None
        if isinstance(shown, layout.Integer):
            b.error(errors.NotText(span, describe(operand), f"store it: a field of type {shown}"))
        number = values.number(b, operand, span)
        form = Format.parse(b, piece.spec, number, describe(operand), span)
        return Planned(form.most, lambda writer: write_number(writer, number, form))
    b.error(errors.NotText(span, describe(operand), 'print(f"…") shows it' if ops.is_value(operand) else ""))


def _write_bool(writer: Writer, flag: ops.Value) -> None:
    b, span = writer.b, writer.span
    for yes, no in zip(b"True\0", b"False", strict=True):
        difference = calculate(b, "*", flag, yes - no & (1 << 64) - 1, span)
        byte = calculate(b, "+", difference, no, span)
        taken = texts.flag_not(b, flag, span) if not yes else b.const(1, span)
        writer.put(byte, taken)


def _plan_text(b: Builder, operand: Operand, piece: Piece) -> Planned:
    span = piece.span
    if piece.conversion == "r":
        b.error(errors.BadTextFormat(span, "text", "!r", "quotes and escapes are made in user space", ""))
    form = Format.parse_text(b, piece.spec, span)
    if form.precision is not None:
        stop = b.const(form.precision, span)
        operand = text_scan.part(b, operand, (None, stop), span, (span, span))
        if isinstance(operand, Static):
            return Planned(form.width, lambda writer: writer.fill(form.fill, b.const(form.width, span), form.width))
    if isinstance(operand, PendingText):
        size = operand.length or UNSIZED_TEXT
        pending = replace(operand, length=size)
        sources = operand.sources
    else:
        assert ops.is_value(operand)
        text = texts.text_of(b, operand, span)
        size, sources, pending = text.size, (operand,), None

    def write(writer: Writer) -> None:
        address = memory.materialize(b, "piece", layout.Text(size), pending, span) if pending is not None else operand
        assert ops.is_value(address)
        text = texts.Text(address, b"", size)
        if form.width:
            _write_aligned(writer, text, form)
        else:
            writer.text(text)

    # A character has up to four bytes, and takes the place of one that fills.
    most = max(size, form.width + min(size, form.width * text_scan.LONGEST) * 3 // 4) if form.width else size
    return Planned(most, write, sources)


def _write_aligned(writer: Writer, text: texts.Text, form: Format) -> None:
    b, span = writer.b, writer.span
    length = text_scan.length(b, text, span)
    missing = _missing(b, length, form.width, span)
    before, after = _shares(b, missing, form.align or "<", span)
    if before is not None:
        writer.fill(form.fill, before, form.width)
    writer.text(text)
    if after is not None:
        writer.fill(form.fill, after, form.width)


def _missing(b: Builder, length: ops.Value, width: int, span: Span) -> ops.Value:
    """What `length` is short of `width`, never negative."""
    short = texts.below(b, length, width, span)
    difference = calculate(b, "-", b.const(width, span), length, span)
    return calculate(b, "*", difference, short, span)


def _shares(b: Builder, missing: ops.Value, align: str, span: Span) -> tuple[ops.Value | None, ops.Value | None]:
    """How much of the filling goes before, and how much behind."""
    match align:
        case "<":
            return None, missing
        case ">":
            return missing, None
        case _:
            before = calculate(b, ">>", missing, 1, span)
            return before, calculate(b, "-", missing, before, span)


def cut(b: Builder, operand: Operand, length: int, span: Span) -> Operand:
    """`char[length](operand)`: as much of it as fits, in whole characters."""
    literal = texts.known(operand)
    if literal is not None:
        kept = literal.encode("utf-8", "surrogatepass")[:length].decode("utf-8", "ignore")
        return Static(kept, repr(kept))
    operand = values.plain(b, operand, span)
    if isinstance(operand, PendingText) and operand.length <= length:
        return replace(operand, length=length)  # text from user or kernel memory is as long as its place
    text = texts.text_of(b, operand, span)
    if text.size <= length:
        assert text.address is not None
        return text.address
    assert text.address is not None

    def write(b: Builder, address: ops.Value, size: int) -> None:
        assert text.address is not None
        b.zero(address, size, span)
        b.emit(ops.Copy(address, text.address, length, span))
        _drop_cut_character(b, text, address, length, span)

    return PendingText(write, length, span.text, (text.address,))


def _drop_cut_character(b: Builder, text: texts.Text, address: ops.Value, length: int, span: Span) -> None:
    """Clear the first bytes of a character whose last bytes didn't fit."""
    for have in range(1, min(text_scan.LONGEST, length + 1)):
        window = _window(b, text, length - have, span)
        more = b.compare(">=", text_scan.following(b, window, span), b.const(have, span), span)
        first = b.member(address, length - have, layout.U8, span)

        def clear(first: ops.Value = first, have: int = have) -> None:
            b.zero(first, have, span)

        b.if_(more, clear, None, span)


def _window(b: Builder, text: texts.Text, start: int, span: Span) -> ops.Value:
    """The four bytes from `start` on, the first one highest."""
    total: ops.Value = b.const(0, span)
    for number in range(text_scan.LONGEST):
        if start + number < text.size:
            byte = texts.byte_at(b, text, b.const(start + number, span), span)
            total = calculate(b, "|", total, calculate(b, "<<", byte, 24 - 8 * number, span), span)
    return total

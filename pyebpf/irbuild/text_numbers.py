"""Integers as text: Python's formats `d`, `x`, `X`, `o`, `b`, with fill, alignment, sign, `#`, `0` and width."""

from __future__ import annotations

import re
from typing import Final, final

from pyebpf import layout
from pyebpf.diagnostics import text as errors
from pyebpf.ir import ops
from pyebpf.ir.types import U64, IntType
from pyebpf.irbuild import texts
from pyebpf.irbuild.builder import Builder
from pyebpf.irbuild.text_writer import Writer
from pyebpf.irbuild.texts import Text, below, calculate, flag_not, is_zero
from pyebpf.records import dataclass
from pyebpf.source import Span

SPEC: Final = re.compile(
    r"(?:(?P<fill>.)?(?P<align>[<>=^]))?(?P<sign>[-+ ])?(?P<z>z)?(?P<alt>#)?(?P<zero>0)?(?P<width>\d+)?(?P<group>[,_])?"
    r"(?:\.(?P<precision>\d+))?(?P<type>[a-zA-Z%])?",
    re.DOTALL,
)
BASES: Final = {"": 10, "d": 10, "x": 16, "X": 16, "o": 8, "b": 2}
WIDEST: Final = 256


@final
@dataclass(frozen=True, slots=True)
class Format:
    """A format, taken apart. `width`: at least so many characters."""

    fill: int
    align: str
    width: int
    sign: str = "-"
    prefix: bytes = b""
    base: int = 10
    upper: bool = False
    digits: int = 0
    """The most digits that the number has."""
    signs: int = 0
    """The most characters before the digits."""
    precision: int | None = None

    @staticmethod
    def parse(b: Builder, spec: str, number: ops.Value, what: str, span: Span) -> Format:
        """The format of an integer."""
        found = _parse(b, spec, what, span, 1)
        kind = found["type"] or ""
        if kind not in BASES or found["group"] or found["precision"] or found["z"]:
            why = "there are no floats in the kernel" if kind in "eEfFgG%" and kind else "it writes digits only"
            b.error(errors.BadTextFormat(span, what, spec, why, "print shows every format of Python"))
        base = BASES[kind]
        assert isinstance(number.type, IntType)
        digits = max(len(_digits(abs(limit), base)) for limit in (number.type.low, number.type.high))
        prefix = f"0{kind}".encode() if found["alt"] and base != 10 else b""
        zero = bool(found["zero"]) and not found["align"]
        fill = found["fill"] or ("0" if found["zero"] else " ")
        return Format(
            _fill(b, fill, spec, what, span),
            "=" if zero else found["align"] or ">",
            _width(b, found["width"], spec, what, span),
            found["sign"] or "-",
            prefix,
            base,
            kind == "X",
            digits,
            len(prefix) + (number.type.low < 0 or (found["sign"] or "-") != "-"),
        )

    @staticmethod
    def parse_text(b: Builder, spec: str, span: Span) -> Format:
        """The format of text."""
        found = _parse(b, spec, "text", span, "")
        fill = found["fill"] or ("0" if found["zero"] else " ")
        precision = int(found["precision"]) if found["precision"] else None
        width = _width(b, found["width"], spec, "text", span)
        return Format(_fill(b, fill, spec, "text", span), found["align"] or "<", width, precision=precision)

    @property
    def most(self) -> int:
        """The most bytes of the number."""
        return max(self.digits + self.signs, self.width)


def _parse(b: Builder, spec: str, what: str, span: Span, sample: object) -> re.Match[str]:
    try:
        format(sample, spec)
    except (ValueError, TypeError, OverflowError) as error:
        b.error(errors.BadTextFormat(span, what, spec, str(error), ""))
    found = SPEC.fullmatch(spec)
    if found is None:
        b.error(errors.BadTextFormat(span, what, spec, "it is not known", ""))
    return found


def _fill(b: Builder, fill: str, spec: str, what: str, span: Span) -> int:
    if not 0 < ord(fill) < 128:
        b.error(errors.BadTextFormat(span, what, spec, "the character that fills must be one byte", ""))
    return ord(fill)


def _width(b: Builder, width: str | None, spec: str, what: str, span: Span) -> int:
    if width is not None and int(width) > WIDEST:
        b.error(errors.BadTextFormat(span, what, spec, f"a width has {WIDEST} characters at most", ""))
    return int(width or 0)


def _digits(number: int, base: int) -> str:
    return format(number, {10: "d", 16: "x", 8: "o", 2: "b"}[base])


def write_number(writer: Writer, number: ops.Value, form: Format) -> None:
    """Fill, sign, prefix and digits."""
    b, span = writer.b, writer.span
    negative, magnitude = _magnitude(b, number, span)
    size = max(form.digits, form.width) if form.align == "=" else form.digits
    digits, count = _write_digits(b, magnitude, form, size, span)
    signed: ops.Value = b.const(1, span) if form.sign in "+ " else negative
    before = calculate(b, "+", signed, len(form.prefix), span)
    if form.align == "=":
        wanted = calculate(b, "-", b.const(form.width, span), before, span)
        count = _larger(b, count, wanted, form.width, before, span)
    total = calculate(b, "+", before, count, span)
    short = below(b, total, form.width, span)
    missing = calculate(b, "*", calculate(b, "-", b.const(form.width, span), total, span), short, span)
    left, right = _shares(b, missing, form, span)
    if left is not None:
        writer.fill(form.fill, left, form.width)
    plus = {"+": ord("+"), " ": ord(" ")}.get(form.sign, 0)
    sign = calculate(b, "+", calculate(b, "*", negative, ord("-") - plus, span), plus, span)
    if not (isinstance(signed, ops.Const) and not signed.value):
        writer.put(sign, signed)
    writer.constant(form.prefix)
    writer.last(Text(digits, b"", size), count)
    if right is not None:
        writer.fill(form.fill, right, form.width)


def _magnitude(b: Builder, number: ops.Value, span: Span) -> tuple[ops.Value, ops.Value]:
    """Whether `number` is negative, as 1 or 0, and its distance from zero."""
    assert isinstance(number.type, IntType)
    if number.type.low >= 0:
        return b.const(0, span), number
    whole = b.emit(ops.Convert(number, layout.U64, U64, span))
    negative = calculate(b, ">>", whole, 63, span)
    mask = b.emit(ops.Binary("-", b.const(0, span), negative, U64, span))
    return negative, calculate(b, "+", calculate(b, "^", whole, mask, span), negative, span)


def _write_digits(b: Builder, magnitude: ops.Value, form: Format, size: int, span: Span) -> tuple[ops.Value, ops.Value]:
    """The digits at the end of `size` bytes, after the character that fills; and how many there are."""
    address = b.scratch("digits", layout.Text(size), span)
    b.emit(ops.StoreBytes(address, bytes([form.fill]) * size, span))
    rest, count = b.local("rest", U64, span), b.local("count", U64, span)
    b.set(rest, magnitude, span)
    b.set(count, b.const(0, span), span)

    def body(index: ops.Value, _: ops.Label) -> None:
        value = b.get(rest, span)
        digit = b.emit(ops.Binary("%", value, b.const(form.base, span), IntType(0, form.base - 1), span))
        following = calculate(b, "//", value, form.base, span)
        char = calculate(b, "+", digit, ord("0"), span)
        if form.base == 16:
            letter = below(b, b.const(9, span), digit, span)
            gap = ord("A" if form.upper else "a") - ord("0") - 10
            char = calculate(b, "+", char, calculate(b, "*", letter, gap, span), span)
        there = calculate(b, "|", _is_digit(b, value, following, span), is_zero(b, index, span), span)
        at = b.emit(ops.Binary("-", b.const(size - 1, span), index, IntType(0, size - 1), span))
        place = texts.byte_address(b, address, size, at, span)
        # Before the first digit comes what fills.
        b.emit(ops.Store(place, _either(b, there, char, form.fill, span), span))
        b.set(rest, following, span)
        b.set(count, calculate(b, "+", b.get(count, span), there, span), span)

    texts.counted(b, form.digits, body, span)
    return address, b.get(count, span)


def _is_digit(b: Builder, value: ops.Value, following: ops.Value, span: Span) -> ops.Value:
    """1 while something is left of the number."""
    some = calculate(b, "|", following, calculate(b, "&", value, 0xFF, span), span)
    return flag_not(b, is_zero(b, some, span), span)


def _either(b: Builder, flag: ops.Value, one: ops.Value, other: int, span: Span) -> ops.Value:
    """`one` if `flag` is 1, else `other`."""
    difference = calculate(b, "-", one, other, span)
    return calculate(b, "+", calculate(b, "*", difference, flag, span), other, span)


def _larger(b: Builder, count: ops.Value, wanted: ops.Value, width: int, before: ops.Value, span: Span) -> ops.Value:
    """The larger of the number of digits and what the width leaves for them."""
    total = calculate(b, "+", count, before, span)
    short = below(b, total, width, span)
    difference = calculate(b, "-", wanted, count, span)
    return calculate(b, "+", count, calculate(b, "*", difference, short, span), span)


def _shares(b: Builder, missing: ops.Value, form: Format, span: Span) -> tuple[ops.Value | None, ops.Value | None]:
    """How much of the filling goes before, and how much behind."""
    if not form.width or form.align == "=":
        return None, None
    if form.align == "<":
        return None, missing
    if form.align == ">":
        return missing, None
    left = calculate(b, ">>", missing, 1, span)
    return left, calculate(b, "-", missing, left, span)

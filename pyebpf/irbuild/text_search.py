"""Looking for text in text: `in`, `find`, `rfind`, `index`, `rindex`, `count`, `endswith`.

A window of as many bytes as the sought text may have moves over the text, one byte at a time, and is compared as a
whole: so the cost is the same for every text, and the verifier follows one way.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, final

from pyebpf.diagnostics import text as errors
from pyebpf.ir import ops
from pyebpf.ir.module import Fault
from pyebpf.ir.types import BOOL, U64, IntType
from pyebpf.irbuild import text_scan, texts
from pyebpf.irbuild.builder import LOOP, Builder
from pyebpf.irbuild.text_scan import Starts, clamped
from pyebpf.irbuild.texts import ALL, WORD, Text, calculate, is_zero
from pyebpf.records import dataclass
from pyebpf.source import Span

LONGEST: Final = 32
"""Bytes of text that is looked for: a window of four registers."""


@final
@dataclass(frozen=True, slots=True)
class Needle:
    """What is looked for, in words, and which bits of each count."""

    words: tuple[ops.Value, ...]
    masks: tuple[ops.Value, ...]


def _check_size(b: Builder, text: Text, span: Span) -> int:
    """The number of words of what is looked for."""
    if text.size > LONGEST:
        b.error(errors.SoughtTooLong(span, text.size, LONGEST, span.text))
    return max(-(-text.size // WORD), 1)


def _mask(b: Builder, flags: ops.Value, span: Span) -> ops.Value:
    """All bits of the bytes that have no flag."""
    dead = calculate(b, "*", calculate(b, ">>", flags, 7, span), 255, span)
    return calculate(b, "^", dead, ALL, span)


def _needle(b: Builder, text: Text, count: int, span: Span, *, at_end: bool = False) -> Needle:
    if text.address is None:
        room = count * WORD
        data = text.data.rjust(room, b"\0") if at_end else text.data.ljust(room, b"\0")
        bits = (b"\xff" * text.size).rjust(room, b"\0") if at_end else (b"\xff" * text.size).ljust(room, b"\0")
        return Needle(_constants(b, data, span), _constants(b, bits, span))
    if at_end:
        words = _last_bytes(b, text, count, span)
        return Needle(words, tuple(_mask(b, texts.zero_bytes(b, word, span), span) for word in words))
    found, masks = [], []
    alive: ops.Value = b.const(1, span)
    for number in range(count):
        word = texts.word(b, text, number, span)
        ends = texts.zero_bytes(b, word, span)
        mask = calculate(b, "*", _mask(b, texts.from_first(b, ends, span), span), alive, span)
        alive = calculate(b, "&", alive, is_zero(b, calculate(b, ">>", ends, 7, span), span), span)
        found.append(word)
        masks.append(mask)
    return Needle(tuple(found), tuple(masks))


def _constants(b: Builder, data: bytes, span: Span) -> tuple[ops.Value, ...]:
    parts = [data[at : at + WORD] for at in range(0, len(data), WORD)]
    return tuple(b.const(int.from_bytes(part, "big"), span) for part in parts)


def _mismatch(b: Builder, window: Sequence[ops.Value], needle: Needle, span: Span) -> ops.Value:
    """Zero where the window shows what is looked for."""
    total: ops.Value | None = None
    for word, wanted, mask in zip(window, needle.words, needle.masks, strict=True):
        difference = calculate(b, "^", word, wanted, span)
        if not (isinstance(mask, ops.Const) and mask.value == ALL):
            difference = calculate(b, "&", difference, mask, span)
        total = difference if total is None else calculate(b, "|", total, difference, span)
    assert total is not None
    return total


def _shift(b: Builder, locals: list[ops.Local], last: ops.Value | None, span: Span) -> None:
    """Move the window by one byte; `last` comes in at its end."""
    for number, local in enumerate(locals):
        moved = calculate(b, "<<", b.get(local, span), 8, span)
        if number + 1 < len(locals):
            incoming: ops.Value | None = calculate(b, ">>", b.get(locals[number + 1], span), 56, span)
        else:
            incoming = last
        b.set(local, moved if incoming is None else calculate(b, "|", moved, incoming, span), span)


Step = Callable[[Sequence[ops.Value]], None]
Visit = Callable[[Sequence[ops.Value]], ops.Value | None]


def _each_place(
    b: Builder,
    text: Text,
    count: int,
    visit: Visit,
    span: Span,
    then: Callable[[Sequence[ops.Value]], None] | None = None,
) -> list[ops.Local]:
    """`visit(window)` at each byte of `text`, and once at its end if there is room left.

    It gives 0 where the search is over, and 1, or None, where it goes on: one branch for that and for the end of the
    text. `then(window)` is for what goes on. The result is the window where it ended, zeros if it passed the end.
    """
    windows = [b.local("window", U64, span) for _ in range(count)]
    for number, local in enumerate(windows):
        b.set(local, texts.word(b, text, number, span), span)
    ahead = count * WORD

    def body(label: ops.Label) -> None:
        def step(incoming: ops.Value | None) -> None:
            window = [b.get(local, span) for local in windows]
            go_on = calculate(b, ">>", window[0], 56, span)  # the first byte, which is zero at the end
            stops = visit(window)
            if stops is not None:
                go_on = calculate(b, "*", go_on, stops, span)
            b.if_(b.compare("==", go_on, b.const(0, span), span), lambda: texts.leave(b, label, span), None, span)
            if then is not None:
                then(window)
            _shift(b, windows, incoming, span)

        def inner(index: ops.Value, _: ops.Label) -> None:
            at = b.emit(ops.Binary("+", index, b.const(ahead, span), IntType(ahead, text.size), span))
            step(texts.byte_at(b, text, at, span))

        whole = max(text.size - ahead, 0)
        texts.counted(b, whole, inner, span)
        texts.counted(b, text.size, lambda _, __: step(None), span, start=whole)

    texts.scope(b, LOOP, body, span)
    return windows


def contains(b: Builder, text: Text, sought: Text, span: Span, sought_span: Span) -> ops.Value:
    """`sought in text`."""
    if sought.address is None and (not sought.data or text.address is None):
        return b.truth(sought.data in text.data or not sought.data, span)
    if sought.address is None and sought.size > text.size:
        return b.truth(False, span)
    count = _check_size(b, sought, sought_span)
    needle = _needle(b, sought, count, span)

    def visit(window: Sequence[ops.Value]) -> ops.Value:
        return _not_zero(b, _mismatch(b, window, needle, span), span)

    locals = _each_place(b, texts.placed(b, text, span), count, visit, span)
    return _is_here(b, locals, needle, span)


def _is_here(b: Builder, windows: list[ops.Local], needle: Needle, span: Span) -> ops.Value:
    """Whether the window shows what is looked for."""
    different = _mismatch(b, [b.get(local, span) for local in windows], needle, span)
    return b.compare("==", different, b.const(0, span), span)


def _not_zero(b: Builder, value: ops.Value, span: Span) -> ops.Value:
    """1 unless `value`, of 64 bits, is zero."""
    opposite = b.emit(ops.Binary("-", b.const(0, span), value, U64, span))
    return calculate(b, ">>", calculate(b, "|", value, opposite, span), 63, span)


def find(
    b: Builder, text: Text, sought: Text, span: Span, sought_span: Span, *, last: bool = False, must: bool = False
) -> ops.Value:
    """`text.find(sought)`: which character it begins with, or -1; `must`: ValueError instead."""
    if text.address is None and sought.address is None:
        whole, part = text.data.decode("utf-8", "surrogatepass"), sought.data.decode("utf-8", "surrogatepass")
        at = whole.rfind(part) if last else whole.find(part)
        if must:
            b.check(b.truth(at >= 0, span), Fault.VALUE, span)
        return b.const(max(at, 0) if must else at, span)
    words = _check_size(b, sought, sought_span)
    text = texts.placed(b, text, span)
    needle = _needle(b, sought, words, span)
    matched = b.local("matched", BOOL, span)
    place, index = b.local("place", U64, span), b.local("index", U64, span)
    b.set(matched, b.truth(False, span), span)
    b.set(index, b.const(0, span), span)
    b.set(place, b.const(0, span), span)
    starts = Starts(b, span)

    def visit(window: Sequence[ops.Value]) -> ops.Value | None:
        different = _mismatch(b, window, needle, span)
        if not last:
            return _not_zero(b, different, span)

        def found() -> None:
            b.set(matched, b.truth(True, span), span)
            b.set(place, b.get(index, span), span)

        b.if_(b.compare("==", different, b.const(0, span), span), found, None, span)
        return None

    def then(window: Sequence[ops.Value]) -> None:
        start = starts.start(calculate(b, ">>", window[0], 32, span))
        b.set(index, calculate(b, "+", b.get(index, span), start, span), span)

    locals = _each_place(b, text, words, visit, span, then)
    if last:
        _at_the_end(b, text, sought, matched, place, span)
    else:
        b.set(matched, _is_here(b, locals, needle, span), span)
        b.set(place, b.get(index, span), span)
    found_at = clamped(b, b.get(place, span), text.size, span)
    there = b.get(matched, span)
    if must:
        b.check(there, Fault.VALUE, span)
        return found_at
    return b.choose(there, IntType(-1, text.size), found_at, b.const(-1, span), span)


def _at_the_end(b: Builder, text: Text, sought: Text, matched: ops.Local, place: ops.Local, span: Span) -> None:
    """Empty text is found last behind the last character, also where no NUL ends the text."""
    if sought.address is None and sought.data:
        return

    def empty() -> None:
        b.set(matched, b.truth(True, span), span)
        b.set(place, text_scan.length(b, text, span), span)

    if sought.address is None:
        empty()
        return
    first = texts.byte_at(b, sought, b.const(0, span), span)
    b.if_(b.compare("==", first, b.const(0, span), span), empty, None, span)


def count(b: Builder, text: Text, sought: bytes, span: Span, sought_span: Span) -> ops.Value:
    """`text.count(sought)`: how often constant text occurs, without overlaps."""
    if not sought:
        total = text_scan.length(b, text, span)
        return b.emit(ops.Binary("+", total, b.const(1, span), IntType(1, text.size + 1), span))
    if text.address is None:
        return b.const(text.data.count(sought), span)
    words = _check_size(b, Text(None, sought, len(sought)), sought_span)
    needle = _needle(b, Text(None, sought, len(sought)), words, span)
    number, skip = b.local("count", U64, span), b.local("skip", U64, span)
    b.set(number, b.const(0, span), span)
    b.set(skip, b.const(0, span), span)

    def visit(window: Sequence[ops.Value]) -> None:
        different = _mismatch(b, window, needle, span)
        same = texts.flag_not(b, _not_zero(b, different, span), span)
        left = b.get(skip, span)
        free = is_zero(b, left, span)
        taken = calculate(b, "&", same, free, span)
        b.set(number, calculate(b, "+", b.get(number, span), taken, span), span)
        less = calculate(b, "+", calculate(b, "-", left, 1, span), free, span)
        b.set(skip, calculate(b, "+", less, calculate(b, "*", taken, len(sought) - 1, span), span), span)

    _each_place(b, text, words, visit, span)
    return clamped(b, b.get(number, span), text.size, span)


def _last_bytes(b: Builder, text: Text, count: int, span: Span) -> tuple[ops.Value, ...]:
    """The last bytes of `text`, in `count` words; zeros before its start."""
    windows = [b.local("window", U64, span) for _ in range(count)]
    for local in windows:
        b.set(local, b.const(0, span), span)

    def body(index: ops.Value, label: ops.Label) -> None:
        byte = texts.byte_at(b, text, index, span)
        b.if_(b.compare("==", byte, b.const(0, span), span), lambda: texts.leave(b, label, span), None, span)
        _shift(b, windows, byte, span)

    texts.counted(b, text.size, body, span)
    return tuple(b.get(local, span) for local in windows)


def ends_with(b: Builder, text: Text, suffix: Text, span: Span, suffix_span: Span) -> ops.Value:
    """`text.endswith(suffix)`."""
    if suffix.address is None and (not suffix.data or text.address is None):
        return b.truth(text.data.endswith(suffix.data), span)
    if suffix.address is None and suffix.size > text.size:
        return b.truth(False, span)
    count = _check_size(b, suffix, suffix_span)
    needle = _needle(b, suffix, count, span, at_end=True)
    end = list(_last_bytes(b, texts.placed(b, text, span), count, span))
    return b.compare("==", _mismatch(b, end, needle, span), b.const(0, span), span)

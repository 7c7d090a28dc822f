"""Writing text at a place that is known only when the program runs."""

from __future__ import annotations

from pyebpf import layout
from pyebpf.ir import ops
from pyebpf.ir.types import U64, PointerType
from pyebpf.irbuild import texts
from pyebpf.irbuild.builder import Builder
from pyebpf.irbuild.text_scan import guard
from pyebpf.irbuild.texts import Text, below, calculate, flag_not, is_zero
from pyebpf.source import Span


class Writer:
    """Writes into `size` bytes at `address`, which were cleared, and which are enough."""

    def __init__(self, b: Builder, address: ops.Value, size: int, span: Span) -> None:
        self.b, self.address, self.size, self.span = b, address, size, span
        self.start = 0
        """Where the next byte goes, while that is known."""
        self.at: ops.Local | None = None
        """Where it goes from then on."""

    def constant(self, data: bytes) -> None:
        """Bytes that are known."""
        b, span = self.b, self.span
        if not data:
            return
        if self.at is None:
            b.emit(ops.StoreBytes(b.member(self.address, self.start, layout.U8, span), data, span))
            self.start += len(data)
            return
        at = self.at

        def body(label: ops.Label) -> None:
            here = b.get(at, span)
            guard(b, here, self.size - len(data) + 1, label, span)
            b.emit(ops.StoreBytes(self._place(here), data, span))
            b.set(at, calculate(b, "+", here, len(data), span), span)

        texts.scope(b, "constant", body, span)

    def put(self, byte: ops.Value, flag: ops.Value) -> None:
        """One byte if `flag` is 1, none if it is 0."""
        b, span = self.b, self.span
        if self.at is None and isinstance(flag, ops.Const):
            if flag.value:
                b.emit(ops.Store(b.member(self.address, self.start, layout.U8, span), byte, span))
                self.start += 1
            return
        at = self._local()
        texts.scope(b, "put", lambda label: self._put(at, byte, flag, label), span)

    def text(self, text: Text) -> None:
        """Text up to its end."""
        b, span = self.b, self.span
        at, alive = self._local(), b.local("alive", U64, span)
        b.set(alive, b.const(1, span), span)

        def body(index: ops.Value, label: ops.Label) -> None:
            byte = texts.byte_at(b, text, index, span)
            there = calculate(b, "&", b.get(alive, span), flag_not(b, is_zero(b, byte, span), span), span)
            b.set(alive, there, span)
            self._put(at, byte, there, label)

        texts.counted(b, text.size, body, span)

    def last(self, text: Text, length: ops.Value) -> None:
        """The last `length` bytes of `text`."""
        b, span = self.b, self.span
        at = self._local()
        first = calculate(b, "-", b.const(text.size, span), length, span)

        def body(index: ops.Value, label: ops.Label) -> None:
            taken = flag_not(b, below(b, index, first, span), span)
            self._put(at, texts.byte_at(b, text, index, span), taken, label)

        texts.counted(b, text.size, body, span)

    def fill(self, char: int, count: ops.Value, most: int) -> None:
        """`char`, `count` times, at most `most` times."""
        b, span = self.b, self.span
        at = self._local()

        def body(index: ops.Value, label: ops.Label) -> None:
            self._put(at, b.const(char, span), below(b, index, count, span), label)

        texts.counted(b, most, body, span)

    def _local(self) -> ops.Local:
        if self.at is None:
            self.at = self.b.local("at", U64, self.span)
            self.b.set(self.at, self.b.const(self.start, self.span), self.span)
        return self.at

    def _place(self, index: ops.Value) -> ops.Value:
        b, span = self.b, self.span
        return texts.byte_address(b, self.address, self.size, index, span)

    def _put(self, at: ops.Local, byte: ops.Value, flag: ops.Value, label: ops.Label) -> None:
        b, span = self.b, self.span
        here = b.get(at, span)
        guard(b, here, self.size, label, span)
        place = self._place(here)
        assert isinstance(place.type, PointerType)
        b.emit(ops.Store(place, calculate(b, "*", byte, flag, span), span))
        b.set(at, calculate(b, "+", here, flag, span), span)

"""Pages of user memory, which programs that may sleep wait for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyebpf.ir import ops
from pyebpf.ir.types import I64, AddressType

if TYPE_CHECKING:
    from pyebpf.irbuild.builder import Builder
    from pyebpf.source import Span

PAGE: Final = 4096
"""Bytes that are brought in together, at least."""
MOST: Final = 4 * PAGE
"""Bytes that are waited for."""


def fetch(b: Builder, at: ops.Value, size: int, source: ops.Value, span: Span) -> None:
    """Have the pages of up to `size` bytes of text brought in, for `probe_read_user_str` waits for none: a byte of each
    is read to `at`, and whether it is there doesn't matter yet."""
    for offset in sorted({*range(0, min(size, MOST), PAGE), size - 1}):
        place = b.emit(ops.KernelAddress(source, b.const(offset, span), AddressType("user"), span))
        b.call("copy_from_user", (at, b.const(1, span), place), I64, span, writes=1)

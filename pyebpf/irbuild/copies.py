"""What may be copied, and compared, as a whole."""

from __future__ import annotations

from pyebpf import layout
from pyebpf.diagnostics import maps as errors
from pyebpf.diagnostics import timers
from pyebpf.diagnostics.base import article
from pyebpf.ir import ops
from pyebpf.ir.types import PointerType, Region
from pyebpf.irbuild.builder import Builder
from pyebpf.source import Span


def check(b: Builder, type: layout.Type, span: Span, *pointers: ops.Value) -> None:
    """A diagnostic where a lock or a timer in a map would be read or written as if it were a number."""
    shared = any(isinstance(p.type, PointerType) and p.type.region is Region.MAP for p in pointers)
    if shared and layout.locks(type):
        b.error(errors.LockCopied(span, article("SpinLock" if type == layout.SPIN_LOCK else str(type))))
    if shared and layout.timers(type):
        b.error(timers.TimerCopied(span, article("Timer" if type == layout.TIMER else str(type))))

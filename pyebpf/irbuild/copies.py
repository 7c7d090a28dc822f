"""What may be copied, and compared, as a whole."""

from __future__ import annotations

from typing import Literal

from pyebpf import layout
from pyebpf.diagnostics import maps as errors
from pyebpf.diagnostics import timers
from pyebpf.diagnostics.base import article
from pyebpf.diagnostics.kept import KeptCopied
from pyebpf.ir import ops
from pyebpf.ir.types import PointerType, Region
from pyebpf.irbuild.builder import Builder
from pyebpf.source import Span


def check(b: Builder, type: layout.Type, span: Span, *pointers: ops.Value) -> None:
    """A diagnostic where a lock or a timer in a map would be read or written as if it were a number."""
    shared = any(isinstance(p.type, PointerType) and p.type.region is Region.MAP for p in pointers)
    if shared and layout.locks(type):
        b.error(errors.LockCopied(span, article("SpinLock" if type == layout.SPIN_LOCK else str(type))))
    held = layout.kept_structs(type)
    if shared and held:
        b.error(KeptCopied(span, article(str(type) if not layout.kept_struct(type) else "field"), held[0]))
    if shared and layout.timers(type):
        name = "Timer" if type == layout.TIMER else "WorkQueue" if type == layout.WORK_QUEUE else str(type)
        word = "timer" if layout.places_of(layout.TIMER, type) else "work queue"
        b.error(timers.TimerCopied(span, article(name), word))


def shared(type: layout.Type, slice: bool) -> Literal["", "whole", "elements"]:
    """What Python shares where a `type` is copied: the object itself, or of slices and copies of a list its items."""
    if isinstance(type, layout.Array) and slice:
        return "elements" if isinstance(type.element, layout.Struct | layout.Array) else ""
    return "whole" if isinstance(type, layout.Struct | layout.Array) and not slice else ""

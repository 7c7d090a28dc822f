"""Perf buffers, and rings that user space writes into. Codes E0580 to E0589."""

from __future__ import annotations

from typing import ClassVar, final

from pyebpf.diagnostics.base import Diagnostic
from pyebpf.records import dataclass


@final
@dataclass(frozen=True, slots=True)
class NoContextForPerf(Diagnostic):
    code: ClassVar = "E0580"
    title: ClassVar = "a timer's callback can't put events into perf buffer `{name}`"
    notes: ClassVar = (
        "the kernel takes such events together with the context of the program, and a callback has none",
    )
    help: ClassVar = "{name} = RingBuf[Event](size=256 * 1024)"
    explanation: ClassVar = """
    `bpf_perf_event_output` wants the context that the program was given. What a timer runs later has no context. Ring
    buffers need none; they came with Linux 5.8, as timers did with 5.15, so that there is no kernel without them here.

        events = PerfEventArray[Event](pages=16)

        @function
        def later(key: u32, flow: Flow):
            with events.reserve() as event:         # wrong
                event.number = flow.number

        events = RingBuf[Event](size=65536)         # right
    """

    name: str

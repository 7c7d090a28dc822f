"""Events: written to memory, then handed to whoever reads them.

    ring buffer                             perf buffer
    room in the ring itself, or null        memory of the program's own
    `bpf_ringbuf_submit`                    `bpf_perf_event_output`, which copies it, or answers that there is no room
    a fault gives the room back             a fault leaves it

What finds no room is counted, either way.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from pyebpf import layout
from pyebpf.diagnostics import rings as errors
from pyebpf.ir import ops
from pyebpf.ir.module import MapRef
from pyebpf.ir.types import I64, PointerType, Region
from pyebpf.irbuild import packets, queues
from pyebpf.irbuild.builder import Builder
from pyebpf.irbuild.open_blocks import Reservation, Sending
from pyebpf.kernel.maps import MapType
from pyebpf.source import Span

CURRENT_CPU: Final = 0xFFFF_FFFF
"""BPF_F_CURRENT_CPU."""


def is_perf(map: MapRef) -> bool:
    """Whether `map` is a perf buffer: declared as such, or a RingBuf for kernels that have none."""
    return map.type == MapType.PERF_EVENT_ARRAY


def reserve(
    b: Builder, map: MapRef, type: layout.Type, span: Span, fill: Callable[[ops.Value], None], before: frozenset[str]
) -> None:
    """Have `fill` write an event, all of it zero at first, and hand it over on every way out but that of a fault.
    `before`: names that had values already."""
    if is_perf(map):
        _in_memory(b, map, type, span, fill)
        return
    record = b.emit(ops.RingReserve(map, PointerType(type, Region.RING, nullable=True), span))

    def filled() -> None:
        event = b.not_null(record, span)
        b.zero(event, type.size, span)
        b.unwinding.append(Reservation(event, len(b.labels), b.frame.number, before))
        try:
            fill(event)
            b.emit(ops.RingSubmit(event, span))
        finally:
            b.unwinding.pop()

    b.if_(b.present(record, span), filled, lambda: count_dropped(b, map, span), span)


def _in_memory(b: Builder, map: MapRef, type: layout.Type, span: Span, fill: Callable[[ops.Value], None]) -> None:
    event = b.slot("event", type, span)
    b.zero(event, type.size, span)

    def send() -> None:
        output(b, map, event, b.const(type.size, span), span)

    b.unwinding.append(Sending(send, len(b.labels)))
    try:
        fill(event)
    finally:
        b.unwinding.pop()
    if b.reachable:
        send()


def output(b: Builder, map: MapRef, address: ops.Value, size: ops.Value, span: Span) -> None:
    """Copy what is in memory into the buffer; counted if it finds no room."""
    place = queues.address(b, map, span)
    if is_perf(map):
        if b.called_for is not None:
            b.error(errors.NoContextForPerf(span, map.name))
        arguments = (packets.context(b, span), place, b.const(CURRENT_CPU, span), address, size)
        status = b.call("perf_event_output", arguments, I64, span)
    else:
        status = b.call("ringbuf_output", (place, address, size, b.const(0, span)), I64, span)
    full = b.compare("!=", status, b.const(0, span), span)
    b.if_(full, lambda: count_dropped(b, map, span), None, span)


def count_dropped(b: Builder, map: MapRef, span: Span) -> None:
    b.emit(ops.CountDropped(map, span))

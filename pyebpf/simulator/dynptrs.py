"""Dynptrs: of packets, of memory and of room in rings; and what copies whole records into rings and perf buffers.

What they answer is what the kernel does (kernel/bpf/helpers.c, Linux 6.18), of packets in one piece.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from errno import E2BIG, EAGAIN, EFAULT, EINVAL, ERANGE
from typing import TYPE_CHECKING, Final, Literal

from pyebpf.diagnostics.base import InternalError
from pyebpf.kernel.dynptrs import WRITERS
from pyebpf.simulator.memory import Handle, Memory, Pointer, Word

if TYPE_CHECKING:
    from pyebpf.simulator.rings import Ring
    from pyebpf.simulator.run import Run

MOST: Final = (1 << 24) - 1
"""DYNPTR_MAX_SIZE: bytes."""


@dataclass
class Dynptr:
    """What a dynptr points to: `size` bytes from `start`, or nothing."""

    room: Memory
    """The place on the stack that stands for it."""
    start: Pointer | None
    size: int
    writable: bool = True
    packet: bool = False
    ring: Ring | None = None
    """Of room in a ring, which must be given back."""
    record: Pointer | None = None

    def at(self, offset: int, size: int) -> Pointer | None:
        """`size` bytes at `offset`, if they are there."""
        return None if self.start is None or offset + size > self.size else self.start.plus(offset)

    def status(self) -> int:
        """Why what is asked for isn't there."""
        return -EINVAL if self.start is None else -E2BIG


def left_open(run: Run) -> bool:
    """Whether a dynptr still holds what must be given back."""
    return any(each.ring is not None for each in run.dynptrs.values())


def perf_event_output(run: Run, _: Pointer, map: Handle, flags: int, data: Pointer, size: int) -> Word:
    return ringbuf_output(run, map, data, size, flags)


def ringbuf_output(run: Run, map: Handle, data: Pointer, size: int, _: int) -> Word:
    ring = run.state.rings[map.map]
    record = ring.reserve(size)
    if record is None:
        return -EAGAIN
    record.write(data.read(size))
    ring.submit(record)
    return 0


# What makes and ends them


def _make(run: Run, room: Pointer, made: Dynptr) -> int:
    before = run.dynptrs.get(id(room.memory))
    if before is not None and before.ring is not None:
        raise InternalError("the program makes a dynptr of one that it has not given back")
    run.dynptrs[id(room.memory)] = made
    return 0 if made.start is not None else -EINVAL


def reserve(run: Run, map: Handle, size: int, flags: int, room: Pointer) -> Word:
    ring = run.state.rings[map.map]
    record = ring.reserve(size) if not flags and size <= MOST else None
    if record is not None:
        record.memory.defined = None  # in the kernel bytes that nobody writes are whatever the ring had there
    return _make(run, room, Dynptr(room.memory, record, size, ring=ring, record=record))


def submit(run: Run, room: Pointer, _: int) -> Word:
    ring, record = _taken(run, room)
    if record is not None:
        ring.submit(record)
    return 0


def discard(run: Run, room: Pointer, _: int) -> Word:
    ring, record = _taken(run, room)
    if record is not None:
        ring.discard(record)
    return 0


def _taken(run: Run, room: Pointer) -> tuple[Ring, Pointer | None]:
    """What the dynptr holds, which neither it nor its clones hold any more."""
    found = _given(run, room)
    if found.ring is None:
        raise InternalError("the program gives back a dynptr that holds nothing")
    ring, record = found.ring, found.record
    for key, each in tuple(run.dynptrs.items()):
        if each.ring is ring and (each is found or (record is not None and each.record == record)):
            del run.dynptrs[key]
    return ring, record


def from_memory(run: Run, data: Pointer, size: int, flags: int, room: Pointer) -> Word:
    start = data if not flags and size <= MOST else None
    return _make(run, room, Dynptr(room.memory, start, size))


def from_packet(run: Run, _: Word, flags: int, room: Pointer) -> Word:
    packet = run.packet
    if packet is None:
        raise InternalError("a dynptr of a packet without a packet")
    start = Pointer(packet, 0) if not flags else None
    writable = run.program.hook.program_type in WRITERS
    return _make(run, room, Dynptr(room.memory, start, len(packet.data), writable, packet=True))


def clone(run: Run, source: Pointer, room: Pointer) -> Word:
    return _make(run, room, replace(_given(run, source), room=room.memory))


def _given(run: Run, room: Word) -> Dynptr:
    found = run.dynptrs.get(id(room.memory)) if isinstance(room, Pointer) else None
    if found is None:
        raise InternalError("the program uses a dynptr that holds nothing")
    return found


# What is asked of them


def size(run: Run, room: Pointer) -> Word:
    found = _given(run, room)
    return -EINVAL if found.start is None else found.size


def is_null(run: Run, room: Pointer) -> Word:
    return int(_given(run, room).start is None)


def is_read_only(run: Run, room: Pointer) -> Word:
    found = _given(run, room)
    return int(found.start is not None and not found.writable)


def adjust(run: Run, room: Pointer, start: int, end: int) -> Word:
    found = _given(run, room)
    if found.start is None or start > end:
        return -EINVAL
    if end > found.size:
        return -ERANGE
    found.start, found.size = found.start.plus(start), end - start
    return 0


def data(run: Run, room: Pointer, offset: int, size: int) -> Word:
    found = _given(run, room)
    return found.at(offset, size) if found.writable and not found.packet else None


def slice(run: Run, room: Pointer, offset: int, _: Word, size: int) -> Word:
    return _given(run, room).at(offset, size)


def writable_slice(run: Run, room: Pointer, offset: int, _: Word, size: int) -> Word:
    found = _given(run, room)
    return found.at(offset, size) if found.writable else None


# What is copied from and to them


def read(run: Run, target: Pointer, size: int, room: Pointer, offset: int, flags: int) -> Word:
    found = _given(run, room)
    source = found.at(offset, size)
    if source is None or flags:
        return -EINVAL if flags else found.status()
    target.write(source.read(size))
    return 0


def write(run: Run, room: Pointer, offset: int, data: Pointer, size: int, _: int) -> Word:
    return _write(_given(run, room), offset, size, lambda: data.read(size))


def copy(run: Run, room: Pointer, offset: int, other: Pointer, start: int, size: int) -> Word:
    source = _given(run, other)
    place = source.at(start, size)
    return source.status() if place is None else _write(_given(run, room), offset, size, lambda: place.read(size))


def fill(run: Run, room: Pointer, offset: int, size: int, value: int) -> Word:
    return _write(_given(run, room), offset, size, lambda: bytes([value & 0xFF]) * size)


def _write(found: Dynptr, offset: int, size: int, data: Callable[[], bytes]) -> int:
    target = found.at(offset, size)
    if not found.writable or target is None:
        return -EINVAL if not found.writable else found.status()
    target.write(data())
    return 0


def probe_read(space: Literal["user", "kernel"], *, text: bool) -> Callable[..., Word]:
    """`bpf_probe_read_…_dynptr`: 0, or of text its length with the NUL."""

    def read(run: Run, room: Pointer, offset: int, size: int, address: Word) -> Word:
        found = _given(run, room)
        target, at = found.at(offset, size), address if isinstance(address, int) else 0
        if not found.writable or target is None:
            return -EINVAL if not found.writable else found.status()
        if text and not size:
            return 0
        space_read = run.state.addresses.read_text if text else run.state.addresses.read
        data = space_read(space, at, size)
        if data is None:
            return -EFAULT
        target.write(data)
        return len(data) if text else 0

    return read


TABLE: Final[dict[str, Callable[..., Word]]] = {
    "ringbuf_output": ringbuf_output,
    "perf_event_output": perf_event_output,
    "ringbuf_reserve_dynptr": reserve,
    "ringbuf_submit_dynptr": submit,
    "ringbuf_discard_dynptr": discard,
    "dynptr_from_mem": from_memory,
    "bpf_dynptr_from_skb": from_packet,
    "bpf_dynptr_from_xdp": from_packet,
    "bpf_dynptr_clone": clone,
    "bpf_dynptr_size": size,
    "bpf_dynptr_is_null": is_null,
    "bpf_dynptr_is_rdonly": is_read_only,
    "bpf_dynptr_adjust": adjust,
    "dynptr_data": data,
    "bpf_dynptr_slice": slice,
    "bpf_dynptr_slice_rdwr": writable_slice,
    "dynptr_read": read,
    "dynptr_write": write,
    "bpf_dynptr_copy": copy,
    "bpf_dynptr_memset": fill,
    "bpf_probe_read_user_dynptr": probe_read("user", text=False),
    "bpf_probe_read_kernel_dynptr": probe_read("kernel", text=False),
    "bpf_probe_read_user_str_dynptr": probe_read("user", text=True),
    "bpf_probe_read_kernel_str_dynptr": probe_read("kernel", text=True),
}

"""Records of any length: `bpf_ringbuf_output`, and the room that a dynptr keeps the bounds of."""

from __future__ import annotations

from errno import E2BIG, EAGAIN, EINVAL
from typing import TYPE_CHECKING

from pyebpf.diagnostics.base import InternalError
from pyebpf.simulator.memory import Handle, Memory, Pointer, Word

if TYPE_CHECKING:
    from pyebpf.simulator.rings import Ring
    from pyebpf.simulator.run import Run


def ringbuf_output(run: Run, map: Handle, data: Pointer, size: int, _: int) -> Word:
    ring = run.state.rings[map.map]
    record = ring.reserve(size)
    if record is None:
        return -EAGAIN
    record.write(data.read(size))
    ring.submit(record)
    return 0


def reserve(run: Run, map: Handle, size: int, _: int, room: Pointer) -> Word:
    ring = run.state.rings[map.map]
    if _open(run, room) is not None:
        raise InternalError("the program reserves room with a dynptr that it has not given back")
    record = ring.reserve(size)
    run.dynptrs[id(room.memory)] = (room.memory, ring, record)
    return 0 if record is not None else -EINVAL


def write(run: Run, room: Pointer, offset: int, data: Pointer, size: int, _: int) -> Word:
    record = _given(run, room)[2]
    if record is None:
        return -EINVAL
    if offset + size > len(record.memory.data):
        return -E2BIG
    record.plus(offset).write(data.read(size))
    return 0


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


def _open(run: Run, room: Pointer) -> tuple[Memory, Ring, Pointer | None] | None:
    return run.dynptrs.get(id(room.memory))


def _taken(run: Run, room: Pointer) -> tuple[Ring, Pointer | None]:
    """What the dynptr holds, which it holds no more."""
    _, ring, record = _given(run, room)
    del run.dynptrs[id(room.memory)]
    return ring, record


def _given(run: Run, room: Pointer) -> tuple[Memory, Ring, Pointer | None]:
    found = _open(run, room)
    if found is None:
        raise InternalError("the program uses a dynptr that holds nothing")
    return found

"""What a loop over a map, or over the records of a user ring, comes to next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyebpf.ir import ops
from pyebpf.ir.types import DYNPTR
from pyebpf.simulator.dynptrs import Dynptr
from pyebpf.simulator.memory import Memory, Pointer

if TYPE_CHECKING:
    from pyebpf.simulator.run import Run


def next_entry(run: Run, entries: ops.Entries) -> bool:
    """Go on to the next entry that is still there; or take the next record that user space has sent."""
    if entries.map in run.state.sent:
        return _next_record(run, entries)
    map, left = run.state.maps[entries.map], run.left[entries]
    while left:
        key = left.pop(0)
        if key in map.entries:
            run.entry[entries] = Memory("a key", key), map.own(map.entries[key], run.surroundings.cpu)
            return True
    return False


def _next_record(run: Run, entries: ops.Entries) -> bool:
    sent = run.state.sent[entries.map].records
    if not sent:
        return False
    record, room = Memory("a record", sent.popleft(), writable=False), Memory("a dynptr", bytes(DYNPTR.size))
    run.dynptrs[id(room)] = Dynptr(room, Pointer(record, 0), len(record.data), writable=False)
    run.entry[entries] = room, room
    return True

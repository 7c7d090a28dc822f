"""Which reader events have: a ring buffer's, or that of perf buffers; and who counts what found no room."""

from __future__ import annotations

import struct
import warnings
from collections.abc import Callable
from typing import Final

from pyebpf.kernel.maps import MapType
from pyebpf.kernel.versions import running_version
from pyebpf.loader.errors import LoadError, LoadWarning
from pyebpf.loader.load import LoadedMap, LoadedObject
from pyebpf.metadata import Cell, MapInfo
from pyebpf.runtime.faults import read_counter
from pyebpf.runtime.ring import Ring
from pyebpf.views.prints import Prints
from pyebpf.views.rings import Records, RingBufView

COUNTERS: Final = (22, 55)
"""`perf_event_read` and `perf_event_read_value`: programs that call them have counters in such an array."""
_CALL: Final = 0x85


def view_of(loaded: LoadedObject, found: LoadedMap, info: MapInfo | None) -> RingBufView | None:
    """The events in a map; None for an array of counters. Raises LoadError."""
    spec = found.spec
    if info is not None:
        records, dropped = _reader(loaded, found, info.kind, info.room, info.dropped)
        return RingBufView(spec.name, spec.kind, spec.value, records, dropped, padded=True)
    if spec.type == MapType.RINGBUF:
        return RingBufView(spec.name, spec.kind, spec.value, Ring(found), lambda: 0)
    if _reads_counters(loaded):
        return None
    try:
        records, dropped = _reader(loaded, found, spec.kind, 0, None)
    except LoadError as error:
        warnings.warn(LoadWarning(f"{error}: its events can't be read"), stacklevel=3)
        return None
    return RingBufView(spec.name, "PerfEventArray", None, records, dropped)


def prints_of(loaded: LoadedObject, found: LoadedMap) -> Prints:
    """What the programs print. Raises LoadError."""
    metadata = loaded.spec.metadata
    info = dict(metadata.maps).get(found.spec.name)
    records, dropped = _reader(loaded, found, "RingBuf", info.room if info else 0, metadata.prints_dropped)
    return Prints(metadata.prints, records, dropped)


def _reader(
    loaded: LoadedObject, found: LoadedMap, kind: str, room: int, cell: Cell | None
) -> tuple[Records, Callable[[], int]]:
    """The reader of a map, and what counts the events that it lacks. Neither holds the session, so that views don't
    keep one alive that nobody else has."""
    if found.spec.type == MapType.RINGBUF:
        return Ring(found), lambda: read_counter(loaded, cell)
    from pyebpf.runtime import perf_ring

    ring = perf_ring.PerfRing(found, perf_ring.cpu_bytes(kind, room))
    if cell is None:
        return ring, lambda: ring.lost
    if (running_version() or perf_ring.ANSWERS) >= perf_ring.ANSWERS:
        return ring, lambda: read_counter(loaded, cell)  # the program is told of each, and counts it
    return ring, lambda: read_counter(loaded, cell) + ring.lost


def _reads_counters(loaded: LoadedObject) -> bool:
    """Whether programs of the object read counters."""
    functions = (*(program.function for program in loaded.spec.programs), *loaded.spec.functions)
    for function in functions:
        for code, registers, _, number in struct.iter_unpack("=BBhi", function.code):
            if code == _CALL and not registers and number in COUNTERS:
                return True
    return False

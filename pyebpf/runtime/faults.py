"""The fault counters of a loaded object."""

from __future__ import annotations

import struct

from pyebpf.loader.load import LoadedObject
from pyebpf.metadata import Cell
from pyebpf.runtime.variables import read_cell
from pyebpf.views.faults import FaultCount


def read_faults(loaded: LoadedObject) -> tuple[FaultCount, ...]:
    """Every place that has faulted since the object was loaded, in the order of the source."""
    metadata = loaded.spec.metadata
    if metadata.faults is None or not metadata.fault_sites:
        return ()
    data = read_cell(loaded, metadata.faults, 8 * len(metadata.fault_sites))
    counts = struct.unpack(f"={len(metadata.fault_sites)}Q", data)
    return tuple(
        FaultCount(site.kind, site.program, site.file, site.line, site.column, count)
        for site, count in zip(metadata.fault_sites, counts, strict=True)
        if count
    )


def read_counter(loaded: LoadedObject, cell: Cell | None) -> int:
    """A u64 in a data section; 0 if there is none."""
    return 0 if cell is None else int(struct.unpack("=Q", read_cell(loaded, cell, 8))[0])

"""Maps with locks, in programs that the kernel keeps from them."""

from __future__ import annotations

from collections.abc import Iterator

from pyebpf import layout
from pyebpf.diagnostics.base import Diagnostic
from pyebpf.diagnostics.maps import NoLocksHere
from pyebpf.ir import ops
from pyebpf.ir.module import MapRef, Program
from pyebpf.kernel.programs import WITHOUT_LOCKS


def forbidden_locks(program: Program) -> Iterator[Diagnostic]:
    """A diagnostic for each map with locks, where it is used first."""
    if program.hook.program_type not in WITHOUT_LOCKS:
        return
    seen: set[MapRef] = set()
    for op in ops.walk(program.body):
        map = getattr(op, "map", None)
        if isinstance(map, MapRef) and map not in seen and layout.locks(map.value):
            seen.add(map)
            yield NoLocksHere(op.span, program.hook.name, map.name)

"""Move local memory that doesn't fit the stack to a per-CPU map.

before                          after
page: char[4096] on the stack   page: char[4096] in an entry of __pyebpf_scratch
"""

from __future__ import annotations

from dataclasses import replace

from pyebpf import layout
from pyebpf.ir import ops
from pyebpf.ir.module import Frame, Module, Program
from pyebpf.ir.scratch import Scratch, scratch, scratch_map
from pyebpf.ir.types import PointerType, Region
from pyebpf.kernel.versions import Version


def with_scratch(module: Module, kernel: Version | None, rooms: list[int]) -> Module:
    """`module` with a place for all local memory beyond so many bytes of each program."""
    programs, found = [], list[Scratch]()
    for program, room in zip(module.programs, rooms, strict=True):
        first = found[-1].first + found[-1].entries if found else 0
        places = scratch(program, first, kernel, room)
        changed = program if places is None else _placed(program, places)
        programs.append(changed)
        found += [changed.scratch] if changed.scratch is not None else []
    return replace(module, programs=tuple(programs), scratch=scratch_map(found) if found else None)


def _placed(program: Program, places: Scratch) -> Program:
    """`program` with its places; its functions, if it has some, find their address in its frame."""
    root = program.frame
    if not program.functions or root is None:
        return replace(program, scratch=places)
    moved = {slot for slot, _ in places.places}
    kept = ops.Local("scratch", PointerType(layout.U64, Region.MAP), program.span)
    renewed: dict[Frame, Frame] = {}

    def renew(frame: Frame | None) -> Frame | None:
        if frame is not None and frame not in renewed:
            shared = tuple(thing for thing in frame.shared if thing not in moved)
            own = (kept,) if frame is root else ()
            renewed[frame] = Frame((*own, *shared), renew(frame.outer), frame.context)
        return None if frame is None else renewed[frame]

    functions = []
    for function in program.functions:
        around = renew(function.around)
        assert around is not None
        functions.append(replace(function, around=around, frame=renew(function.frame)))
    return replace(program, scratch=replace(places, kept=kept), frame=renew(root), functions=tuple(functions))

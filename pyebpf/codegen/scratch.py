"""Local memory beyond the stack: an entry of the module's per-CPU map, found at the start, given back at the end.

Where a program never interrupts itself on a CPU, its entry is always free. Elsewhere each entry begins with a word that
says whether it is taken, and which is exchanged in one step: whoever finds 0 there has the entry.
"""

from __future__ import annotations

from typing import final

from pyebpf.codegen import memory
from pyebpf.codegen.frames import Frames
from pyebpf.codegen.sections import FAULTS, Sections
from pyebpf.codegen.text import Code, symbol
from pyebpf.ir import ops
from pyebpf.ir.module import Function, Program
from pyebpf.ir.scratch import MAP, Scratch
from pyebpf.kernel.helpers import helper_by_name


@final
class ScratchMemory:
    """The entry of one run, as its program or one of the program's functions sees it."""

    def __init__(self, code: Code, program: Program, frames: Frames) -> None:
        self._code = code
        self._program = program
        self._frames = frames
        self._scratch = program.scratch
        self._moved = dict(program.scratch.places) if program.scratch else {}
        self._entry = ""

    def has(self, slot: ops.Slot) -> bool:
        """Whether `slot` isn't on the stack."""
        return slot in self._moved

    def claim(self, home: Program | Function, sections: Sections) -> None:
        """At the start of the program: the program itself takes an entry."""
        if self._scratch is None or home is not self._program:
            return
        fault = sections.scratch_offset(self._program)
        cell = "" if fault is None else f"getelementptr (i8, ptr @{FAULTS}, i64 {fault})"
        result = f"{'i32' if self._program.callback is None else 'i64'} {self._program.default}"
        self._entry = _claim(self._code, self._scratch, result, cell)
        if self._scratch.kept is not None:
            self._code.do(f"store ptr {self._entry}, ptr {self._frames.place(self._scratch.kept)}, align 8")

    def place(self, slot: ops.Slot) -> str:
        """The address of `slot`."""
        entry = self._entry
        if not entry and self._scratch is not None and self._scratch.kept is not None:
            entry = self._code.value(f"load ptr, ptr {self._frames.place(self._scratch.kept)}, align 8")
        return memory.at(self._code, entry, self._moved[slot])

    def give_back(self) -> None:
        """At the end of the program: the entry is free again, after all that was done with it."""
        if self._entry and self._scratch is not None and self._scratch.entries > 1:
            self._code.do('call void asm sideeffect "", "~{memory}"()')
            self._code.do(f"store volatile i64 0, ptr {self._entry}, align 8")


def _claim(code: Code, scratch: Scratch, result: str, fault: str) -> str:
    """The address of an entry that is this run's own. `fault`: what is counted when there is none."""
    lookup = helper_by_name("map_lookup_elem")
    assert lookup is not None
    key, claimed = code.stack("key", "i32", 4), code.name("claimed")
    ways: list[tuple[str, str]] = []
    for number in range(scratch.entries):
        code.do(f"store i32 {scratch.first + number}, ptr {key}, align 4")
        entry = code.value(f"call ptr inttoptr (i64 {lookup.id} to ptr)(ptr {symbol(MAP)}, ptr {key})")
        there, taken = code.name("there"), code.name("taken")
        code.branch(code.value(f"icmp ne ptr {entry}, null"), there, taken)
        code.start(there)
        ways.append((entry, code.block))
        if scratch.entries == 1:
            code.jump(claimed)
        else:
            before = code.value(f"atomicrmw xchg ptr {entry}, i64 1 monotonic, align 8")
            code.branch(code.value(f"icmp eq i64 {before}, 0"), claimed, taken)
        code.start(taken)
    if fault:
        code.do(f"atomicrmw add ptr {fault}, i64 1 monotonic, align 8")
    code.end(f"ret {result}")
    code.start(claimed)
    return code.phi("ptr", ways)

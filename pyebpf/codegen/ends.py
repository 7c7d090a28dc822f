"""How a function ends: the one way out, and the tails that lead there, which are shared.

fails1:              fails2:             last op of a counter:
  cell = fault 0       cell = fault 8      cell = entry
      └──────────────────┴────────────────────┘
                     count: add 1 to cell, answer with the default
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, final

from pyebpf.codegen.sections import FAULTS, fault_symbol
from pyebpf.codegen.text import Code, literal, symbol
from pyebpf.ir import ops
from pyebpf.ir.types import PointerType
from pyebpf.kernel.helpers import helper_by_name

FEW: Final = 4
"""Counters up to which each way brings an address, two instructions; an offset is one, and three more to add it."""
DISCARD: Final = "ringbuf_discard"
Ways = list[tuple[str, str]]
"""Values, and the blocks that bring them."""


def is_counting(op: ops.Op) -> bool:
    """Whether `op` adds 1 to 64 bits, at once for all CPUs."""
    if not isinstance(op, ops.AtomicAdd) or not isinstance(op.value, ops.Const) or op.value.value != 1:
        return False
    return isinstance(op.address.type, PointerType) and op.address.type.target.size == 8


@final
class Ends:
    """The ways out of the function that `code` has, which answers with `default` unless it says otherwise."""

    def __init__(self, code: Code, body: ops.Block, result: str, default: int) -> None:
        self.code = code
        self.result = result
        """LLVM's type of what it answers."""
        self.default = default
        self.one = self._one(body)
        """What is added where something is counted."""
        self._results: Ways = []
        self._faults: Ways = []
        """What goes to the block that counts in `.bss`: bytes from `FAULTS`, and the block it comes from."""
        self._counts: Ways = []
        """What goes to the block that adds 1 and ends the program: where to add, and the block it comes from."""
        self._cleanups: dict[tuple[ops.Value, ...], tuple[str, Ways]] = {}
        """Blocks that give records back before a fault: their names, and what goes there."""

    def _one(self, body: ops.Block) -> str:
        """1: in a register from the start where counting is what the program is for.

        The verifier follows each way through the tail that counts, so that an instruction less there counts for each.
        """
        found = list(ops.walk(body))
        counting = sum(map(is_counting, found))
        others = sum(isinstance(op, ops.Check | ops.Raise | ops.CountDropped) for op in found)
        if not counting or counting + others < 2:
            return "1"
        name = f"%{self.code.name('one')}"
        self.code.entry.append(f'  {name} = call i64 asm "", "=r,0"(i64 1)')
        return name

    def leave(self, result: str) -> None:
        """End with `result`: a register of the function's type, or a number."""
        bits = int(self.result[1:])
        self._results.append((literal(int(result), bits) if result.lstrip("-").isdigit() else result, self.code.block))
        self.code.jump("leave")

    def count(self, cell: str) -> None:
        """End with the default, after adding 1 to what is at `cell`."""
        self._counts.append((cell, self.code.block))
        self.code.jump("count")

    def fault(self, offset: int, records: tuple[ops.Value, ...]) -> None:
        """End with the default, after giving `records` back and counting at `offset`."""
        if records:
            label, ways = self._cleanups.setdefault(records, (self.code.name("cleanup"), []))
            ways.append((str(offset), self.code.block))
            self.code.jump(label)
        else:
            self._faults.append((str(offset), self.code.block))
            self.code.jump("fault")

    def finish(self, address: Callable[[ops.Value], str], before: Callable[[], None]) -> None:
        """Write the tails. `address` gives a record's; `before` writes what is done before every return."""
        code = self.code
        for records, (label, ways) in self._cleanups.items():
            code.start(label)
            offset = ways[0][0] if len(ways) == 1 else code.phi("i64", ways)
            for record in records:
                discard(code, address(record))
            self._faults.append((offset, code.block))
            code.jump("fault")
        if self._faults:
            code.start("fault")
            self.count(_fault_cell(code, self._faults))
        if self._counts:
            code.start("count")
            cell = code.phi("ptr", self._counts)
            code.do(f"atomicrmw add ptr {cell}, i64 {self.one} monotonic, align 8")
            self.leave(str(self.default))
        code.start("leave")
        if not self._results:
            code.end("unreachable")
            return
        result = code.phi(self.result, self._results)
        before()
        code.end(f"ret {self.result} {result}")


def discard(code: Code, record: str) -> None:
    """Give a ring buffer's record back, unsent."""
    row = helper_by_name(DISCARD)
    assert row is not None
    code.value(f"call i64 inttoptr (i64 {row.id} to ptr)(ptr {record}, i64 0)")


def _fault_cell(code: Code, ways: Ways) -> str:
    """The counter's address; `ways` has bytes from `FAULTS`, and the block that they come from.

    The verifier follows each way to the end, so that what is added here counts for each.
    """
    offsets = {offset for offset, _ in ways}
    if len(offsets) <= FEW and all(offset.isdigit() for offset in offsets):
        return code.phi("ptr", [(symbol(fault_symbol(int(offset))), block) for offset, block in ways])
    return code.value(f"getelementptr i8, ptr @{FAULTS}, i64 {code.phi('i64', ways)}")

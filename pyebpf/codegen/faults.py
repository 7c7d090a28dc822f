"""Which counter a fault counts in, chosen on the way to the block that all faults of a program share."""

from __future__ import annotations

from typing import Final

from pyebpf.codegen.sections import FAULTS, fault_symbol
from pyebpf.codegen.text import Code, symbol

FEW: Final = 4
"""Counters up to which each way brings an address, two instructions; an offset is one, and three more to add it."""


def fault_cell(code: Code, ways: list[tuple[str, str]]) -> str:
    """The counter's address; `ways` has bytes from `FAULTS`, and the block that they come from.

    The verifier follows each way to the end, so that what is added here counts for each.
    """
    offsets = {offset for offset, _ in ways}
    if len(offsets) <= FEW and all(offset.isdigit() for offset in offsets):
        return code.phi("ptr", [(symbol(fault_symbol(int(offset))), block) for offset, block in ways])
    return code.value(f"getelementptr i8, ptr @{FAULTS}, i64 {code.phi('i64', ways)}")

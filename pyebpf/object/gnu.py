"""What GNU as before binutils 2.41 does otherwise: where a relocation names a symbol, the place that it is for holds
the symbol's value already, and not only what is to be added to it. Read as everybody else writes it, a variable would
be taken for its neighbour.

Which of the two an object means can be seen where a symbol's value isn't 0: what is in the place lies inside of the
symbol by one reading and mostly not by the other. Only objects that say that GCC made them are looked at.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final

from pyebpf.object.elf import SECTION, Elf, Symbol
from pyebpf.object.errors import ObjectError

_COMMENT: Final = b"GCC: ("
_CALL: Final = 0x85
R_BPF_DATA_64: Final = 12
"""The number that such assemblers have for R_BPF_64_ABS64."""


def holds_values(elf: Elf) -> bool:
    """Whether places of relocations hold symbols' values. Raises ObjectError if nothing tells."""
    comment = elf.section(".comment")
    if comment is None or _COMMENT not in comment.data:
        return False
    found = [(_inside(older, symbol), _inside(newer, symbol)) for older, newer, symbol in _addends(elf)]
    if not found or not all(older for older, _ in found):
        return False
    if all(newer for _, newer in found):
        raise ObjectError("the relocations can be read in two ways: with symbols' values in their places, or without")
    return True


def _inside(addend: int, symbol: Symbol) -> bool:
    return addend == 0 or 0 < addend < symbol.size


def _addends(elf: Elf) -> Iterator[tuple[int, int, Symbol]]:
    """What is to be added to named symbols whose values aren't 0, in bytes, by either reading. (Values are in bytes in
    calls too, though these count instructions.)"""
    for section in elf.sections:
        if not section.executable:
            continue
        for record in elf.relocations(section):
            symbol, at = record.symbol, record.offset
            if symbol.section <= 0 or symbol.type == SECTION or not symbol.value or at + 8 > len(section.data):
                continue
            imm = struct.unpack_from(elf.order + "i", section.data, at + 4)[0]
            if section.data[at] == _CALL:
                yield (imm + 1 - symbol.value) * 8, (imm + 1) * 8, symbol
            else:
                yield imm - symbol.value, imm, symbol

"""Jumps to functions in other files, which linkers put into a table (PLT): named after the function, `puts@plt`.

Sources: the System V ABI for x86-64, "Procedure Linkage Table", and for AArch64; what binutils make of them.
"""

from __future__ import annotations

import platform
from collections.abc import Iterator
from struct import Struct
from typing import Final, NamedTuple, final

from pyebpf.loader.attach.uprobe_elf import FUNCTION, SYMBOL, Binary, Section
from pyebpf.symbols.demangle import LONGEST
from pyebpf.symbols.functions import PLT, Table

MOST: Final = 1 << 16
"""Jumps in one file."""
LARGEST: Final = 16 << 20
"""Bytes of the symbols and names that they are called by, and of the names that they have then."""
_RELOCATION: Final = Struct("=QQq")


@final
class Layout(NamedTuple):
    """A section of jumps: each is so long, the first of them so far behind its beginning."""

    section: str
    first: int
    length: int


LAYOUTS: Final = {
    "x86_64": (Layout(".plt.sec", 0, 16), Layout(".plt", 16, 16)),
    "aarch64": (Layout(".plt", 32, 16),),
}
"""By machine; the first section that is there."""


def plt_table(binary: Binary) -> Table | None:
    """Symbols for the jumps; None if there are none, or none that are known here. Raises BinaryError."""
    relocations = binary.section(".rela.plt")
    found = [(layout, binary.section(layout.section)) for layout in LAYOUTS.get(platform.machine(), ())]
    layout, section = next((each for each in found if each[1] is not None), (None, None))
    if relocations is None or layout is None or section is None or relocations.size > MOST * _RELOCATION.size:
        return None
    symbols, names = bytearray(), bytearray(b"\0")
    for number, name in enumerate(_names(binary, relocations)):
        if name and len(names) < LARGEST:
            address = section.address + layout.first + number * layout.length
            symbols += SYMBOL.pack(len(names), FUNCTION, 0, 1, address, layout.length)
            names += name + PLT + b"\0"
    return Table(bytes(symbols), bytes(names)) if symbols else None


def _names(binary: Binary, relocations: Section) -> Iterator[bytes]:
    """Of the functions, in the order of the jumps; nothing for one that is chosen when the program starts."""
    sections = binary.sections
    table = sections[relocations.link] if relocations.link < len(sections) else None
    strings = sections[table.link] if table is not None and table.link < len(sections) else None
    if table is None or strings is None or table.size + strings.size > LARGEST:
        return
    symbols, names = binary.data(table), binary.data(strings)
    data = binary.data(relocations)
    for _, info, _ in _RELOCATION.iter_unpack(data[: len(data) // _RELOCATION.size * _RELOCATION.size]):
        at = (info >> 32) * SYMBOL.size
        place = SYMBOL.unpack_from(symbols, at)[0] if info >> 32 and at + SYMBOL.size <= len(symbols) else len(names)
        yield names[place : max(names.find(b"\0", place, place + LONGEST), 0)]

"""Names of functions in a file by their addresses, from tables of symbols as they stand in it.

Source: the System V ABI, "Object Files", symbol table.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from typing import Final, NamedTuple, final

from pyebpf.loader.attach.uprobe_elf import FUNCTION, INDIRECT, SYMBOL
from pyebpf.symbols.kallsyms import text

MOST: Final = 2_000_000
"""Functions of one file. The largest browsers have half of that."""
MOST_SYMBOLS: Final = 4_000_000
"""Symbols of one table that are looked at."""
LONGEST: Final = 1000
"""Bytes of a name that are shown."""
_FURTHEST: Final = 32
"""How many functions that begin later are passed over in search of one that goes on until an address; and how many that
begin there are looked at for the best name."""
_NONE: Final = 0
"""The type of symbols that assemblers write, unless told that it is a function."""
_MARKS: Final = (b"$", b".")
"""How assemblers' own names begin."""
_ABSOLUTE: Final = 0xFFF1
_LOCAL, _GLOBAL, _WEAK = 0, 1, 2
_BINDINGS: Final = {_GLOBAL: 0, _WEAK: 1, _LOCAL: 2}


@final
class Table(NamedTuple):
    """A symbol table's bytes, and those of its names."""

    symbols: bytes
    names: bytes


@final
class Functions:
    """The functions of a file, the first of `tables` counting more than the second where both have one."""

    def __init__(self, tables: tuple[Table, ...]) -> None:
        values, sizes, names, infos, owners = array("Q"), array("Q"), array("I"), bytearray(), bytearray()
        for number, table in enumerate(tables):
            count = min(len(table.symbols) // SYMBOL.size, MOST_SYMBOLS)
            whole = memoryview(table.symbols)[: count * SYMBOL.size]
            for name, info, _, section, value, size in SYMBOL.iter_unpack(whole):
                kind = info & 15
                if section and value and name and kind in (FUNCTION, INDIRECT, _NONE) and section != _ABSOLUTE:
                    if kind == _NONE and table.names[name : name + 1] in _MARKS:
                        continue
                    values.append(value)
                    sizes.append(size)
                    names.append(name)
                    infos.append(info)
                    owners.append(number)
            if len(values) > MOST:
                break
        order = sorted(range(min(len(values), MOST)), key=values.__getitem__)
        self._values = array("Q", [values[index] for index in order])
        self._sizes = array("Q", [sizes[index] for index in order])
        self._places = array("I", [names[index] for index in order])
        self._infos = bytes([infos[index] for index in order])
        self._owners = bytes([owners[index] for index in order])
        self._tables = tuple(table.names for table in tables)

    def __len__(self) -> int:
        return len(self._values)

    def at(self, address: int) -> tuple[str, int] | None:
        """The function that has the instruction at `address`, and how far from its beginning that is."""
        after = bisect_right(self._values, address)
        for index in range(after - 1, max(after - 1 - _FURTHEST, -1), -1):
            value, size = self._values[index], self._sizes[index]
            # one without a size goes on until the next one begins
            if address < value + size or (not size and value == self._values[after - 1]):
                return self._name(value, index), address - value
        return None

    def _name(self, value: int, index: int) -> str:
        """The best name of the functions that begin there: of those that have a size, if that one has."""
        first = bisect_left(self._values, value, max(index - _FURTHEST, 0), index + 1)
        last = bisect_right(self._values, value, index, min(index + _FURTHEST, len(self._values)))
        sized = bool(self._sizes[index])
        candidates = [each for each in range(first, last) if bool(self._sizes[each]) == sized]
        return text(min(map(self._rank, candidates))[-1])

    def _rank(self, index: int) -> tuple[bool, int, int, int, int, bytes]:
        """The smaller the better: functions; few leading underscores, as in `read` among `__read`; what other files
        see."""
        place, names, info = self._places[index], self._tables[self._owners[index]], self._infos[index]
        end = names.find(b"\0", place, place + LONGEST)
        name = names[place : end if end >= 0 else place + LONGEST].partition(b"@")[0]
        underscores = len(name) - len(name.lstrip(b"_"))
        binding = _BINDINGS.get(info >> 4, 3)
        return info & 15 == _NONE, self._owners[index], underscores, binding, len(name), name

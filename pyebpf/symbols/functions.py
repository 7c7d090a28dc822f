"""Names of functions in a file by their addresses, from tables of symbols as they stand in it.

Source: the System V ABI, "Object Files", symbol table.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from sys import byteorder
from typing import Final, NamedTuple, final

from pyebpf.loader.attach.uprobe_elf import FUNCTION, INDIRECT, SYMBOL
from pyebpf.symbols.demangle import LONGEST
from pyebpf.symbols.kallsyms import text

MOST: Final = 2_000_000
"""Functions of one file. The largest browsers have half of that."""
MOST_SYMBOLS: Final = 4_000_000
"""Symbols of one table that are looked at."""
_FURTHEST: Final = 32
"""How many functions that begin later are passed over in search of one that goes on until an address; and how many that
begin there are looked at for the best name."""
_NONE: Final = 0
"""The type of symbols that assemblers write, unless told that it is a function."""
_MARKS: Final = (b"$", b".", b"")
"""How assemblers' own names begin."""
_NOWHERE: Final = (0, 0xFFF1)
"""Sections of symbols that are wanted from another file, and of numbers."""
_NAME, _TYPE, _SECTION = (0, 32, 48) if byteorder == "little" else (32, 24, 0)
"""Where in the first word of a symbol those numbers lie."""
_IS_CODE: Final = tuple(kind in (FUNCTION, INDIRECT, _NONE) for kind in range(16))
PLT: Final = b"@plt"
"""How names end of what jumps to a function in another file; behind another `@` it is a version."""
_LOCAL, _GLOBAL, _WEAK = 0, 1, 2
_BINDINGS: Final = {_GLOBAL: 0, _WEAK: 1, _LOCAL: 2}


@final
class Table(NamedTuple):
    """A symbol table's bytes, and those of its names."""

    symbols: bytes
    names: bytes


@final
class Found(NamedTuple):
    """A function that has an address."""

    value: int
    name: bytes
    sized: bool
    """Whether the file says how long it is; otherwise it goes on until the next one begins."""


@final
class Functions:
    """The functions of a file. Where several tables have one, the first counts."""

    def __init__(self, tables: tuple[Table, ...]) -> None:
        self._tables = tuple(map(SortedTable, tables))

    def __len__(self) -> int:
        return sum(map(len, self._tables))

    def at(self, address: int) -> tuple[str, int] | None:
        """The function that has the instruction at `address`, by its name in the file, and how far from its start
        that is."""
        found = [each for each in (table.at(address) for table in self._tables) if each is not None and each.name]
        if not found:
            return None
        best = next((each for each in found if each.sized), None) or max(found, key=lambda each: each.value)
        return text(best.name), address - best.value


@final
class SortedTable:
    """A table's functions in the order of their addresses. The bytes stay as they are; a file may have a million."""

    def __init__(self, table: Table) -> None:
        count = min(len(table.symbols) // SYMBOL.size, MOST_SYMBOLS)
        self._symbols, self._names = table.symbols, table.names
        words = array("Q", table.symbols[: count * SYMBOL.size])
        values = words[1::3]
        kinds = [
            (number, word >> _TYPE & 15)
            for number, word in enumerate(words[0::3])
            if _IS_CODE[word >> _TYPE & 15]
            and word >> _SECTION & 0xFFFF not in _NOWHERE
            and word >> _NAME & 0xFFFFFFFF
            and values[number]
        ]
        order = [number for number, kind in kinds if kind != _NONE or not self._is_mark(number)]
        order.sort(key=values.__getitem__)
        self._order = array("I", order[:MOST])
        self._values = array("Q", map(values.__getitem__, self._order))

    def __len__(self) -> int:
        return len(self._values)

    def _is_mark(self, number: int) -> bool:
        place = SYMBOL.unpack_from(self._symbols, number * SYMBOL.size)[0]
        return self._names[place : place + 1] in _MARKS

    def at(self, address: int) -> Found | None:
        """The function there, by the best of its names."""
        after = bisect_right(self._values, address)
        for index in range(after - 1, max(after - 1 - _FURTHEST, -1), -1):
            value, size = self._values[index], self._size(index)
            if address < value + size or (not size and value == self._values[after - 1]):
                return Found(value, self._name(value, index), bool(size))
        return None

    def _size(self, index: int) -> int:
        return int(SYMBOL.unpack_from(self._symbols, self._order[index] * SYMBOL.size)[5])

    def _name(self, value: int, index: int) -> bytes:
        """The best name of the functions that begin there: of those that have a size, if that one has."""
        first = bisect_left(self._values, value, max(index - _FURTHEST, 0), index + 1)
        last = bisect_right(self._values, value, index, min(index + _FURTHEST, len(self._values)))
        sized = bool(self._size(index))
        return min(self._rank(each) for each in range(first, last) if bool(self._size(each)) == sized)[-1]

    def _rank(self, index: int) -> tuple[bool, int, int, int, bytes]:
        """The smaller the better: functions; few leading underscores, as in `read` among `__read`; what other files
        see."""
        place, info, *_ = SYMBOL.unpack_from(self._symbols, self._order[index] * SYMBOL.size)
        end = self._names.find(b"\0", place, place + LONGEST)
        name = self._names[place : end if end >= 0 else place + LONGEST]
        name = name if name.endswith(PLT) else name.partition(b"@")[0]
        underscores = len(name) - len(name.lstrip(b"_"))
        return info & 15 == _NONE, underscores, _BINDINGS.get(info >> 4, 3), len(name), name

"""Globals and Configs of a loaded object: typed places in its data sections."""

from __future__ import annotations

import operator
from collections.abc import Iterator
from io import UnsupportedOperation
from typing import Any, SupportsIndex, final

from pyebpf import layout
from pyebpf.decode import decoder
from pyebpf.encode import encode
from pyebpf.loader import sys
from pyebpf.loader.load import LoadedObject
from pyebpf.metadata import Cell, VariableInfo

KEY = bytes(4)
"""Data sections are arrays of one element."""


def read_cell(loaded: LoadedObject, cell: Cell, size: int) -> bytes:
    """Bytes of a data section as they are now."""
    view = loaded.view(cell.section)
    if view is not None:
        return bytes(view[cell.offset : cell.offset + size])
    section = loaded.maps[cell.section]
    found = sys.map_lookup(section.fd, KEY, section.spec.value_size)
    assert found is not None
    return found[cell.offset : cell.offset + size]


def write_cell(loaded: LoadedObject, cell: Cell, data: bytes) -> None:
    """Write bytes of a data section. Where it can't be mapped the whole section is written, as it was a moment ago."""
    view = loaded.view(cell.section)
    if view is not None:
        view[cell.offset : cell.offset + len(data)] = data
        return
    section = loaded.maps[cell.section]
    whole = bytearray(sys.map_lookup(section.fd, KEY, section.spec.value_size) or b"")
    whole[cell.offset : cell.offset + len(data)] = data
    sys.map_update(section.fd, KEY, bytes(whole))


class VariableView:
    """A loaded Global or Config; `.value` reads and (Globals only) writes it."""

    def __init__(self, loaded: LoadedObject, info: VariableInfo) -> None:
        self.name = info.name
        self.kind = info.kind
        self.type = info.type
        self._loaded = loaded
        self._info = info
        self._decode = decoder(info.type)

    @property
    def value(self) -> Any:
        return self._decode(read_cell(self._loaded, self._info.cell, self.type.size), 0)

    @value.setter
    def value(self, value: object) -> None:
        if self.kind == "Config":
            raise AttributeError(f"{self.name} is a Config: it was frozen when the program was loaded (load(config=…))")
        write_cell(self._loaded, self._info.cell, encode(self.type, value, self.name))

    def live(self) -> Any:
        """A Global itself as a numpy array: what programs write is seen in it, and the other way round. A number is an
        array without dimensions, which is read and written by `[()]`. See `ArrayView.live`. Raises
        io.UnsupportedOperation for a Config, and where the kernel can't share its memory (before Linux 5.5)."""
        from pyebpf.views.arrays import live_value

        memory = None if self.kind == "Config" else self._loaded.view(self._info.cell.section)
        if memory is None:
            why = "a Config never changes" if self.kind == "Config" else "this kernel shares no memory (Linux 5.5)"
            raise UnsupportedOperation(f"{self.name} can't be seen as memory: {why}")
        return live_value(memoryview(memory), self.type, self._info.cell.offset)

    def __repr__(self) -> str:
        closed = self._loaded.maps[self._info.cell.section].descriptor.closed
        return f"<{self.kind} {self.name}{', closed' if closed else f' = {self.value!r}'}>"


@final
class ArenaView(VariableView):
    """A loaded Arena: a list of fixed length, whose elements are read and written where they are."""

    def _cell(self, index: SupportsIndex) -> Cell:
        at = operator.index(index)
        at += len(self) if at < 0 else 0
        if not 0 <= at < len(self):
            raise IndexError(f"{self.name} has {len(self)} elements, not one at {index}")
        cell, element = self._info.cell, self._element
        return Cell(cell.section, cell.offset + at * element.size)

    @property
    def _element(self) -> layout.Type:
        assert isinstance(self.type, layout.Array)
        return self.type.element

    def __len__(self) -> int:
        assert isinstance(self.type, layout.Array)
        return self.type.length

    def __getitem__(self, index: SupportsIndex) -> Any:
        data = read_cell(self._loaded, self._cell(index), self._element.size)
        return decoder(self._element)(data, 0)

    def __setitem__(self, index: SupportsIndex, value: object) -> None:
        cell, data = self._cell(index), encode(self._element, value, f"element of {self.name}")
        write_cell(self._loaded, cell, data)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.value)

    def clear(self) -> None:
        """Set every element to zeros."""
        write_cell(self._loaded, self._info.cell, bytes(self.type.size))

    def __repr__(self) -> str:
        return f"<Arena {self.name} of {len(self)}>"

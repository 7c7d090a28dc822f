"""Events as aligned columns, one line each while they come."""

from __future__ import annotations

from typing import Any

from pyebpf import layout
from pyebpf.views.values import text

WIDEST_TEXT = 24
NUMBER_WIDTHS = {1: 4, 2: 5, 4: 8, 8: 15}


class Columns:
    """The columns of one ring: widths come from the event's layout, so that lines align from the first on."""

    def __init__(self, type: layout.Struct) -> None:
        head, tail = layout.tail_of(type)
        self.pairs = tail is not None
        """Whether events are a struct and what follows it."""
        self.fields = type.fields
        if isinstance(head, layout.Struct) and self.pairs:
            self.fields = (*head.fields, type.fields[1])
        self.widths = [max(_width(field.type), len(field.name)) for field in self.fields]

    def header(self) -> str:
        """The names of the fields."""
        return self._line([field.name.upper() for field in self.fields])

    def row(self, event: Any) -> str:
        """One event."""
        values = (*event[0], event[1]) if self.pairs else event
        return self._line([text(value) for value in values])

    def _line(self, cells: list[str]) -> str:
        parts = []
        last = len(cells) - 1
        for number, (cell, field, width) in enumerate(zip(cells, self.fields, self.widths, strict=True)):
            if _is_number(field.type):
                parts.append(cell.rjust(width))
            else:
                parts.append(cell if number == last else cell.ljust(width))
        return "  ".join(parts).rstrip()


def _is_number(type: layout.Type) -> bool:
    return isinstance(type, layout.Integer) and type.view == "int"


def _width(type: layout.Type) -> int:
    match type:
        case layout.Integer(view="ipv4"):
            return 15
        case layout.Integer():
            return NUMBER_WIDTHS[type.size]
        case layout.Boolean():
            return 5
        case layout.Enumeration():
            return max(len(name) for name, _ in type.members)
        case layout.Text():
            return min(type.length, WIDEST_TEXT)
        case layout.Address(view="mac"):
            return 17
        case layout.Address():
            return 39
        case _:
            return WIDEST_TEXT

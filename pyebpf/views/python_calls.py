"""Python's stacks, as `pyebpf.library.python_frames` puts them into maps, and how they go into the process's own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from sys import byteorder
from typing import Any, Final, TypeAlias, final

from pyebpf.cpython import CODE, EVALUATION, LENGTH, STATE, Layout, layout_of
from pyebpf.metadata import NO_ROOM
from pyebpf.pictures.frames import Frame
from pyebpf.views.entries import Entries

_KIND: Final = 0xFF
"""The bits of a call's number that say of what kind it is."""
_UNKNOWN: Final = Frame("[unknown]", kind="python")
_COMPACT, _ASCII = 1 << 5, 1 << 6
_CODECS: Final = {1: "latin-1", 2: "utf-16-le", 4: "utf-32-le"}
Group: TypeAlias = tuple[Frame, ...]
"""Calls that one call of the interpreter's C function runs, the innermost first."""


@final
class PythonStacks:
    """Stacks by their numbers."""

    def __init__(self, walks: Entries, codes: Entries) -> None:
        self._walks, self._codes = walks, codes
        self._stacks: dict[int, tuple[Group, ...]] = {}
        self._calls: dict[int, tuple[Frame, Layout] | None] = {}

    def groups(self, number: int) -> tuple[Group, ...]:
        """A stack's calls, the innermost first; nothing where there are none."""
        if number not in self._stacks:
            value = self._walks.lookup(number.to_bytes(8, byteorder)) if number > NO_ROOM else None
            walk = self._walks.decode_value(value).calls if value is not None else ()
            self._stacks[number] = tuple(self._grouped(call for call in walk if call))
        return self._stacks[number]

    def _grouped(self, calls: Iterator[int]) -> Iterator[Group]:
        group: list[Frame] = []
        for call in calls:
            frame, layout = self._call(call & ~_KIND) or (_UNKNOWN, None)
            ends = layout is not None and call & _KIND == layout.below
            if not ends or layout is None or layout.is_call:
                group.append(frame)
            if ends and group:
                yield tuple(group)
                group = []
        if group:
            yield tuple(group)

    def _call(self, number: int) -> tuple[Frame, Layout] | None:
        if number not in self._calls:
            value = self._codes.lookup(number.to_bytes(8, byteorder))
            self._calls[number] = None if value is None else function_in(self._codes.decode_value(value))
        return self._calls[number]


def function_in(code: Any) -> tuple[Frame, Layout] | None:
    """The function of a `Code`, and how its interpreter lays things out; None for an interpreter that isn't known."""
    layout = layout_of(code.version)
    if layout is None:
        return None
    head = code.first.to_bytes(8, byteorder) + code.second.to_bytes(8, byteorder)
    line = int.from_bytes(head[layout.line - CODE :][:4], byteorder, signed=True)
    name, file = (text_in(bytes(each), layout) for each in (code.name, code.file))
    if not name:
        return _UNKNOWN, layout
    return Frame(name, kind="python", file=file, line=max(line, 0)), layout


def text_in(data: bytes, layout: Layout) -> str:
    """The text of a str object, as much of it as was copied; "" if it is none."""
    length = int.from_bytes(data[LENGTH:][:8], byteorder)
    state = int.from_bytes(data[STATE:][:4], byteorder)
    width = state >> 2 & 7
    if not state & _COMPACT or width not in _CODECS:
        return ""
    start = layout.ascii if state & _ASCII else layout.compact
    found = data[start : min(start + length * width, len(data))]
    return found[: len(found) // width * width].decode(_CODECS[width], "replace")


def merged(calls: Sequence[Frame], groups: Sequence[Group]) -> list[Frame]:
    """A process's stack with Python's calls in the places where the interpreter runs them, one after the other. What
    has no such place comes last: stacks of code without frame pointers end early."""
    left = list(groups)
    found: list[Frame] = []
    for frame in calls:
        if groups and frame.kind == "python":  # told by /tmp/perf-PID.map too
            continue
        found += left.pop(0) if left and frame.symbol.startswith(EVALUATION) else [frame]
    return [*found, *(frame for group in left for frame in group)]

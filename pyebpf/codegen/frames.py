"""Frames: the memory by which a program and its functions share locals and slots.

A frame begins with the address of the frame around it and the program's context, where there are such; then come the
locals, eight bytes each, and the slots. A function is given the address of the frame of whoever runs it.
"""

from __future__ import annotations

from typing import Final, final

from pyebpf.codegen.text import Code
from pyebpf.ir import ops
from pyebpf.ir.module import Frame
from pyebpf.layout import round_up

WORD: Final = 8
CONTEXT: Final = "%ctx"
"""The program's context; functions that need it read it from the frame first."""


@final
class Layout:
    """The places of what is in a frame, in bytes from its start."""

    def __init__(self, frame: Frame) -> None:
        self.outer = 0
        self.context = WORD if frame.outer is not None else 0
        self.places: dict[ops.Local | ops.Slot, int] = {}
        end = self.context + (WORD if frame.context else 0)
        for thing in frame.shared:
            self.places[thing] = end
            end += WORD if isinstance(thing, ops.Local) else round_up(thing.type.size, WORD)
        self.size = max(end, WORD)


def frame_size(frame: Frame) -> int:
    """Bytes of stack."""
    return Layout(frame).size


@final
class Frames:
    """The frames that one function sees: its own, if it has one, and those around it."""

    def __init__(self, code: Code, own: Frame | None, around: Frame | None) -> None:
        self._code = code
        self._chain: list[tuple[Frame, Layout, str]] = []
        """Each frame and its address, innermost first."""
        self.own = ""
        self._read_context(around)
        if around is not None:
            self._enter(around)
        if own is not None:
            self._make(own)

    def _read_context(self, around: Frame | None) -> None:
        if around is not None and around.context:
            address = self._at("%frame", Layout(around).context)
            self._code.entry.append(f"  {CONTEXT} = load ptr, ptr {address}, align 8")

    def _enter(self, frame: Frame) -> None:
        """Find the addresses of the frames around."""
        address, following = "%frame", frame.outer
        self._chain.append((frame, Layout(frame), address))
        while following is not None:
            name = f"%{self._code.name('outer')}"
            self._code.entry.append(f"  {name} = load ptr, ptr {address}, align 8")
            self._chain.append((following, Layout(following), name))
            address, following = name, following.outer

    def _make(self, frame: Frame) -> None:
        """A frame of its own: zero, but for what it begins with."""
        code, layout = self._code, Layout(frame)
        self.own = code.stack("frame", f"[{layout.size} x i8]", WORD)
        for offset in range(0, layout.size, WORD):
            value = "i64 0"
            if frame.outer is not None and offset == layout.outer:
                value = "ptr %frame"
            elif frame.context and offset == layout.context:
                value = f"ptr {CONTEXT}"
            code.entry.append(f"  store {value}, ptr {self._at(self.own, offset)}, align 8")
        self._chain.insert(0, (frame, layout, self.own))

    def place(self, thing: ops.Local | ops.Slot) -> str:
        """The address of `thing`, or "" if it isn't shared."""
        for _, layout, address in self._chain:
            if thing in layout.places:
                return self._at(address, layout.places[thing])
        return ""

    def _at(self, address: str, offset: int) -> str:
        if not offset:
            return address
        name = f"%{self._code.name('at')}"
        self._code.entry.append(f"  {name} = getelementptr i8, ptr {address}, i64 {offset}")
        return name

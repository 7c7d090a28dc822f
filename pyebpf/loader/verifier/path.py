"""The way to the refused instruction, gone backwards: where a register got its value, where its bounds are from.

A log of level 1 is that way already. In one of level 2, a path that ended is followed by one that begins at a branch
further up: the nearest one that nothing went on from yet, as the verifier keeps branches on a stack.
"""

from __future__ import annotations

import re
from array import array
from typing import Final, final

from pyebpf.loader.verifier.log import STRUCTURED, Instruction, Source, State, record
from pyebpf.loader.verifier.registers import Register, frame_of
from pyebpf.records import dataclass

REACH: Final = 8 << 20
"""Characters at the end of a log that are looked at. What lies before them is too far away to explain anything."""
_STEP: Final = re.compile(
    r"^(?:(\d{1,9}): \(([0-9a-f]{2})\) |from (\d{1,9}) to (\d{1,9})(?: \([^)\n]*\))?:( safe)?|\d{1,9}: safe)",
    re.MULTILINE,
)
_TARGET: Final = re.compile(r" goto pc([+-]\d{1,6})")
_EXIT, _CALL, _JUMP, _JUMP32 = 0x95, 0x85, 5, 6
_FUNCTION: Final = re.compile(r"^call pc[+-]\d")
_ALWAYS: Final = (0x05, 0x06)
"""Jumps without a condition."""


@final
@dataclass(frozen=True, slots=True)
class Step:
    """An instruction on the way, and how far it is down the calls: 0 is the program itself."""

    number: int
    """Which one of the way."""
    instruction: Instruction
    frame: int


@final
class Path:
    """Steps by number; the last one is the refused instruction, or what the verifier came to last."""

    def __init__(self, log: str) -> None:
        end = log.find(STRUCTURED)
        self._log = log
        self._end = len(log) if end < 0 else end
        self._places = array("Q")
        """Where in the log instructions are, all of them."""
        self._way = array("L")
        """Which of them are on the way."""
        self._frames: dict[int, int] = {}
        self._index()

    def __len__(self) -> int:
        return len(self._way)

    def _index(self) -> None:
        """Find all instructions, and the way: the parent of each is the one before it, but where a branch goes on."""
        parents = array("q")
        known = _Branches()
        origin: int | None = None
        ended = False
        for found in _STEP.finditer(self._log, max(0, self._end - REACH), self._end):
            index, code, source, target, safe = found.groups()
            if index is None:
                ended = True
                origin = None if source is None else int(source)
                if source is not None and safe is not None:
                    known.take(int(target), origin)
                continue
            ended = known.add(self._log, found.start(), int(index), int(code, 16), ended, origin, parents)
            origin = None
            self._places.append(found.start())
        number = len(parents) - 1
        while number >= 0:
            self._way.append(number)
            number = parents[number]
        self._way.reverse()

    def at(self, number: int) -> Instruction:
        """An instruction of the log, by its place among all."""
        start = self._places[number]
        end = self._log.find("\n", start)
        found = record(self._log[start : end if end >= 0 else len(self._log)])
        return found if isinstance(found, Instruction) else Instruction(0, 0, "", "")

    def between(self, number: int) -> list[State]:
        """What the log says of registers between the instruction before one of the log, and this one."""
        start = self._log.find("\n", self._places[number - 1]) + 1 if number else 0
        end = self._places[number]
        found: list[State] = []
        for line in self._log[max(start, end - (1 << 16)) : end].split("\n"):
            read = record(line)
            if isinstance(read, State):
                found.append(read)
            elif line.startswith("parent ") and found:
                found.pop()  # what was known further up, of which the verifier says what it looked for in it
        return found

    def at_step(self, number: int) -> Instruction:
        """The instruction of a step. Raises IndexError."""
        return self.at(self._way[number])

    def source(self, number: int) -> Source | None:
        """The line that a step is from, as the log says it."""
        place = self._places[self._way[number]]
        start = self._log.rfind("\n; ", max(0, place - _SOURCE_REACH), place)
        if start < 0:
            return None
        found = record(self._log[start + 1 : self._log.find("\n", start + 1)])
        return found if isinstance(found, Source) else None

    def step(self, number: int) -> Step:
        """Raises IndexError."""
        return Step(number, self.at(self._way[number]), self.frame(number))

    def frame(self, number: int) -> int:
        """How deep in calls a step is."""
        first = number
        while first > 0 and first not in self._frames and self._said_frame(first) is None:
            first -= 1
        depth = self._frames.get(first, self._said_frame(first) or 0)
        for at in range(first, number + 1):
            if at > first:
                depth = self._frame_after(at, depth)
            self._frames[at] = depth
        return depth

    def _said_frame(self, number: int) -> int | None:
        """As the log says it of a step: in the line, or in the last state before it."""
        at = self._way[number]
        instruction = self.at(at)
        if instruction.state and instruction.opcode not in (_CALL, _EXIT):
            return frame_of(instruction.state)
        said = None
        for state in self.between(at):
            said = frame_of(state.text) if state.index == instruction.index else said
        return said

    def _frame_after(self, number: int, depth: int) -> int:
        said = self._said_frame(number)
        if said is not None:
            return said
        before = self.at(self._way[number - 1])
        if before.opcode == _CALL and _FUNCTION.match(before.text):
            return min(depth + 1, 8)
        return max(depth - 1, 0) if before.opcode == _EXIT else depth

    def before(self, number: int, name: str) -> Register | None:
        """A register as it is before a step: what was said of it last, in its frame."""
        frame = self.frame(number)
        at = number
        while at >= 0 and number - at < _SEARCHED:
            found = self._said(at, name, frame)
            if found is not None:
                return found
            at -= 1
            if at >= 0:
                step = self.step(at)
                if step.frame == frame and name in step.instruction.changed:
                    return step.instruction.changed[name]
                if step.frame == frame and step.instruction.opcode == _CALL and name in CLOBBERED:
                    return None
        return None

    def _said(self, number: int, name: str, frame: int) -> Register | None:
        """Of a register, before a step."""
        found = None
        for state in self.between(self._way[number]):
            if frame_of(state.text) == frame:
                found = state.registers.get(name, found)
        return found

    def after(self, number: int, name: str) -> Register | None:
        """A register as a step leaves it."""
        step = self.step(number)
        if name in step.instruction.changed:
            return step.instruction.changed[name]
        if number + 1 < len(self) and self.frame(number + 1) == step.frame:
            return self._said(number + 1, name, step.frame)
        return None


_SOURCE_REACH: Final = 1 << 16
"""Characters before an instruction that its line is looked for in."""
_SEARCHED: Final = 20_000
"""Steps back, at most."""
CLOBBERED: Final = ("R1", "R2", "R3", "R4", "R5")
"""What calls leave nothing in."""


@final
class _Branches:
    """What is known of the steps so far, and the branches among them that may still be gone on with."""

    def __init__(self) -> None:
        self.indexes = array("L")
        self.codes = bytearray()
        self.depths = bytearray()
        self.open: dict[int, list[int]] = {}
        """Steps, by the instruction that is on their other side."""
        self.targets: tuple[int, ...] = ()
        """Of the last step."""

    def add(
        self, log: str, place: int, index: int, code: int, ended: bool, origin: int | None, parents: array[int]
    ) -> bool:
        """Take in a step, and find its parent. Whether its path ends with it."""
        number = len(self.codes)
        follows = bool(number) and not ended and self._follows(index)
        if follows:
            parent = number - 1
            self._go_on(parent, index)
        else:
            found = self.take(index, origin)
            parent = number - 1 if found is None else found
        depth = self.depths[parent] if parent >= 0 else 0
        if parent >= 0 and self.codes[parent] == _EXIT:
            depth = max(depth - 1, 0)
        elif parent >= 0 and self.codes[parent] == _CALL and index != self.indexes[parent] + 1:
            depth = min(depth + 1, 8)
        parents.append(parent)
        self.indexes.append(index)
        self.codes.append(code)
        self.depths.append(depth)
        self._open(log, place, number, index, code)
        return code == _EXIT and not depth

    def _follows(self, index: int) -> bool:
        """Whether an instruction can come at once behind the last step."""
        code, last = self.codes[-1], self.indexes[-1]
        if code in (_CALL, _EXIT):
            return True
        if self.targets:
            return index in self.targets
        return index in (last + 1, last + 2)  # a 64-bit constant takes two places

    def _go_on(self, parent: int, index: int) -> None:
        """The verifier went on with one side of a branch at once."""
        waiting = self.open.get(index)
        if waiting and waiting[-1] == parent:
            waiting.pop()

    def take(self, index: int, origin: int | None) -> int | None:
        """The nearest branch that goes on with an instruction; it is done then."""
        waiting = self.open.get(index, [])
        while waiting:
            parent = waiting.pop()
            if origin is None or self.indexes[parent] == origin:
                return parent
        return None

    def _open(self, log: str, place: int, number: int, index: int, code: int) -> None:
        self.targets = ()
        if code & 7 not in (_JUMP, _JUMP32) or code in (_CALL, _EXIT):
            return
        found = _TARGET.search(log, place, place + 200)
        if found is None:
            return
        there = index + 1 + int(found[1])
        self.targets = (there,) if code in _ALWAYS else (index + 1, there)
        if len(self.targets) == 2:
            for target in self.targets:
                self.open.setdefault(target, []).append(number)

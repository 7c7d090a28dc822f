"""Stacks, put together into a tree of calls.

Comes in: stacks with counts, the innermost frame first. Goes out: boxes, each with its place among the samples: where
it begins, how many it has, how deep it lies; callers before those that they call, and these by name.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Any, Final, final

from pyebpf.pictures.frames import Frame, StackCount
from pyebpf.records import dataclass

MOST_BOXES: Final = 20_000
"""That a picture has; the smallest are left out. More make browsers slow."""
MOST_LEVELS: Final = 1_000
KEY: Final = "key"
"""The kind of the lowest frames, which are parts of a key."""

Identity = tuple[str, str, str, str]
"""What makes two frames one box: name, module or source line, source file, kind. Boxes beside each other are in this
order."""


@final
@dataclass(frozen=True, slots=True)
class Box:
    """A function in its place. `start` and `count` are in samples, `level` counts from 0 at the root."""

    start: int
    count: int
    level: int
    kind: str
    name: str
    module: str
    """Or the source line, where that is known."""
    ended: int
    """How many samples have nothing that it called."""


@final
@dataclass(frozen=True, slots=True)
class Tree:
    """Boxes from the root on, which is all samples."""

    boxes: tuple[Box, ...]
    total: int
    hidden: int
    """How many samples end in frames that are too small, or too deep, to be shown."""
    levels: int
    """How many there are, the root's among them."""


@final
class _Identities:
    """Frames by number. Most stacks have frames in common, as the same objects, which are found by their addresses."""

    def __init__(self) -> None:
        self.all: list[Identity] = []
        self._numbers: dict[Identity, int] = {}
        self._by_object: dict[int, int] = {}
        self._unknown: set[int] = set()

    def path(self, frames: Sequence[Frame]) -> list[int]:
        """Of a stack that stays, the outermost frame first. Calls in a row of which nothing is known are one: where
        programs have no frame pointers, a stack may be a hundred of them."""
        known = self._by_object
        try:
            found = [known[id(frame)] for frame in reversed(frames)]
        except KeyError:
            for frame in frames:
                known[id(frame)] = self.number((frame.name, _place(frame), frame.file, frame.kind))
            found = [known[id(frame)] for frame in reversed(frames)]
        if self._unknown.isdisjoint(found):
            return found
        return [number for place, number in enumerate(found) if not self._repeats(found, place)]

    def _repeats(self, path: list[int], place: int) -> bool:
        return place > 0 and path[place] == path[place - 1] and path[place] in self._unknown

    def number(self, identity: Identity) -> int:
        found = self._numbers.get(identity)
        if found is None:
            found = self._numbers[identity] = len(self.all)
            self.all.append(identity)
            if identity[3] == "unknown":
                self._unknown.add(found)
        return found


def _place(frame: Frame) -> str:
    """Where a function is: its module, or the line that it begins on."""
    if frame.module or not frame.file:
        return frame.module
    return f"{frame.file}:{frame.line}" if frame.line else frame.file


def tree_of(stacks: Sequence[StackCount], least: float = 0.0, keys: bool = True) -> Tree:
    """The tree of `stacks`, without boxes of less than the part `least` of all samples. `keys`: whether parts of the
    key are its lowest frames."""
    identities = _Identities()
    paths: list[tuple[list[int], int]] = []
    for stack in stacks:
        if stack.count > 0:
            path = [identities.number((key_text(part), "", "", KEY)) for part in stack.key] if keys else []
            paths.append((path + identities.path(stack.frames), stack.count))
    paths.sort()
    total = sum(count for _, count in paths)
    boxes = list(_boxes(paths, identities.all, max(1.0, least * total))) if total else []
    if len(boxes) > MOST_BOXES:
        boxes = _largest(boxes)
    hidden = total - sum(box.ended for box in boxes)
    return Tree(tuple(boxes), total, hidden, 1 + max((box.level for box in boxes), default=0))


def key_text(part: Any) -> str:
    """A part of a key as the name of a frame."""
    return part if isinstance(part, str) else str(getattr(part, "name", part))


def _boxes(paths: list[tuple[list[int], int]], identities: list[Identity], least: float) -> Iterator[Box]:
    """Boxes of at least `least` samples. `paths` are in order, so that those below one box are beside each other; only
    what is large enough is looked into, and without recursion: stacks may be deep."""
    before = [0, *accumulate(count for _, count in paths)]
    waiting: list[tuple[int, int, int, int]] = [(0, len(paths), 0, 0)]
    while waiting:
        first, last, level, start = waiting.pop()
        at = first
        while at < last and len(paths[at][0]) == level:
            at += 1
        ended = before[at] - before[first]
        name, module, _, kind = identities[paths[first][0][level - 1]] if level else ("all", "", "", "root")
        yield Box(start, before[last] - before[first], level, kind, name, module, ended)
        if level == MOST_LEVELS:
            continue
        children = _runs(paths, at, last, level)
        children.sort(key=lambda run: identities[paths[run[0]][0][level]])
        found = []
        for begin, end in children:
            if before[end] - before[begin] >= least:
                found.append((begin, end, level + 1, start))
            start += before[end] - before[begin]
        waiting.extend(reversed(found))


def _runs(paths: list[tuple[list[int], int]], first: int, last: int, level: int) -> list[tuple[int, int]]:
    """Where paths have the same frame at `level`."""
    runs = []
    while first < last:
        number = paths[first][0][level]
        end = first + 1
        while end < last and paths[end][0][level] == number:
            end += 1
        runs.append((first, end))
        first = end
    return runs


def _largest(boxes: list[Box]) -> list[Box]:
    """MOST_BOXES of them. None has more samples than its caller, and callers come first, so that they stay as well."""
    bound = heapq.nlargest(MOST_BOXES, (box.count for box in boxes))[-1]
    room = MOST_BOXES - sum(box.count > bound for box in boxes)
    kept = []
    for box in boxes:
        if box.count == bound:
            room -= 1
        if box.count > bound or (box.count == bound and room >= 0):
            kept.append(box)
    return kept

"""Where the walk may come again and again: loops, and calls of helpers that are given a function.

While what a state of such a circle is compared with hasn't been walked to its end on all ways, nobody knows which of
its numbers matter. Source: `compute_scc` and `propagate_backedges` in kernel/bpf/verifier.c, since Linux 6.17.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias, final

from pyebpf.effort.decode import Code, successors
from pyebpf.effort.precision import Way
from pyebpf.effort.states import Remembered

Circle: TypeAlias = tuple[int, ...]
"""The calls that led to it, and its number."""


@final
@dataclass
class Visit:
    """One time that the walk is in a circle."""

    entry: Remembered | None = None
    """The first state in it, at whose end all of it is known."""
    met: list[tuple[Remembered, Way]] = field(default_factory=list)
    """States that were found equal to one that isn't at its end."""


def circle_of(numbers: list[int], places: list[int]) -> Circle | None:
    """The circle that a state is in, by the instruction that each of its functions is at: the outermost one."""
    for depth, place in enumerate(places):
        if numbers[place]:
            return (*places[:depth], numbers[place])
    return None


def circles(code: Code, callbacks: frozenset[int]) -> list[int]:
    """For each instruction the number of its circle, from 1 on, or 0: Tarjan's strongly connected components, without
    going into functions."""
    count = len(code.instructions)
    follows = [successors(code, at) if code.instructions[at] is not None else () for at in range(count)]
    order, lowest, found = [0] * count, [0] * count, [0] * count
    settled = [False] * count
    stack: list[int] = []
    time = number = 0
    for start in code.starts:
        if order[start]:
            continue
        path: list[tuple[int, int]] = [(start, 0)]
        while path:
            at, next_way = path.pop()
            if not next_way:
                time += 1
                order[at] = lowest[at] = time
                stack.append(at)
            ways = follows[at]
            if next_way and not settled[child := ways[next_way - 1]]:
                lowest[at] = min(lowest[at], lowest[child])
            for index in range(next_way, len(ways)):
                way = ways[index]
                if way < count and not order[way]:
                    path += [(at, index + 1), (way, 0)]
                    break
                if way < count and not settled[way]:
                    lowest[at] = min(lowest[at], order[way])
            else:
                if lowest[at] == order[at]:
                    number += _settle(stack, at, follows, callbacks, number + 1, found, settled)
    return found


def _settle(
    stack: list[int],
    at: int,
    follows: list[tuple[int, ...]],
    callbacks: frozenset[int],
    number: int,
    found: list[int],
    settled: list[bool],
) -> int:
    """Take a component off the stack; 1 if it is a circle."""
    first = stack.index(at)
    members = stack[first:]
    del stack[first:]
    is_circle = len(members) > 1 or at in follows[at] or at in callbacks
    for member in members:
        settled[member] = True
        found[member] = number if is_circle else 0
    return int(is_circle)

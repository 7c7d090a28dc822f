"""Maps of stacks: where programs were when something happened."""

from __future__ import annotations

from pyebpf import layout
from pyebpf.lang.errors import DeclarationError
from pyebpf.lang.maps import MAX_ENTRIES, Map

DEEPEST = 127
"""PERF_MAX_STACK_DEPTH, and what `kernel.perf_event_max_stack` is unless somebody sets it: the kernel makes no map for
deeper ones."""


def _check(kind: str, max_entries: object, depth: object) -> None:
    for word, number, most in (("max_entries", max_entries, MAX_ENTRIES), ("depth", depth, DEEPEST)):
        if isinstance(number, bool) or not isinstance(number, int) or not 1 <= number <= most:
            text = f"a {kind} needs {word} from 1 to {most:,}, not {number!r:.60}"
            raise DeclarationError(text, f"{kind}(max_entries=10_240)")


class StackTrace(Map):
    """Stacks by numbers, which `get_stackid` gives in a program: `BPF_MAP_TYPE_STACK_TRACE`, Linux 4.6.

    From Python `stacks[number]` is the list of its addresses, the innermost first. `depth`: how many it has at most.
    """

    kind = "StackTrace"

    def __init__(self, *, max_entries: int = 0, depth: int = DEEPEST) -> None:
        _check("StackTrace", max_entries, depth)
        super().__init__(layout.U32, layout.Array(layout.U64, depth), max_entries)

    def __repr__(self) -> str:
        return f"StackTrace of {self.max_entries}"


class Stacks(Map):
    """Counts by stacks, and by what else there is in the key: `stacks[comm(), user_stack()] += 1`. Linux 4.6.

    `max_entries`: of different keys, and of different stacks for each of `kernel_stack()` and `user_stack()` in the
    key; what finds no room is counted as `dropped`. `depth`: how many calls of a stack there are at most. `unit`:
    of what is added, where that isn't how often: `ns`, `bytes`. In the kernel it is a hash (`BPF_MAP_TYPE_HASH`) by
    numbers that a `BPF_MAP_TYPE_STACK_TRACE` has the stacks of.
    """

    kind = "Stacks"

    def __init__(self, *, max_entries: int = 10_240, depth: int = DEEPEST, unit: str = "") -> None:
        _check("Stacks", max_entries, depth)
        if not isinstance(unit, str):
            raise DeclarationError(f"the unit of Stacks is text, not {unit!r:.60}", 'Stacks(unit="bytes")')
        super().__init__(None, layout.U64, max_entries, unit)
        self.depth = depth

    def __repr__(self) -> str:
        return f"Stacks of {self.max_entries}"

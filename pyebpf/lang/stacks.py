"""Maps of stacks: where programs were when something happened."""

from __future__ import annotations

from pyebpf import layout
from pyebpf.lang.errors import DeclarationError
from pyebpf.lang.maps import MAX_ENTRIES, Map

DEEPEST = 127
"""PERF_MAX_STACK_DEPTH, and what `kernel.perf_event_max_stack` is unless somebody sets it: the kernel makes no map for
deeper ones."""


class StackTrace(Map):
    """Stacks by numbers, which `get_stackid` gives in a program: `BPF_MAP_TYPE_STACK_TRACE`, Linux 4.6.

    From Python `stacks[number]` is the list of its addresses, the innermost first. `depth`: how many it has at most.
    """

    kind = "StackTrace"

    def __init__(self, *, max_entries: int = 0, depth: int = DEEPEST) -> None:
        for word, number, most in (("max_entries", max_entries, MAX_ENTRIES), ("depth", depth, DEEPEST)):
            if isinstance(number, bool) or not isinstance(number, int) or not 1 <= number <= most:
                text = f"a StackTrace needs {word} from 1 to {most:,}, not {number!r:.60}"
                raise DeclarationError(text, "StackTrace(max_entries=10_240)")
        super().__init__(layout.U32, layout.Array(layout.U64, depth), max_entries)

    def __repr__(self) -> str:
        return f"StackTrace of {self.max_entries}"

"""Arrays of programs as tests see them: slots by number, each with a program's name or nothing."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from typing import Any, final

from pyebpf.ir.module import MapRef
from pyebpf.simulator.state import State


@final
class SlotsView(MutableMapping[int, Any]):
    """A ProgArray; a slot is filled with a probe, or its name."""

    def __init__(self, ref: MapRef, state: State) -> None:
        self.name = ref.name
        self.kind = ref.kind
        self._ref = ref
        self._state = state

    def __getitem__(self, slot: int) -> str:
        return self._state.jumps[self._ref][slot]

    def __setitem__(self, slot: int, program: Any) -> None:
        if not 0 <= slot < self._ref.max_entries:
            raise KeyError(slot)
        name = program if isinstance(program, str) else getattr(program, "__name__", "")
        if all(known.name != name for known in self._state.module.programs):
            raise TypeError(f"{self.name} takes programs of its module, not {program!r}")
        self._state.jumps[self._ref][slot] = name

    def __delitem__(self, slot: int) -> None:
        del self._state.jumps[self._ref][slot]

    def __iter__(self) -> Iterator[int]:
        return iter(sorted(self._state.jumps[self._ref]))

    def __len__(self) -> int:
        return len(self._state.jumps[self._ref])

    def __repr__(self) -> str:
        return f"<ProgArray {self.name}, with {len(self)} programs>"

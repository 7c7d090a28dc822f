"""Memory that programs and Python share: `samples = Arena[Sample](max_entries=1_000_000)`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from pyebpf import layout
from pyebpf.lang.errors import DeclarationError
from pyebpf.lang.types import layout_of
from pyebpf.lang.variables import Declared

MOST_BYTES: Final = (1 << 32) - (1 << 16)
"""Of all arenas of a module together: addresses in one have 32 bits."""


class _Maker:
    """`Arena[T]`, waiting for its arguments."""

    def __init__(self, element: layout.Type) -> None:
        if layout.locks(element) or layout.renewed(element):
            raise DeclarationError(
                "an Arena can't have locks, timers or structs of the kernel in it", "Array[Entry](max_entries=64)"
            )
        self.element = element

    def __call__(self, *, max_entries: int = 0) -> Arena:
        count, size = max_entries, self.element.size
        if isinstance(count, bool) or not isinstance(count, int) or not 1 <= count <= MOST_BYTES // size:
            text = f"an Arena of {self.element} has 1 to {MOST_BYTES // size:,} entries, not {count!r}"
            raise DeclarationError(text, f"Arena[{self.element}](max_entries=1024)")
        return Arena(layout.Array(self.element, count), None)


class Arena(Declared):
    """`Arena[T](max_entries=N)`: N values, zero at first, that a probe uses as an array, `samples[i]`, and that are a
    numpy array in Python, `samples.live()`: the same memory (`BPF_MAP_TYPE_ARENA`), without a map to look up or a
    system call. Linux 6.10."""

    kind = "Arena"

    def __init__(self, *arguments: Any) -> None:
        if len(arguments) != 2:
            raise DeclarationError("an Arena needs its type in brackets", "Arena[u64](max_entries=1024)")
        super().__init__(*arguments)

    def __class_getitem__(cls, element: object) -> _Maker:
        return _Maker(layout_of(element))

    def __len__(self) -> int:
        assert isinstance(self.type, layout.Array)
        return self.type.length

    def __bool__(self) -> bool:
        return True

    def __getitem__(self, index: Any) -> Any:
        return self._loaded()[index]

    def __setitem__(self, index: Any, value: Any) -> None:
        self._loaded()[index] = value

    def __iter__(self) -> Iterator[Any]:
        return iter(self._loaded().value)

    def _loaded(self) -> Any:
        if self.view is None:
            raise RuntimeError("this Arena is not loaded: use it inside `with pyebpf.load(…)`")
        return self.view

    def __repr__(self) -> str:
        return f"Arena of {self.type}"

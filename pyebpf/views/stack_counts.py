"""A map of counts by stacks, in Python."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from sys import byteorder
from typing import TYPE_CHECKING, Any, final

from pyebpf.layout import Struct
from pyebpf.metadata import KERNEL_STACK, NO_ROOM, OTHERS, OWNER, PYTHON_STACK, USER_STACK, StackKey
from pyebpf.pictures.frames import Frame, Resolver, StackCount
from pyebpf.pictures.tables import Row, Table
from pyebpf.records import dataclass
from pyebpf.views.entries import Entries
from pyebpf.views.python_calls import Group, PythonStacks, merged
from pyebpf.views.shown import MOST_ROWS, Shown
from pyebpf.views.stacks import Unresolved, addresses_of
from pyebpf.views.values import text

if TYPE_CHECKING:
    from pyebpf.pictures.document import Picture
    from pyebpf.pictures.lines import Line

NO_STACK = -14
"""EFAULT: there was none, as in a thread of the kernel there is no user's. Other errors are of stacks that found no
place: -EEXIST, where another one has it, and -ENOMEM."""


NATIVE = (KERNEL_STACK, USER_STACK)


@final
@dataclass(frozen=True, slots=True)
class Sample:
    """An entry of the map. Addresses are those of calls, the innermost first; None where the key has no such stack."""

    parts: tuple[Any, ...]
    """Of the key, in the program's order; where a stack is, its addresses, and of Python's stack the calls."""
    others: tuple[Any, ...]
    """The same without the stacks."""
    kernel: tuple[int, ...] | None
    user: tuple[int, ...] | None
    python: tuple[Group, ...]
    pid: int
    """Of the process that the user's stack is in."""
    count: int


@final
class StacksView(Shown, Mapping[Any, int]):
    """A loaded Stacks: counts by keys as the program has them, with tuples of addresses in the place of stacks, the
    innermost call first, and of Frames in that of Python's. `counts()` has their names.

    Everything that was counted is in it, or in `dropped`. Iterating goes over a snapshot, whatever changes meanwhile.
    """

    def __init__(
        self,
        entries: Entries,
        traces: tuple[Entries, ...],
        key: StackKey,
        dropped: Callable[[], int],
        unit: str = "",
        resolver: Callable[[], Resolver] = Unresolved,
        pythons: PythonStacks | None = None,
    ) -> None:
        self.name = entries.name
        self.kind = entries.kind
        self.unit = unit
        """Of what is counted; "" for how often."""
        self._entries = entries
        self._traces = traces
        self._key = key
        self._dropped = dropped
        self._resolver = resolver
        self._pythons = pythons
        self._known: dict[int, tuple[int, ...]] = {}
        """Stacks by number: a number has the same stack for as long as there is the map."""
        self._last: dict[bytes, int] = {}
        """As `growth` has seen it last, by key."""

    # What is in the map

    def _raw(self) -> dict[bytes, int]:
        """Counts by keys as they lie in the kernel."""
        columns = self._entries.columns()
        size = self._entries.shape.key_size
        keys = (bytes(columns.keys[at : at + size]) for at in range(0, columns.count * size, size))
        return dict(zip(keys, self._entries.decode_values(columns), strict=True))

    def _samples(self, counts: Mapping[bytes, int]) -> Iterator[Sample]:
        """What was counted, without what has lost its stack."""
        for raw, count in counts.items():
            key = self._entries.decode_key(raw)
            if self._is_lost(key):
                continue
            numbers = {word: getattr(key, word) for word in NATIVE if word in self._key.parts}
            stacks: dict[str, tuple[Any, ...]] = {word: self._addresses(numbers[word]) for word in numbers}
            python: tuple[Group, ...] = ()
            if PYTHON_STACK in self._key.parts and self._pythons is not None:
                python = self._pythons.groups(getattr(key, PYTHON_STACK))
                stacks[PYTHON_STACK] = tuple(frame for group in python for frame in group)
            parts = tuple(stacks[word] if word in stacks else getattr(key, word) for word in self._key.parts)
            others = tuple(getattr(key, word) for word in self._key.parts if word not in stacks)
            pid = getattr(key, OWNER) if USER_STACK in stacks else 0
            yield Sample(parts, others, stacks.get(KERNEL_STACK), stacks.get(USER_STACK), python, pid, count)

    def _is_lost(self, key: Any) -> bool:
        """Whether a stack of it found no room."""
        numbers = (getattr(key, word) for word in NATIVE if word in self._key.parts)
        full = PYTHON_STACK in self._key.parts and getattr(key, PYTHON_STACK) == NO_ROOM
        return full or any(map(_is_lost, numbers))

    def _addresses(self, number: int) -> tuple[int, ...]:
        if number < 0:
            return ()
        if number not in self._known:
            traces = self._traces[bool(number & OTHERS)]
            value = traces.lookup((number & ~OTHERS).to_bytes(4, byteorder))
            self._known[number] = () if value is None else tuple(addresses_of(value))
        return self._known[number]

    def _mapping(self, counts: Mapping[bytes, int]) -> dict[Any, int]:
        found: Counter[Any] = Counter()
        for sample in self._samples(counts):
            found[sample.parts if len(sample.parts) > 1 else sample.parts[0]] += sample.count
        return dict(found)

    def to_dict(self) -> dict[Any, int]:
        """All counts. Those of one key are added up that are of several processes, where it doesn't tell them apart."""
        return self._mapping(self._raw())

    def __getitem__(self, key: Any) -> int:
        return self.to_dict()[key]

    def __iter__(self) -> Iterator[Any]:
        return iter(self.to_dict())

    def __len__(self) -> int:
        return len(self.to_dict())

    def items(self) -> Any:
        """Keys and counts, of one snapshot."""
        return self.to_dict().items()

    def values(self) -> Any:
        return self.to_dict().values()

    @property
    def total(self) -> int:
        """How much was counted, what was dropped not included."""
        return sum(sample.count for sample in self._samples(self._raw()))

    @property
    def dropped(self) -> int:
        """How much was counted for stacks that found no room: the map was full, or another stack has the place."""
        lost = 0
        for raw, count in self._raw().items():
            lost += count if self._is_lost(self._entries.decode_key(raw)) else 0
        return self._dropped() + lost

    # With names

    def counts(self) -> list[StackCount]:
        """All counts, with the names of what was called; stacks with the same names are one. The greatest first."""
        return self._named(self._raw())

    def most_common(self, count: int | None = None) -> list[StackCount]:
        """The `count` greatest; all of them, if None."""
        return self.counts()[:count]

    def growth(self) -> list[StackCount]:
        """What the counts have grown by since the last call, or in all at the first one. Entries stay in the map, so
        that every count is in one answer."""
        now = self._raw()
        found = {key: count - self._last.get(key, 0) for key, count in now.items()}
        self._last = now
        return self._named({key: count for key, count in found.items() if count > 0})

    def _named(self, counts: Mapping[bytes, int]) -> list[StackCount]:
        resolver = self._resolver()
        found: Counter[tuple[Any, ...]] = Counter()
        frames: dict[tuple[Any, ...], tuple[Frame, ...]] = {}
        for sample in self._samples(counts):
            calls = resolver.kernel(sample.kernel) if sample.kernel else []
            calls += merged(resolver.user(sample.pid, sample.user) if sample.user else [], sample.python)
            same = sample.others, tuple(_identity(frame) for frame in calls)
            frames.setdefault(same, tuple(calls))
            found[same] += sample.count
        return [StackCount(same[0], frames[same], count) for same, count in found.most_common()]

    # As pictures

    def table(self, most: int = MOST_ROWS) -> Table:
        """The greatest counts, with their calls, the innermost first: pictures for terminals are made of it."""
        found = self.counts()
        rows = []
        for each in found[:most]:
            calls = " ← ".join(text(frame.name) or "[unknown]" for frame in each.frames) or "-"
            rows.append(Row(calls, (each.count, *([" ".join(map(text, each.key))] if each.key else []))))
        columns = (self._counted, "key") if found and found[0].key else (self._counted,)
        return Table(self.name, "stack", columns, tuple(rows), len(found), ("stack", "stacks"))

    def lines(self, width: int = 80) -> list[Line]:
        from pyebpf.pictures.tables import table_lines

        return table_lines(self.table(), width)

    def picture(self) -> Picture:
        """A flame graph, as a part of a document."""
        from pyebpf.pictures.flame import flame_picture

        return flame_picture(self.counts(), title=self.name, unit=self._counted)

    def flame_graph(self, title: str = "") -> str:
        """A flame graph of all counts: an SVG document of its own, in which frames can be zoomed and searched for."""
        from pyebpf.pictures.flame import flame_graph

        return flame_graph(self.counts(), title=title or self.name, unit=self._counted)

    def folded(self) -> str:
        """All counts as folded stacks, one a line: `main;work;read 17`, with the other parts of the key first."""
        from pyebpf.pictures.folded import folded

        return folded(self.counts())

    def speedscope(self, title: str = "") -> str:
        """All counts as JSON for https://speedscope.app."""
        from pyebpf.pictures.speedscope import speedscope

        return speedscope(self.counts(), title=title or self.name, unit=self._counted)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a file: a flame graph (`.svg`), speedscope's (`.json`), or folded stacks (`.folded`, `.txt`).
        ValueError for other names."""
        makers = {".svg": self.flame_graph, ".json": self.speedscope, ".folded": self.folded, ".txt": self.folded}
        suffix = os.path.splitext(os.fspath(path))[1].lower()
        if suffix not in makers:
            raise ValueError(f"{os.fspath(path)!r} ends in none of {', '.join(makers)}")
        content = makers[suffix]()
        with open(path, "w", encoding="utf-8", newline="\n") as file:
            file.write(content)

    @property
    def _counted(self) -> str:
        return self.unit or "samples"

    def clear(self) -> None:
        """Begin anew. What programs count just now may be lost, and what is dropped goes on: `growth` loses nothing.
        The kernel keeps the stacks themselves, so that none is taken for another."""
        self._entries.drain()
        self._last = {}

    def fileno(self) -> int:
        """The descriptor of the map that counts, for other tools: open for as long as the session is."""
        return self._entries.fileno()

    def __repr__(self) -> str:
        holds = "closed" if self._entries.closed else f"with {len(self)} stacks"
        return f"<{self.kind} {self.name}, {holds}>"


def stacks_view(
    entries: Entries,
    traces: tuple[Entries, ...],
    key: StackKey,
    dropped: Callable[[], int],
    unit: str = "",
    resolver: Callable[[], Resolver] = Unresolved,
    pythons: PythonStacks | None = None,
) -> StacksView | None:
    """The view of a Stacks; None if the map isn't as the object says."""
    fields = {field.name for field in entries.key_type.fields} if isinstance(entries.key_type, Struct) else set()
    fitting = (
        fields >= set(key.parts) and entries.value_type is not None and all(each.shape.key_size == 4 for each in traces)
    )
    return StacksView(entries, traces, key, dropped, unit, resolver, pythons) if fitting else None


def _identity(frame: Frame) -> tuple[str | int, ...]:
    """What makes two calls the same: the function, wherever in it they are; of Python's also the line."""
    return frame.name, frame.symbol, frame.module, frame.kind, frame.file, frame.line


def _is_lost(number: int) -> bool:
    return number < 0 and number != NO_STACK

"""Which bytes an address leads to, as far as that is known, and whether two of them may be the same.

outer.inner.x       8 bytes into the slot of `outer`
points[i].x         somewhere in `points`, but surely where `points[i]` is while `i` isn't assigned
table[k]            an entry of the map; another than that of a key which is another constant
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias, final

from pyebpf import layout
from pyebpf.ir import ops
from pyebpf.ir.module import MapRef, VariableRef
from pyebpf.records import dataclass

Key: TypeAlias = "int | tuple[ops.Local, int] | None"
"""An index or key: a constant, so much more than a local holds, or unknown."""
Keys: TypeAlias = "frozenset[int | tuple[ops.Local, int]]"
"""One of these; unknown if there are none."""


@final
@dataclass(frozen=True, slots=True)
class Entry:
    """The value in a map; a set of them where the key isn't known."""

    map: MapRef
    key: Key


Root: TypeAlias = "ops.Slot | VariableRef | Entry | ops.RingReserve"


@final
@dataclass(frozen=True, slots=True)
class Step:
    """An index into `length` elements of `size` bytes."""

    key: Key
    size: int
    length: int


@final
@dataclass(frozen=True, slots=True)
class Extent:
    """A `type` at `offset` in `root`, and as many elements further on as `steps` say."""

    root: Root
    type: layout.Type
    offset: int = 0
    steps: tuple[Step, ...] = ()
    base: int = 0
    """Where the array of the first step begins."""

    def __hash__(self) -> int:  # the whole type takes long to hash, and tells few of them apart
        return hash((self.root, self.offset, len(self.steps), self.base))

    @property
    def size(self) -> int:
        return self.type.size

    @property
    def known(self) -> bool:
        """Whether it is one place for certain."""
        entry = isinstance(self.root, Entry) and self.root.key is None
        return not entry and all(step.key is not None for step in self.steps)

    def all(self) -> tuple[int, int]:
        """Where it may begin, and end."""
        return self.offset, self.offset + self.size + sum((step.length - 1) * step.size for step in self.steps)

    def member(self, offset: int, type: layout.Type) -> Extent:
        return Extent(self.root, type, self.offset + offset, self.steps, self.base)

    def element(self, keys: Keys, length: int, type: layout.Type) -> Extent:
        """One of `length` elements. Whether one is counted from the start or from the end, it is the same."""
        same = {each % length if isinstance(each, int) else (each[0], each[1] % length) for each in keys}
        key = same.pop() if len(same) == 1 else None
        if isinstance(key, int):
            return self.member(key * type.size, type)
        base = self.base if self.steps else self.offset
        return Extent(self.root, type, self.offset, (*self.steps, Step(key, type.size, length)), base)

    def told_by(self) -> Iterator[Key]:
        """The indexes and keys that say where it is."""
        if isinstance(self.root, Entry):
            yield self.root.key
        for step in self.steps:
            yield step.key

    def without(self, local: ops.Local) -> Extent:
        """The same, once `local` is assigned anew."""
        root = self.root
        if isinstance(root, Entry) and of(root.key, local):
            root = Entry(root.map, None)
        steps = tuple(Step(None, each.size, each.length) if of(each.key, local) else each for each in self.steps)
        return Extent(root, self.type, self.offset, steps, self.base)


def of(key: Key, local: ops.Local) -> bool:
    """Whether `key` is what `local` holds."""
    return isinstance(key, tuple) and key[0] is local


def _apart(one: Key, other: Key) -> bool:
    """Whether two keys surely differ."""
    if isinstance(one, int) and isinstance(other, int):
        return one != other
    if isinstance(one, tuple) and isinstance(other, tuple):
        return one[0] is other[0] and one[1] != other[1]
    return False


def may_meet(one: Extent, other: Extent) -> bool:
    """Whether the two may have bytes in common."""
    if not _same_root(one.root, other.root):
        return False
    if one.steps == other.steps and one.known and other.known:
        return one.offset < other.offset + other.size and other.offset < one.offset + one.size
    beside = len(one.steps) == len(other.steps) == 1 and one.base == other.base
    if beside and one.steps[0].size == other.steps[0].size and _apart(one.steps[0].key, other.steps[0].key):
        return False  # two elements of one array
    (first, end), (start, stop) = one.all(), other.all()
    return first < stop and start < end


def _same_root(one: Root, other: Root) -> bool:
    if isinstance(one, Entry) and isinstance(other, Entry):
        return one.map is other.map and not _apart(one.key, other.key)
    return one is other


def surely_holds(outer: Extent, inner: Extent) -> bool:
    """Whether all of `inner` surely lies in `outer`."""
    if not (outer.root == inner.root and outer.known):
        return False
    if outer.steps == inner.steps:
        return outer.offset <= inner.offset and inner.offset + inner.size <= outer.offset + outer.size
    first, end = inner.all()
    return not outer.steps and outer.offset <= first and end <= outer.offset + outer.size


def part_of(whole: Extent, part: Extent) -> tuple[int, int]:
    """Where bytes of `whole` begin and end that `part` may have; of such as surely lie beside each other those."""
    if whole.steps == part.steps and whole.known and part.known:
        return max(0, part.offset - whole.offset), min(whole.size, part.offset + part.size - whole.offset)
    return 0, whole.size


def contains(type: layout.Type, inner: layout.Type) -> bool:
    """Whether a `type` has an `inner` inside."""
    match type:
        case layout.Array():
            return type.element == inner or contains(type.element, inner)
        case layout.Struct():
            return any(field.type == inner or contains(field.type, inner) for field in type.fields)
        case _:
            return False

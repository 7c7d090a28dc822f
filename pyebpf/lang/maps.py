"""Maps, as declared at module level: `starts = Hash[u32, u64](max_entries=10_240)`.

While a session is open the declaration is also the map: indexing, iterating and
`len` go to the loaded map's view.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from ipaddress import IPv4Network, IPv6Network
from typing import Any

from pyebpf import layout
from pyebpf.kernel.kptrs import MAPS as KPTR_MAPS
from pyebpf.kernel.map_options import MapOption, options_of
from pyebpf.kernel.maps import MapFlag
from pyebpf.lang.errors import DeclarationError
from pyebpf.lang.home import declaring_scope
from pyebpf.lang.types import layout_of
from pyebpf.nearest import get_close_matches

MAX_ENTRIES = 2**31 - 1


class Map:
    """A declared map. `kind` is its row in `kernel.maps`."""

    kind = ""
    one_type = False
    """Whether one type stands in the brackets."""
    flags = 0
    """What its options set (`MapFlag`)."""
    numa_node = 0
    """The node of memory that it lies on, if `flags` say so."""
    pinned = False
    """Whether it is pinned by its name, in common with other objects that have it so."""

    def __init__(self, key: layout.Type | None, value: layout.Type | None, max_entries: int, unit: str = "") -> None:
        check_own_fields(self.kind, key, value)
        self.key = key
        self.value = value
        self.max_entries = max_entries
        self.unit = unit
        self.home = declaring_scope()
        """The namespace of the module that declares it."""
        self.views: list[Any] = []
        """What it is in each session that is open now."""

    @property
    def view(self) -> Any:
        """The loaded map of the session that was opened last; None while there is none."""
        return self.views[-1] if self.views else None

    def _loaded(self) -> Any:
        if self.view is None:
            raise RuntimeError(f"this {self.kind} is not loaded: use it inside `with pyebpf.load(…)`")
        return self.view

    def __getitem__(self, key: object) -> Any:
        return self._loaded()[key]

    def __setitem__(self, key: object, value: object) -> None:
        self._loaded()[key] = value

    def __delitem__(self, key: object) -> None:
        del self._loaded()[key]

    def __contains__(self, key: object) -> bool:
        return key in self._loaded()

    def __iter__(self) -> Iterator[Any]:
        return iter(self._loaded())

    def __aiter__(self) -> AsyncIterator[Any]:
        return aiter(self._loaded())

    def __reversed__(self) -> Iterator[Any]:
        return iter(reversed(self._loaded()))

    def __len__(self) -> int:
        return len(self._loaded())

    def __bool__(self) -> bool:
        return True

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self._loaded(), name)

    def __repr__(self) -> str:
        types = ", ".join(str(type) for type in (self.key, self.value) if type is not None)
        return f"{self.kind}[{types}]"


LOCKED = ("Hash", "Array", "TaskStorage", "SkStorage", "InodeStorage", "CgroupStorage")
"""Maps whose values may have a lock."""
TIMED = ("Hash", "LruHash", "Array")
"""Maps whose values may have a timer (`map_check_btf` in kernel/bpf/syscall.c)."""


OWN_FIELDS = (
    (layout.SPIN_LOCK, "lock", "SpinLock", LOCKED),
    (layout.TIMER, "timer", "Timer", TIMED),
    (layout.WORK_QUEUE, "work queue", "WorkQueue", TIMED),
)
"""The kernel's own fields of entries: what messages call them, what is written, and which maps have them."""


def check_own_fields(kind: str, key: layout.Type | None, value: layout.Type | None) -> None:
    """Locks and timers are fields of the values, and of maps that all CPUs share."""
    for type, word, name, kinds in OWN_FIELDS:
        found = layout.places_of(type, value)
        if layout.places_of(type, key):
            raise DeclarationError(f"a key can't have {word}s in it", _example_of(word))
        if found and kind not in kinds:
            raise DeclarationError(f"a {kind} can't have {word}s in it", _example_of(word))
        fields = value.fields if isinstance(value, layout.Struct) else ()
        direct = [field for field in fields if field.type == type and field.offset % type.align == 0]
        if found and not (len(found) == len(direct) == 1):
            field = word.partition(" ")[0]
            raise DeclarationError(f"an entry has one {name}, as a field of its struct", f"{field}: {name}")

    held = layout.kept_structs(value)
    if layout.kept_structs(key) or (held and kind not in KPTR_MAPS):
        what = "a key" if layout.kept_structs(key) else f"a {kind}"
        raise DeclarationError(f"{what} can't hold structs of the kernel's", "Hash[u32, Slot](max_entries=64)")


def _example_of(word: str) -> str:
    return f"Hash[u32, {'Account' if word == 'lock' else 'Flow'}](max_entries=64)"


class _Maker:
    """`Hash[K, V]`, waiting for its arguments."""

    def __init__(self, cls: type[Map], key: layout.Type | None, value: layout.Type | None) -> None:
        self.cls = cls
        self.key = key
        self.value = value

    def __call__(self, *arguments: object, **options: Any) -> Map:
        option = "size" if self.cls is RingBuf else "max_entries"
        if arguments:
            raise DeclarationError(f"{self.cls.kind} takes keyword arguments only", self._example(option, arguments[0]))
        known = (option, *(each.name for each in options_of(self.cls.kind)))
        unknown = [name for name in options if name not in known]
        if unknown:
            given = options.get(option, options[unknown[0]])
            near = [
                f"{each.name}={0 if each.default is None else not each.default}" for each in options_of(self.cls.kind)
            ]
            near = get_close_matches(unknown[0], near, cutoff=0.5)
            example = self._example(option, options.get(option) if near else given, "".join(near))
            raise DeclarationError(f"{self.cls.kind} has no option {unknown[0]!r}", example)
        if option not in options:
            raise DeclarationError(f"{self.cls.kind} needs {option}", self._example(option, None))
        count = options.pop(option)
        if isinstance(count, bool) or not isinstance(count, int) or not 1 <= count <= MAX_ENTRIES:
            raise DeclarationError(f"{option} is an integer from 1 to 2**31 - 1, not {count!r}")
        if self.cls is RingBuf and (count & (count - 1) or count < 4096):
            power = max(4096, 1 << (count - 1).bit_length())
            raise DeclarationError(
                f"a ring's size is a power of two of at least 4096 bytes, not {count}", f"size={power}"
            )
        made = self.cls(self.key, self.value, count)
        for each in options_of(self.cls.kind):
            if each.name in options:
                _set_option(made, each, options[each.name])
        if made.flags & MapFlag.NUMA_NODE and made.flags & MapFlag.NO_COMMON_LRU:
            raise DeclarationError("lists for each CPU lie where that CPU is: numa_node doesn't go with per_cpu_lists")
        return made

    def _example(self, option: str, count: object, more: str = "") -> str:
        """How it is written, with the number that was given if there was one; `more`: another option."""
        types = [self.value] if self.cls.one_type else [self.key, self.value]
        number = count if isinstance(count, int) and not isinstance(count, bool) else _EXAMPLE[option]
        rest = f", {more}" if more else ""
        return f"{self.cls.kind}[{', '.join(map(str, types))}]({option}={number}{rest})"


def _written(option: MapOption) -> str:
    """An option as somebody would write it."""
    return f"{option.name}={0 if option.default is None else not option.default}"


def _set_option(made: Map, option: MapOption, value: object) -> None:
    if option.default is None:
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < MAX_NODES:
            raise DeclarationError(f"{option.name} is a number from 0, not {value!r}", f"{option.name}=0")
        made.numa_node = value
    elif not isinstance(value, bool):
        raise DeclarationError(f"{option.name} is True or False, not {value!r}", f"{option.name}={not option.default}")
    elif value is option.default:
        return
    if option.flag is None:
        made.pinned = True
        return
    if option.flag in (MapFlag.MMAPABLE, MapFlag.RDONLY_PROG):
        for own, word, _, _ in OWN_FIELDS:
            if layout.places_of(own, made.value):
                raise DeclarationError(f"a map with {option.name} can't have {word}s in it")
        if layout.kept_structs(made.value):
            raise DeclarationError(f"a map with {option.name} can't hold structs of the kernel's")
    made.flags |= option.flag


MAX_NODES = 1 << 10
"""CONFIG_NODES_SHIFT is at most 10."""
_EXAMPLE = {"size": "256 * 1024", "max_entries": "10_240"}


def _pair(cls: type[Map], types: object) -> tuple[layout.Type, layout.Type]:
    if not isinstance(types, tuple) or len(types) != 2:
        raise DeclarationError(f"{cls.kind} takes a key type and a value type", f"{cls.kind}[u32, u64]")
    return layout_of(types[0]), layout_of(types[1])


def _one(cls: type[Map], type: object) -> layout.Type:
    if isinstance(type, tuple):
        raise DeclarationError(f"{cls.kind} takes one type, that of its values", f"{cls.kind}[u64]")
    return layout_of(type)


class _Keyed(Map):
    def __class_getitem__(cls, types: object) -> _Maker:
        return _Maker(cls, *_pair(cls, types))

    def __init__(self, *arguments: Any, **options: Any) -> None:
        _declared(type(self), arguments)
        super().__init__(*arguments, **options)


class _Single(Map):
    """Maps with values only."""

    one_type = True

    def __class_getitem__(cls, type: object) -> _Maker:
        return _Maker(cls, None, _one(cls, type))

    def __init__(self, *arguments: Any, **options: Any) -> None:
        _declared(type(self), arguments)
        super().__init__(*arguments, **options)


class _Indexed(_Single):
    def __class_getitem__(cls, type: object) -> _Maker:
        return _Maker(cls, layout.U32, _one(cls, type))


def _declared(cls: type[Map], arguments: tuple[object, ...]) -> None:
    if len(arguments) != 3:
        types = "u64" if cls.one_type else "IPv4Network, u8" if cls.kind == "LpmTrie" else "u32, u64"
        option = "size=256 * 1024" if cls.kind == "RingBuf" else "max_entries=10_240"
        raise DeclarationError(f"{cls.kind} needs its types in brackets", f"{cls.kind}[{types}]({option})")


class Hash(_Keyed):
    """A hash table: `BPF_MAP_TYPE_HASH`, Linux 3.19. Full at `max_entries`: a new key is then a MemoryError."""

    kind = "Hash"


class LruHash(_Keyed):
    """A hash table that drops its least recently used entries when full: `BPF_MAP_TYPE_LRU_HASH`, Linux 4.10."""

    kind = "LruHash"


class PerCpuHash(_Keyed):
    """A hash table with a value for each CPU: `BPF_MAP_TYPE_PERCPU_HASH`, Linux 4.6."""

    kind = "PerCpuHash"


class LruPerCpuHash(_Keyed):
    """As PerCpuHash, dropping least recently used entries when full: `BPF_MAP_TYPE_LRU_PERCPU_HASH`, Linux 4.10."""

    kind = "LruPerCpuHash"


class LpmTrie(_Keyed):
    """Networks; an address finds the longest prefix that it lies in: `BPF_MAP_TYPE_LPM_TRIE`, Linux 4.11.

    From Python its keys are `ipaddress` networks, or their text; an address stands for the network of it alone.
    """

    kind = "LpmTrie"

    def __class_getitem__(cls, types: object) -> _Maker:
        example = "LpmTrie[IPv4Network, u8](max_entries=1024)"
        if not isinstance(types, tuple) or len(types) != 2:
            raise DeclarationError("LpmTrie takes the type of its networks and a value type", example)
        networks: dict[object, layout.Type] = {IPv4Network: layout.IPV4_NETWORK, IPv6Network: layout.IPV6_NETWORK}
        key = networks.get(types[0]) if isinstance(types[0], type) else None
        if key is None:
            raise DeclarationError("the keys of an LpmTrie are IPv4Network or IPv6Network", example)
        return _Maker(cls, key, layout_of(types[1]))


class Array(_Indexed):
    """`max_entries` values, zero at first: `BPF_MAP_TYPE_ARRAY`, Linux 3.19."""

    kind = "Array"


class PerCpuArray(_Indexed):
    """`max_entries` values for each CPU: `BPF_MAP_TYPE_PERCPU_ARRAY`, Linux 4.6."""

    kind = "PerCpuArray"


class Queue(_Single):
    """First in, first out: `BPF_MAP_TYPE_QUEUE`, Linux 4.20. Holds `max_entries`; one more is a MemoryError."""

    kind = "Queue"


class Stack(_Single):
    """Last in, first out: `BPF_MAP_TYPE_STACK`, Linux 4.20. Holds `max_entries`; one more is a MemoryError."""

    kind = "Stack"


class BloomFilter(_Single):
    """A set that answers "surely not" or "probably": `BPF_MAP_TYPE_BLOOM_FILTER`, Linux 5.16."""

    kind = "BloomFilter"


class RingBuf(_Single):
    """`RingBuf[Event](size=BYTES)`: events in order, shared by all CPUs: `BPF_MAP_TYPE_RINGBUF`, Linux 5.8.

    Events are structs. Records of a `RingBuf[bytes]` or a `RingBuf[str]` have any length, and those of a
    `RingBuf[Head, bytes]` are a struct and what follows it (Linux 5.19).
    """

    kind = "RingBuf"

    def __class_getitem__(cls, type: object) -> _Maker:
        return _Maker(cls, None, _record(type))

    def __repr__(self) -> str:
        return f"RingBuf[{layout.record_name(self.value)}]"


_TAILS: dict[object, layout.Type] = {bytes: layout.BYTES, str: layout.TEXT}


def _record(type: object) -> layout.Type:
    """What a ring carries."""
    if type is bytes or type is str:
        return _TAILS[type]
    head, *tails = type if isinstance(type, tuple) else (type,)
    event = layout_of(head)
    if not isinstance(event, layout.Struct):
        raise DeclarationError(f"a ring carries structs, not {event}", "RingBuf[Event](size=256 * 1024)")
    if not tails:
        return event
    if len(tails) != 1 or tails[0] not in (bytes, str):
        raise DeclarationError("what follows a struct in a ring is bytes or str", "RingBuf[Event, bytes](size=4096)")
    name = "text" if tails[0] is str else "data"
    fields = (layout.Field("head", event, 0), layout.Field(name, _TAILS[tails[0]], event.size))
    return layout.Struct(f"{event.name}, {tails[0].__name__}", fields, event.size, event.align)


KINDS = (
    *(Hash, LruHash, PerCpuHash, LruPerCpuHash, LpmTrie),
    *(Array, PerCpuArray),
    *(Queue, Stack, BloomFilter, RingBuf),
)

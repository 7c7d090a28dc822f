"""Memory types: what lies in maps, events and globals, byte by byte.

The compiler lays memory out with these types and the runtime decodes it with
the same ones, so the two cannot disagree. They hold no behaviour beyond size
and alignment, which follow the C ABI of the BPF target: natural alignment,
pointers of eight bytes.
"""

from __future__ import annotations

from typing import Literal, TypeAlias, final

from pyebpf.records import dataclass

View = Literal["int", "ipv4", "ipv6", "mac"]


@final
@dataclass(frozen=True, slots=True)
class Integer:
    """An integer of 1, 2, 4 or 8 bytes. `big_endian` fields hold network order and read as host numbers."""

    name: str
    size: int
    signed: bool = False
    big_endian: bool = False
    view: View = "int"
    """How Python shows the value: a plain int, or an `ipaddress` object."""

    @property
    def align(self) -> int:
        return self.size

    @property
    def minimum(self) -> int:
        return -(1 << (self.size * 8 - 1)) if self.signed else 0

    @property
    def maximum(self) -> int:
        return (1 << (self.size * 8 - self.signed)) - 1

    def __str__(self) -> str:
        return self.name


@final
@dataclass(frozen=True, slots=True)
class Boolean:
    """One byte, 0 or 1."""

    size: int = 1
    align: int = 1

    def __str__(self) -> str:
        return "bool"


@final
@dataclass(frozen=True, slots=True)
class Enumeration:
    """A Python `IntEnum`, stored as `base`; `members` maps names to values."""

    name: str
    base: Integer
    members: tuple[tuple[str, int], ...]

    @property
    def size(self) -> int:
        return self.base.size

    @property
    def align(self) -> int:
        return self.base.align

    def __str__(self) -> str:
        return self.name


@final
@dataclass(frozen=True, slots=True)
class Text:
    """`char[N]`: text padded with NUL, decoded as UTF-8 up to the first NUL."""

    length: int

    @property
    def size(self) -> int:
        return self.length

    @property
    def align(self) -> int:
        return 1

    def __str__(self) -> str:
        return f"char[{self.length}]"


@final
@dataclass(frozen=True, slots=True)
class Array:
    """`T[N]`: `length` elements, one after the other."""

    element: Type
    length: int

    @property
    def size(self) -> int:
        return self.element.size * self.length

    @property
    def align(self) -> int:
        return self.element.align

    def __str__(self) -> str:
        return f"{self.element}[{self.length}]"


@final
@dataclass(frozen=True, slots=True)
class Address:
    """An address of several bytes that Python shows as one object: IPv6 (16 bytes) or MAC (6 bytes)."""

    name: str
    size: int
    view: View
    align: int = 1

    def __str__(self) -> str:
        return self.name


@final
@dataclass(frozen=True, slots=True)
class Field:
    """A member of a struct. `bits` is zero for whole fields; `bit_offset` counts from the field's own byte offset."""

    name: str
    type: Type
    offset: int
    bits: int = 0
    bit_offset: int = 0


@final
@dataclass(frozen=True, slots=True)
class Struct:
    """A struct with its fields in order of offset; padding is what no field covers. A union has all at offset 0."""

    name: str
    fields: tuple[Field, ...]
    size: int
    align: int
    is_union: bool = False

    @property
    def kind(self) -> str:
        return "union" if self.is_union else "struct"

    @property
    def covered(self) -> int:
        """Bytes from the start up to the end of the last field."""
        return max((field.offset + field.type.size for field in self.fields), default=0)

    def field(self, name: str) -> Field | None:
        return next((field for field in self.fields if field.name == name), None)

    def __str__(self) -> str:
        return self.name


Type: TypeAlias = Integer | Boolean | Enumeration | Text | Array | Address | Struct

U8 = Integer("u8", 1)
U16 = Integer("u16", 2)
U32 = Integer("u32", 4)
U64 = Integer("u64", 8)
I8 = Integer("i8", 1, signed=True)
I16 = Integer("i16", 2, signed=True)
I32 = Integer("i32", 4, signed=True)
I64 = Integer("i64", 8, signed=True)
BE16 = Integer("be16", 2, big_endian=True)
BE32 = Integer("be32", 4, big_endian=True)
BE64 = Integer("be64", 8, big_endian=True)
BOOL = Boolean()
IPV4 = Integer("IPv4Address", 4, big_endian=True, view="ipv4")
IPV6 = Address("IPv6Address", 16, "ipv6")
MAC = Address("MacAddress", 6, "mac")
SPIN_LOCK = Struct("bpf_spin_lock", (Field("val", U32, 0),), 4, 4)
"""What `with entry.lock:` holds. The kernel knows it by its name."""
TIMER = Struct("bpf_timer", (Field("opaque", Array(U64, 2), 0),), 16, 8)
"""What `entry.timer.start(…)` starts. The kernel knows it by its name."""
WORK_QUEUE = Struct("bpf_wq", (Field("opaque", Array(U64, 2), 0),), 16, 8)
"""What `entry.work.start(…)` starts. The kernel knows it by its name."""
LATER = (TIMER, WORK_QUEUE)
"""What calls a function later."""
KERNELS_OWN = (SPIN_LOCK, *LATER)
"""Fields that only the kernel reads and writes, once they are in a map."""
IPV4_NETWORK = Struct("IPv4Network", (Field("prefixlen", U32, 0), Field("address", IPV4, 4)), 8, 4)
"""A key of an LPM trie (`struct bpf_lpm_trie_key`): bits that count, and the address."""
IPV6_NETWORK = Struct("IPv6Network", (Field("prefixlen", U32, 0), Field("address", IPV6, 4)), 20, 4)


def round_up(offset: int, align: int) -> int:
    """`offset` raised to the next multiple of `align`."""
    return (offset + align - 1) // align * align


def struct_of(
    name: str,
    members: tuple[tuple[str, Type] | tuple[str, Type, int], ...],
    *,
    packed: bool = False,
    union: bool = False,
) -> Struct:
    """Lay `members` out as C does: each at its natural alignment, the whole padded to the largest.

    A third item makes a bit field of so many bits: it follows the one before, unless it would cross a boundary of its
    type's size. (The System V rules, which clang keeps to for the BPF target.)
    """
    end, align = 0, 1  # `end` in bits
    fields = []
    for field_name, field_type, *width in members:
        bits, unit = width[0] if width else 0, field_type.size * 8
        field_align = 1 if packed else field_type.align
        start = 0 if union else end if bits else round_up(end, field_align * 8)
        if bits and not packed and start % unit + bits > unit:
            start = round_up(start, field_align * 8)
        offset = start // unit * field_type.size if bits else start // 8
        fields.append(Field(field_name, field_type, offset, bits, start - offset * 8 if bits else 0))
        end = max(end, start + (bits or unit))
        align = max(align, field_align)
    size = round_up(round_up(end, 8) // 8, align)
    if packed:
        fields = [_inside(field, size) if field.bits else field for field in fields]
    return Struct(name, tuple(fields), size, align, union)


def _inside(field: Field, size: int) -> Field:
    """A bit field of a packed struct of `size` bytes: cut from the smallest number around it that lies inside."""
    start = field.offset * 8 + field.bit_offset
    unit = field.type.base if isinstance(field.type, Enumeration) else field.type
    if not isinstance(unit, Integer):
        return field
    for narrow in (U8, U16, U32, U64):
        offset = max(min(start // 8, size - narrow.size), 0)
        if start - offset * 8 + field.bits <= narrow.size * 8 and narrow.size <= size:
            type: Type = Integer(f"{'i' if unit.signed else 'u'}{narrow.size * 8}", narrow.size, unit.signed)
            if isinstance(field.type, Enumeration):
                type = Enumeration(field.type.name, type, field.type.members)  # type: ignore[arg-type]
            return Field(field.name, type, offset, field.bits, start - offset * 8)
    return Field(field.name, field.type, size, field.bits, field.bit_offset)  # none: outside, for the caller to refuse


def tail_of(type: Type) -> tuple[Type | None, Type | None]:
    """A record of a ring: the part of fixed size, and what follows it, of any length: text, or an array of bytes.

    What may be of any length has a size of zero here; no other type has.
    """
    if type.size == 0:
        return None, type
    if isinstance(type, Struct) and not type.is_union and len(type.fields) == 2 and type.fields[1].type.size == 0:
        return type.fields[0].type, type.fields[1].type
    return type, None


BYTES = Array(U8, 0)
"""The records of a `RingBuf[bytes]`."""
TEXT = Text(0)
"""Those of a `RingBuf[str]`."""


def record_name(type: Type | None) -> str:
    """What a ring carries, as it stands in the brackets."""
    return {BYTES: "bytes", TEXT: "str"}.get(type, str(type)) if type is not None else "…"


def unions(type: Type | None) -> bool:
    """Whether there is a union in it."""
    match type:
        case Array():
            return unions(type.element)
        case Struct():
            return type.is_union or any(unions(field.type) for field in type.fields)
        case _:
            return False


def locks(type: Type | None) -> tuple[int, ...]:
    """Where in `type` its spin locks are, in bytes from its start."""
    return places_of(SPIN_LOCK, type)


def timers(type: Type | None) -> tuple[int, ...]:
    """Where in `type` its timers and work queues are, in bytes from its start."""
    return places_of(TIMER, type) + places_of(WORK_QUEUE, type)


def kept(struct: str) -> Struct:
    """A field that refers to a struct of the kernel's, and keeps it (a kptr). No struct of a probe has such a name."""
    return Struct(f"struct {struct} *", (Field("address", U64, 0),), 8, 8)


def kept_struct(type: Type | None) -> str:
    """What a field of the type refers to; "" for other types."""
    name = type.name.removeprefix("struct ").removesuffix(" *") if isinstance(type, Struct) else ""
    return name if name and type == kept(name) else ""


def kept_structs(type: Type | None) -> tuple[str, ...]:
    """The structs of the kernel that a value of the type holds."""
    match type:
        case Struct() if kept_struct(type):
            return (kept_struct(type),)
        case Struct():
            return tuple(name for field in type.fields for name in kept_structs(field.type))
        case Array():
            return kept_structs(type.element)
        case _:
            return ()


def renewed(type: Type | None) -> bool:
    """Whether a value of the type that is written as a whole is a new one: timers end, and what was held is let go."""
    return bool(timers(type) or kept_structs(type))


def places_of(wanted: Struct, type: Type | None) -> tuple[int, ...]:
    """Where in `type` a `wanted` lies, in bytes from its start."""
    match type:
        case Struct():
            if type == wanted:
                return (0,)
            return tuple(field.offset + at for field in type.fields for at in places_of(wanted, field.type))
        case Array():
            inside = places_of(wanted, type.element)
            return tuple(number * type.element.size + at for number in range(type.length) for at in inside)
        case _:
            return ()


def padding(struct: Struct) -> tuple[tuple[int, int], ...]:
    """The `(offset, size)` gaps of `struct` that no field covers, nested structs left to themselves."""
    gaps = []
    end = 0
    for field in sorted(struct.fields, key=lambda field: field.offset):
        start, size = field.offset, field.type.size
        if field.bits:  # only the bytes that it has bits in
            start += field.bit_offset // 8
            size = (field.bit_offset % 8 + field.bits + 7) // 8
        if start > end:
            gaps.append((end, start - end))
        end = max(end, start + size)
    if struct.size > end:
        gaps.append((end, struct.size - end))
    return tuple(gaps)

"""The types that BTF describes, decoded: a frozen class per kind.

Type ids are those of the BTF that the type was read from; 0 is `void`. Sizes and
offsets are in bytes unless a name says bits.

Source: the kernel's documentation, "BPF Type Format (BTF)". BTF is in kernels since 4.18, of
the running kernel in /sys/kernel/btf since 5.4.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Literal, TypeAlias, final

from pyebpf.records import dataclass


class Kind(IntEnum):
    """`BTF_KIND_*`."""

    VOID = 0
    INT = 1
    PTR = 2
    ARRAY = 3
    STRUCT = 4
    UNION = 5
    ENUM = 6
    FWD = 7
    TYPEDEF = 8
    VOLATILE = 9
    CONST = 10
    RESTRICT = 11
    FUNC = 12
    FUNC_PROTO = 13
    VAR = 14
    DATASEC = 15
    FLOAT = 16  # 5.13
    DECL_TAG = 17  # 5.16
    TYPE_TAG = 18  # 5.17
    ENUM64 = 19  # 6.0


ModifierWord = Literal["const", "volatile", "restrict", "type_tag"]


@final
@dataclass(frozen=True, slots=True)
class Void:
    """Type id 0."""

    name: str = "void"


@final
@dataclass(frozen=True, slots=True)
class Int:
    """An integer. `bits` is smaller than `size` * 8 only in bit fields as old compilers wrote them."""

    name: str
    size: int
    bits: int
    bit_offset: int
    signed: bool
    character: bool
    boolean: bool


@final
@dataclass(frozen=True, slots=True)
class Pointer:
    """A pointer to `type_id`."""

    type_id: int
    name: str = ""


@final
@dataclass(frozen=True, slots=True)
class Array:
    """`length` elements; 0 for a flexible array."""

    type_id: int
    index_type_id: int
    length: int
    name: str = ""


@final
@dataclass(frozen=True, slots=True)
class Member:
    """A member of a struct or union. `bit_offset` counts from the struct's start; `bit_size` is 0 if no bit field."""

    name: str
    type_id: int
    bit_offset: int
    bit_size: int


@final
@dataclass(frozen=True, slots=True)
class Struct:
    """A struct or union."""

    name: str
    size: int
    members: tuple[Member, ...]
    is_union: bool


@final
@dataclass(frozen=True, slots=True)
class Enum:
    """An enumeration of 1, 2, 4 or 8 bytes."""

    name: str
    size: int
    signed: bool
    values: tuple[tuple[str, int], ...]
    kind: Literal[Kind.ENUM, Kind.ENUM64]


@final
@dataclass(frozen=True, slots=True)
class Forward:
    """A struct or union that is only declared."""

    name: str
    is_union: bool


@final
@dataclass(frozen=True, slots=True)
class Typedef:
    """Another name for `type_id`."""

    name: str
    type_id: int


@final
@dataclass(frozen=True, slots=True)
class Modifier:
    """`const`, `volatile` or `restrict` around `type_id`; or a type tag, of text `name` (`user`, `rcu`, `percpu`)."""

    word: ModifierWord
    type_id: int
    name: str = ""
    attribute: bool = False
    """Whether a tag's text is any attribute of the compiler's, such as `address_space(1)`: since 6.14."""


@final
@dataclass(frozen=True, slots=True)
class Function:
    """A function of prototype `type_id`. `linkage`: 0 static, 1 global, 2 extern."""

    name: str
    type_id: int
    linkage: int


@final
@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter. One without name and type, the last, stands for `...`."""

    name: str
    type_id: int


@final
@dataclass(frozen=True, slots=True)
class FunctionPrototype:
    """Parameters and the type of the result."""

    return_type_id: int
    parameters: tuple[Parameter, ...]
    name: str = ""


@final
@dataclass(frozen=True, slots=True)
class Variable:
    """A global variable. `linkage`: 0 static, 1 global, 2 extern."""

    name: str
    type_id: int
    linkage: int


@final
@dataclass(frozen=True, slots=True)
class SectionEntry:
    """A variable (or, in `.ksyms`, a function) and where it lies in its section."""

    type_id: int
    offset: int
    size: int


@final
@dataclass(frozen=True, slots=True)
class DataSection:
    """An ELF data section and its variables."""

    name: str
    size: int
    entries: tuple[SectionEntry, ...]


@final
@dataclass(frozen=True, slots=True)
class Float:
    """A floating-point type."""

    name: str
    size: int


@final
@dataclass(frozen=True, slots=True)
class DeclarationTag:
    """A tag (`name`) on `type_id`, or on its member or parameter number `component` (-1: the whole)."""

    name: str
    type_id: int
    component: int
    attribute: bool = False
    """Whether the text is any attribute of the compiler's, such as `preserve_access_index`: since 6.14."""


BtfType: TypeAlias = (
    Void
    | Int
    | Pointer
    | Array
    | Struct
    | Enum
    | Forward
    | Typedef
    | Modifier
    | Function
    | FunctionPrototype
    | Variable
    | DataSection
    | Float
    | DeclarationTag
)


@final
@dataclass(frozen=True, slots=True)
class MemberAccess:
    """How to get at a member of a struct.

    `path` has the member's number at each level, those of nameless structs and unions in
    between included, as CO-RE access strings write them behind the leading `0`.

    For a bit field `bit_size` is not 0, `byte_offset` is that of the unit of the declared type that
    holds it, and `bit_offset` counts from there: from the least significant bit on little-endian
    machines, from the most significant one on big-endian machines.
    """

    path: tuple[int, ...]
    byte_offset: int
    type_id: int
    bit_size: int = 0
    bit_offset: int = 0

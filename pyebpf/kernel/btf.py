"""Reads BTF: the type information of the running kernel, of a file, of an object.

Comes in: bytes that anybody may have written. Goes out: types, decoded one by one when somebody asks
(`btf_types`). One pass over the type section finds where each type starts and which names exist
(`btf_index`); for large BTF its result is kept on disk (`btf_cache`).

Source: the kernel's documentation, "BPF Type Format (BTF)".
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Iterable, Iterator
from functools import cache, partial
from os import PathLike
from typing import Final

from pyebpf.kernel import btf_types as types
from pyebpf.kernel.btf_cache import open_index
from pyebpf.kernel.btf_files import FOLDER, KERNEL, RUNNING, contents, mapped, read
from pyebpf.kernel.btf_names import UTF_8, encode, essential
from pyebpf.kernel.btf_sections import MAGIC, BtfError, Data, Header, Sections
from pyebpf.kernel.btf_types import BtfType, Kind, MemberAccess

_DEEPEST: Final = 128
"""Levels of arrays, typedefs and modifiers followed before the BTF is called circular."""

__all__ = ["Btf", "BtfError", "Kind", "MemberAccess"]


class Btf:
    """BTF, decoded lazily. With a `base` its ids and strings continue those of the base (a module's BTF)."""

    def __init__(self, data: Data, base: Btf | None = None, *, running: bool = False) -> None:
        """`running`: it is the running kernel's. Raises BtfError."""
        self._header = Header.read(data)
        self.base = base
        self.big_endian = self._header.big_endian
        if base is not None and base.big_endian != self.big_endian:
            raise BtfError("BTF and its base have different byte orders")
        self._sections: Sections = Sections(data, self._header, base._sections if base else None)
        self._index = open_index(self._sections, running=running)
        self._data = data
        self._first: int = base.count if base else 1
        self._order = ">" if self.big_endian else "<"
        self._three = struct.Struct(self._order + "III")
        self._u32 = struct.Struct(self._order + "I")
        self._decoded: dict[int, BtfType] = {}
        self._modules: Callable[[], Iterable[tuple[str, Btf]]] = _modules if running else tuple

    @property
    def count(self) -> int:
        """One more than the largest type id."""
        return self._first + self._index.count

    @staticmethod
    def from_bytes(data: bytes, base: Btf | None = None) -> Btf:
        """Read raw BTF of either byte order. Raises BtfError."""
        return Btf(data, base)

    @staticmethod
    def empty(*, big_endian: bool) -> Btf:
        """No types at all, of a kernel of this byte order."""
        order = ">" if big_endian else "<"
        return Btf.from_bytes(struct.pack(order + "HBBIIIII", MAGIC, 1, 0, 24, 0, 0, 0, 1) + b"\0")

    @staticmethod
    def running() -> Btf:
        """The running kernel's BTF, read once per process. Raises BtfError if it has none."""
        return _running()

    @staticmethod
    def modules() -> Iterator[tuple[str, Btf]]:
        """Name and BTF of every module of the running kernel that has it: since 5.11. Raises BtfError."""
        return _modules()

    @staticmethod
    def module(name: str) -> Btf:
        """The BTF of a module of the running kernel, on top of the kernel's own. Raises BtfError if it has none."""
        return _module(name)

    @staticmethod
    def from_file(path: str | PathLike[str]) -> Btf:
        """Raw BTF, or an ELF file's `.BTF` section, on top of its `.BTF.base` if it has one (modules, since 6.11).

        Raises BtfError.
        """
        try:
            data, below = read(path)
            return Btf(data, Btf(below) if below is not None else None)
        except BtfError as error:
            raise BtfError(f"{path}: {error}") from None

    @staticmethod
    def from_folder(path: str | PathLike[str]) -> Btf:
        """What a copy of a kernel's /sys/kernel/btf has: `vmlinux`, and the BTF of modules. Raises BtfError."""
        found = Btf.from_file(f"{os.fspath(path)}/{KERNEL}")
        found._modules = partial(_in_folder, os.fspath(path), found)
        return found

    def whole(self) -> Iterator[tuple[str, Btf]]:
        """This BTF, by the name "", then those of the kernel's modules, as far as they are known. Raises BtfError."""
        yield "", self
        yield from self._modules()

    def search(self, name: str, kind: Kind) -> tuple[str, Btf, int] | None:
        """The first type of that name and kind, here or else in one of the modules: the module's name, "" for the
        kernel itself; its BTF; the id there. Raises BtfError."""
        for module, btf in self.whole():
            found = btf.find(name, kind)
            if found is not None:
                return module, btf, found
        return None

    def type(self, type_id: int) -> BtfType:
        """Type `type_id`. Raises BtfError if there is no such id or it is malformed."""
        if type_id == 0:
            return types.Void()
        if self.base is not None and 0 < type_id < self._first:
            return self.base.type(type_id)
        found = self._decoded.get(type_id)
        if found is None:
            place = self._place(type_id)
            try:
                found = self._decode(place)
            except (struct.error, ValueError) as error:
                raise BtfError(f"type {type_id} is malformed: {error}") from None
            except BtfError as error:
                raise BtfError(f"type {type_id}: {error}") from None
            self._decoded[type_id] = found
        return found

    def kind(self, type_id: int) -> Kind:
        """The kind of type `type_id`, without decoding it."""
        if type_id == 0:
            return Kind.VOID
        if self.base is not None and 0 < type_id < self._first:
            return self.base.kind(type_id)
        return Kind(self._word(self._place(type_id) + 4) >> 24 & 0x1F)

    def _place(self, type_id: int) -> int:
        """Where type `type_id` stands in the type section."""
        place = self._index.offset(type_id - self._first) if type_id >= self._first else None
        if place is None:
            raise BtfError(f"no type {type_id}: ids end at {self.count - 1}")
        return place

    def name(self, type_id: int) -> str:
        """The name of type `type_id`; "" if it has none."""
        return self.type(type_id).name

    def find(self, name: str, kind: Kind) -> int | None:
        """The first type of that name and kind, those of the base before others."""
        if self.base is None and name:
            early = self._index.early(lambda: self._offsets(name), kind)
            if early is not None:
                return self._first + early
        return next((type_id for type_id in self.find_all(name) if self.kind(type_id) is kind), None)

    def find_all(self, name: str) -> tuple[int, ...]:
        """The ids of all types of that name, in order."""
        wanted = encode(name)
        own = (type_id for type_id in self._named(essential(name)) if self._raw_name(type_id) == wanted)
        return (*(self.base.find_all(name) if self.base else ()), *own)

    def flavours(self, name: str) -> tuple[int, ...]:
        """The ids of all types whose essential name is `name`, in order: of `name` and of `name___x`."""
        own = (type_id for type_id in self._named(name) if essential(self._raw_name(type_id).decode(*UTF_8)) == name)
        return (*(self.base.flavours(name) if self.base else ()), *own)

    def _named(self, essential_name: str) -> Iterator[int]:
        """The types that may have this essential name, without those of the base."""
        if essential_name:
            yield from (self._first + number for number in self._index.named(encode(essential_name)))

    def _raw_name(self, type_id: int) -> bytes:
        try:
            return self._sections.string(self._word(self._place(type_id)))
        except struct.error as error:
            raise BtfError(f"type {type_id} is malformed: {error}") from None

    def names(self, kind: Kind, prefix: str = "") -> Iterator[tuple[str, int]]:
        """Name and id of every type of `kind` whose name starts with `prefix`, those of the base first."""
        if self.base:
            yield from self.base.names(kind, prefix)
        if not prefix:
            found = (number for _, number in self._index.all_named())
        else:
            offsets = dict.fromkeys(self._sections.occurrences(encode(prefix)))
            found = (number for offset in offsets for number in self._index.at(offset))
        for number in found:
            type_id = self._first + number
            if self.kind(type_id) is kind:
                yield self._raw_name(type_id).decode(*UTF_8), type_id

    def _offsets(self, name: str) -> frozenset[int]:
        """Where `name` stands among the strings, also as the tail of a longer one (names may share their ends)."""
        return frozenset(self._sections.occurrences(encode(name) + b"\0"))

    def resolve(self, type_id: int) -> int:
        """`type_id` without modifiers and typedefs. Raises BtfError on a circle of them."""
        for _ in range(_DEEPEST):
            found = self.type(type_id)
            if not isinstance(found, types.Modifier | types.Typedef):
                return type_id
            type_id = found.type_id
        raise BtfError(f"type {type_id} is a typedef or modifier of itself")

    def size_of(self, type_id: int) -> int:
        """The size in bytes. Raises BtfError for types without one: void, functions, declarations."""
        factor = 1
        for _ in range(_DEEPEST):
            type_id = self.resolve(type_id)
            found = self.type(type_id)
            match found:
                case types.Array():
                    factor *= found.length
                    type_id = found.type_id
                case types.Pointer():
                    return 8 * factor
                case types.Variable():
                    type_id = found.type_id
                case types.Int() | types.Struct() | types.Enum() | types.Float() | types.DataSection():
                    return found.size * factor
                case _:
                    raise BtfError(f"type {type_id} ({type(found).__name__} {found.name!r}) has no size")
        raise BtfError(f"type {type_id} contains itself")

    def member(self, struct_id: int, name: str) -> MemberAccess | None:
        """The member `name` of a struct, nameless structs and unions inside it included; None if there is none."""
        if not name:
            return None
        return self._member(self.resolve(struct_id), name, (), 0, set())

    def _member(
        self, struct_id: int, name: str, path: tuple[int, ...], start: int, seen: set[int]
    ) -> MemberAccess | None:
        """`start` is in bits. A type that was searched once isn't again: it won't have the name then either."""
        found = self.type(struct_id)
        if not isinstance(found, types.Struct) or struct_id in seen or len(path) > _DEEPEST:
            return None
        seen.add(struct_id)
        for number, member in enumerate(found.members):
            if member.name == name:
                return self._access(member, (*path, number), start)
            if not member.name:
                inner = self.resolve(member.type_id)
                access = self._member(inner, name, (*path, number), start + member.bit_offset, seen)
                if access is not None:
                    return access
        return None

    def _access(self, member: types.Member, path: tuple[int, ...], start: int) -> MemberAccess:
        bit, bit_size = start + member.bit_offset, member.bit_size
        target = self.type(self.resolve(member.type_id))
        if not bit_size and isinstance(target, types.Int) and (target.bits != target.size * 8 or bit % 8):
            bit, bit_size = bit + target.bit_offset, target.bits  # a bit field as compilers before 4.20's BTF wrote it
        if not bit_size:
            return MemberAccess(path, bit // 8, member.type_id)
        unit = self.size_of(member.type_id)
        if not unit:
            raise BtfError(f"bit field {member.name!r} has a type of size 0")
        byte = bit // 8 // unit * unit
        return MemberAccess(path, byte, member.type_id, bit_size, bit - byte * 8)

    def _word(self, at: int) -> int:
        """The u32 at `at`, from the start of the type section."""
        value: int = self._u32.unpack_from(self._data, self._header.type_start + at)[0]
        return value

    def _words(self, at: int, count: int) -> tuple[int, ...]:
        return struct.unpack_from(f"{self._order}{count}I", self._data, self._header.type_start + at)

    def _string(self, offset: int) -> str:
        return self._sections.string(offset).decode(*UTF_8)

    def _decode(self, at: int) -> BtfType:
        """The type at `at`. The index has made sure that it lies in the type section whole."""
        name_offset, info, size = self._three.unpack_from(self._data, self._header.type_start + at)
        kind, count, flag = Kind(info >> 24 & 0x1F), info & 0xFFFF, bool(info >> 31)
        name, more = self._string(name_offset), at + 12
        match kind:
            case Kind.INT:
                word = self._word(more)
                encoding = word >> 24
                return types.Int(
                    name,
                    size,
                    word & 0xFF,
                    word >> 16 & 0xFF,
                    bool(encoding & 1),
                    bool(encoding & 2),
                    bool(encoding & 4),
                )
            case Kind.PTR:
                return types.Pointer(size)
            case Kind.ARRAY:
                element, index, length = self._words(more, 3)
                return types.Array(element, index, length)
            case Kind.STRUCT | Kind.UNION:
                return types.Struct(name, size, self._members(more, count, flag), kind is Kind.UNION)
            case Kind.ENUM | Kind.ENUM64:
                return self._enum(name, size, more, count, flag, kind)
            case Kind.FWD:
                return types.Forward(name, flag)
            case Kind.TYPEDEF:
                return types.Typedef(name, size)
            case Kind.VOLATILE:
                return types.Modifier("volatile", size)
            case Kind.CONST:
                return types.Modifier("const", size)
            case Kind.RESTRICT:
                return types.Modifier("restrict", size)
            case Kind.TYPE_TAG:
                return types.Modifier("type_tag", size, name, flag)
            case Kind.FUNC:
                return types.Function(name, size, count)
            case Kind.FUNC_PROTO:
                words = self._words(more, 2 * count)
                parameters = zip(words[::2], words[1::2], strict=True)
                return types.FunctionPrototype(size, tuple(types.Parameter(self._string(n), t) for n, t in parameters))
            case Kind.VAR:
                return types.Variable(name, size, self._word(more))
            case Kind.DATASEC:
                words = self._words(more, 3 * count)
                entries = zip(words[::3], words[1::3], words[2::3], strict=True)
                return types.DataSection(name, size, tuple(types.SectionEntry(*entry) for entry in entries))
            case Kind.FLOAT:
                return types.Float(name, size)
            case Kind.DECL_TAG:
                component = self._word(more)
                return types.DeclarationTag(name, size, component - (component >> 31 << 32), flag)
            case Kind.VOID:
                raise BtfError("void is only type 0")

    def _members(self, at: int, count: int, flag: bool) -> tuple[types.Member, ...]:
        words = self._words(at, 3 * count)
        members = []
        for name, type_id, place in zip(words[::3], words[1::3], words[2::3], strict=True):
            # With the flag, the upper eight bits are the width of a bit field.
            bit_offset, bit_size = (place & 0xFFFFFF, place >> 24) if flag else (place, 0)
            members.append(types.Member(self._string(name), type_id, bit_offset, bit_size))
        return tuple(members)

    def _enum(self, name: str, size: int, at: int, count: int, flag: bool, kind: Kind) -> types.Enum:
        if kind is Kind.ENUM:
            words = self._words(at, 2 * count)
            pairs = [
                (n, value - (value >> 31 << 32) if flag else value)
                for n, value in zip(words[::2], words[1::2], strict=True)
            ]
            return types.Enum(name, size, flag, tuple((self._string(n), value) for n, value in pairs), Kind.ENUM)
        words = self._words(at, 3 * count)
        values = []
        for n, low, high in zip(words[::3], words[1::3], words[2::3], strict=True):
            value = high << 32 | low
            values.append((self._string(n), value - (value >> 63 << 64) if flag else value))
        return types.Enum(name, size, flag, tuple(values), Kind.ENUM64)


@cache
def _running() -> Btf:
    try:
        return Btf(mapped(RUNNING), running=True)
    except BtfError as error:
        raise BtfError(f"the running kernel's types can't be read: {error}") from None


def _module(name: str) -> Btf:
    if not name or "/" in name or name in (".", ".."):
        raise BtfError(f"{name!r} is no name of a module")
    if name == KERNEL:
        return Btf.running()
    try:
        found = os.stat(f"{FOLDER}/{name}")
    except (OSError, ValueError) as error:
        raise BtfError(f"no types of a module {name}: {getattr(error, 'strerror', None) or error}") from None
    return _module_as_loaded(name, found.st_ino, found.st_ctime_ns)


@cache
def _module_as_loaded(name: str, inode: int, since: int) -> Btf:
    """`inode` and `since` tell one loading of a module from the next."""
    path = f"{FOLDER}/{name}"
    try:
        return Btf(contents(path), Btf.running())
    except BtfError as error:
        raise BtfError(f"the types of module {name} can't be read: {error}") from None


def _in_folder(path: str, kernel: Btf) -> Iterator[tuple[str, Btf]]:
    for name in _names_in(path):
        yield name, _beside(f"{path}/{name}", kernel)


@cache
def _beside(path: str, kernel: Btf) -> Btf:
    """The BTF of a module, on top of `kernel`."""
    try:
        return Btf(read(path)[0], kernel)
    except BtfError as error:
        raise BtfError(f"{path}: {error}") from None


def _names_in(path: str) -> list[str]:
    """Of modules that have BTF in a folder."""
    try:
        return sorted(name for name in os.listdir(path) if name != KERNEL)
    except OSError:
        return []


def _modules() -> Iterator[tuple[str, Btf]]:
    for name in _names_in(FOLDER):
        try:
            yield name, _module(name)
        except BtfError:
            if os.path.exists(f"{FOLDER}/{name}"):
                raise  # otherwise it was unloaded meanwhile

"""CO-RE: rewrites instructions that depend on the layout of kernel types, for the kernel at hand.

Source: the kernel's documentation, "BPF LLVM Relocations", section on CO-RE; `enum bpf_core_relo_kind`.
A relocation that has no answer makes its instruction a call of a helper that doesn't exist, so that the verifier
refuses it only if it can be reached.
"""

from __future__ import annotations

import struct
from enum import IntEnum
from typing import Final, final

from pyebpf.kernel import btf_types as types
from pyebpf.kernel.btf import Btf, BtfError
from pyebpf.kernel.btf_types import Kind
from pyebpf.loader.errors import LoadError
from pyebpf.object.specs import CoreRelocation
from pyebpf.records import dataclass

POISON: Final = 0xBAD2310
_SIZES: Final = {4: 0x00, 2: 0x08, 1: 0x10, 8: 0x18}
_DEEPEST: Final = 32


class CoreKind(IntEnum):
    """`enum bpf_core_relo_kind`."""

    BYTE_OFFSET = 0
    BYTE_SIZE = 1
    EXISTS = 2
    SIGNED = 3
    LSHIFT = 4
    RSHIFT = 5
    TYPE_ID_LOCAL = 6
    TYPE_ID_TARGET = 7
    TYPE_EXISTS = 8
    TYPE_SIZE = 9
    ENUM_EXISTS = 10
    ENUM_VALUE = 11
    TYPE_MATCHES = 12


_ZERO_IF_MISSING: Final = (
    CoreKind.EXISTS,
    CoreKind.TYPE_EXISTS,
    CoreKind.TYPE_SIZE,
    CoreKind.TYPE_ID_TARGET,
    CoreKind.ENUM_EXISTS,
    CoreKind.TYPE_MATCHES,
)


@final
@dataclass(frozen=True, slots=True)
class _Place:
    """A field: offset in bits from the start of the object, its type, its width in bits if a bit field."""

    bits: int
    type_id: int
    width: int = 0


def patch(code: bytearray, at: int, record: CoreRelocation, local: Btf, target: Btf) -> None:
    """Apply `record` to the instruction at byte `at`. Raises LoadError if the record itself is wrong."""
    try:
        kind = CoreKind(record.kind)
        path = [int(part) for part in record.access.split(":")]
        if at % 8 or at < 0 or at + 8 > len(code):
            raise ValueError("outside of the function")
        value, sizes = _answer(kind, record.type_id, path, local, target)
    except (ValueError, BtfError) as error:
        raise LoadError(
            f"CO-RE record of instruction {at // 8} (`{record.access}`) is malformed: {error}", "object"
        ) from None
    _apply(code, at, value, sizes)


def _answer(
    kind: CoreKind, type_id: int, path: list[int], local: Btf, target: Btf
) -> tuple[int | None, tuple[int, int] | None]:
    """The value (None: poison); and for offsets the sizes of the field here and there, if they differ."""
    if kind is CoreKind.TYPE_ID_LOCAL:
        return type_id, None
    missing = 0 if kind in _ZERO_IF_MISSING else None
    candidates = _candidates(type_id, local, target)
    if kind in (CoreKind.TYPE_EXISTS, CoreKind.TYPE_SIZE, CoreKind.TYPE_ID_TARGET, CoreKind.TYPE_MATCHES):
        if not candidates:
            return missing, None
        found = candidates[0]
        size_of = kind is CoreKind.TYPE_SIZE
        return (target.size_of(found) if size_of else found if kind is CoreKind.TYPE_ID_TARGET else 1), None
    if kind in (CoreKind.ENUM_EXISTS, CoreKind.ENUM_VALUE):
        number = _enum_value(type_id, path, local, candidates, target)
        if number is None:
            return missing, None
        return (1 if kind is CoreKind.ENUM_EXISTS else number), None
    here, steps = _local_place(type_id, path, local)
    for candidate in candidates:
        there = _target_place(candidate, steps, target)
        if there is not None and _compatible(local, here.type_id, target, there.type_id):
            return _field(kind, here, there, local, target)
    return missing, None


def _essential(name: str) -> str:
    """Without the flavour: `task_struct___old` means `task_struct`."""
    place = name.rfind("___")
    return name[:place] if place > 0 else name


def _candidates(type_id: int, local: Btf, target: Btf) -> list[int]:
    kind = local.kind(type_id)
    while kind in (Kind.CONST, Kind.VOLATILE, Kind.RESTRICT, Kind.TYPE_TAG):
        found = local.type(type_id)
        assert isinstance(found, types.Modifier)
        type_id = found.type_id
        kind = local.kind(type_id)
    name = _essential(local.name(type_id))
    enums = (Kind.ENUM, Kind.ENUM64)
    same = enums if kind in enums else (kind,)
    return [number for number in target.find_all(name) if target.kind(number) in same] if name else []


def _enum_value(type_id: int, path: list[int], local: Btf, candidates: list[int], target: Btf) -> int | None:
    enum = local.type(local.resolve(type_id))
    if not isinstance(enum, types.Enum) or not 0 <= path[0] < len(enum.values):
        raise ValueError("it names no enumerator")
    name = _essential(enum.values[path[0]][0])
    for candidate in candidates:
        there = target.type(target.resolve(candidate))
        if isinstance(there, types.Enum):
            for other, value in there.values:
                if _essential(other) == name:
                    return value
    return None


def _local_place(type_id: int, path: list[int], btf: Btf) -> tuple[_Place, list[str | int]]:
    """Follow `path` in the object's own BTF; the steps are member names and array indices, to be repeated there."""
    steps: list[str | int] = [path[0]]
    place = _Place(path[0] * btf.size_of(type_id) * 8, btf.resolve(type_id))
    for number in path[1:]:
        found = btf.type(place.type_id)
        if isinstance(found, types.Struct) and 0 <= number < len(found.members):
            member = found.members[number]
            if member.name:
                steps.append(member.name)
            place = _Place(place.bits + member.bit_offset, btf.resolve(member.type_id), member.bit_size)
        elif isinstance(found, types.Array) and number >= 0:
            steps.append(number)
            place = _Place(place.bits + number * btf.size_of(found.type_id) * 8, btf.resolve(found.type_id))
        else:
            raise ValueError("it names no member")
    return place, steps


def _target_place(type_id: int, steps: list[str | int], btf: Btf) -> _Place | None:
    assert isinstance(steps[0], int)
    place = _Place(steps[0] * btf.size_of(type_id) * 8 if steps[0] else 0, btf.resolve(type_id))
    for step in steps[1:]:
        found = btf.type(place.type_id)
        if isinstance(step, int):
            if not isinstance(found, types.Array) or (found.length and step >= found.length):
                return None
            place = _Place(place.bits + step * btf.size_of(found.type_id) * 8, btf.resolve(found.type_id))
            continue
        inner = _member(found, step, btf, 0)
        if inner is None:
            return None
        place = _Place(place.bits + inner.bits, inner.type_id, inner.width)
    return place


def _member(found: types.BtfType, name: str, btf: Btf, depth: int) -> _Place | None:
    if not isinstance(found, types.Struct) or depth > _DEEPEST:
        return None
    for member in found.members:
        if member.name == name:
            return _Place(member.bit_offset, btf.resolve(member.type_id), member.bit_size)
        if not member.name:
            inner = _member(btf.type(btf.resolve(member.type_id)), name, btf, depth + 1)
            if inner is not None:
                return _Place(member.bit_offset + inner.bits, inner.type_id, inner.width)
    return None


def _compatible(local: Btf, here: int, target: Btf, there: int) -> bool:
    for _ in range(_DEEPEST):
        a, b = local.type(local.resolve(here)), target.type(target.resolve(there))
        if isinstance(a, types.Array) and isinstance(b, types.Array):
            here, there = a.type_id, b.type_id
            continue
        if isinstance(a, types.Enum | types.Forward) and isinstance(b, type(a)):
            return not a.name or not b.name or _essential(a.name) == _essential(b.name)
        return type(a) is type(b)
    return False


def _extent(place: _Place, btf: Btf) -> tuple[int, int, int]:
    """Byte offset and size of the unit to load, and the width in bits of the field in it."""
    size = btf.size_of(place.type_id)
    if not place.width:
        return place.bits // 8, size, size * 8
    start = place.bits // 8 // size * size
    while place.bits + place.width - start * 8 > size * 8 and size < 8:
        size *= 2
        start = place.bits // 8 // size * size
    return start, size, place.width


def _field(
    kind: CoreKind, here: _Place, there: _Place, local: Btf, target: Btf
) -> tuple[int | None, tuple[int, int] | None]:
    if kind is CoreKind.EXISTS:
        return 1, None
    found = target.type(there.type_id)
    if kind is CoreKind.SIGNED:
        return int(isinstance(found, types.Int | types.Enum) and found.signed), None
    start, size, width = _extent(there, target)
    match kind:
        case CoreKind.BYTE_SIZE:
            return size, None
        case CoreKind.LSHIFT:
            if target.big_endian:
                return (8 - size) * 8 + there.bits - start * 8, None
            return 64 - (there.bits + width - start * 8), None
        case CoreKind.RSHIFT:
            return 64 - width, None
    if here.width or there.width:
        return start, None
    old = local.type(here.type_id)
    before = local.size_of(here.type_id)
    if before == size or not isinstance(old, types.Int | types.Pointer):
        return start, None
    if isinstance(old, types.Int) and (old.signed or (isinstance(found, types.Int) and found.signed)):
        return start, (before, 0)  # a sign would get lost: only address arithmetic may use the offset
    return start, (before, size)


def _apply(code: bytearray, at: int, value: int | None, sizes: tuple[int, int] | None) -> None:
    opcode = code[at]
    wide = opcode == 0x18
    if wide and at + 16 > len(code):
        raise LoadError("a CO-RE record is for half an instruction", "object")
    if value is None:
        return _poison(code, at, wide)
    if wide:
        struct.pack_into("=I", code, at + 4, value & 0xFFFFFFFF)
        struct.pack_into("=I", code, at + 12, value >> 32 & 0xFFFFFFFF)
    elif opcode & 7 in (4, 7) and not opcode & 8:  # ALU, ALU64 with an immediate
        struct.pack_into("=I", code, at + 4, value & 0xFFFFFFFF)
    elif opcode & 7 in (1, 2, 3):  # LDX, ST, STX
        if value > 0x7FFF:
            raise LoadError(f"a field at offset {value} is out of reach of one load", "kernel")
        if sizes is not None:
            if sizes[1] not in _SIZES:
                return _poison(code, at, wide)
            code[at] = opcode & ~0x18 | _SIZES[sizes[1]]
        struct.pack_into("=h", code, at + 2, value)
    else:
        raise LoadError(f"a CO-RE record is for an instruction with opcode {opcode:#x}", "object")


def _poison(code: bytearray, at: int, wide: bool) -> None:
    for place in (at, at + 8) if wide else (at,):
        code[place : place + 8] = struct.pack("=BBhi", 0x85, 0, 0, POISON)

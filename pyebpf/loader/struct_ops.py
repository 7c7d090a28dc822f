"""Structs of operations for this kernel: which of its members is which program, and the bytes of the whole.

The kernel wants `struct bpf_struct_ops_T` around a `T` of its own (5.6). The object's members are put where the kernel
has those of the same names, as libbpf does it; what only the object has must be zero.
"""

from __future__ import annotations

import errno
import struct
from collections.abc import Mapping
from contextlib import suppress
from typing import Final, final

from pyebpf.kernel import btf_types as types
from pyebpf.kernel.btf import Btf
from pyebpf.kernel.btf_types import Kind
from pyebpf.kernel.programs import ProgramType
from pyebpf.loader import sys
from pyebpf.loader.errors import LoadError, explain
from pyebpf.loader.maps import LoadedMap
from pyebpf.loader.token import Token, fd_of
from pyebpf.object.specs import MapSpec, Object, Operations, ProgramSpec
from pyebpf.records import dataclass

F_LINK: Final = 1 << 13
"""Operations are there as long as a link is (6.4). Maps without it are registered by an update, and stay until their
entry is deleted, whatever becomes of their process."""


_ENOTSUPP: Final = 524
"""Not among the errors that C libraries know."""
_RETURN_0: Final = struct.pack("=BBhiBBhi", 0xB7, 0, 0, 0, 0x95, 0, 0, 0)


@final
@dataclass(frozen=True, slots=True)
class Place:
    """Which member of which of the kernel's structs a program is."""

    type_id: int
    index: int


@final
@dataclass(frozen=True, slots=True)
class Prepared:
    """A struct for this kernel."""

    spec: MapSpec
    value_type_id: int
    value: bytes
    """Without its programs' descriptors."""
    slots: tuple[tuple[int, str], ...]
    """Where those stand."""
    places: Mapping[str, Place]

    def filled(self, fds: Mapping[str, int]) -> bytes:
        """The value, with the descriptors of programs. Raises LoadError."""
        value = bytearray(self.value)
        for offset, name in self.slots:
            if name not in fds:
                raise LoadError(f"{self.spec.name} has {name} as an operation, which isn't loaded", "object")
            struct.pack_into("=Q", value, offset, fds[name])
        return bytes(value)


def prepare(obj: Object, target: Btf, optional: frozenset[str] = frozenset()) -> dict[str, Prepared]:
    """All structs of `obj`, by name. Raises LoadError, BtfError."""
    wanted = [spec for spec in obj.maps if spec.operations is not None]
    if not wanted:
        return {}
    own = Btf.from_bytes(obj.btf)
    found: dict[str, Prepared] = {}
    places: dict[str, Place] = {}
    for spec in wanted:
        assert spec.operations is not None
        if not spec.operations.autoload and spec.name not in optional:
            continue
        made = found[spec.name] = _prepared(spec, spec.operations, own, target)
        for name, place in made.places.items():
            if places.setdefault(name, place) != place:
                raise LoadError(f"program {name} is two different operations", "object")
    return found


def left_out(obj: Object, program: ProgramSpec, places: Mapping[str, Place]) -> bool:
    """Whether a program is an operation only of structs that aren't loaded."""
    owners = [spec.operations for spec in obj.maps if spec.operations is not None]
    named = any(program.name == name for owner in owners for _, name in owner.programs)
    return program.program_type == ProgramType.STRUCT_OPS and named and program.name not in places


def _prepared(spec: MapSpec, operations: Operations, own: Btf, target: Btf) -> Prepared:
    around = target.find(f"bpf_struct_ops_{operations.struct}", Kind.STRUCT)
    whole = target.type(around) if around is not None else None
    data = next((m for m in whole.members if m.name == "data"), None) if isinstance(whole, types.Struct) else None
    if around is None or data is None or not isinstance(whole, types.Struct):
        text = f"{spec.name}: this kernel takes no operations of struct {operations.struct}"
        raise LoadError(text, "kernel")
    type_id = target.resolve(data.type_id)
    theirs = target.type(type_id)
    mine = own.type(operations.type_id)
    assert isinstance(theirs, types.Struct) and isinstance(mine, types.Struct)
    known = {member.name: (index, member) for index, member in enumerate(theirs.members) if member.name}
    programs = dict(operations.programs)
    value = bytearray(whole.size)
    slots, places = [], {}
    for member in mine.members:
        start = member.bit_offset // 8
        length = own.size_of(member.type_id)
        contents = operations.data[start : start + length]
        name = programs.pop(start, None)
        if member.name not in known:
            if any(contents) or name is not None:
                text = f"{spec.name}: this kernel's struct {operations.struct} has no member {member.name or start}"
                raise LoadError(text, "kernel")
            continue
        index, there = known[member.name]
        at = data.bit_offset // 8 + there.bit_offset // 8
        if member.bit_size or there.bit_size or target.size_of(there.type_id) != length:
            raise LoadError(f"{spec.name}: member {member.name} has another size in this kernel", "kernel")
        if name is not None:
            slots.append((at, name))
            places[name] = Place(type_id, index)
        elif _is_pointer(own, member.type_id) and any(contents):
            raise LoadError(f"{spec.name}: member {member.name} is an address, and no program", "object")
        else:
            value[at : at + length] = contents
    if programs:
        raise LoadError(f"{spec.name}: {next(iter(programs.values()))} stands at no member of the struct", "object")
    return Prepared(spec, around, bytes(value), tuple(slots), places)


def _is_pointer(btf: Btf, type_id: int) -> bool:
    return isinstance(btf.type(btf.resolve(type_id)), types.Pointer)


def _read_types() -> None:
    """Older kernels read their own types as the first program is loaded, and know no structs of operations before."""
    with suppress(OSError):  # then creating the map says why
        sys.prog_load(ProgramType.SOCKET_FILTER, _RETURN_0, "GPL", name="first").close()


def create(prepared: Prepared, btf: sys.Descriptor | None, token: Token | None = None) -> LoadedMap:
    """The map, empty. The kernel wants the object's own types with it. Raises LoadError."""
    import dataclasses

    spec, size = prepared.spec, len(prepared.value)
    woken = False
    if btf is None:
        raise LoadError(f"cannot create map {spec.name}: the kernel has not taken the object's BTF", "kernel")
    for flags in (F_LINK, 0, 0):
        try:
            descriptor = sys.map_create(
                *(spec.type, 4, size, 1, flags, spec.name),
                btf_fd=btf.fd,
                vmlinux_value_type_id=prepared.value_type_id,
                token=fd_of(token),
            )
        except OSError as error:
            if error.errno == errno.EINVAL and flags:  # before 6.4
                continue
            if error.errno == _ENOTSUPP and not woken:
                woken = True
                _read_types()
                continue
            raise explain(error, f"create map {spec.name}", token=token) from None
        return LoadedMap(descriptor, dataclasses.replace(spec, value_size=size, flags=flags))
    raise AssertionError("unreachable: the last attempt returns or raises")

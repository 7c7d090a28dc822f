"""Whether the kernel has the same instructions of an object that pyebpf has loaded as of one that libbpf has.

The kernel shows what it runs (`struct bpf_prog_info`, since 4.13): CO-RE is applied, members of contexts and calls of
helpers are resolved, dead code is gone. Only numbers of maps differ; what kind of map a number is of must not.
"""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from sys import byteorder
from typing import Final, final

from by_libbpf import loaded_by_libbpf

from pyebpf.loader import sys as bpf
from pyebpf.loader.load import LoadedObject, load_object
from pyebpf.object.read import read_object

INFO: Final = struct.Struct("=II8sIIQQ")
"""Of `struct bpf_prog_info`: type, id, tag, lengths and places of machine code and of instructions."""
MAP: Final = struct.Struct("=I4xIIII")
"""Of `struct bpf_map_info`: type, sizes of keys and values, entries, flags."""
LOAD_64: Final = 0x18
CALL: Final = b"\x85"
OF_MAPS: Final = (1, 2)
"""BPF_PSEUDO_MAP_FD, which has the map's number here, and BPF_PSEUDO_MAP_VALUE."""
MapShape = tuple[int, ...]


class Different(AssertionError):
    """They aren't the same."""


@final
@dataclass(frozen=True)
class Program:
    """A program as the kernel has it."""

    tag: bytes
    """A hash of the instructions that the kernel was given, numbers of maps aside."""
    code: bytes
    """Those that it runs, with maps numbered as they come."""
    maps: tuple[MapShape, ...]


@final
@dataclass(frozen=True)
class Equal:
    """How much was the same."""

    programs: int
    instructions: int


def equal_by_both(elf: bytes, config: Mapping[str, object] | None = None) -> Equal:
    """Load it by both. Raises Different, and what either loader raises."""
    with load_object(read_object(elf), config=config) as loaded:
        ours = programs(loaded)
    with loaded_by_libbpf(elf, config) as loaded:
        theirs = programs(loaded)
    if ours.keys() != theirs.keys():
        raise Different(f"programs: {sorted(ours)}, by libbpf {sorted(theirs)}")
    for name, one in ours.items():
        difference = first_difference(one, theirs[name])
        if difference:
            raise Different(f"{name}: {difference}")
    return Equal(len(ours), sum(len(one.code) for one in ours.values()) // 8)


def first_difference(one: Program, other: Program) -> str:
    """ "" if there is none."""
    for at in range(0, max(len(one.code), len(other.code)), 8):
        mine, theirs = one.code[at : at + 8], other.code[at : at + 8]
        if mine != theirs:
            return f"instruction {at // 8} is {mine.hex() or 'missing'}, by libbpf {theirs.hex() or 'missing'}"
    if one.maps != other.maps:
        return f"its maps are {one.maps}, by libbpf {other.maps}"
    return "" if one.tag == other.tag else f"the kernel was given other instructions ({one.tag!r}, {other.tag!r})"


def programs(loaded: LoadedObject) -> dict[str, Program]:
    return {name: program(one.fd) for name, one in loaded.programs.items()}


def program(fd: int) -> Program:
    """What the kernel says of a loaded program."""
    _, _, tag, _, length, _, _ = INFO.unpack_from(bpf.obj_get_info_by_fd(fd))
    instructions = ctypes.create_string_buffer(length)
    info = ctypes.create_string_buffer(INFO.pack(0, 0, bytes(8), 0, length, 0, ctypes.addressof(instructions)), 256)
    bpf.bpf(15, struct.pack("=IIQ", fd, INFO.size, ctypes.addressof(info)))
    if not INFO.unpack(info.raw[: INFO.size])[6]:
        raise PermissionError("the kernel doesn't show instructions to this process")
    code, maps = with_maps_in_order(instructions.raw)
    return Program(tag, code, maps)


def with_maps_in_order(code: bytes) -> tuple[bytes, tuple[MapShape, ...]]:
    """Instructions with maps numbered as they come, and what these maps are like.

    The verifier gives the call that sets a callback the address of the program itself: to a timer as a third argument,
    to a work queue as a fourth. That is left out. (What is constant, the tag tells, too.)
    """
    changed, numbers, at = bytearray(code), dict[int, int](), 0
    while at < len(code):
        if code[at] == LOAD_64:
            into, kind = nibbles(code[at + 1])
            if kind in OF_MAPS:
                number = struct.unpack_from("=I", code, at + 4)[0]
                struct.pack_into("=I", changed, at + 4, numbers.setdefault(number, len(numbers)))
            elif (into, kind) in ((3, 0), (4, 0)) and code[at + 16 : at + 17] == CALL:
                changed[at + 4 : at + 8] = changed[at + 12 : at + 16] = bytes(4)
            at += 8
        at += 8
    return bytes(changed), tuple(map(map_shape, numbers))


def nibbles(registers: int) -> tuple[int, int]:
    """What is written and what is read; the other way round on big-endian machines."""
    low, high = registers & 15, registers >> 4
    return (low, high) if byteorder == "little" else (high, low)


def map_shape(number: int) -> MapShape:
    """Type, sizes of keys and values, entries, flags."""
    with bpf.map_get_fd_by_id(number) as descriptor:
        return MAP.unpack_from(bpf.obj_get_info_by_fd(descriptor.fd))

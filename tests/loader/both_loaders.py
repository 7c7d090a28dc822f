"""An object by both loaders, ours and libbpf's: the maps and the instructions that the kernel has of it then.

The kernel gives back what it runs, after its own changes (`xlated` in `struct bpf_prog_info`), with maps by their
numbers, for which their names are put here. Programs that a machine refuses by policy are compared as they are before
they are given to the kernel.
"""

from __future__ import annotations

import ctypes
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import libbpf

from pyebpf.kernel.maps import MapFlag
from pyebpf.loader import load as loading
from pyebpf.loader import sys
from pyebpf.loader.errors import LoadWarning
from pyebpf.object.specs import Object

_INFO = struct.Struct("=IIQIIQQ")
_MAP = struct.Struct("=6I16s")
BPF_SOCKET_FILTER, BPF_STRUCT_OPS = 1, 26
KERNEL = b"\xff\xff"
"""How addresses of the kernel end, of those that are in instructions; the last bytes are the highest ones."""
Code = tuple[bytes, ...]
Shape = tuple[int, int, int, int, int, "bytes | None"]


@dataclass
class Found:
    """What one loader made of an object."""

    error: str = ""
    maps: dict[str, Shape] = field(default_factory=dict)
    """Type, key size, value size, entries, flags, and what an array of one entry has in it. Whether data can be mapped
    is left out: ours always can, libbpf's only if there is a variable that others may name."""
    given: dict[str, Code] = field(default_factory=dict)
    """Instructions as they were given to the kernel that refused them, maps by the order in which they come."""
    kept: dict[str, Code] = field(default_factory=dict)
    """Instructions as the kernel has them."""
    warned: list[str] = field(default_factory=list)


def instructions(fd: int) -> bytes:
    """What the kernel runs. Raises OSError."""
    length = _INFO.unpack_from(sys.obj_get_info_by_fd(fd))[4]
    code = ctypes.create_string_buffer(length)
    info = ctypes.create_string_buffer(_INFO.pack(0, 0, 0, 0, length, 0, ctypes.addressof(code)), 256)
    sys.bpf(15, struct.pack("=IIQ", fd, len(info), ctypes.addressof(info)))
    return code.raw


def number_of(fd: int) -> int:
    """A map's id."""
    found: int = _MAP.unpack_from(sys.obj_get_info_by_fd(fd))[1]
    return found


def shape(fd: int) -> Shape:
    kind, _, key, value, entries, flags, _ = _MAP.unpack_from(sys.obj_get_info_by_fd(fd))
    contents = sys.map_lookup(fd, bytes(4), value) if kind == 2 and entries == 1 else None
    return kind, key, value, entries, flags & ~int(MapFlag.MMAPABLE) if contents else flags, contents


def with_names(code: bytes, names: dict[int, str]) -> Code:
    """Instructions with the names of maps in place of their numbers, or descriptors."""
    pieces = []
    at = 0
    while at < len(code):
        length = 16 if code[at] == 0x18 else 8
        piece = code[at : at + length]
        if length == 16 and code[at + 1] >> 4 == 0 and piece[14:16] == KERNEL:  # what the verifier itself put in
            piece = piece[:4] + b"<address>"
        if code[at] == 0x18 and code[at + 1] >> 4 in (1, 2):  # BPF_PSEUDO_MAP_FD, BPF_PSEUDO_MAP_VALUE
            number = struct.unpack_from("=i", code, at + 4)[0]
            map_name = names.setdefault(number, f"map {len(names)}")
            piece = piece[:4] + f"<{map_name}>".encode() + piece[8:]
        pieces.append(piece)
        at += length
    return tuple(pieces)


def by_us(obj: Object) -> Found:
    """Load and let go. The instructions that are given are listened to on their way."""
    found = Found()
    with _listening(found), warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always", LoadWarning)
        try:
            with loading.load_object(obj) as loaded:
                found.maps = {name: shape(made.fd) for name, made in loaded.maps.items()}
                ids = {number_of(made.fd): name for name, made in loaded.maps.items()}
                found.kept = {name: with_names(instructions(p.fd), ids) for name, p in loaded.programs.items()}
        except (loading.LoadError, loading.VerifierError) as error:
            found.error = str(error)
    found.warned = [str(warning.message) for warning in heard]
    return found


@contextmanager
def _listening(found: Found) -> Iterator[None]:
    load = sys.prog_load

    def load_and_tell(kind: int, code: bytes, *args: object, **options: object) -> sys.Descriptor:
        if "name" in options:  # others are tries of what the kernel can do
            found.given[str(options["name"])] = with_names(code, {})
        return load(kind, code, *args, **options)  # type: ignore[arg-type]

    sys.prog_load = load_and_tell  # type: ignore[assignment]
    try:
        yield
    finally:
        sys.prog_load = load


def opens_by_libbpf(elf: bytes) -> str:
    """Why libbpf can't read an object, or ""."""
    with libbpf.opened(elf) as (handle, said):
        return "" if handle is not None else "\n".join(said)


def by_libbpf(obj: Object) -> Found:
    """The same by libbpf, which is told the types of programs whose sections it doesn't know, to leave out programs
    that `obj` doesn't have, and the sizes of maps whose size isn't in the ELF file."""
    found = Found()
    with libbpf.opened(obj.elf) as (handle, said):
        if handle is None:
            return Found(error="\n".join(said))
        lib = libbpf.library()
        _prepare(obj, handle)
        error = lib.bpf_object__load(handle)
        if error:
            found.error = "\n".join(said) or f"error {error}"
        ids = {}
        for pointer in libbpf.maps(handle):
            name, fd = lib.bpf_map__name(pointer).decode(), lib.bpf_map__fd(pointer)
            name = name.removeprefix(libbpf.NAME) if name.startswith(f"{libbpf.NAME}.") else name
            if not error:
                found.maps[name], ids[number_of(fd)] = shape(fd), name
        for pointer in libbpf.programs(handle):
            name, fd = lib.bpf_program__name(pointer).decode(), lib.bpf_program__fd(pointer)
            count = lib.bpf_program__insn_cnt(pointer)
            code = ctypes.string_at(lib.bpf_program__insns(pointer), count * 8)
            if error:
                found.given[name] = with_names(code, {})
            elif fd >= 0:
                found.kept[name] = with_names(instructions(fd), ids)
    return found


def _prepare(obj: Object, handle: ctypes.c_void_p) -> None:
    """Make libbpf's object what `obj` says."""
    lib = libbpf.library()
    specs = {program.name: program for program in obj.programs}
    for pointer in libbpf.programs(handle):
        spec = specs.get(lib.bpf_program__name(pointer).decode())
        if spec is None:
            lib.bpf_program__set_autoload(pointer, ctypes.c_bool(False))
        elif lib.bpf_program__type(pointer) == 0:
            lib.bpf_program__set_type(pointer, spec.program_type)
            lib.bpf_program__set_expected_attach_type(pointer, spec.expected_attach_type or 0)
    maps = {made.name: made for made in obj.maps}
    for pointer in libbpf.maps(handle):
        shaped = maps.get(lib.bpf_map__name(pointer).decode())
        if shaped is not None and not shaped.pinning:
            lib.bpf_map__set_pin_path(pointer, None)
        if shaped is not None and not lib.bpf_map__value_size(pointer) and shaped.value_size:
            lib.bpf_map__set_value_size(pointer, shaped.value_size)
        if shaped is not None and not lib.bpf_map__max_entries(pointer) and shaped.max_entries:
            lib.bpf_map__set_max_entries(pointer, shaped.max_entries)


@dataclass
class Comparison:
    """An object by both."""

    ours: Found
    theirs: Found
    programs: int = 0
    instructions: int = 0
    """Of programs that are equal."""
    differences: list[str] = field(default_factory=list)


def compare(obj: Object) -> Comparison:
    """Load `obj` twice. Where neither gets it past the kernel, what they gave it is compared."""
    found = Comparison(by_us(obj), by_libbpf(obj))
    ours, theirs = found.ours, found.theirs
    if bool(ours.error) != bool(theirs.error):
        found.differences.append(f"ours: {ours.error or 'loads'}; libbpf: {theirs.error[-300:] or 'loads'}")
        return found
    if not ours.error and ours.maps != theirs.maps:
        found.differences.append(f"maps: {ours.maps} and {theirs.maps}")
    mine, other = (ours.given, theirs.given) if ours.error else (ours.kept, theirs.kept)
    for name in sorted(mine.keys() | (other.keys() if not ours.error else set())):
        if mine.get(name) != other.get(name):
            found.differences.append(f"program {name}")
            continue
        found.programs += 1
        found.instructions += count(mine[name])
    return found


def count(code: Code) -> int:
    """Instructions: 64-bit constants are two."""
    return sum(2 if piece[0] == 0x18 else 1 for piece in code)

"""libbpf itself, called as C calls it: what it makes of an object's instructions before the kernel gets them.

Its header `bpf/libbpf.h` has the functions. A program that the verifier refuses has its instructions all the same.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

Print = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p)


class _Options(ctypes.Structure):
    """`struct bpf_object_open_opts`, as far as `btf_custom_path`."""

    _fields_ = (
        ("sz", ctypes.c_size_t),
        ("object_name", ctypes.c_char_p),
        ("relaxed_maps", ctypes.c_bool),
        ("pin_root_path", ctypes.c_char_p),
        ("unused", ctypes.c_uint),
        ("kconfig", ctypes.c_char_p),
        ("btf_custom_path", ctypes.c_char_p),
    )


@dataclass
class Outcome:
    """What became of an object."""

    error: int
    """0, or a negative errno."""
    said: list[str]
    code: dict[str, bytes] = field(default_factory=dict)
    """Instructions by program, after relocation."""

    @property
    def relocated(self) -> bool:
        """Whether it came as far as the verifier."""
        return not any("failed to relocate" in line or "failed to perform CO-RE" in line for line in self.said)

    @property
    def core(self) -> list[str]:
        """What it said of CO-RE records."""
        return [line for line in self.said if "relo #" in line]


@cache
def library() -> Any:
    """The installed libbpf; a test that needs it fails where there is none."""
    lib = ctypes.CDLL("libbpf.so.1", use_errno=True)
    lib.bpf_object__open_mem.restype = ctypes.c_void_p
    lib.bpf_object__next_program.restype = ctypes.c_void_p
    lib.bpf_program__name.restype = ctypes.c_char_p
    lib.bpf_program__insns.restype = ctypes.c_void_p
    lib.bpf_program__insn_cnt.restype = ctypes.c_size_t
    lib.libbpf_set_print.restype = ctypes.c_void_p
    lib.bpf_object__next_map.restype = ctypes.c_void_p
    lib.bpf_map__name.restype = ctypes.c_char_p
    return lib


NAME = "o"
"""Of objects; the maps of their data sections are called `o.data` and the like."""


@contextmanager
def opened(elf: bytes, pin_root: Path | None = None) -> Iterator[tuple[ctypes.c_void_p | None, list[str]]]:
    """`elf` as an object of libbpf's, None if it doesn't take it, and what it says of it all the while."""
    lib = library()
    said: list[str] = []
    callback = Print(_listener(said))
    lib.libbpf_set_print(callback)
    options = _Options(sz=ctypes.sizeof(_Options), object_name=NAME.encode())
    if pin_root is not None:
        options.pin_root_path = str(pin_root).encode()
    handle = lib.bpf_object__open_mem(elf, ctypes.c_size_t(len(elf)), ctypes.byref(options))
    try:
        yield ctypes.c_void_p(handle) if handle else None, said
    finally:
        if handle:
            lib.bpf_object__close(ctypes.c_void_p(handle))
        lib.libbpf_set_print(None)


def programs(obj: ctypes.c_void_p) -> Iterator[ctypes.c_void_p]:
    """All of an object, in order."""
    yield from _each(library().bpf_object__next_program, obj)


def maps(obj: ctypes.c_void_p) -> Iterator[ctypes.c_void_p]:
    """All of an object, in order."""
    yield from _each(library().bpf_object__next_map, obj)


def _each(following: Any, obj: ctypes.c_void_p) -> Iterator[ctypes.c_void_p]:
    found = following(obj, None)
    while found:
        pointer = ctypes.c_void_p(found)
        yield pointer
        found = following(obj, pointer)


def load(elf: bytes, btf: Path | None = None) -> Outcome:
    """Open `elf` and load it, as far as that goes; `btf` takes the place of the kernel's own types in CO-RE."""
    lib = library()
    said: list[str] = []
    callback = Print(_listener(said))
    lib.libbpf_set_print(callback)
    options = _Options(sz=ctypes.sizeof(_Options), object_name=b"compared")
    if btf is not None:
        options.btf_custom_path = str(btf).encode()
    handle = lib.bpf_object__open_mem(elf, ctypes.c_size_t(len(elf)), ctypes.byref(options))
    if not handle:
        return Outcome(-ctypes.get_errno(), said)
    obj = ctypes.c_void_p(handle)
    try:
        error = lib.bpf_object__load(obj)
        outcome = Outcome(error, said)
        program = lib.bpf_object__next_program(obj, None)
        while program:
            pointer = ctypes.c_void_p(program)
            count = lib.bpf_program__insn_cnt(pointer)
            name = lib.bpf_program__name(pointer).decode()
            outcome.code[name] = ctypes.string_at(lib.bpf_program__insns(pointer), count * 8)
            program = lib.bpf_object__next_program(obj, pointer)
        return outcome
    finally:
        lib.bpf_object__close(obj)
        lib.libbpf_set_print(None)


def _listener(said: list[str]) -> Callable[[int, bytes, int], int]:
    libc = ctypes.CDLL(None)
    buffer = ctypes.create_string_buffer(4096)

    def listen(level: int, form: bytes, arguments: int) -> int:
        libc.vsnprintf(buffer, ctypes.c_size_t(len(buffer)), form, ctypes.c_void_p(arguments))
        said.append(buffer.value.decode("utf-8", "replace").rstrip())
        return 0

    return listen


def without_descriptors(code: bytes) -> bytes:
    """Instructions with maps numbered as they come, whatever descriptors they have."""
    changed = bytearray(code)
    numbers: dict[int, int] = {}
    at = 0
    while at < len(code):
        if code[at] == 0x18:
            if code[at + 1] >> 4 in (1, 2):  # BPF_PSEUDO_MAP_FD, BPF_PSEUDO_MAP_VALUE
                descriptor = struct.unpack_from("=i", code, at + 4)[0]
                struct.pack_into("=i", changed, at + 4, numbers.setdefault(descriptor, len(numbers)))
            at += 8
        at += 8
    return bytes(changed)

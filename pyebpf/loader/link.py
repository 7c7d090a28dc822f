"""Joins a program and the functions that it calls into one piece of code, and resolves what it names."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, final

from pyebpf.loader.errors import LoadError
from pyebpf.loader.externs import KCONFIG, Option
from pyebpf.loader.ksyms import Address, Found, Missing, Named
from pyebpf.object.btf_raw import RawBtf
from pyebpf.object.specs import FunctionSpec, LineRecord, Object, ProgramSpec, Relocation
from pyebpf.records import dataclass

_PSEUDO_MAP_FD: Final = 1
_PSEUDO_MAP_VALUE: Final = 2
_PSEUDO_CALL: Final = 1
_PSEUDO_KFUNC_CALL: Final = 2
_PSEUDO_BTF_ID: Final = 3
_PSEUDO_FUNC: Final = 4
_CALL: Final = 0x85
_POISONED_KFUNC: Final = 2002000000
"""A helper that doesn't exist: calls of weak kfuncs that aren't there are refused where they can be reached. The number
is libbpf's."""


@final
@dataclass(frozen=True, slots=True)
class Linked:
    """A program ready for the kernel. Info records are empty when they would be incomplete."""

    code: bytes
    func_info: bytes
    line_info: bytes
    lines: tuple[tuple[int, LineRecord], ...]
    """Instruction index and where it comes from."""
    functions: tuple[tuple[int, FunctionSpec], ...] = ()
    """The index of each one's first instruction, in order."""


def link(
    obj: Object,
    program: ProgramSpec,
    fds: Mapping[str, int],
    relocated: Mapping[str, bytes],
    externs: Mapping[str, Found] = MappingProxyType({}),
) -> Linked:
    """Link `program`. `fds` has the descriptors of all maps; `relocated` the code of the functions that CO-RE changed;
    `externs` what is known of the object's.

    Raises LoadError.
    """
    order = _reachable(obj, program)
    starts: dict[str, int] = {}
    end = 0
    for function in order:
        starts[function.name] = end
        end += len(function.code) // 8
    pieces = []
    for function in order:
        code = bytearray(relocated.get(function.name, function.code))
        _relocate(code, function, starts, fds)
        for relocation in function.relocations:
            if relocation.kind == "extern":
                _extern(code, function, relocation, fds, externs)
        pieces.append(bytes(code))
    raw = RawBtf(obj.btf, ">" if obj.big_endian else "<") if obj.btf else None
    lines = tuple(
        (starts[f.name] + (line.offset - f.section_offset) // 8, line) for f in order for line in _distinct(f.lines)
    )
    placed = tuple((starts[function.name], function) for function in order)
    return Linked(b"".join(pieces), _func_info(order, starts), _line_info(order, lines, raw), lines, placed)


def _distinct(lines: tuple[LineRecord, ...]) -> list[LineRecord]:
    """In order, one per instruction."""
    by_offset = {line.offset // 8: line for line in reversed(lines)}
    return [by_offset[offset] for offset in sorted(by_offset)]


def _reachable(obj: Object, program: ProgramSpec) -> list[FunctionSpec]:
    """The program, then what it calls in the order of its calls, each followed by what that calls, as libbpf has them;
    last, what handles its exceptions."""
    everything = {f.name: f for f in (*obj.functions, *(p.function for p in obj.programs))}
    order: dict[str, FunctionSpec] = {}
    waiting = [program.function]
    if program.exception_handler:
        handler = everything.get(program.exception_handler)
        if handler is None:
            text = f"{program.name} leaves exceptions to {program.exception_handler}, which the object doesn't have"
            raise LoadError(text, "object")
        waiting.insert(0, handler)
    while waiting:
        function = waiting.pop()
        if function.name in order:
            continue
        order[function.name] = function
        called = []
        for relocation in function.relocations:
            if relocation.kind in ("call", "function"):
                found = everything.get(relocation.name)
                if found is None:
                    raise LoadError(f"{function.name} calls {relocation.name}, which the object doesn't have", "object")
                called.append(found)
        waiting += reversed(called)
    return list(order.values())


def _relocate(code: bytearray, function: FunctionSpec, starts: Mapping[str, int], fds: Mapping[str, int]) -> None:
    for relocation in function.relocations:
        at = relocation.offset
        here = starts[function.name] + at // 8
        match relocation.kind:
            case "map":
                _set(code, at, _PSEUDO_MAP_FD, fds[relocation.name])
                _set_imm(code, at + 8, 0)
            case "data":
                _set(code, at, _PSEUDO_MAP_VALUE, fds[relocation.name])
                _set_imm(code, at + 8, relocation.addend)
            case "call":
                _set(code, at, _PSEUDO_CALL, starts[relocation.name] - here - 1)
            case "function":
                _set(code, at, _PSEUDO_FUNC, starts[relocation.name] - here - 1)
                _set_imm(code, at + 8, 0)


def _extern(
    code: bytearray,
    function: FunctionSpec,
    relocation: Relocation,
    fds: Mapping[str, int],
    externs: Mapping[str, Found],
) -> None:
    """Put in what the loader has found: a function that is called, or the address of something."""
    at, name = relocation.offset, relocation.name
    calls = code[at] == _CALL
    match externs.get(name):
        case Named(id=id, slot=slot) if calls:
            struct.pack_into("=h", code, at + 2, slot)
            _set(code, at, _PSEUDO_KFUNC_CALL, id)
        case Named(id=id, fd=fd):
            _set(code, at, _PSEUDO_BTF_ID, id)
            _set_imm(code, at + 8, fd)
        case Missing() if calls:
            code[at : at + 8] = struct.pack("=BBhi", _CALL, 0, 0, _POISONED_KFUNC)
        case Missing():
            _set_wide(code, at, 0)
        case Option(offset=offset) if not calls:
            _set(code, at, _PSEUDO_MAP_VALUE, fds[KCONFIG])
            _set_imm(code, at + 8, offset)
        case Address(value=value) if not calls:
            _set_wide(code, at, value)
        case _:
            text = "of which its BTF says nothing" if name not in externs else "which is no function"
            raise LoadError(f"{function.name} {'calls' if calls else 'needs'} {name}, {text}", "object")


def _set_wide(code: bytearray, at: int, value: int) -> None:
    struct.pack_into("=I", code, at + 4, value & 0xFFFFFFFF)
    struct.pack_into("=I", code, at + 12, value >> 32)


def _set(code: bytearray, at: int, source: int, imm: int) -> None:
    from sys import byteorder

    registers = code[at + 1]
    code[at + 1] = registers & 15 | source << 4 if byteorder == "little" else registers & 0xF0 | source
    _set_imm(code, at, imm)


def _set_imm(code: bytearray, at: int, imm: int) -> None:
    struct.pack_into("=i", code, at + 4, imm)


def _func_info(order: list[FunctionSpec], starts: Mapping[str, int]) -> bytes:
    if not all(function.btf_id for function in order):
        return b""
    return b"".join(struct.pack("=II", starts[function.name], function.btf_id) for function in order)


def _line_info(order: list[FunctionSpec], lines: tuple[tuple[int, LineRecord], ...], raw: RawBtf | None) -> bytes:
    # The kernel wants a line for the first instruction of each function.
    if raw is None or any(not f.lines or f.lines[0].offset != f.section_offset for f in order):
        return b""
    offsets: dict[str, int] = {}

    def place(text: str) -> int:
        if text not in offsets:
            offsets[text] = raw.string_offset(text)
        return offsets[text]

    return b"".join(
        struct.pack("=IIII", index, place(line.file), place(line.text), line.line << 10 | line.column & 0x3FF)
        for index, line in lines
    )

"""Joins a program and the functions that it calls into one piece of code, and resolves what it names."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from sys import byteorder
from types import MappingProxyType
from typing import Final, final

from pyebpf.loader.errors import LoadError
from pyebpf.loader.externs import KCONFIG, Option
from pyebpf.loader.ksyms import Address, Found, Missing, Named
from pyebpf.object.btf_raw import Strings
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
    functions: tuple[tuple[int, FunctionSpec], ...] = ()
    """The index of each one's first instruction, in order."""

    @property
    def lines(self) -> tuple[tuple[int, LineRecord], ...]:
        """Instruction index and where it comes from."""
        return tuple(
            (start + (line.offset - function.section_offset) // 8, line)
            for start, function in self.functions
            for line in _distinct(function.lines)
        )


@final
class Linker:
    """Links the programs of an object. `fds` has the descriptors of all maps; `relocated` the code of the functions
    that CO-RE changed; `externs` what is known of the object's."""

    def __init__(
        self,
        obj: Object,
        fds: Mapping[str, int],
        relocated: Mapping[str, bytes],
        externs: Mapping[str, Found] = MappingProxyType({}),
    ) -> None:
        self._fds = fds
        self._relocated = relocated
        self._externs = externs
        self._functions = {f.name: f for f in (*obj.functions, *(p.function for p in obj.programs))}
        self._strings = Strings(obj.btf, ">" if obj.big_endian else "<") if obj.btf else None

    def link(self, program: ProgramSpec) -> Linked:
        """Raises LoadError."""
        order = _reachable(self._functions, program)
        starts: dict[str, int] = {}
        end = 0
        for function in order:
            starts[function.name] = end
            end += len(function.code) // 8
        pieces = []
        for function in order:
            code = bytearray(self._relocated.get(function.name, function.code))
            _relocate(code, function, starts, self._fds)
            for relocation in function.relocations:
                if relocation.kind == "extern":
                    _extern(code, function, relocation, self._fds, self._externs)
            pieces.append(bytes(code))
        placed = tuple((starts[function.name], function) for function in order)
        return Linked(b"".join(pieces), _func_info(order, starts), _line_info(placed, self._strings), placed)


def _distinct(lines: tuple[LineRecord, ...]) -> list[LineRecord]:
    """The first for each instruction; they are in order."""
    found: list[LineRecord] = []
    last = -1
    for line in lines:
        if line.offset // 8 != last:
            found.append(line)
            last = line.offset // 8
    return found


def _reachable(everything: Mapping[str, FunctionSpec], program: ProgramSpec) -> list[FunctionSpec]:
    """The program, then what it calls in the order of its calls, each followed by what that calls, as libbpf has them;
    last, what handles its exceptions."""
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
    registers = code[at + 1]
    code[at + 1] = registers & 15 | source << 4 if byteorder == "little" else registers & 0xF0 | source
    _set_imm(code, at, imm)


def _set_imm(code: bytearray, at: int, imm: int) -> None:
    struct.pack_into("=i", code, at + 4, imm)


def _func_info(order: list[FunctionSpec], starts: Mapping[str, int]) -> bytes:
    if not all(function.btf_id for function in order):
        return b""
    return b"".join(struct.pack("=II", starts[function.name], function.btf_id) for function in order)


def _line_info(placed: Sequence[tuple[int, FunctionSpec]], strings: Strings | None) -> bytes:
    # The kernel wants a line for the first instruction of each function.
    if strings is None or any(not f.lines or f.lines[0].offset != f.section_offset for _, f in placed):
        return b""
    place = strings.offset
    words: list[int] = []
    for start, function in placed:
        first = start * 8 - function.section_offset
        for offset, file, text, line, column in _distinct(function.lines):
            words += ((first + offset) // 8, place(file), place(text), line << 10 | column & 0x3FF)
    return struct.pack(f"={len(words)}I", *words)

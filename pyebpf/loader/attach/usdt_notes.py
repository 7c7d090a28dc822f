"""The markers that a file has (USDT): notes of whose assembler text the arguments' places are made."""

from __future__ import annotations

import platform
import re
import struct
from typing import Final, final

from pyebpf.kernel.usdt import (
    ARGUMENT,
    BASE,
    INDEX_BIT,
    MOST_ARGUMENTS,
    NOTE_TYPE,
    NOTES,
    OWNER,
    REGISTERS,
    SCALE_BIT,
    SPEC,
    Where,
)
from pyebpf.loader.attach.uprobe_elf import Binary, BinaryError, notes
from pyebpf.records import dataclass

_ARGUMENT: Final = re.compile(r"(?:^|\s)(-?)([1248])(f?)@(.*?)(?=\s+-?[1248]f?@|\s*$)", re.DOTALL)
_NUMBER: Final = r"[+-]?(?:0[xX][0-9a-fA-F]+|\d+)"
_SYMBOL: Final = r"[A-Za-z_.$][\w.$@]*"
_X86: Final = (
    ("register", re.compile(r"%(?P<base>\w+)")),
    ("constant", re.compile(rf"\$(?P<offset>{_NUMBER})")),
    (
        "memory",
        re.compile(
            rf"(?P<offset>{_NUMBER})?\s*\(\s*(?:%(?P<base>\w+))?\s*"
            r"(?:,\s*%(?P<index>\w+)\s*(?:,\s*(?P<scale>[1248])\s*)?)?\)"
        ),
    ),
    ("symbol", re.compile(rf"(?P<symbol>{_SYMBOL})(?P<offset>[+-]\d+)?(?:\(\s*%rip\s*\))?")),
)
_ARM64: Final = (
    ("constant", re.compile(rf"#?(?P<offset>{_NUMBER})")),
    ("memory", re.compile(rf"\[\s*(?P<base>\w+)\s*(?:,\s*#?(?P<offset>{_NUMBER})\s*)?\]")),
    ("memory", re.compile(r"\[\s*(?P<base>\w+)\s*,\s*(?P<index>x\d+)\s*(?:,\s*lsl\s*#?(?P<shift>[0-4])\s*)?\]")),
    ("register", re.compile(r"(?P<base>\w+)")),
)
_FORMS: Final = {"x86_64": _X86, "aarch64": _ARM64}
_SHIFTS: Final = {"1": 0, "2": 1, "4": 2, "8": 3}
_MASK: Final = (1 << 64) - 1
_MOST_TEXT: Final = 4096


@final
@dataclass(frozen=True, slots=True)
class Marker:
    """A place that the author has marked; several may have one name."""

    name: str
    """`provider:name`"""
    address: int
    """Of its instruction, as the file has it."""
    semaphore: int
    """The address of a counter of the tracers that are there; 0 if it has none."""
    arguments: str
    """`-4@%edi 8@-16(%rbp)`: size, `-` for numbers with a sign, and an operand of the assembler."""


def markers_of(binary: Binary) -> list[Marker]:
    """Every marker of a file. Raises BinaryError."""
    section = binary.section(NOTES)
    if section is None:
        return []
    base = binary.section(BASE)
    found = []
    for owner, kind, data, _ in notes(binary.data(section)):
        if owner == OWNER and kind == NOTE_TYPE:
            found.append(_marker(data, base.address if base is not None else None))
    return found


def _marker(data: bytes, base: int | None) -> Marker:
    if len(data) < 24:
        raise BinaryError("a note of its markers is cut off")
    address, noted_base, semaphore = struct.unpack_from("=QQQ", data)
    texts = data[24:].split(b"\0")
    if len(texts) < 4:  # the last is behind the last NUL
        raise BinaryError("a note of its markers is cut off")
    provider, name, arguments = (text.decode("utf-8", "surrogateescape") for text in texts[:3])
    moved = 0 if base is None else base - noted_base  # a program that was prelinked after the note was made
    return Marker(
        f"{provider}:{name}", address + moved & _MASK, semaphore and semaphore + moved & _MASK, arguments[:_MOST_TEXT]
    )


@final
@dataclass(frozen=True, slots=True)
class Spec:
    """Where the arguments of a marker are: a record of the map, and what is said of arguments that no program can
    read, by number."""

    record: bytes
    count: int
    unknown: dict[int, str]


def spec_of(marker: Marker, binary: Binary) -> Spec:
    """The record for a marker's place. Raises BinaryError."""
    record = bytearray(SPEC.size)
    unknown: dict[int, str] = {}
    matches = list(_ARGUMENT.finditer(marker.arguments))
    if "".join(match[0] for match in matches).split() != marker.arguments.split():
        matches = []
        unknown = dict.fromkeys(range(MOST_ARGUMENTS), marker.arguments)
    count = min(len(matches), MOST_ARGUMENTS)
    for number, match in enumerate(matches[:count]):
        sign, size, fraction, operand = match[1], int(match[2]), match[3], match[4].strip()
        place = None if fraction else _place(operand, marker, binary)
        if place is None:
            unknown[number] = match[0].strip()
            place = (Where.UNKNOWN, 0, 0)
        where, offset, register = place
        at = number * ARGUMENT.size
        struct.pack_into("=QIhBb", record, at, offset & _MASK, where, register, bool(sign), 64 - 8 * size)
    struct.pack_into("=h", record, SPEC.fields[2].offset, count)
    return Spec(bytes(record), count, unknown)


def _place(operand: str, marker: Marker, binary: Binary) -> tuple[int, int, int] | None:
    """`arg_type`, `val_off` and `reg_off` for an operand; None for one that isn't understood."""
    machine = platform.machine()
    registers = REGISTERS.get(machine, {})
    for form, pattern in _FORMS.get(machine, ()):
        match = pattern.fullmatch(operand)
        if match is None:
            continue
        parts = match.groupdict()
        offset = int(parts.get("offset") or "0", 0) if not parts.get("symbol") else int(parts["offset"] or "0")
        if form == "constant":
            return Where.CONSTANT, offset, 0
        if form == "symbol":
            address = _variable(binary, parts["symbol"] or "")
            place = registers.get("rip")
            if address is None or place is None:
                return None
            # The instruction's address in the process is known, and with it where everything of the file is.
            return Where.MEMORY, address + offset - marker.address, place
        register = registers.get(parts["base"] or "")
        if register is None or parts["base"] == "rip":
            return None
        if form == "register":
            return Where.REGISTER, 0, register
        return _memory(parts, registers, offset, register)
    return None


def _memory(
    parts: dict[str, str | None], registers: dict[str, int], offset: int, register: int
) -> tuple[int, int, int] | None:
    index = parts.get("index")
    if index is None:
        return Where.MEMORY, offset, register
    place = registers.get(index)
    if place is None:
        return None
    shift = int(parts["shift"] or 0) if "shift" in parts else _SHIFTS[parts["scale"] or "1"]
    return Where.INDEXED | place << INDEX_BIT | shift << SCALE_BIT, offset, register


def _variable(binary: Binary, name: str) -> int | None:
    """The address of a variable, as the file has it."""
    found = {each.value for table in binary.tables for each in table.find(name) if each.section}
    return found.pop() if len(found) == 1 else None

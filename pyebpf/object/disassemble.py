"""Shows a program's instructions as the kernel's verifier writes them, under the source lines they come from.

Source: the kernel's documentation, "BPF Instruction Set Architecture" (all of CPU versions 1 to 4).
"""

from __future__ import annotations

import struct
from typing import Final

from pyebpf.kernel.helpers import HELPERS
from pyebpf.object.specs import FunctionSpec, Object, Relocation

_NAMES: Final = {helper.id: helper.name for helper in HELPERS}
_ALU: Final = ("+=", "-=", "*=", "/=", "|=", "&=", "<<=", ">>=", "neg", "%=", "^=", "=", "s>>=", "end")
_JUMP: Final = ("goto", "==", ">", ">=", "&", "!=", "s>", "s>=", "call", "exit", "<", "<=", "s<", "s<=", "may_goto")
_SIZE: Final = ("u32", "u16", "u8", "u64")
_ATOMIC: Final = {0x00: "add", 0x40: "or", 0x50: "and", 0xA0: "xor"}


def disassemble(obj: Object, program: str | None = None) -> str:
    """The text of all functions, or of the entry program (or function) `program`. Raises KeyError if there is none."""
    functions = [p.function for p in obj.programs] + list(obj.functions)
    if program is not None:
        functions = [function for function in functions if function.name == program]
        if not functions:
            raise KeyError(program)
    return "\n".join(_function(function, obj.big_endian) for function in functions)


def _function(function: FunctionSpec, big_endian: bool) -> str:
    order = ">" if big_endian else "<"
    lines = {line.offset - function.section_offset: line for line in reversed(function.lines)}
    named = {relocation.offset: relocation for relocation in function.relocations}
    shown = [f"{function.name}:  ; section {function.section}"]
    code = function.code
    at = 0
    while at + 8 <= len(code):
        line = lines.get(at)
        if line is not None and (line.text or line.line):
            shown.append(f"; {line.text.strip()} @ {line.file.rsplit('/', 1)[-1]}:{line.line}")
        opcode, registers, offset, imm = struct.unpack_from(order + "BBhi", code, at)
        destination, source = (registers >> 4, registers & 15) if big_endian else (registers & 15, registers >> 4)
        wide = opcode == 0x18 and at + 16 <= len(code)
        if wide:
            high = struct.unpack_from(order + "I", code, at + 12)[0]
            text = f"r{destination} = {_wide(named.get(at), high << 32 | imm & 0xFFFFFFFF)}"
        else:
            text = _instruction(opcode, destination, source, offset, imm, at // 8, named.get(at))
        shown.append(f"{at // 8:4}: ({opcode:02x}) {text}")
        at += 16 if wide else 8
    return "\n".join(shown) + "\n"


def _wide(relocation: Relocation | None, value: int) -> str:
    if relocation is None:
        return f"{value:#x} ll"
    if relocation.kind == "data":
        return f"{relocation.name}[{relocation.addend}] ll"
    return f"{relocation.kind} {relocation.name} ll"


def _instruction(op: int, dst: int, src: int, off: int, imm: int, index: int, relocation: Relocation | None) -> str:
    match op & 7:
        case 4 | 7:
            return _alu(op, dst, src, off, imm)
        case 5 | 6:
            return _jump(op, dst, src, off, imm, index, relocation)
        case 1 | 2 | 3:
            return _memory(op, dst, src, off, imm)
    size = _SIZE[op >> 3 & 3]
    if op & 0xE0 == 0x20:
        return f"r0 = *({size} *)skb[{imm}]"
    if op & 0xE0 == 0x40:
        return f"r0 = *({size} *)skb[r{src} + {imm}]"
    return f"unknown opcode {op:#04x}"


def _alu(op: int, dst: int, src: int, off: int, imm: int) -> str:
    register = "w" if op & 7 == 4 else "r"
    number = op >> 4
    if number >= len(_ALU):
        return f"unknown opcode {op:#04x}"
    sign = _ALU[number]
    if number == 8:
        return f"{register}{dst} = -{register}{dst}"
    if number == 13:
        swap = "bswap" if op & 7 == 7 else "be" if op & 8 else "le"
        return f"r{dst} = {swap}{imm} r{dst}"
    value = f"{register}{src}" if op & 8 else str(imm)
    if number == 11 and op & 8 and off in (8, 16, 32):
        value = f"(s{off}){value}"
    elif number == 11 and op & 8 and off == 1:
        value = f"addr_space_cast({value}, {imm >> 16 & 0xFFFF}, {imm & 0xFFFF})"
    elif number in (3, 9) and off == 1:
        sign = "s" + sign
    return f"{register}{dst} {sign} {value}"


def _jump(op: int, dst: int, src: int, off: int, imm: int, index: int, relocation: Relocation | None) -> str:
    number = op >> 4
    short = op & 7 == 6
    if number >= len(_JUMP):
        return f"unknown opcode {op:#04x}"
    if number == 0:
        return f"gotol {index + 1 + imm}" if short else f"gotox r{dst}" if op & 8 else f"goto {index + 1 + off}"
    if number == 8:
        return _call(op, dst, src, imm, index, relocation)
    if number == 9:
        return "exit"
    if number == 14:
        return f"may_goto {index + 1 + off}"
    register = "w" if short else "r"
    value = f"{register}{src}" if op & 8 else str(imm)
    return f"if {register}{dst} {_JUMP[number]} {value} goto {index + 1 + off}"


def _call(op: int, dst: int, src: int, imm: int, index: int, relocation: Relocation | None) -> str:
    if op & 8:
        return f"callx r{dst}"
    if relocation is not None:
        return f"call {relocation.name}"
    if src == 1:
        return f"call pc{imm + 1:+} (to {index + 1 + imm})"
    if src == 2:
        return f"call kernel function {imm}"
    return f"call {imm} <{_NAMES.get(imm, 'unknown')}>"


def _memory(op: int, dst: int, src: int, off: int, imm: int) -> str:
    size = _SIZE[op >> 3 & 3]
    mode = op & 0xE0
    place = f"{'-' if off < 0 else '+'} {abs(off)})"
    kind = op & 7
    if mode == 0xC0 and kind == 3:
        return _atomic(size, dst, src, imm, place)
    if mode not in (0x60, 0x80) or (mode == 0x80 and kind != 1):
        return f"unknown opcode {op:#04x}"
    if kind == 1:
        return f"r{dst} = *({size.replace('u', 's') if mode == 0x80 else size} *)(r{src} {place}"
    return f"*({size} *)(r{dst} {place} = {imm if kind == 2 else f'r{src}'}"


def _atomic(size: str, dst: int, src: int, imm: int, place: str) -> str:
    pointer = f"({size} *)(r{dst} {place}"
    match imm:
        case 0xE1:
            return f"r{src} = atomic_xchg({pointer}, r{src})"
        case 0xF1:
            return f"r0 = atomic_cmpxchg({pointer}, r0, r{src})"
        case 0x100:
            return f"r{src} = load_acquire({pointer})"
        case 0x110:
            return f"store_release({pointer}, r{src})"
    name = _ATOMIC.get(imm & ~1)
    if name is None:
        return f"unknown atomic operation {imm:#x}"
    if imm & 1:
        return f"r{src} = atomic_fetch_{name}({pointer}, r{src})"
    return f"lock *{pointer} {dict(add='+=', **{'or': '|=', 'and': '&=', 'xor': '^='})[name]} r{src}"

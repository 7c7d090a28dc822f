"""CO-RE: an answer, written into the instruction that asks.

    rX = imm, rX += imm          the immediate value
    rX = imm64                   both halves of it
    rX = *(rY + offset), stores  the offset; and the size, where the field has another one here
    no answer                    a call of a helper that doesn't exist

So an instruction without an answer is refused only where it can be reached.
"""

from __future__ import annotations

import struct
from typing import Final, final

from pyebpf.loader.errors import LoadError
from pyebpf.records import dataclass

POISON: Final = 0xBAD2310
"""The helper that doesn't exist: 195896080 in the verifier's log."""
_LD_IMM64: Final = 0x18
_SIZES: Final = {8: 0x18, 4: 0x00, 2: 0x08, 1: 0x10}
_BYTES: Final = {code: size for size, code in _SIZES.items()}
_FARTHEST: Final = 0x7FFF
_WORD: Final = 0xFFFFFFFF
_LONG: Final = 0xFFFFFFFFFFFFFFFF


@final
@dataclass(frozen=True, slots=True)
class Change:
    """What an instruction says, and what it shall say."""

    before: int | None
    """None where compilers may have had it otherwise: then it isn't checked."""
    after: int | None
    """None: there is no answer."""
    size_before: int = 0
    size_after: int = 0
    """Bytes of the field, for loads and stores."""
    resizable: bool = True
    """Whether a load of another size still gives the field's value."""


def patch(code: bytearray, at: int, order: str, change: Change) -> None:
    """Write `change` into the instruction at byte `at`. Raises LoadError where that isn't one that it can be for."""
    opcode = code[at]
    wide = opcode == _LD_IMM64
    if change.after is None:
        return _poison(code, at, order, wide)
    if wide:
        if any((code[at + 1] & (0xF0 if order == "<" else 0x0F), *code[at + 2 : at + 4], *code[at + 8 : at + 12])):
            raise LoadError("its 64-bit constant isn't a plain one", "object")
        low, high = (struct.unpack_from(order + "I", code, place)[0] for place in (at + 4, at + 12))
        _expect(low | high << 32, change.before, _LONG)
        struct.pack_into(order + "I", code, at + 4, change.after & _WORD)
        struct.pack_into(order + "I", code, at + 12, change.after >> 32 & _WORD)
    elif opcode & 7 in (4, 7) and not opcode & 8:  # ALU, ALU64 with an immediate value
        _expect(struct.unpack_from(order + "i", code, at + 4)[0], change.before, _LONG)
        struct.pack_into(order + "I", code, at + 4, change.after & _WORD)
    elif opcode & 7 in (1, 2, 3):  # LDX, ST, STX
        _patch_access(code, at, order, change, change.after)
    else:
        raise LoadError(f"it is for an instruction of opcode {opcode:#x}, which has no place for an answer", "object")


def _patch_access(code: bytearray, at: int, order: str, change: Change, offset: int) -> None:
    _expect(struct.unpack_from(order + "h", code, at + 2)[0], change.before, _LONG)
    if offset > _FARTHEST:
        raise LoadError(f"the field is at offset {offset} in this kernel, out of reach of one load", "kernel")
    if change.size_before != change.size_after:
        if not change.resizable:
            return _poison(code, at, order, False)
        size = _BYTES[code[at] & 0x18]
        if size != change.size_before:
            raise LoadError(f"it loads {size} bytes of a field of {change.size_before}", "object")
        if change.size_after not in _SIZES:
            raise LoadError(f"the field has {change.size_after} bytes in this kernel, which no load has", "kernel")
        code[at] = code[at] & ~0x18 | _SIZES[change.size_after]
    struct.pack_into(order + "h", code, at + 2, offset)


def _expect(found: int, before: int | None, mask: int) -> None:
    if before is not None and (found ^ before) & mask:
        raise LoadError(f"its instruction says {found}, where the object's types say {before}", "object")


def _poison(code: bytearray, at: int, order: str, wide: bool) -> None:
    for place in (at, at + 8) if wide else (at,):
        code[place : place + 8] = struct.pack(order + "BBhi", 0x85, 0, 0, POISON)

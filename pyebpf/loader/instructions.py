"""A few instructions by hand: programs so small that no compiler is needed for them."""

from __future__ import annotations

import struct
from sys import byteorder
from typing import Final

from pyebpf.kernel.programs import ProgramType

RETURNS: Final = ProgramType.SOCKET_FILTER
"""The kind of program with which instructions are tried: every kernel has it."""


def instruction(opcode: int, registers: int = 0, offset: int = 0, immediate: int = 0) -> bytes:
    """`struct bpf_insn`; `registers` has the destination in its lower half, and the source in its upper."""
    if byteorder == "big":
        registers = (registers & 15) << 4 | registers >> 4
    return struct.pack("=BBhi", opcode, registers, offset, immediate)


EXIT: Final = instruction(0x95)


def returns(result: int) -> bytes:
    """`r0 = result; exit`."""
    return instruction(0xB4, 0, 0, (result + 2**31) % 2**32 - 2**31) + EXIT


def call(helper: int) -> bytes:
    """The call of helper number `helper`."""
    return instruction(0x85, 0, 0, helper)


SAMPLES: Final = {
    # if r0 < 1 goto the next
    "v2": instruction(0xB7, 0, 0, 1) + instruction(0xA5, 0, 0, 1) + EXIT,
    # r0 = 1; if w0 == 1 goto the next
    "v3": instruction(0xB7, 0, 0, 1) + instruction(0x16, 0, 0, 1) + EXIT,
    # r0 = 7; r0 s/= 2; r0 = (s8)r0; r0 = bswap16 r0; gotol the next
    "v4": b"".join(
        [
            *(instruction(0xB7, 0, 0, 7), instruction(0x37, 0, 1, 2), instruction(0xBF, 0, 8)),
            *(instruction(0xD7, 0, 0, 16), instruction(0x06), EXIT),
        ]
    ),
}
"""What came with each level of the instruction set."""

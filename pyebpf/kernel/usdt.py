"""User statically defined tracing (USDT): markers in programs, whose arguments lie wherever the compiler had them.

The notes of a file say where each marker is and where its arguments are, in the assembler's words; a loader translates
that into records of a map, one for each way in which arguments lie, and the program on the marker reads by them. The
records and maps are laid out as libbpf's header for such programs (usdt.bpf.h) has them, so that either loader attaches
the programs of the other's.

Sources: SystemTap's sys/sdt.h and its description of the notes; that header's declarations; `struct pt_regs` of the
architectures.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final

from pyebpf.kernel.versions import Version
from pyebpf.layout import I8, I16, I32, I64, U8, U32, U64, Array, Field, Struct

NOTES: Final = ".note.stapsdt"
BASE: Final = ".stapsdt.base"
OWNER: Final = b"stapsdt"
NOTE_TYPE: Final = 3

MOST_ARGUMENTS: Final = 12
SPECS: Final = "__bpf_usdt_specs"
"""The map of records: an array, by the number that a link's cookie is."""
IPS: Final = "__bpf_usdt_ip_to_spec_id"
"""The numbers by the address of the instruction, for kernels without cookies (before 5.15)."""
MOST_SPECS: Final = 256
MOST_IPS: Final = 4 * MOST_SPECS
COOKIES: Final[Version] = (5, 15)
HAS_COOKIES: Final = "LINUX_HAS_BPF_COOKIE"


class Where(IntEnum):
    """`arg_type`: where an argument is. The least significant byte of the field."""

    CONSTANT = 0
    """`val_off` is the argument."""
    REGISTER = 1
    """In the register at `reg_off` of the context."""
    MEMORY = 2
    """In memory, `val_off` bytes from where that register points."""
    INDEXED = 3
    """The same, and by another register more, which is shifted to the left first: its place in the context is 12 bits
    of `arg_type` from bit 8 on, by how much it is shifted four from bit 20 on."""
    UNKNOWN = 255
    """What programs don't read."""


INDEX_BIT: Final = 8
INDEX_MASK: Final = 0xFFF
SCALE_BIT: Final = 20
SCALE_MASK: Final = 0xF

ARGUMENT: Final = Struct(
    "__bpf_usdt_arg_spec",
    (
        Field("val_off", U64, 0),
        Field("arg_type", U32, 8),
        Field("reg_off", I16, 12),
        Field("arg_signed", U8, 14),
        Field("arg_bitshift", I8, 15),
    ),
    16,
    8,
)
SPEC: Final = Struct(
    "__bpf_usdt_spec",
    (
        Field("args", Array(ARGUMENT, MOST_ARGUMENTS), 0),
        Field("usdt_cookie", U64, 192),
        Field("arg_cnt", I16, 200),
    ),
    208,
    8,
)
INDEX: Final = I32
IP: Final = I64
NUMBER: Final = U32

_X86_ROWS: Final = (
    (80, "rax eax ax al"),
    (40, "rbx ebx bx bl"),
    (88, "rcx ecx cx cl"),
    (96, "rdx edx dx dl"),
    (104, "rsi esi si sil"),
    (112, "rdi edi di dil"),
    (32, "rbp ebp bp bpl"),
    (152, "rsp esp sp spl"),
    *((72 - 8 * number, f"r{8 + number} r{8 + number}d r{8 + number}w r{8 + number}b") for number in range(4)),
    *((24 - 8 * number, f"r{12 + number} r{12 + number}d r{12 + number}w r{12 + number}b") for number in range(4)),
    (128, "rip"),
)
_ARM64_ROWS: Final = (
    *((8 * number, f"x{number} w{number}") for number in range(31)),
    (248, "sp wsp"),
    (256, "pc"),
)
REGISTERS: Final = {
    "x86_64": {name: offset for offset, names in _X86_ROWS for name in names.split()},
    "aarch64": {name: offset for offset, names in _ARM64_ROWS for name in names.split()},
}
"""By machine: where in the context a register is, by the assembler's names of it and of its lower parts."""

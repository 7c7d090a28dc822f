"""The context of programs on perf events, `struct bpf_perf_event_data`: the registers where the event happened, the
period, and the address that it was about.

The registers are the machine's own, and their names too; `ip` and `sp` are there on each. Sources:
include/uapi/linux/bpf_perf_event.h; `bpf_user_pt_regs_t` in arch/*/include/uapi/asm/bpf_perf_event.h, and its struct.
"""

from __future__ import annotations

from typing import Final

from pyebpf.kernel.contexts.fields import ContextField, ContextStruct
from pyebpf.kernel.programs import ProgramType
from pyebpf.layout import U64

_WORD: Final = 8


def _context(machine: str, registers: str, *others: tuple[str, int]) -> ContextStruct:
    """`registers` in order, from the beginning; `others` are further names by their numbers."""
    names = registers.split()
    named = [*((name, number) for number, name in enumerate(names)), *others]
    fields = tuple(ContextField(name, number * _WORD, U64) for name, number in named if name != "-")
    end = len(names) * _WORD
    behind = (ContextField("sample_period", end, U64), ContextField("addr", end + _WORD, U64))
    return ContextStruct(
        "bpf_perf_event_data", (ProgramType.PERF_EVENT,), end + 2 * _WORD, (*behind, *fields), machine=machine
    )


_NUMBERED: Final = " ".join(f"r{number}" for number in range(16))

PERF_EVENT_DATA: Final = (
    _context("x86_64", "r15 r14 r13 r12 bp bx r11 r10 r9 r8 ax cx dx si di orig_ax ip cs flags sp ss"),
    _context(
        "aarch64", " ".join(f"x{number}" for number in range(31)) + " sp pc pstate", ("fp", 29), ("lr", 30), ("ip", 32)
    ),
    _context("s390x", f"orig_gpr2 psw_mask psw_addr {_NUMBERED}", ("ip", 2), ("sp", 18)),
)

"""Computing things where the source does, for programs that need more values at a time than the stack holds.

LLVM reads first and computes afterwards, as late as it can: of a long sum of fields, each lies on the stack meanwhile.

    h = h * 31 + row.a            a = row.a               a = row.a
    h = h * 31 + row.b            b = row.b               h = h * 31 + a
    h = h * 31 + row.c            c = row.c               b = row.b
    out[0] = h                    call lookup             h = h * 31 + b
                                  h = h * 31 + a          ...
                                  ...                     call lookup

An empty assembly that has an effect stays where it is, with what is computed for it. It costs no instruction itself,
but hides from LLVM what the number is, which makes other programs longer.
"""

from __future__ import annotations

from pyebpf.codegen.text import Code


def computed_here(code: Code, value: str) -> str:
    """`value`, 64 bits, in a register that has it from here on."""
    if value.lstrip("-").isdigit():
        return value
    return code.value(f'call i64 asm sideeffect "", "=r,0"(i64 {value})')

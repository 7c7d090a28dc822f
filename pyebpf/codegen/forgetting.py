"""Making the verifier forget what a number is.

A variable that is always zero is added to it: the verifier doesn't know what is in variables, so it knows nothing of
the sum. It must not use what it knows of a loop's first round for all others.
"""

from __future__ import annotations

from typing import Final

from pyebpf.codegen import memory
from pyebpf.codegen.text import Code
from pyebpf.ir import ops

ZERO: Final = "__pyebpf_zero"


def is_forgetting(op: ops.Op) -> bool:
    """Whether code of this kind is needed for `op`."""
    return isinstance(op, ops.Forget | ops.ForgetBytes)


def forget_local(code: Code, place: str, type: str, zero: str = "") -> None:
    """The number of LLVM's type `type` at `place`. `zero`: the register that has the variable already."""
    bits = int(type[1:])
    align = 8 if bits == 64 else 1
    old = code.value(f"load {type}, ptr {place}, align {align}")
    wide = old if bits == 64 else code.value(f"zext {type} {old} to i64")
    code.do(f"store {type} {_unknown(code, wide, bits, zero)}, ptr {place}, align {align}")


def forget_bytes(code: Code, address: str, size: int, align: int, zero: str = "") -> None:
    """`size` bytes from `address`."""
    for offset, width in memory.pieces(0, size, align):
        place, type = memory.at(code, address, offset), f"i{width * 8}"
        old = code.value(f"load {type}, ptr {place}, align {width}")
        wide = old if width == 8 else code.value(f"zext {type} {old} to i64")
        code.do(f"store {type} {_unknown(code, wide, width * 8, zero)}, ptr {place}, align {width}")


def load_zero(code: Code) -> str:
    """The variable, read once at a function's entry."""
    name = f"%{code.name('zero')}"
    code.entry.append(f"  {name} = load i64, ptr @{ZERO}, align 8")
    return name


def _unknown(code: Code, value: str, bits: int, zero: str) -> str:
    # Each number with a zero of its own: the same sum twice would be one number to LLVM.
    if zero:
        zero = code.hidden(zero)
    else:
        zero = code.value(f"load volatile i64, ptr @{ZERO}, align 8")
    total = code.value(f"add i64 {value}, {zero}")
    return total if bits == 64 else code.value(f"trunc i64 {total} to i{bits}")

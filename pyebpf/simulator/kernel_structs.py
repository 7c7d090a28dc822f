"""Kernel structs as the test supplies them. The kernel's types are what they were when the probe was compiled."""

from __future__ import annotations

from collections.abc import Callable

from pyebpf import layout
from pyebpf.ir import ops
from pyebpf.ir.types import BoolType, KernelType, PointerType, Region
from pyebpf.simulator.addresses import Addresses
from pyebpf.simulator.memory import Pointer, Word
from pyebpf.simulator.memory import number as stored_number


def value(
    op: ops.KernelField | ops.KernelAddress | ops.KernelFact,
    addresses: Addresses,
    word: Callable[[ops.Value], Word],
    number: Callable[[ops.Value], int],
) -> Word:
    """What `op` computes; `word` and `number` give the values of its operands."""
    match op:
        case ops.KernelField():
            base, offset = word(op.base), addresses.offset(op.struct, op.path)
            return base.plus(offset) if isinstance(base, Pointer) else number(op.base) + offset
        case ops.KernelAddress():
            return number(op.base) + number(op.offset)
        case ops.KernelFact():
            return op.here


def load(op: ops.Load, type: layout.Type, address: int, addresses: Addresses) -> Word:
    """A load from a kernel struct, which the kernel turns to zero where there is no memory."""
    pointer = op.address.type
    if isinstance(op.type, KernelType) and isinstance(pointer, PointerType) and pointer.region is Region.CONTEXT:
        return addresses.member(address, op.type.struct)
    data = addresses.read("kernel", address, type.size)
    raw = stored_number(type, data) if data is not None else 0
    return int(raw != 0) if isinstance(op.type, BoolType) else raw

"""How much memory a call of the kernel is given, where that varies."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from pyebpf.ir import ops
from pyebpf.ir.types import DYNPTR, IntType, PointerType


def sizes(op: ops.Call | ops.KfuncCall) -> Iterator[ops.Value]:
    """Numbers that follow addresses: the verifier must see that the memory has as many bytes."""
    for address, size in pairwise(op.arguments):
        memory = isinstance(address.type, PointerType) and address.type.target != DYNPTR  # behind those is an offset
        if memory and isinstance(size.type, IntType):
            yield size

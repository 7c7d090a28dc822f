"""Clear only those bytes of a new event or struct that nothing writes before they can be seen.

before                                  after
%0 = reserve execs                      %0 = reserve execs
zero %0 0..296                          zero %0 292..296        # the padding
store %0+0 = time                       store %0+0 = time
...                                     ...
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from pyebpf.ir import ops
from pyebpf.ir.module import Program
from pyebpf.ir.rewrite import rewrite
from pyebpf.ir.types import PointerType, Region
from pyebpf.layout import Text

Ranges = tuple[tuple[int, int], ...]
TEXTS = ("probe_read_user_str", "probe_read_kernel_str")
"""Helpers that read nothing at their first argument, and write some of it."""
MOST_OPS = 400
"""How far to look ahead; events are filled right after they are reserved."""


def shrink_zeroing(program: Program) -> Program:
    """Every Zero in `program`, cut down to the bytes that need it."""
    cut: dict[ops.Op, Ranges] = {}
    _block(program.body, cut)
    if not _reads_events(program.body):
        cut |= dict.fromkeys(_before_texts(program.body), ())

    def change(op: ops.Op) -> ops.Op | None:
        if isinstance(op, ops.Zero) and op in cut:
            return replace(op, ranges=cut[op]) if cut[op] else None
        return op

    return rewrite(program, change)


def _block(block: ops.Block, cut: dict[ops.Op, Ranges]) -> None:
    for number, op in enumerate(block.ops):
        if isinstance(op, ops.Zero) and not isinstance(op.address, ops.MemberAddress):
            # Of a part of something older there may be other addresses, by which it is read.
            cut[op] = _left(op, block.ops[number + 1 : number + 1 + MOST_OPS])
        for inner in ops.blocks(op):
            _block(inner, cut)


def _left(zero: ops.Zero, following: tuple[ops.Op, ...]) -> Ranges:
    """What of `zero` is not overwritten before it can be seen."""
    root, shift = _root(zero.address)
    left = [(shift + offset, size) for offset, size in zero.ranges]
    known: dict[ops.Op, int] = {root: 0}
    """Addresses inside the memory, and how many bytes from its start."""
    for op in following:
        if isinstance(op, ops.SlotAddress) and _same_slot(op, root):
            known[op] = 0
        elif isinstance(op, ops.MemberAddress) and op.base in known:
            known[op] = known[op.base] + op.offset
        elif not _touches(op, known, root):
            if isinstance(op, ops.ENDS):
                break
        else:
            written = _written(op, known)
            if written is None:
                break
            left = _without(left, written)
    return tuple((offset - shift, size) for offset, size in left)


def _root(address: ops.Value) -> tuple[ops.Value, int]:
    offset = 0
    while isinstance(address, ops.MemberAddress):
        offset += address.offset
        address = address.base
    return address, offset


def _same_slot(op: ops.SlotAddress, root: ops.Value) -> bool:
    return isinstance(root, ops.SlotAddress) and op.slot is root.slot


def _touches(op: ops.Op, known: dict[ops.Op, int], root: ops.Value) -> bool:
    """Whether `op`, or anything inside it, uses the memory, or may leave it half written for others to see."""
    if isinstance(op, ops.Check) and op.failing is None:
        return False  # a fault gives the record back, unseen; what is on the stack is gone
    if any(operand in known for operand in ops.operands(op)):
        return True
    if isinstance(op, ops.SlotAddress) and _same_slot(op, root):
        return True
    inner = [part for block in ops.blocks(op) for part in block.ops]
    if any(isinstance(part, ops.ENDS) for part in inner):
        return True
    return any(_touches(part, known, root) for part in inner)


def _written(op: ops.Op, known: dict[ops.Op, int]) -> tuple[int, int] | None:
    """The bytes that `op` surely writes, if that is all it does with the memory; None otherwise."""
    match op:
        case ops.Store(bits=0) if op.value not in known:
            pointer = op.address.type
            assert isinstance(pointer, PointerType)
            return known[op.address], pointer.target.size
        case ops.StoreBytes():
            return known[op.address], len(op.data)
        case ops.Copy() if op.target in known and op.source not in known:
            return known[op.target], op.size
        case ops.Zero(ranges=((offset, size),)):
            return known[op.address] + offset, size
        case ops.Call() if (op.writes or op.helper in TEXTS) and op.arguments[op.target] in known:
            if sum(argument in known for argument in op.arguments) > 1:
                return None
            return known[op.arguments[op.target]], op.writes
        case _:
            return None


def _before_texts(block: ops.Block) -> Iterator[ops.Zero]:
    """What clears the place of a text in a ring record, right before the text is read there.

    Left alone, parts of earlier records lie behind the text's end: of what was in the same ring, which whoever reads
    the ring has seen, or could have, for its memory is mapped to them whole. They look at text up to its end; of an
    array, that a helper is given by name, at all bytes.
    """
    for op, following in zip(block.ops, block.ops[1:]):
        for inner in ops.blocks(op):
            yield from _before_texts(inner)
        if isinstance(op, ops.Zero) and _text_in_a_ring(op.address):
            if isinstance(following, ops.Const):
                following = block.ops[block.ops.index(following) + 1]
            if isinstance(following, ops.Call) and following.helper in TEXTS and following.arguments[0] is op.address:
                yield op


def _in_a_ring(address: ops.Value) -> bool:
    return isinstance(address.type, PointerType) and address.type.region is Region.RING


def _text_in_a_ring(address: ops.Value) -> bool:
    pointer = address.type
    return _in_a_ring(address) and isinstance(pointer, PointerType) and isinstance(pointer.target, Text)


def _reads_events(block: ops.Block) -> bool:
    """Whether anything but the ring's reader gets bytes from an event: a key or value that is copied from it."""
    return any(isinstance(op, ops.Copy) and _in_a_ring(op.source) for op in ops.walk(block))


def _without(ranges: list[tuple[int, int]], written: tuple[int, int]) -> list[tuple[int, int]]:
    """`ranges` less the bytes of `written`."""
    start, end = written[0], written[0] + written[1]
    result = []
    for offset, size in ranges:
        before = (offset, min(offset + size, start) - offset)
        after = (max(offset, end), offset + size - max(offset, end))
        result += [part for part in (before, after) if part[1] > 0]
    return result

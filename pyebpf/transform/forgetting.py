"""Let the verifier forget, at the end of each round of a loop, what differs between the ways through the round.

    before                              after
                                        forget at
    loop i in 0..40                     loop i in 0..40
      if kind == 1                        if kind == 1
        set at = at + 1                     set at = at + 1
      else                                else
        set at = at + size                  set at = at + size
                                          forget at

The verifier goes through a loop round by round, and through each round once for every state in which it comes to it.
Where the ways through a round leave different ranges in a local that matters, the states never meet: seven ways and
forty rounds are more than it will ever follow, though no run takes more than a few thousand instructions. A local of
which it knows nothing is the same on every way, also in the first round, which would leave traces of its own in memory
otherwise. What the program needs to know of it, its checks find out anew.

Comes in: a checked program. Goes out: the same, with Forgets; the very same object where there is nothing to forget.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace

from pyebpf import layout
from pyebpf.checks.branches import is_known, known_locals
from pyebpf.checks.facts import Facts, locals_read, locals_written
from pyebpf.checks.ways import FEW_STATES, MANY, multiplies, ways
from pyebpf.ir import ops
from pyebpf.ir.module import Program
from pyebpf.ir.rewrite import rewrite
from pyebpf.ir.types import BoolType, IntType, PointerType, Region
from pyebpf.transform.sharing import Sharing, slots_of

MOST_MEMORY = 64
"""Bytes of local memory that each round of an iterator's loop makes the verifier forget."""


def forget_in_loops(program: Program, facts: Facts) -> Program:
    """`program` with a Forget at the end of each loop whose rounds would multiply the verifier's states; and behind
    each `if` where the ways through one round alone are too many."""
    known = known_locals(program.body)
    reads = locals_read(program.body)
    dense = set(_dense(program.body, facts, known, ways(program.body, facts, known) >= MANY))
    sharing = Sharing(program.body)
    settled: set[ops.Op] = set()

    def change(op: ops.Op) -> ops.Op | tuple[ops.Op, ...]:
        if op in settled:
            return op
        if isinstance(op, ops.Loop) and op.is_endless:
            settled.add(op)
            before, each = _around(op, known, reads)
            loop = replace(op, step=ops.Block((*op.step.ops, *_in_memory(op, sharing), *each)))
            settled.add(loop)
            return (*_in_memory(op, sharing), *before, loop)
        if isinstance(op, ops.Loop) and multiplies(op, facts, known):
            settled.add(op)
            later = _forget(_needed_later(op, reads), op)
            if op.is_function:
                return (op, *later)
            forget = _forget(_differing(op, known, reads), op)
            loop = replace(op, step=ops.Block((*op.step.ops, *forget)))
            settled.add(loop)
            return (*forget, loop, *later)
        if isinstance(op, ops.If) and op in dense:
            settled.add(op)
            return (op, *_forget(_learnt(op, reads), op))
        return op

    every = [op for op in ops.walk(program.body) if isinstance(op, ops.Loop)]
    loops = any(op.is_endless or multiplies(op, facts, known) for op in every)
    return rewrite(program, change) if dense or loops else program


def _around(
    loop: ops.Loop, known: frozenset[ops.Local], reads: Counter[ops.Local]
) -> tuple[tuple[ops.Op, ...], tuple[ops.Op, ...]]:
    """What is forgotten before a loop that an iterator ends, and after each of its rounds.

    The verifier follows such a loop until it comes to a state that it knows, and compares all numbers then. What it
    takes to be unimportant it gives up by itself (`widen_imprecise_scalars`, Linux 6.7), but not a count that something
    was decided by: it would follow that from round to round without end. And of numbers that the loop doesn't write it
    may give up what was known of them before.
    """
    written = locals_written(loop)
    inside = locals_read(*ops.blocks(loop))
    carried = [
        local
        for local in in_order(written, reads)
        if isinstance(local.type, IntType | BoolType)
        if reads[local] > inside[local] or _first(loop.body, local) == "read"
    ]
    outside = [
        local
        for local in in_order(inside.keys() - written - known, reads)
        if isinstance(local.type, IntType | BoolType) and _first(loop.body, local) == "read"
    ]
    return _forget(iter([*carried, *outside]), loop), _forget(iter(carried), loop)


def _in_memory(loop: ops.Loop, sharing: Sharing) -> list[ops.Op]:
    """The same of local memory that the loop reads numbers from and writes, unless that is much."""
    loads = [op.address for block in ops.blocks(loop) for op in ops.walk(block) if isinstance(op, ops.Load)]
    named = {slots_of(address) for address in loads}
    by_name = any(slots_of(address) is None and _on_stack(address) for address in loads)
    found = sharing.forget(loop, MOST_MEMORY)
    kept = [
        op
        for op in found
        if isinstance(op, ops.SlotAddress) and not op.slot.stays and not isinstance(op.slot.type, layout.Text)
        if op.slot in named or by_name
    ]
    return [op for op in found if op in kept or (isinstance(op, ops.ForgetBytes) and op.address in kept)]


def _on_stack(address: ops.Value) -> bool:
    return isinstance(address.type, PointerType) and address.type.region is Region.STACK


def _forget(locals: Iterator[ops.Local], op: ops.Op) -> tuple[ops.Op, ...]:
    found = tuple(locals)
    return (ops.Forget(found, op.span),) if found else ()


def _dense(block: ops.Block, facts: Facts, known: frozenset[ops.Local], inside: bool) -> Iterator[ops.If]:
    """Every `if` with two ways to go on, where there are so many of them that they must meet at once."""
    for op in block.ops:
        if isinstance(op, ops.Loop):
            many = ways(op.body, facts, known) > FEW_STATES
            yield from _dense(op.body, facts, known, many)
            continue
        if inside and isinstance(op, ops.If) and not is_known(op.condition, known):
            yield from [op] if ways(op.then, facts, known) and ways(op.orelse, facts, known) else ()
        for inner in ops.blocks(op):
            yield from _dense(inner, facts, known, inside)


def _needed_later(op: ops.Op, reads: Counter[ops.Local]) -> Iterator[ops.Local]:
    """The numbers and truth values that something in `op` writes, and something elsewhere reads."""
    inside = locals_read(*ops.blocks(op))
    for local in in_order(locals_written(op), reads):
        if isinstance(local.type, IntType | BoolType) and reads[local] > inside[local]:
            yield local


def _learnt(op: ops.If, reads: Counter[ops.Local]) -> Iterator[ops.Local]:
    """What the two ways of an `if` leave different: what they write, and the numbers of which a test on one of them, or
    its own, says something."""
    found = {*_needed_later(op, reads), *tested(op)}
    yield from in_order((local for local in found if reads[local] > 1), reads)


def tested(op: ops.Op) -> set[ops.Local]:
    """The numbers of which the tests in `op`, or its own, say something."""
    found: set[ops.Local] = set()
    pending: list[ops.Op] = [op, *(inner for block in ops.blocks(op) for inner in ops.walk(block))]
    pending = [inner.condition for inner in pending if isinstance(inner, ops.If | ops.Check)]
    while pending:
        value = pending.pop()
        if isinstance(value, ops.Compare | ops.Not | ops.Binary):
            pending.extend(ops.operands(value))
        elif isinstance(value, ops.LocalGet) and isinstance(value.type, IntType | BoolType):
            found.add(value.local)
    return found


def in_order(locals: Iterable[ops.Local], reads: Counter[ops.Local]) -> list[ops.Local]:
    """Those that are read, in the order of the source; copies of one and the same as they are read."""
    rank = {local: number for number, local in enumerate(reads)}
    found = sorted((local for local in locals if local in rank), key=rank.__getitem__)
    return sorted(found, key=lambda local: (local.span.line, local.span.column, local.name))


def _differing(loop: ops.Loop, known: frozenset[ops.Local], reads: Counter[ops.Local]) -> Iterator[ops.Local]:
    """The locals that the next round may find different, depending on the way through this one."""
    inside = locals_read(*ops.blocks(loop))
    written = locals_written(loop)
    counters = {op.counting.counter for op in (loop, *_nested(loop)) if op.counting is not None}
    steady = {local for local in written & known if _steady(loop, local)}
    for local in in_order(written - counters - steady, reads):
        lives = reads[local] > inside[local] or _first(loop.body, local) == "read"
        if lives and isinstance(local.type, IntType | BoolType):
            yield local


def _nested(loop: ops.Loop) -> Iterator[ops.Loop]:
    for block in (loop.body, loop.step):
        for op in ops.walk(block):
            if isinstance(op, ops.Loop):
                yield op


def _steady(loop: ops.Loop, local: ops.Local) -> bool:
    """Whether every round writes `local` in the same way, whatever happens in it."""
    on_every_way = [op for op in loop.step.ops if isinstance(op, ops.LocalSet) and op.local is local]
    writes = [op for block in (loop.body, loop.step) for op in ops.walk(block) if _writes(op, local)]
    return len(on_every_way) == len(writes) or (_unbroken(loop.body) and len(_top(loop.body, local)) == len(writes))


def _writes(op: ops.Op, local: ops.Local) -> bool:
    return isinstance(op, ops.LocalSet) and op.local is local


def _top(block: ops.Block, local: ops.Local) -> list[ops.Op]:
    return [op for op in block.ops if _writes(op, local)]


def _unbroken(body: ops.Block) -> bool:
    """Whether no Continue skips a part of the round."""
    return not any(isinstance(op, ops.Continue) for op in ops.walk(body))


def _first(block: ops.Block, local: ops.Local) -> str:
    """What a round does first with `local`: "read" on some way, surely "set", or nothing ("")."""
    for op in block.ops:
        if isinstance(op, ops.LocalGet) and op.local is local:
            return "read"
        if _writes(op, local):
            return "set"
        inner = [_first(each, local) for each in ops.blocks(op)]
        if "read" in inner:
            return "read"
        if (
            isinstance(op, ops.If)
            and all(
                each == "set" or (block.ops and isinstance(block.ops[-1], ops.ENDS))
                for each, block in zip(inner, ops.blocks(op), strict=True)
            )
            and "set" in inner
        ):
            return "set"
        if isinstance(op, ops.Scope) and inner == ["set"]:
            return "set"
    return ""

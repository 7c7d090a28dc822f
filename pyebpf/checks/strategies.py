"""Which loops stay loops, and which the kernel runs as functions (`bpf_loop`).

A loop stays where the verifier can follow all its rounds: that needs nothing of the kernel. Else it becomes a
function, of which the verifier follows a few rounds whatever their number: first the one loop with which the program
fits, and which is entered least often; if none alone is enough, the one that gains most, and then another.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final

from pyebpf.checks.bounds import bound
from pyebpf.checks.estimate import Weighing, estimate
from pyebpf.checks.facts import Facts, locals_named
from pyebpf.checks.instructions import cost, roughly
from pyebpf.checks.locks import gives_back, under_locks
from pyebpf.checks.stack import Chains
from pyebpf.diagnostics.base import Diagnostic
from pyebpf.diagnostics.outlining import LoopTooNew, ReferenceMoved
from pyebpf.ir import ops
from pyebpf.ir.module import Program
from pyebpf.ir.rewrite import rewrite
from pyebpf.ir.types import BoolType, IntType, PointerType, Region
from pyebpf.kernel.maps import MapType
from pyebpf.kernel.versions import Version, show_version

COMFORTABLE: Final = 300_000
"""Estimated instructions up to which all loops stay; of a million."""
TIGHT: Final = 700_000
"""The same where the target kernel offers nothing else."""
REMEMBERED: Final = 6000
"""Open branches, of 8,192."""
FOR_EACH: Final = (5, 13)
BPF_LOOP: Final = (5, 17)
DRAIN: Final = (6, 1)
MANY_ROUNDS: Final = (6, 7)
"""The verifier follows callbacks round by round until nothing is new (commit ab5cfac139ab)."""


MOST_ROUNDS: Final = 8
MANY: Final = 24
"""Loops up to which it is tried with each of them what it would gain."""
MISFITS: Final = 2
"""Of more than those, loops that don't fit the stack as functions until no others are tried."""
LONG: Final = 64
"""Rounds of a loop that may be why a program is too much."""
SHORT: Final = 64
"""Instructions of all rounds together up to which a loop is written out."""
OVERHEAD: Final = 6
"""Instructions of a round that aren't needed any more: its test, and its count."""


def choose(
    program: Program,
    facts: Facts,
    kernel: Version | None,
    force: ops.Strategy | None = None,
    limit: int | None = None,
) -> Program:
    """`program` with the strategy of every loop. `force` is for tests: every loop shall have this one. `limit`:
    estimated instructions up to which loops stay, if not as many as is comfortable."""
    every = [op for op in ops.walk(program.body) if isinstance(op, ops.Loop) and facts.reachable(op)]
    locked = frozenset(under_locks(program.body))  # there the kernel takes no calls, not even these
    movable = [loop for loop in every if loop not in locked and not gives_back(loop)]
    loops = [loop for loop in movable if loop.strategy == "bounded"]
    limit = limit or (COMFORTABLE if kernel is None or kernel >= BPF_LOOP else TIGHT)
    chosen: frozenset[ops.Loop] = frozenset()
    if force is not None:
        uses = locals_named(program.body)
        chosen = frozenset(loop for loop in loops if force == "callback" and not _tied_to_the_stack(loop, uses))
    else:
        chosen = _functions(program, loops, Weighing(program.body, facts), limit)
    short = frozenset(loop for loop in every if loop not in chosen and is_short(loop, facts)) if force is None else ()
    if not chosen and not short:
        return program

    def change(op: ops.Op) -> ops.Op:
        if not isinstance(op, ops.Loop) or not (op in chosen or op in short):
            return op
        return replace(op, strategy="callback" if op in chosen else "unrolled")

    return rewrite(program, change)


def is_short(loop: ops.Loop, facts: Facts) -> bool:
    """Whether a loop is as well written out: it saves the test and the count of every round, which then are known
    beforehand, and costs little more code than it saves."""
    rounds = bound(loop, facts)
    if loop.strategy != "bounded" or loop.counting is None or rounds is None or rounds > MOST_ROUNDS:
        return False
    if not all(isinstance(value, ops.Const) for value in (loop.counting.start, loop.counting.stop)):
        return False
    inside = [op for block in (loop.body, loop.step) for op in ops.walk(block)]
    if any(isinstance(op, ops.Loop) for op in inside):
        return False
    return rounds * max(sum(map(cost, inside)) - OVERHEAD, 1) <= SHORT


def since(loop: ops.Loop, program: Program) -> Version:
    """The first kernel that can run `loop` as a function.

    Before Linux 6.7 the verifier takes the state after one round for that after all: of numbers it can be made to
    forget what it knows, of pointers not.
    """
    moved = any(True for _ in _moved(loop, locals_named(program.body)))
    entries = ops.entries_of(loop)
    first = BPF_LOOP if entries is None else DRAIN if entries.map.type == MapType.USER_RINGBUF else FOR_EACH
    return max(first, MANY_ROUNDS) if moved else first


def _moved(loop: ops.Loop, uses: Counter[ops.Local]) -> Iterator[ops.Local]:
    """Names of references and the like that `loop` changes and others read: they go from round to round."""
    own = locals_named(*ops.blocks(loop))
    written = (op.local for block in ops.blocks(loop) for op in ops.walk(block) if isinstance(op, ops.LocalSet))
    return (local for local in written if uses[local] > own[local] and not isinstance(local.type, IntType | BoolType))


def _tied_to_the_stack(loop: ops.Loop, uses: Counter[ops.Local]) -> ops.Local | None:
    """A name that `loop` gives another local struct. As a function it couldn't: the verifier lets no function write
    addresses of the stack into the stack of its caller, where such a name is."""
    for local in _moved(loop, uses):
        if isinstance(local.type, PointerType) and local.type.region is Region.STACK:
            return local
    return None


def tied(program: Program) -> Iterator[Diagnostic]:
    """A diagnostic for every loop over entries, always a function, that gives a name another local struct."""
    return _moving(program, lambda loop: loop.strategy == "entries", "a loop over a map's entries")


def kept_from_being_functions(program: Program, facts: Facts) -> Iterator[Diagnostic]:
    """The same for every long loop, in a program that is too much as it is."""

    def is_long(loop: ops.Loop) -> bool:
        return loop.strategy == "bounded" and (bound(loop, facts) or 0) > LONG

    return _moving(program, is_long, "a loop that is too much to be followed round by round")


def _moving(program: Program, which: Callable[[ops.Loop], bool], what: str) -> Iterator[Diagnostic]:
    uses = locals_named(program.body)
    for op in ops.walk(program.body):
        local = _tied_to_the_stack(op, uses) if isinstance(op, ops.Loop) and which(op) else None
        if local is not None:
            yield ReferenceMoved(op.span, what, local.name)


def too_new(program: Program, facts: Facts, kernel: Version) -> Iterator[Diagnostic]:
    """A diagnostic for every loop that had to become a function, and can't on `kernel`."""
    for op in ops.walk(program.body):
        if isinstance(op, ops.Loop) and op.strategy == "callback" and since(op, program) > kernel:
            needed, target = show_version(since(op, program)), show_version(kernel)
            count = estimate(ops.Block((replace(op, strategy="bounded"),)), facts)
            yield LoopTooNew(op.span, needed, target, "bpf_loop", bound(op, facts) or 1, roughly(count))


def _too_much(weighing: Weighing, chosen: frozenset[ops.Loop], limit: int) -> bool:
    return weighing.branches(chosen) > REMEMBERED or weighing.estimate(chosen) > limit


def _functions(program: Program, loops: list[ops.Loop], weighing: Weighing, limit: int) -> frozenset[ops.Loop]:
    """As few loops as possible, and such as are called as seldom as possible, that are to be functions."""
    chosen: frozenset[ops.Loop] = frozenset()
    if not loops or not _too_much(weighing, chosen, limit):
        return chosen
    uses = locals_named(program.body)
    loops = [loop for loop in loops if not _tied_to_the_stack(loop, uses)]
    chains = Chains(program)
    if len(loops) > MANY:
        return _costliest(loops, weighing, chains, limit)
    while loops and _too_much(weighing, chosen, limit):
        others = [loop for loop in loops if loop not in chosen and chains.fit(chosen | {loop})]
        more = _next(weighing, chosen, others, limit)
        if more is None:
            break
        chosen |= {more}
    return chosen


def _costliest(loops: list[ops.Loop], weighing: Weighing, chains: Chains, limit: int) -> frozenset[ops.Loop]:
    """Of many loops those that cost most, as many as are needed; all if that isn't enough."""
    alone = {loop: estimate(ops.Block((loop,)), weighing.facts) for loop in loops}
    ranked = sorted(loops, key=lambda loop: -alone[loop])
    fitting: list[ops.Loop] = []
    for _ in range(MISFITS):  # as many as fit; the next one doesn't, but those after it may
        counts = range(1, len(ranked) + 1)
        count = bisect_left(counts, True, key=lambda n: not chains.fit(frozenset(fitting + ranked[:n])))
        fitting, ranked = fitting + ranked[:count], ranked[count + 1 :]
    enough = bisect_left(
        range(len(fitting)), True, key=lambda n: not _too_much(weighing, frozenset(fitting[:n]), limit)
    )
    return frozenset(fitting[:enough])


def _next(weighing: Weighing, chosen: frozenset[ops.Loop], loops: list[ops.Loop], limit: int) -> ops.Loop | None:
    """The loop that is to be a function as well; None if none of them would gain anything."""
    enough = [loop for loop in loops if not _too_much(weighing, chosen | {loop}, limit)]
    if enough:
        entered = _times_entered(weighing.body, weighing.facts, 1)
        return min(enough, key=lambda loop: entered[loop] * (bound(loop, weighing.facts) or 1))
    best = min(loops, key=lambda loop: _weight(weighing, chosen | {loop}), default=None)
    gains = best is not None and _weight(weighing, chosen | {best}) < _weight(weighing, chosen)
    return best if gains else None


def _weight(weighing: Weighing, chosen: frozenset[ops.Loop]) -> tuple[int, int]:
    return weighing.estimate(chosen), weighing.branches(chosen)


def _times_entered(block: ops.Block, facts: Facts, times: int) -> dict[ops.Loop, int]:
    found: dict[ops.Loop, int] = {}
    for op in block.ops:
        inside = times
        if isinstance(op, ops.Loop):
            found[op] = times
            inside = times * (bound(op, facts) or 1)
        for inner in ops.blocks(op):
            found |= _times_entered(inner, facts, inside)
    return found

"""How many branches the verifier may have to remember on the longest way through a program.

At a condition that it can't decide the verifier follows one way and remembers the other. It goes through loops
round by round, so what is made of constants and loop counters alone is decided every time.
"""

from __future__ import annotations

from collections.abc import Container, Set

from pyebpf.checks.bounds import bound
from pyebpf.checks.facts import Facts
from pyebpf.ir import ops

FOLLOWED = ("+", "-", "*", "&", "|", "^", "<<", ">>")
"""Operations on known numbers whose result the verifier knows (divisions it doesn't compute)."""
FEW = 4
"""Rounds of a callback that the verifier follows until nothing is new; each may end the loop."""


def open_branches(
    body: ops.Block, facts: Facts, callbacks: Container[ops.Loop] = (), known: frozenset[ops.Local] | None = None
) -> int:
    """Undecided branches on the longest way through a program. `callbacks`: loops that are to be functions as well."""
    return _count(body, facts, known_locals(body) if known is None else known, callbacks)


def known_locals(body: ops.Block) -> frozenset[ops.Local]:
    """Locals that only ever hold what is made of constants and of each other: on each way their values are known."""
    written: set[ops.Local] = set()
    unknown: list[ops.Local] = []
    made_into: dict[ops.Local, list[ops.Local]] = {}
    for op in ops.walk(body):
        if isinstance(op, ops.Forget):
            unknown += op.locals
        elif isinstance(op, ops.LocalSet):
            written.add(op.local)
            sources = _sources(op.value)
            if sources is None:
                unknown.append(op.local)
            for source in sources or ():
                made_into.setdefault(source, []).append(op.local)
    unknown += made_into.keys() - written
    while unknown:
        local = unknown.pop()
        written.discard(local)
        unknown += made_into.pop(local, ())
    return frozenset(written)


def _sources(value: ops.Value) -> set[ops.Local] | None:
    """The locals that `value` is made of, with constants; None if it is made of anything else."""
    found: set[ops.Local] = set()
    pending, seen = [value], {value}
    while pending:
        value = pending.pop()
        match value:
            case ops.Const():
                continue
            case ops.LocalGet():
                found.add(value.local)
                continue
            case ops.Binary() if value.operator not in FOLLOWED:
                return None
            case ops.Binary() | ops.Compare():
                parts: tuple[ops.Value, ...] = (value.left, value.right)
            case ops.Convert() | ops.Prove() | ops.Not():
                parts = (value.value,)
            case _:
                return None
        pending += [part for part in parts if part not in seen]
        seen.update(parts)
    return found


def is_known(value: ops.Value, known: Set[ops.Local]) -> bool:
    """Whether `value` is made of constants and `known` locals alone."""
    match value:
        case ops.LocalGet():
            return value.local in known
        case ops.Const():
            return True
        case ops.Binary() | ops.Compare() | ops.Convert() | ops.Prove() | ops.Not():
            sources = _sources(value)
            return sources is not None and sources <= known
        case _:
            return False


def _count(block: ops.Block, facts: Facts, known: frozenset[ops.Local], callbacks: Container[ops.Loop]) -> int:
    total = 0
    for op in facts.turns_of(block).ops:
        total += _own(op, facts, known)
        match op:
            case ops.If():
                total += max(_count(inner, facts, known, callbacks) for inner in ops.blocks(op))
            case ops.Loop():
                inside = sum(_count(inner, facts, known, callbacks) for inner in ops.blocks(op))
                once = op.is_function or op.is_endless or op in callbacks
                total += inside * (FEW if once else bound(op, facts) or 1)
            case _:
                total += sum(_count(inner, facts, known, callbacks) for inner in ops.blocks(op))
    return total


def _own(op: ops.Op, facts: Facts, known: frozenset[ops.Local]) -> int:
    """Branches that the op itself becomes."""
    match op:
        case ops.If() | ops.Check():
            return 0 if facts.always(op.condition) is not None or is_known(op.condition, known) else 1
        case ops.LocalSet(value=ops.Compare() | ops.Not() | ops.Present()):
            return 0 if is_known(op.value, known) else 1
        case ops.BitLength():
            return 6
        case ops.EqualBytes():
            return 1
        case ops.Binary(operator="//" | "%"):
            plain = facts.interval(op.left)[0] >= 0 and facts.interval(op.right)[0] > 0
            return 0 if plain or is_known(op.left, known) else 3
        case _:
            return 0

"""Loop bounds: the greatest number of times that a loop's body can start, or None.

`range` loops are bounded by their limits. A `while` loop is bounded when one of the tests that keep it going
compares a local with a limit, and every way round moves that local towards it.
"""

from __future__ import annotations

from collections.abc import Iterator

from pyebpf.checks import bisection
from pyebpf.checks.environment import Interval
from pyebpf.checks.facts import Facts, locals_written
from pyebpf.checks.shapes import bare
from pyebpf.checks.transfer import Mode
from pyebpf.checks.written import always_written
from pyebpf.ir import ops
from pyebpf.ir.ranges import rounds

LARGEST = 1 << 23
"""More rounds than any program can have instructions for."""


def bound(loop: ops.Loop, facts: Facts) -> int | None:
    """The bound of `loop`, by `facts`. Loops that an iterator ends have none, and need none."""
    if loop.is_endless:
        return None
    if loop.bound is not None:
        return loop.bound
    if loop not in facts.bounds:
        facts.bounds[loop] = _bound(loop, facts)
    return facts.bounds[loop]


def _bound(loop: ops.Loop, facts: Facts) -> int | None:
    if facts.repeats.get(loop) is False:
        return 1
    if loop.counting is not None:
        counting = loop.counting
        found = rounds(facts.interval(counting.start), facts.interval(counting.stop), counting.step)
        return found if found <= LARGEST else None
    return min((found for found in _by_tests(loop, facts) if found <= LARGEST), default=None)


def _by_tests(loop: ops.Loop, facts: Facts) -> Iterator[int]:
    """A bound for each test that is understood."""
    entry = facts.entries.get(loop)
    if entry is None:
        return
    for number, op in enumerate(loop.body.ops):
        if isinstance(op, ops.If):
            stays = _stays(op, loop.label)
            if stays is not None:
                for test, truth in _conjunction(op.condition, stays, loop.body.ops[:number]):
                    for local, limit, operator in _against_locals(test, truth):
                        for found in (
                            _rounds(loop, local, limit, operator, entry.get(local), facts),
                            _halved(loop, local, limit, operator, facts),
                        ):
                            if found is not None:
                                yield found + 1
        if _may_continue(op, loop.label):
            return  # what follows isn't met every time round


def _stays(op: ops.If, label: ops.Label) -> bool | None:
    """The truth value of its condition with which the loop goes on, if the other one surely leaves it."""
    then, orelse = _leaves(op.then, label), _leaves(op.orelse, label)
    return None if then == orelse else orelse


def _leaves(block: ops.Block, label: ops.Label) -> bool:
    """Whether every way through `block` leaves the loop (or the program)."""
    if not block.ops:
        return False
    last = block.ops[-1]
    if isinstance(last, ops.Break | ops.Return | ops.Raise):
        return not any(_may_continue(op, label) for op in block.ops[:-1])
    return isinstance(last, ops.If) and _leaves(last.then, label) and _leaves(last.orelse, label)


def _may_continue(op: ops.Op, label: ops.Label) -> bool:
    if isinstance(op, ops.Continue):
        return op.label is label
    return any(_may_continue(inner, label) for block in ops.blocks(op) for inner in block.ops)


def _conjunction(condition: ops.Value, truth: bool, before: tuple[ops.Op, ...]) -> Iterator[tuple[ops.Value, bool]]:
    """All that is true when `condition` is `truth`: both sides of an `and`."""
    waiting = [(condition, truth, before)]
    while waiting:
        condition, truth, before = waiting.pop()
        if isinstance(condition, ops.Not):
            waiting.append((condition.value, not truth, before))
        elif isinstance(condition, ops.LocalGet):
            waiting += reversed(list(_written(condition.local, truth, before)))
        else:
            yield condition, truth


def _written(
    local: ops.Local, truth: bool, before: tuple[ops.Op, ...]
) -> Iterator[tuple[ops.Value, bool, tuple[ops.Op, ...]]]:
    """What must be true, as `_conjunction` asks, for `local` to be `truth` after the ops `before`."""
    last = next((at for at in range(len(before) - 1, -1, -1) if _writes(before[at], local)), None)
    if last is None:
        return
    op = before[last]
    if isinstance(op, ops.LocalSet):
        yield op.value, truth, before[:last]
        return
    first = before[last - 1] if last else None
    if not (truth and isinstance(op, ops.If) and isinstance(first, ops.LocalSet) and first.local is local):
        return
    if op.condition is first.value and not op.orelse.ops:  # local = a; if a: local = b
        yield first.value, True, before[: last - 1]
        yield from _written(local, True, op.then.ops)


def _writes(op: ops.Op, local: ops.Local) -> bool:
    if isinstance(op, ops.LocalSet):
        return op.local is local
    return bool(ops.blocks(op)) and local in locals_written(op)


_NEGATED: dict[str, ops.Comparison] = {"==": "!=", "!=": "==", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}
_MIRRORED: dict[str, ops.Comparison] = {"==": "==", "!=": "!=", "<": ">", ">": "<", "<=": ">=", ">=": "<="}


def _against_locals(test: ops.Value, truth: bool) -> Iterator[tuple[ops.Local, ops.Value, ops.Comparison]]:
    """`local operator limit` for each side of a comparison that is a local."""
    if not isinstance(test, ops.Compare):
        return
    operator = test.operator if truth else _NEGATED[test.operator]
    for value, limit, seen in ((test.left, test.right, operator), (test.right, test.left, _MIRRORED[operator])):
        value = bare(value)
        if isinstance(value, ops.LocalGet):
            yield value.local, limit, seen


def _rounds(
    loop: ops.Loop, local: ops.Local, limit: ops.Value, operator: ops.Comparison, start: Interval, facts: Facts
) -> int | None:
    """How often `local operator limit` can hold before every round's change of `local` makes it false."""
    if facts.mode == "verifier" and any(isinstance(op, ops.Forget) and local in op.locals for op in loop.step.ops):
        return None
    changes = list(_changes(loop.body, local)) + list(_changes(loop.step, local))
    if not changes or not any(
        always_written(block, frozenset((local,)), loop.label) for block in (loop.body, loop.step)
    ):
        return None
    end = facts.interval(limit)
    halving = _halvings(changes, local, facts.mode)
    positive = {">": end[0] >= 0, ">=": end[0] >= 1, "!=": end == (0, 0)}.get(operator, False)
    if halving and start[0] >= 0 and positive:  # numbers that pass the test are positive
        return -(-start[1].bit_length() // halving)
    steps = [_step(change, local, facts) for change in changes]
    low = min((step[0] for step in steps if step is not None), default=0)
    high = max((step[1] for step in steps if step is not None), default=0)
    if any(step is None for step in steps):
        return None
    if low > 0:
        return _upwards(operator, start, end, low, high)
    if high < 0:
        mirrored = (-start[1], -start[0]), (-end[1], -end[0])
        return _upwards(_MIRRORED[operator] if operator in ("<", ">", "<=", ">=") else operator, *mirrored, -high, -low)
    return None


def _halved(loop: ops.Loop, local: ops.Local, limit: ops.Value, operator: ops.Comparison, facts: Facts) -> int | None:
    """The same where `limit` is another local, and the two come together."""
    limit = bare(limit)
    if facts.mode == "verifier" or operator not in ("<", "<=") or not isinstance(limit, ops.LocalGet):
        return None
    return bisection.rounds(loop, local, limit.local, int(operator == "<"), facts)


def _upwards(operator: ops.Comparison, start: Interval, end: Interval, least: int, most: int) -> int | None:
    distance = end[1] - start[0]
    match operator:
        case "<":
            return max(0, -(-distance // least))
        case "<=":
            return max(0, distance // least + 1)
        case "!=" if least == most and start[0] == start[1] and end[0] == end[1]:
            return distance // least if distance >= 0 and distance % least == 0 else None
        case "!=" if least == most == 1 and start[1] <= end[0]:
            return distance
        case _:
            return None


def _changes(block: ops.Block, local: ops.Local) -> Iterator[ops.LocalSet]:
    for op in block.ops:
        if isinstance(op, ops.LocalSet) and op.local is local:
            yield op
        for inner in ops.blocks(op):
            yield from _changes(inner, local)


def _step(change: ops.LocalSet, local: ops.Local, facts: Facts) -> Interval | None:
    """What `local = local + n` adds."""
    value = bare(change.value)
    if not isinstance(value, ops.Binary) or value.operator not in ("+", "-"):
        return None
    left, right = bare(value.left), bare(value.right)
    if isinstance(left, ops.LocalGet) and left.local is local:
        low, high = facts.interval(right)
        return (low, high) if value.operator == "+" else (-high, -low)
    if value.operator == "+" and isinstance(right, ops.LocalGet) and right.local is local:
        return facts.interval(left)
    return None


def _halvings(changes: list[ops.LocalSet], local: ops.Local, mode: Mode) -> int:
    """By how many bits each round shrinks `local` at least; 0 if it isn't so. `n & (n - 1)` takes one bit away.

    The verifier follows shifts by constants only.
    """
    least = 64
    for change in changes:
        value = bare(change.value)
        if not (isinstance(value, ops.Binary) and _is(value.left, local)):
            return 0
        right = bare(value.right)
        if value.operator == ">>" and isinstance(right, ops.Const) and right.value > 0:
            least = min(least, right.value)
        elif mode == "verifier":
            return 0
        elif value.operator == "//" and isinstance(right, ops.Const) and right.value > 1:
            least = min(least, right.value.bit_length() - 1)
        elif value.operator == "&" and isinstance(right, ops.Binary) and right.operator == "-":
            if not (_is(right.left, local) and isinstance(right.right, ops.Const) and right.right.value == 1):
                return 0
            least = 1
        else:
            return 0
    return least


def _is(value: ops.Value, local: ops.Local) -> bool:
    value = bare(value)
    return isinstance(value, ops.LocalGet) and value.local is local

"""The interval of each value, from those of its operands.

Two readers ask: the language wants the most that can be known; the verifier's
view keeps to what the kernel's verifier derives as well, so that a check is
dropped only where the verifier doesn't need it.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

from pyebpf import layout
from pyebpf.checks.environment import Environment, Interval, meet, range_of
from pyebpf.checks.shapes import bare, halfway
from pyebpf.ir import ops
from pyebpf.ir.ranges import exact
from pyebpf.ir.types import I64_MAX, I64_MIN, U64_MAX, BoolType, IntType, PointerType, Region, loaded

Mode: TypeAlias = Literal["language", "verifier"]
_OPPOSITE: dict[str, ops.Comparison] = {"==": "!=", "!=": "==", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}
_MIRRORED: dict[str, ops.Comparison] = {"==": "==", "!=": "!=", "<": ">", ">": "<", "<=": ">=", ">=": "<="}
VERIFIER_KNOWS = ("+", "-", "&", ">>", "<<", "|")


def interval_of(value: ops.Value, known: Environment, mode: Mode) -> Interval:
    """What `value` can be."""
    match value:
        case ops.Const():
            return value.value, value.value
        case ops.Null():
            return 0, 0
        case ops.LocalGet():
            return known.get(value.local)
        case ops.Binary():
            return _binary(value, known, mode)
        case ops.Compare():
            return _compare(value.operator, known.get(value.left), known.get(value.right))
        case ops.Not():
            low, high = known.get(value.value)
            return 1 - high, 1 - low
        case ops.Present():
            low, high = known.get(value.pointer)
            return (0 if low <= 0 <= high else 1), (0 if (low, high) == (0, 0) else 1)
        case ops.Convert(value=inner) if isinstance(inner.type, IntType | BoolType):
            return _convert(value, known.get(value.value), mode)
        case ops.BitLength():
            low, high = known.get(value.value)
            return (low.bit_length(), high.bit_length()) if mode == "language" and low >= 0 else (0, 64)
        case ops.Prove() if mode == "verifier":
            return known.get(value.value)
        case ops.Prove():
            return meet(known.get(value.value), range_of(value.type)) or range_of(value.type)
        case ops.NotNull():
            return 1, 1
        case ops.Load(address=address) if mode == "verifier" and _swapped(address):
            return unknown(value.type) if isinstance(value.type, IntType) else range_of(value.type)
        case ops.Load(address=ops.NotNull(type=PointerType(target=layout.Integer() as target, region=Region.KERNEL))):
            # An item of an iterator, of whose numbers the language knows more than the verifier does.
            return range_of(value.type if mode == "language" else loaded(target))
        case _:
            return range_of(value.type)


def _swapped(address: ops.Value) -> bool:
    """Whether bytes are swapped after loading: of the result the verifier knows nothing."""
    type = address.type.target if isinstance(address.type, PointerType) else None
    return isinstance(type, layout.Integer) and type.big_endian


def _convert(value: ops.Convert, inner: Interval, mode: Mode) -> Interval:
    target = value.target
    if target.minimum <= inner[0] and inner[1] <= target.maximum:
        return inner
    if mode == "verifier" and target.signed and target.size < 8:
        return I64_MIN, I64_MAX
    return max(target.minimum, value.type.low), min(target.maximum, value.type.high)


def _binary(value: ops.Binary, known: Environment, mode: Mode) -> Interval:
    a, c = known.get(value.left), known.get(value.right)
    if mode == "verifier" and not _verifier_follows(value.operator, a, c):
        return unknown(value.type)
    midway = _midway(value, known) if mode == "language" else None
    low, high = midway or exact(value.operator, a, c)
    type = value.type
    # Outside the type's 64 bits the result has wrapped around; its type says what is left to know.
    fits = low >= I64_MIN and high <= I64_MAX if type.signed else low >= 0 and high <= U64_MAX
    if mode == "verifier":  # which doesn't know the language's types
        return (low, high) if fits else unknown(type)
    if not fits:
        return range_of(type)
    return meet((low, high), (type.low, type.high)) or range_of(type)


def _midway(value: ops.Binary, known: Environment) -> Interval | None:
    """`x + (y - x) // 2` is half of x + y, so it can't be beyond both; None where that isn't what is added."""
    for one, distance in halfway(value):
        if _is_same(distance.right, one, known):
            x, y = known.get(one), known.get(distance.left)
            least = I64_MIN if distance.type.signed else 0
            if least <= y[0] - x[1] and y[1] - x[0] <= I64_MAX:
                return (x[0] + y[0]) // 2, (x[1] + y[1]) // 2
    return None


def _is_same(one: ops.Value, other: ops.Value, known: Environment) -> bool:
    """Whether two values are surely equal: both are what a local holds now."""
    one, other = bare(one), bare(other)
    if not (isinstance(one, ops.LocalGet) and isinstance(other, ops.LocalGet) and one.local is other.local):
        return one is other
    return {one, other} <= known.same.get(one.local, frozenset())


def _verifier_follows(operator: ops.Arithmetic, a: Interval, c: Interval) -> bool:
    """Whether the verifier derives the range of the result from those of its operands."""
    if a[0] == a[1] and c[0] == c[1]:
        return True
    if operator in ("<<", ">>"):
        return c[0] == c[1]
    if operator == "*":
        return max(map(abs, (*a, *c))) < 1 << 31
    return operator in VERIFIER_KNOWS


def unknown(type: IntType | BoolType) -> Interval:
    """All that the bits of a number of `type` can be."""
    if isinstance(type, BoolType):
        return 0, 1
    return (I64_MIN, I64_MAX) if type.signed else (0, U64_MAX)


def _compare(operator: ops.Comparison, a: Interval, c: Interval) -> Interval:
    """(1, 1) if it always holds, (0, 0) if never, else (0, 1)."""
    match operator:
        case "<":
            always, never = a[1] < c[0], a[0] >= c[1]
        case "<=":
            always, never = a[1] <= c[0], a[0] > c[1]
        case ">":
            always, never = a[0] > c[1], a[1] <= c[0]
        case ">=":
            always, never = a[0] >= c[1], a[1] < c[0]
        case "==":
            always, never = a[0] == a[1] == c[0] == c[1], meet(a, c) is None
        case "!=":
            always, never = meet(a, c) is None, a[0] == a[1] == c[0] == c[1]
    return (1, 1) if always else (0, 0) if never else (0, 1)


def assume(known: Environment, condition: ops.Value, truth: bool) -> bool:
    """Learn that `condition` is `truth`. False if it can't be: that way is never taken."""
    wanted = (int(truth), int(truth))
    if not known.refine(condition, wanted):
        return False
    match condition:
        case ops.Not():
            return assume(known, condition.value, not truth)
        case ops.Present():
            return known.refine(condition.pointer, wanted)
        case ops.Compare():
            operator = condition.operator if truth else _OPPOSITE[condition.operator]
            return _assume_compare(known, operator, condition.left, condition.right)
        case ops.LocalGet():
            implied = known.when.get(condition.local)
            if implied is not None and condition in known.same.get(condition.local, ()):
                facts = implied[int(truth)]
                return facts is not None and known.learn(facts)
        case ops.Prove():
            return assume(known, condition.value, truth)
    return True


def _assume_compare(known: Environment, operator: ops.Comparison, left: ops.Value, right: ops.Value) -> bool:
    a, c = known.get(left), known.get(right)
    return _bound(known, left, operator, c) and _bound(known, right, _MIRRORED[operator], a)


def _bound(known: Environment, value: ops.Value, operator: ops.Comparison, limit: Interval) -> bool:
    """`value operator limit`, where the limit is only known as an interval."""
    low, high = known.get(value)
    match operator:
        case "<":
            high = min(high, limit[1] - 1)
        case "<=":
            high = min(high, limit[1])
        case ">":
            low = max(low, limit[0] + 1)
        case ">=":
            low = max(low, limit[0])
        case "==":
            low, high = max(low, limit[0]), min(high, limit[1])
        case "!=" if limit[0] == limit[1]:
            low += low == limit[0]
            high -= high == limit[0]
    return low <= high and _refine_through(known, value, (low, high))


def _refine_through(known: Environment, value: ops.Value, interval: Interval) -> bool:
    """Refine `value`, and what it is made of where that can be told: `x + 1 < 10` says that x < 9."""
    if not known.refine(value, interval):
        return False
    match value:
        case ops.Prove():
            return _refine_through(known, value.value, interval)
        case ops.Binary(operator="+" | "-", right=ops.Const(value=constant)):
            shift = constant if value.operator == "+" else -constant
            low, high = known.get(value.left)
            exact = range_of(value.type)
            if exact[0] <= low + shift and high + shift <= exact[1]:  # it can't have wrapped around
                return _refine_through(known, value.left, (interval[0] - shift, interval[1] - shift))
        case ops.Convert():
            low, high = known.get(value.value)
            if value.target.minimum <= low and high <= value.target.maximum:
                return _refine_through(known, value.value, interval)
    return True
